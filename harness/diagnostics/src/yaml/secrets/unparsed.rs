//! Finds possible secrets in a text that is no YAML, by the look of its lines.

use std::sync::LazyLock;

use redact::{Masker, Secret, clear_passwords, clear_passwords_of_configuration};
use regex::Regex;

use super::{CHOICES, SecretSource, has_secrets, is_duration, is_like};
use crate::masking::{SEARCHED, SEARCHED_BYTES};
use crate::{Diagnostic, closest, floor_char_boundary};

/// A line with a secret: everything after such a field.
static SHAPE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let shape = Regex::new(
        r"(?ix) ( (?:static|one-time|pas\w*|pa\b|pw\w*|keyring|challenge|secrets?|(?-i:[A-Z][A-Z0-9]*_[A-Z0-9_]+))\s*:?\s* | U2FsdGVkX1\S*\s*:\s* ) [^\s:].*",
    );
    shape.ok()
});

/// A key, with its colon.
static KEY: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"(?:^|[\s{,\[])["']?([\w-]+)["']?\s*:(?:\s+|$)"#).ok());

/// A placeholder, which is not secret.
static PLACEHOLDER: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\{\{[^{}]*\}\}").ok());

/// Masks possible secrets in a mistake that makes the whole text unreadable: those of all its lines, and everything after a
/// field with a secret in the line that is shown.
pub(in crate::yaml) fn masked(mistake: Diagnostic, text: &str) -> Diagnostic {
    let masker = Masker::new(secrets(text));
    let mistake = mistake.masked(&masker, false);
    mistake.with_excerpt(|excerpt| {
        excerpt.without(|line| {
            let found = SHAPE.as_ref().and_then(|shape| {
                let found = shape.captures(line)?;
                Some(found.get(1)?.end()..found.get(0)?.end())
            });
            found.into_iter().collect()
        })
    })
}

/// The values of fields with secrets, also in the lines below such a field, and the passwords in configuration lines. If they are too
/// many to be searched for, some are missing.
pub(super) fn secrets(text: &str) -> Vec<Secret> {
    let mut found = Collected::default();
    // The indentation of the field whose value is in the lines below.
    let mut field: Option<usize> = None;
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        if found.are_too_many() {
            break;
        }
        let content = line.trim_start();
        let indent = line.len() - content.len();
        let is_item = content.starts_with("- ");
        if field.is_some_and(|of| indent > of || indent == of && is_item) {
            found.add(values_below(cut(content)));
            continue;
        }
        let opened = note_fields(content, &mut found);
        let own = indent + if is_item { 2 } else { 0 };
        field = opened.then_some(own);
    }
    found.add(clear_passwords(text));
    found.secrets
}

/// The longest value that is looked at, in bytes, because each field of a line has the rest of the line as its value.
const LONGEST: usize = 4096;

/// So many values, or bytes of them, are collected before those that are the same are counted once.
const COLLECTED: usize = 8 * SEARCHED;
const COLLECTED_BYTES: usize = 8 * SEARCHED_BYTES;

fn cut(value: &str) -> &str {
    &value[..floor_char_boundary(value, LONGEST)]
}

/// The values that were found so far.
#[derive(Default)]
struct Collected {
    secrets: Vec<Secret>,
    /// Length of all of them.
    bytes: usize,
}

impl Collected {
    fn add(&mut self, more: Vec<Secret>) {
        self.bytes += bytes(&more);
        self.secrets.extend(more);
    }

    /// True if there are more different values than are searched for, so that nothing of the text will be shown.
    fn are_too_many(&mut self) -> bool {
        if self.secrets.len() < COLLECTED && self.bytes < COLLECTED_BYTES {
            return false;
        }
        self.secrets.sort_by(|one, other| one.expose().cmp(other.expose()));
        self.secrets.dedup_by(|one, other| one.expose() == other.expose());
        self.bytes = bytes(&self.secrets);
        self.secrets.len() > SEARCHED || self.bytes > SEARCHED_BYTES
    }
}

fn bytes(secrets: &[Secret]) -> usize {
    secrets.iter().map(|secret| secret.expose().len()).sum()
}

/// The files and variables that fields of such a text name, each with the text after its field cut at every possible end.
pub(super) fn sources(text: &str) -> Vec<SecretSource> {
    let keys = text.lines().flat_map(|line| {
        let keys = KEY.iter().flat_map(move |key| key.captures_iter(line));
        keys.filter_map(move |key| Some((key.get(1)?.as_str(), &line[key.get(0)?.end()..])))
    });
    let named = keys.filter(|(key, _)| SecretSource::of_field(key, "").is_some());
    let sources = named.take(NAMED).flat_map(|(key, rest)| {
        let values = value_of(cut(rest).trim()).into_iter();
        values.filter_map(move |value| SecretSource::of_field(key, value.expose()))
    });
    sources.collect()
}

/// The maximum number of fields that are all looked at, if they name files or variables, or have configuration.
const NAMED: usize = 100;

/// Adds the values of the fields of a line that may be secrets. Returns true if the value of its last field is in the lines below.
fn note_fields(line: &str, found: &mut Collected) -> bool {
    let keys = KEY.iter().flat_map(|key| key.captures_iter(line));
    let mut is_open = false;
    // The values of many fields in one line overlap, and are not all looked at.
    let (mut configurations, mut looked_at) = (0, 0);
    for key in keys {
        let (Some(whole), Some(name)) = (key.get(0), key.get(1)) else { continue };
        is_open = false;
        let value = cut(&line[whole.end()..]).trim();
        if is_like(name.as_str(), &["set", "lines"])
            && (configurations < NAMED || whole.end() >= looked_at)
        {
            found.add(clear_passwords_of_configuration(value));
            configurations += 1;
            looked_at = whole.end() + LONGEST / 2;
        }
        if !has_secrets(name.as_str()) {
            continue;
        }
        let is_choice = name.as_str() == "challenge" && {
            let word = value.split([',', '}', '#']).next().unwrap_or_default();
            closest(word.trim(), CHOICES).is_some()
        };
        if !is_choice {
            found.add(value_of(value));
        }
        is_open = value.is_empty() || value.starts_with(['|', '>', '#', '&']);
        if found.are_too_many() {
            break;
        }
    }
    is_open
}

/// The values in a line below a field with secrets: an item, a further field, or a line of text.
fn values_below(line: &str) -> Vec<Secret> {
    let item = line.strip_prefix("- ").unwrap_or(line);
    let value = item.split_once(": ").map_or(item, |(_, value)| value);
    [one(item), one(value)].into_iter().flatten().chain(value_of(value)).collect()
}

/// The value at the start of a text, in a list or map also its parts.
fn value_of(text: &str) -> Vec<Secret> {
    let before = |end: &str| one(text.split(end).next().unwrap_or_default());
    let closed = |quote: char| text[1..].find(quote).map_or(text, |end| &text[..end + 2]);
    match text.chars().next() {
        Some(quote @ ('"' | '\'')) => one(closed(quote)).into_iter().collect(),
        Some('[') => parts(text.split(']').next().unwrap_or_default()),
        Some('{') => parts(text.split('}').next().unwrap_or_default()),
        // In a map on one line a value ends at these characters; elsewhere they are part of it.
        _ => [one(text), before(" #"), before(", "), before("}"), before("]")]
            .into_iter()
            .flatten()
            .collect(),
    }
}

/// The words of a text, without quotes and without the keys among them.
fn parts(text: &str) -> Vec<Secret> {
    let text = PLACEHOLDER.as_ref().map(|it| it.replace_all(text, " "));
    let between = |c: char| c.is_whitespace() || matches!(c, '[' | ']' | '{' | '}' | ',');
    let words = text.iter().flat_map(|text| text.split(between));
    words.filter(|word| !word.ends_with(':')).filter_map(one).collect()
}

/// A text without the quotes around it, if it may be a secret: it is no mark of YAML, no placeholder and no time.
fn one(text: &str) -> Option<Secret> {
    let clear = text.trim().trim_matches(['"', '\'']);
    let has_word = clear.chars().any(char::is_alphanumeric);
    let is_placeholder = clear.starts_with("{{") && clear.ends_with("}}");
    (has_word && !is_placeholder && !is_duration(clear)).then(|| Secret::new(clear))
}

#[cfg(test)]
mod tests {
    use redact::MASK;

    use super::*;
    use crate::{Excerpt, Location, Source};

    fn shown(text: &str, place: std::ops::Range<usize>) -> Excerpt {
        let place = Source::new("a", text.to_owned()).place(place.start, place.end);
        match masked(Diagnostic::at(&place, "x"), text).location {
            Location::Excerpt(shown) => *shown,
            _ => panic!("no excerpt"),
        }
    }

    #[test]
    fn unparsed_lines_hide_everything_after_a_password_field() {
        for line in ["pass: hunter2", "set a csr C pa hunter2", "set a pw 'hunter2"] {
            let shown = shown(line, 0..1);
            assert!(shown.text.ends_with(MASK), "{}", shown.text);
        }
    }

    #[test]
    fn carets_stay_below_their_place_in_unparsed_lines() {
        let shown = shown("pass: hunter2 'x", 14..15);
        let below: String = shown.text.chars().skip(shown.indent).take(shown.width).collect();
        assert_eq!((shown.text.as_str(), below.as_str()), ("pass: ****", "****"));
    }

    #[test]
    fn secrets_of_other_lines_are_hidden_in_unparsed_ones() {
        let last = "x: [aHVudGVyMjI= and hunter22";
        for field in [
            "challenge: hunter22",
            "challenge: 'hunter22' # 'right'",
            "chalenge: {static: hunter22}",
            "a: {b: c, password: hunter22}",
            "one-time: [abc, \"hunter22\"]",
            "one-time:\n- abc\n- hunter22",
            "  one-time:\n    - hunter22",
            "  - secrets:\n      A_B: hunter22",
            "challenge: |\n  hunter22",
            "keyring:\n  U2FsdGVkX1x=: hunter22",
            "set: set system certificate scep csr C password hunter22",
            "set: |\n  set system certificate scep csr C password hunter22",
        ] {
            let text = format!("{field}\n{last}");
            let shown = shown(&text, text.len() - last.len()..text.len());
            assert_eq!(shown.text, "x: [**** and ****", "{field}");
        }
    }

    #[test]
    fn fields_in_one_long_line_are_looked_at_up_to_a_limit() {
        // With the rest of the line as the value of each field, the work would grow with the square of its length.
        for field in ["password: {", "file: {", "a: {", "set: {"] {
            let text = field.repeat(60_000 / field.len());
            assert!(secrets(&text).len() <= COLLECTED + 5, "{field}");
            assert!(sources(&text).len() <= 5 * NAMED, "{field}");
        }
        let fields = |count: usize| -> String {
            let fields = (0..count).map(|at| format!("password: hunter{at}, "));
            format!("x: [{}", fields.collect::<String>())
        };
        assert!(secrets(&fields(12)).iter().any(|secret| secret.expose() == "hunter10"));
        // The rests of so long a line are more than is searched for, and no more of them is looked at.
        let many = secrets(&fields(SEARCHED));
        assert!((SEARCHED_BYTES..COLLECTED_BYTES + 8 * LONGEST).contains(&bytes(&many)));
    }

    #[test]
    fn little_is_searched_for_in_a_short_script() {
        let lines = "set -eu\n: \"$PKI_URL\" pass \"$CA_PASSWORD\" passwd: A_B pw: 'x\n".repeat(16);
        let found = secrets(&lines);
        assert!(Masker::new(found).bytes() < 2 * lines.len());
    }

    #[test]
    fn other_values_of_an_unparsed_text_are_shown() {
        let last = "x: [again a1 10s port ca wrong {{chalenge}} z";
        let text = format!(
            "challenge: again\nport: a1\nchallenge: {{one-time: [b2], lifetime: 10s}}\n\
             set: set system certificate scep csr C password {{{{chalenge}}}}\npki:\n  ca: {{port: 80}}\n\
             password-env: ca\n{last}"
        );
        let shown = shown(&text, text.len() - last.len()..text.len());
        assert_eq!(shown.text, last);
    }
}

//! Secrets do not appear in anything that is shown.

mod configuration;

use regex::Regex;

use self::configuration::{clear_passwords, clear_passwords_of_configuration};
use crate::diagnostic::{Diagnostic, Excerpt, Location, SHOWN, closest};
use crate::lab::{Challenge, Lab, MASK, Secret};
use crate::yaml::{Node, Value};

/// The longest secret that is masked only where it stands alone: `a` is part of every second word.
const SHORT: usize = 3;

/// Replaces secrets by a mask.
#[derive(Default)]
pub(crate) struct Masker {
    /// Longest first, so that no part of one is left behind by another.
    secrets: Vec<Secret>,
}

impl Masker {
    /// The secrets of a lab, and the clear passwords in a scenario's configuration lines and commands.
    pub(crate) fn of<'a>(lab: &Lab, configurations: impl IntoIterator<Item = &'a str>) -> Self {
        let mut secrets = Vec::new();
        for device in lab.devices.values() {
            secrets.extend(device.keyring.values().cloned());
        }
        for pki in lab.pkis.values() {
            match &pki.challenge {
                Challenge::None => {}
                Challenge::Static(secret) => secrets.push(secret.clone()),
                Challenge::OneTime(list) => secrets.extend(list.iter().cloned()),
            }
            secrets.extend(pki.admin.iter().map(|admin| admin.password.clone()));
        }
        for (_, program) in lab.programs() {
            // A program tells line by line what it was given.
            let clear = program.secrets.values().map(Secret::expose);
            secrets.extend(clear.flat_map(|clear| clear.lines().chain([clear])).map(Secret::new));
        }
        for lines in configurations {
            secrets.extend(clear_passwords(lines).into_iter().map(Secret::new));
        }
        Self::new(secrets)
    }

    /// What looks like a secret in a file that may be wrong in any way.
    pub(crate) fn of_file(node: &Node) -> Self {
        let mut secrets = Vec::new();
        suspects(node, &mut secrets);
        Self::new(secrets)
    }

    fn new(mut secrets: Vec<Secret>) -> Self {
        let spellings: Vec<Secret> = secrets.iter().flat_map(spellings).collect();
        secrets.extend(spellings);
        secrets.retain(|secret| !secret.expose().is_empty());
        secrets.sort_by(|a, b| {
            b.expose().len().cmp(&a.expose().len()).then_with(|| a.expose().cmp(b.expose()))
        });
        secrets.dedup();
        Self { secrets }
    }

    /// The text without its secrets.
    pub(crate) fn text(&self, text: &str) -> String {
        let mut masked = text.to_owned();
        for secret in &self.secrets {
            masked = replace(&masked, secret.expose());
        }
        masked
    }

    /// The text without its secrets, and without what a cut at either end left of one.
    pub(crate) fn cut_text(&self, text: &str) -> String {
        let mut masked = self.text(text);
        for secret in self.secrets.iter().map(Secret::expose) {
            let ends = secret.char_indices().map(|(at, _)| at).filter(|at| *at > SHORT);
            if let Some(kept) = ends.clone().rev().find(|at| masked.ends_with(&secret[..*at])) {
                masked.truncate(masked.len() - kept);
                masked.push_str(MASK);
            }
            let rest = |at: &usize| secret.len() - at > SHORT && masked.starts_with(&secret[*at..]);
            if let Some(at) = secret.char_indices().map(|(at, _)| at).find(rest) {
                masked.replace_range(..secret.len() - at, MASK);
            }
        }
        masked
    }

    /// The excerpt without its secrets; the place stays below what it was below.
    pub(crate) fn excerpt(&self, excerpt: &Excerpt) -> Excerpt {
        // A long line was cut to an excerpt before its secrets could be looked for.
        let is_cut = excerpt.text.chars().count() >= SHOWN;
        let whole = if is_cut { self.cut_text(&excerpt.text) } else { self.text(&excerpt.text) };
        if whole == excerpt.text {
            return excerpt.clone();
        }
        let mut rest = excerpt.text.chars();
        let before: String = rest.by_ref().take(excerpt.indent).collect();
        let place: String = rest.by_ref().take(excerpt.width).collect();
        let (before, place) = (self.text(&before), self.text(&place));
        let parts = format!("{before}{place}{}", self.text(rest.as_str()));
        let (indent, width) = if parts == whole {
            (before.chars().count(), place.chars().count().max(1))
        } else {
            (0, whole.chars().count().max(1))
        };
        Excerpt { text: whole, indent, width, ..excerpt.clone() }
    }

    /// The diagnostic without its secrets.
    pub(crate) fn diagnostic(&self, diagnostic: Diagnostic) -> Diagnostic {
        let location = match diagnostic.location {
            Location::Excerpt(excerpt) => Location::Excerpt(Box::new(self.excerpt(&excerpt))),
            other => other,
        };
        Diagnostic {
            location,
            message: self.text(&diagnostic.message),
            label: self.text(&diagnostic.label),
            notes: diagnostic.notes.iter().map(|note| self.text(note)).collect(),
        }
    }
}

/// Lines of a file that could not be parsed: whatever follows a field that holds a secret.
pub(crate) fn by_shape(diagnostic: Diagnostic) -> Diagnostic {
    let Location::Excerpt(mut excerpt) = diagnostic.location else { return diagnostic };
    let shape = Regex::new(
        r"(?ix) ( (?:static|one-time|pas\w*|pa\b|pw\w*|keyring|challenge|secrets?|(?-i:[A-Z][A-Z0-9]*_[A-Z0-9_]+))\s*:?\s* | U2FsdGVkX1\S*\s*:\s* ) [^\s:].*",
    );
    if let Ok(shape) = shape {
        let text = shape.replace(&excerpt.text, format!("${{1}}{MASK}")).into_owned();
        let length = text.chars().count();
        excerpt.indent = excerpt.indent.min(length);
        excerpt.width = excerpt.width.min(length - excerpt.indent).max(1);
        excerpt.text = text;
    }
    Diagnostic { location: Location::Excerpt(excerpt), ..diagnostic }
}

/// The secret as hexadecimal digits are also written, and as what a server says in words is shown: escaped.
fn spellings(secret: &Secret) -> Vec<Secret> {
    let clear = secret.expose();
    let escaped = clear.escape_debug().to_string();
    [clear.to_lowercase(), clear.to_uppercase(), escaped].map(Secret::new).to_vec()
}

fn suspects(node: &Node, secrets: &mut Vec<Secret>) {
    match &node.value {
        Value::Null => {}
        Value::Scalar { text, .. } => {
            secrets.extend(clear_passwords(text).into_iter().map(Secret::new));
        }
        Value::Sequence(items) => items.iter().for_each(|item| suspects(item, secrets)),
        Value::Mapping(entries) => {
            for entry in entries {
                let fields = ["keyring", "challenge", "static", "one-time", "password", "secrets"];
                // A fact of an answer, which is spelt much like `static`.
                let is_status = entry.key == "status";
                if !is_status && closest(&entry.key, fields).is_some() {
                    entry.value.scalars(&mut |text| {
                        if text != "none" {
                            secrets.push(Secret::new(text));
                        }
                    });
                }
                if !is_status && closest(&entry.key, ["static", "one-time", "password"]).is_some() {
                    keys(&entry.value, secrets);
                }
                // Its own keys are the names of variables.
                if let (Some(_), Value::Mapping(variables)) =
                    (closest(&entry.key, ["secrets"]), &entry.value.value)
                {
                    for variable in variables {
                        keys(&variable.value, secrets);
                    }
                }
                if closest(&entry.key, ["set", "lines"]).is_some() {
                    entry.value.scalars(&mut |text| {
                        let found = clear_passwords_of_configuration(text);
                        secrets.extend(found.into_iter().map(Secret::new));
                    });
                }
                suspects(&entry.value, secrets);
            }
        }
    }
}

/// The keys of maps that stand where a secret is due.
fn keys(node: &Node, secrets: &mut Vec<Secret>) {
    match &node.value {
        Value::Null | Value::Scalar { .. } => {}
        Value::Sequence(items) => items.iter().for_each(|item| keys(item, secrets)),
        Value::Mapping(entries) => {
            secrets.extend(entries.iter().map(|entry| Secret::new(entry.key.as_str())));
            for entry in entries {
                keys(&entry.value, secrets);
            }
        }
    }
}

fn replace(text: &str, secret: &str) -> String {
    if secret.chars().count() > SHORT {
        return text.replace(secret, MASK);
    }
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(secret) {
        let end = at + secret.len();
        let word = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
        let follows_word = if at == 0 { &masked } else { &rest[..at] }.ends_with(word);
        let alone = !follows_word && !rest[end..].starts_with(word);
        masked.push_str(&rest[..at]);
        masked.push_str(if alone { MASK } else { secret });
        rest = &rest[end..];
    }
    masked + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Source;

    fn masker(secrets: &[&str]) -> Masker {
        Masker::new(secrets.iter().map(|secret| Secret::new(*secret)).collect())
    }

    #[test]
    fn what_a_cut_left_of_a_secret_is_masked_too() {
        let masker = Masker::new(vec![Secret::new("correct-horse")]);
        assert_eq!(masker.cut_text("password correct-ho"), format!("password {MASK}"));
        assert_eq!(masker.cut_text("ect-horse and more"), format!("{MASK} and more"));
        assert_eq!(masker.cut_text("nothing of it"), "nothing of it");
    }

    #[test]
    fn secrets_are_masked_whatever_the_case_of_their_digits() {
        let masker = masker(&["8CE31702", "8CE3"]);
        assert_eq!(masker.text("got 8CE31702 or 8ce31702, 8CE3!"), "got **** or ****, ****!");
    }

    #[test]
    fn secrets_are_masked_as_servers_words_are_shown() {
        let secret = "a\"b\\c'd";
        let shown = format!("wrong: {}, {secret}", secret.escape_debug());
        assert_eq!(masker(&[secret]).text(&shown), "wrong: ****, ****");
    }

    #[test]
    fn a_short_secret_is_masked_only_where_it_stands_alone() {
        assert_eq!(masker(&["a"]).text("a cat: 'a', aa"), "**** cat: '****', aa");
    }

    #[test]
    fn lines_that_cannot_be_parsed_show_nothing_after_a_password_field() {
        for line in ["pass: hunter2", "set a csr C pa hunter2", "set a pw 'hunter2"] {
            let place = Source::new("a", line.to_owned()).place(0, 1);
            let Location::Excerpt(shown) = by_shape(Diagnostic::at(&place, "x")).location else {
                panic!("no excerpt")
            };
            assert!(shown.text.ends_with(MASK), "{}", shown.text);
        }
    }

    #[test]
    fn carets_stay_below_their_place() {
        let source = Source::new("a", "password: hunter2, x: 1".to_owned());
        let masked = masker(&["hunter2"]).excerpt(&source.place(19, 20).excerpt());
        assert_eq!(masked.text, "password: ****, x: 1");
        assert_eq!(masked.text.chars().nth(masked.indent), Some('x'));
    }
}

//! Secrets do not appear in anything that is shown.

mod configuration;
mod marked;
mod private_key;

use std::slice::from_ref;

use regex::Regex;

use self::configuration::{clear_passwords, clear_passwords_of_configuration};
use self::marked::Marked;
pub(crate) use self::private_key::PrivateKeys;
use crate::diagnostic::{Diagnostic, Excerpt, Location, SHOWN, closest};
use crate::lab::{AdminPassword, Challenge, ChallengeSource, Lab, Secret};
use crate::yaml::{Node, Value};

/// The longest secret that is masked only where it stands alone: `a` is part of every second word.
const SHORT: usize = 3;

/// What stands on either side of what is quoted from a file.
const QUOTE: &str = "`";

/// Replaces secrets by a mask.
#[derive(Default)]
pub(crate) struct Masker {
    /// Longest first, so that no part of one is left behind by another.
    secrets: Vec<Secret>,
    /// Whether what is quoted may hold a backtick itself, so that it is not known where a quote ends.
    quotes_may_nest: bool,
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
        for pki in lab.by_url.values() {
            match &pki.challenge {
                Some(ChallengeSource::Static(secret)) => secrets.push(secret.clone()),
                Some(ChallengeSource::OneTime(list)) => secrets.extend(list.iter().cloned()),
                Some(ChallengeSource::Ndes(page)) => {
                    if let AdminPassword::Given(secret) = &page.password {
                        secrets.push(secret.clone());
                    }
                }
                _ => {}
            }
        }
        let programs = lab.programs().map(|(_, program)| &program.secrets);
        for given in programs.chain(lab.images().map(|(_, image)| &image.secrets)) {
            // A program tells line by line what it was given.
            let clear = given.values().map(Secret::expose);
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
        Self { quotes_may_nest: node.place.source().text().contains(QUOTE), ..Self::new(secrets) }
    }

    /// The same, and these.
    pub(crate) fn with(&self, more: impl IntoIterator<Item = Secret>) -> Self {
        let secrets = self.secrets.iter().cloned().chain(more).collect();
        Self { quotes_may_nest: self.quotes_may_nest, ..Self::new(secrets) }
    }

    pub(crate) fn new(mut secrets: Vec<Secret>) -> Self {
        let spellings: Vec<Secret> = secrets.iter().flat_map(spellings).collect();
        secrets.extend(spellings);
        secrets.retain(|secret| !secret.expose().is_empty());
        secrets.sort_by(|a, b| {
            b.expose().len().cmp(&a.expose().len()).then_with(|| a.expose().cmp(b.expose()))
        });
        secrets.dedup();
        Self { secrets, quotes_may_nest: false }
    }

    /// The text without its secrets.
    pub(crate) fn text(&self, text: &str) -> String {
        let mut marked = Marked::nowhere(text);
        self.mask(&mut marked);
        marked.text
    }

    /// The text without its secrets, and without what a cut at either end left of one.
    pub(crate) fn cut_text(&self, text: &str) -> String {
        let mut marked = Marked::nowhere(text);
        self.mask(&mut marked);
        self.mask_ends(&mut marked);
        marked.text
    }

    fn mask(&self, marked: &mut Marked) {
        for secret in &self.secrets {
            marked.mask(secret.expose());
        }
    }

    fn mask_ends(&self, marked: &mut Marked) {
        for secret in self.secrets.iter().map(Secret::expose) {
            let ends = secret.char_indices().map(|(at, _)| at).filter(|at| *at > SHORT);
            let length = marked.text.len();
            if let Some(kept) = ends.clone().rev().find(|at| marked.text.ends_with(&secret[..*at]))
            {
                marked.mask_ranges(from_ref(&(length - kept..length)));
            }
            let rest =
                |at: &usize| secret.len() - at > SHORT && marked.text.starts_with(&secret[*at..]);
            if let Some(at) = secret.char_indices().map(|(at, _)| at).find(rest) {
                marked.mask_ranges(from_ref(&(0..secret.len() - at)));
            }
        }
    }

    /// The excerpt without its secrets; the carets stay below what they were below.
    pub(crate) fn excerpt(&self, excerpt: &Excerpt) -> Excerpt {
        let mut marked = Marked::of(excerpt);
        self.mask(&mut marked);
        // A long line was cut to an excerpt before its secrets could be looked for.
        if excerpt.text.chars().count() >= SHOWN {
            self.mask_ends(&mut marked);
        }
        marked.into_excerpt(excerpt)
    }

    /// The diagnostic without its secrets.
    pub(crate) fn diagnostic(&self, diagnostic: Diagnostic) -> Diagnostic {
        let location = match diagnostic.location {
            Location::Excerpt(excerpt) => Location::Excerpt(Box::new(self.excerpt(&excerpt))),
            other => other,
        };
        Diagnostic {
            location,
            message: self.words(&diagnostic.message),
            label: self.words(&diagnostic.label),
            notes: diagnostic.notes.iter().map(|note| self.words(note)).collect(),
        }
    }

    /// Words of our own, in which backticks quote the file: a word that is a secret by chance stays, for a mask in its
    /// place would tell that it is one.
    fn words(&self, words: &str) -> String {
        let quotes = words.matches(QUOTE).count();
        // What has several lines is from elsewhere, such as the drawing of a wrong expression.
        if self.quotes_may_nest || quotes % 2 == 1 || words.contains('\n') {
            return self.text(words);
        }
        let part = |(index, part): (usize, &str)| {
            if index % 2 == 1 { self.text(part) } else { self.without_what_is_no_word(part) }
        };
        words.split(QUOTE).enumerate().map(part).collect::<Vec<_>>().join(QUOTE)
    }

    fn without_what_is_no_word(&self, text: &str) -> String {
        let mut marked = Marked::nowhere(text);
        let secrets = self.secrets.iter().map(Secret::expose);
        secrets.filter(|secret| !may_be_a_word(secret)).for_each(|secret| marked.mask(secret));
        marked.text
    }
}

/// Whether a secret may be a word or number of our own.
fn may_be_a_word(secret: &str) -> bool {
    secret.chars().count() <= SHORT
        || secret.chars().all(char::is_alphabetic)
        || secret.chars().all(char::is_numeric)
}

/// Lines of a file that could not be parsed: whatever follows a field that holds a secret.
pub(crate) fn by_shape(diagnostic: Diagnostic) -> Diagnostic {
    let Location::Excerpt(excerpt) = &diagnostic.location else { return diagnostic };
    let mut marked = Marked::of(excerpt);
    let shape = Regex::new(
        r"(?ix) ( (?:static|one-time|pas\w*|pa\b|pw\w*|keyring|challenge|secrets?|(?-i:[A-Z][A-Z0-9]*_[A-Z0-9_]+))\s*:?\s* | U2FsdGVkX1\S*\s*:\s* ) [^\s:].*",
    );
    let found = shape.ok().and_then(|shape| {
        let found = shape.captures(&excerpt.text)?;
        Some(found.get(1)?.end()..found.get(0)?.end())
    });
    marked.mask_ranges(found.as_slice());
    let excerpt = Box::new(marked.into_excerpt(excerpt));
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
                // Whoever has written the password itself there has not written the name of a variable.
                if let ("password-env", Value::Scalar { text, .. }) =
                    (entry.key.as_str(), &entry.value.value)
                    && !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
                {
                    secrets.push(Secret::new(text));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Source;
    use crate::lab::MASK;

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

    /// The line, and what of it the carets are below.
    fn pointed_at(excerpt: &Excerpt) -> (&str, String) {
        let place = excerpt.text.chars().skip(excerpt.indent).take(excerpt.width);
        (excerpt.text.as_str(), place.collect())
    }

    #[test]
    fn carets_stay_below_their_place() {
        let part = ("{static: a, a-b: \u{e9}}", "{static: ****, a-b: \u{e9}}");
        for (secret, text, place, masked, pointed) in [
            ("hunter2", "password: hunter2, x: 1", 19..20, "password: ****, x: 1", "x"),
            // What ends or begins at the place is no word of its own because of that.
            ("a", part.0, 12..13, part.1, "a"),
            ("a", part.0, 12..15, part.1, "a-b"),
            // Of a secret not even the length is told.
            ("hunter2", "pw hunter2 x", 5..8, "pw **** x", "****"),
            ("hunter2", "pw hunter2 x", 0..12, "pw **** x", "pw **** x"),
            ("hunter2", "pw hunter2", 10..10, "pw ****", ""),
        ] {
            let source = Source::new("a", text.to_owned());
            let excerpt = source.place(place.start, place.end).excerpt();
            let excerpt = masker(&[secret]).excerpt(&excerpt);
            assert_eq!(pointed_at(&excerpt), (masked, pointed.to_owned()));
        }
    }

    #[test]
    fn carets_stay_below_their_place_in_lines_that_cannot_be_parsed() {
        let source = Source::new("a", "pass: hunter2 'x".to_owned());
        let wrong = Diagnostic::at(&source.place(14, 15), "x");
        let Location::Excerpt(shown) = by_shape(wrong).location else { panic!("no excerpt") };
        assert_eq!(pointed_at(&shown), ("pass: ****", "****".to_owned()));
    }

    fn words(file: &str, words: &str) -> String {
        let node = crate::yaml::parse(&Source::new("a", file.to_owned())).unwrap();
        let source = Source::new("a", String::new());
        let wrong = Diagnostic::at(&source.place(0, 0), words).label(words).note(words);
        let Diagnostic { message, label, notes, .. } = Masker::of_file(&node).diagnostic(wrong);
        assert_eq!((&label, &notes[0]), (&message, &message));
        message
    }

    #[test]
    fn words_of_our_own_are_no_secrets() {
        let file = "password: [a, field, '1']";
        let told = "unknown field `a` in a run step (1 to `field`)";
        assert_eq!(words(file, told), "unknown field `****` in a run step (1 to `****`)");
        assert_eq!(words("password: hunter2", "a hunter2 `x`"), "a **** `x`");
    }

    #[test]
    fn where_it_is_not_known_what_is_quoted_all_is_masked() {
        let told = "unknown field `x`field`` in a field";
        assert_eq!(words("{password: field, y: x`field`}", told), told.replace("field", MASK));
        assert_eq!(words("password: field", "an `open field"), "an `open ****");
        assert_eq!(words("password: field", "wrong:\n  (field"), "wrong:\n  (****");
    }
}

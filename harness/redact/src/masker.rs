//! Replaces secrets with a mask, also in a text with a marked place, which stays marked; and leaves out private keys that a
//! program prints.

use std::ops::Range;
use std::slice::from_ref;
use std::sync::LazyLock;

use regex::Regex;
use scep::secret::{MASK, Secret};

/// The longest secret that is masked only as a whole word: `a` is part of most words.
const SHORT: usize = 3;

/// Replaces secrets with a mask.
#[derive(Debug, Clone, Default)]
pub struct Masker {
    /// Longest first, so that a shorter secret does not leave a part of a longer one.
    secrets: Vec<Secret>,
}

impl Masker {
    /// Masks these secrets in all their spellings. Empty ones are ignored.
    pub fn new(secrets: impl IntoIterator<Item = Secret>) -> Self {
        let mut secrets: Vec<Secret> = secrets.into_iter().collect();
        let spellings: Vec<Secret> = secrets.iter().flat_map(spellings).collect();
        secrets.extend(spellings);
        secrets.retain(|secret| !secret.expose().is_empty());
        secrets.sort_by(|a, b| {
            b.expose().len().cmp(&a.expose().len()).then_with(|| a.expose().cmp(b.expose()))
        });
        secrets.dedup();
        Self { secrets }
    }

    /// Also masks more secrets.
    #[must_use]
    pub fn with(&self, more: impl IntoIterator<Item = Secret>) -> Self {
        Self::new(self.secrets.iter().cloned().chain(more))
    }

    /// Masks all secrets except those that may be a word or number of our messages; a mask there would reveal the secret.
    #[must_use]
    pub fn without_words(&self) -> Self {
        let secrets = self.secrets.iter().filter(|secret| !may_be_a_word(secret.expose()));
        Self { secrets: secrets.cloned().collect() }
    }

    /// The text without secrets.
    pub fn text(&self, text: &str) -> String {
        let mut marked = Marked::unmarked(text);
        self.mask(&mut marked);
        marked.text
    }

    /// The text without secrets, and without parts of secrets at its ends.
    pub fn cut_text(&self, text: &str) -> String {
        let mut marked = Marked::unmarked(text);
        self.mask_cut(&mut marked);
        marked.text
    }

    /// Masks the secrets in a text with a marked place.
    pub fn mask(&self, marked: &mut Marked) {
        for secret in &self.secrets {
            marked.mask(secret.expose());
        }
    }

    /// Masks the secrets in a text with a marked place, and parts of secrets at its ends.
    pub fn mask_cut(&self, marked: &mut Marked) {
        self.mask(marked);
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
}

/// True if a secret may be a word or number of our messages.
fn may_be_a_word(secret: &str) -> bool {
    secret.chars().count() <= SHORT
        || secret.chars().all(char::is_alphabetic)
        || secret.chars().all(char::is_numeric)
}

/// The spellings of a secret: hexadecimal digits in both cases, and escaped as in servers' messages.
fn spellings(secret: &Secret) -> Vec<Secret> {
    let clear = secret.expose();
    let escaped = clear.escape_debug().to_string();
    [clear.to_lowercase(), clear.to_uppercase(), escaped].map(Secret::new).to_vec()
}

/// A text with a marked range of bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marked {
    /// The text.
    pub text: String,
    /// The marked range.
    pub place: Range<usize>,
}

impl Marked {
    /// A text without a marked place.
    fn unmarked(text: &str) -> Self {
        Self { text: text.to_owned(), place: 0..0 }
    }

    /// Masks a secret everywhere, a short one only as a whole word.
    fn mask(&mut self, secret: &str) {
        let is_short = secret.chars().count() <= SHORT;
        let found = self.text.match_indices(secret).map(|(at, found)| at..at + found.len());
        let meant = found.filter(|range| !is_short || self.is_whole_word(range));
        let meant: Vec<_> = meant.collect();
        self.mask_ranges(&meant);
    }

    /// Masks ranges of bytes in ascending order that do not overlap.
    pub fn mask_ranges(&mut self, ranges: &[Range<usize>]) {
        if ranges.is_empty() {
            return;
        }
        let mut masked = String::with_capacity(self.text.len());
        let mut rest = 0;
        for range in ranges {
            masked.push_str(&self.text[rest..range.start]);
            masked.push_str(MASK);
            rest = range.end;
        }
        masked.push_str(&self.text[rest..]);
        let start = moved(self.place.start, ranges, 0);
        self.place = start..moved(self.place.end, ranges, MASK.len()).max(start);
        self.text = masked;
    }

    fn is_whole_word(&self, range: &Range<usize>) -> bool {
        let word = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
        !self.text[..range.start].ends_with(word) && !self.text[range.end..].starts_with(word)
    }
}

/// New offset of a byte. A byte inside a masked range moves to offset `into` of the mask.
fn moved(byte: usize, masked: &[Range<usize>], into: usize) -> usize {
    let before = masked.iter().filter(|range| range.end <= byte);
    let (count, bytes) =
        before.fold((0, 0), |(count, bytes), range| (count + 1, bytes + range.len()));
    let moved = |byte: usize| byte - bytes + count * MASK.len();
    match masked.iter().find(|range| range.start < byte && byte < range.end) {
        Some(range) => moved(range.start) + into,
        None => moved(byte),
    }
}

/// The line before a private key in PEM of any kind, including encrypted ones (RFC 7468 §10, §11).
static BEGIN: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new("-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----").ok());

const END: &str = "-----END ";

/// State: whether the output is inside a private key.
#[derive(Debug, Clone, Default)]
pub struct PrivateKeys {
    inside: bool,
}

impl PrivateKeys {
    /// The next line without the contents of private keys, of which it may have several. If `cut`, its end is missing.
    pub fn left_out(&mut self, line: &str, cut: bool) -> String {
        let began_inside = self.inside;
        let mut kept = String::new();
        let mut rest = line;
        loop {
            let end = if self.inside { rest.find(END) } else { end_of_begin(rest) };
            let Some(end) = end else { break };
            if !self.inside {
                kept.push_str(&rest[..end]);
                kept.push_str(MASK);
            }
            rest = &rest[end..];
            self.inside = !self.inside;
        }
        if !self.inside {
            kept.push_str(rest);
        } else if cut && !began_inside {
            // The end of a key in one line, as in JSON, was cut off.
            self.inside = false;
        }
        kept
    }
}

fn end_of_begin(text: &str) -> Option<usize> {
    BEGIN.as_ref()?.find(text).map(|begin| begin.end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masker(secrets: &[&str]) -> Masker {
        Masker::new(secrets.iter().map(|secret| Secret::new(*secret)))
    }

    #[test]
    fn parts_of_secrets_at_a_cut_are_masked() {
        let masker = masker(&["correct-horse"]);
        assert_eq!(masker.cut_text("password correct-ho"), format!("password {MASK}"));
        assert_eq!(masker.cut_text("ect-horse and more"), format!("{MASK} and more"));
        assert_eq!(masker.cut_text("nothing of it"), "nothing of it");
    }

    #[test]
    fn secrets_are_masked_in_both_cases_of_hexadecimal() {
        let masker = masker(&["8CE31702", "8CE3"]);
        assert_eq!(masker.text("got 8CE31702 or 8ce31702, 8CE3!"), "got **** or ****, ****!");
    }

    #[test]
    fn escaped_secrets_are_masked() {
        let secret = "a\"b\\c'd";
        let shown = format!("wrong: {}, {secret}", secret.escape_debug());
        assert_eq!(masker(&[secret]).text(&shown), "wrong: ****, ****");
    }

    #[test]
    fn a_short_secret_is_masked_only_as_a_whole_word() {
        assert_eq!(masker(&["a"]).text("a cat: 'a', aa"), "**** cat: '****', aa");
    }

    fn left_out(lines: &[&str]) -> Vec<String> {
        let mut keys = PrivateKeys::default();
        lines.iter().map(|line| keys.left_out(line, false)).collect()
    }

    #[test]
    fn private_keys_of_all_kinds_are_left_out() {
        for kind in ["", "RSA ", "EC ", "ENCRYPTED ", "OPENSSH "] {
            let begin = format!("key: -----BEGIN {kind}PRIVATE KEY-----");
            let end = format!("-----END {kind}PRIVATE KEY-----");
            let kept = left_out(&["a", &begin, "Proc-Type: 4,ENCRYPTED", "", "MIIE", &end, "b"]);
            assert_eq!(kept, ["a", &format!("{begin}{MASK}"), "", "", "", &end, "b"]);
        }
    }

    #[test]
    fn private_keys_in_one_line_are_left_out() {
        let key = "-----BEGIN PRIVATE KEY-----\\nMIIE\\n-----END PRIVATE KEY-----";
        let masked = key.replace("\\nMIIE\\n", MASK);
        let line = format!("{{\"one\": \"{key}\", \"two\": \"{key}\"}}");
        assert_eq!(left_out(&[&line]), [line.replace(key, &masked)]);
    }

    #[test]
    fn a_cut_line_with_a_private_key_hides_no_later_lines() {
        let mut keys = PrivateKeys::default();
        let kept = keys.left_out("-----BEGIN PRIVATE KEY-----\\nMIIE", true);
        assert_eq!(kept, format!("-----BEGIN PRIVATE KEY-----{MASK}"));
        assert_eq!(keys.left_out("serving", false), "serving");
    }

    #[test]
    fn certificates_and_public_keys_are_not_left_out() {
        let lines = ["-----BEGIN PUBLIC KEY-----", "MIIB", "-----END PUBLIC KEY-----"];
        assert_eq!(left_out(&lines), lines);
    }
}

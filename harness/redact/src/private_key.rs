//! Private keys: PEM blocks of any label, and keys in base64 or hexadecimal without such a block.

mod der;

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;
use scep::secret::MASK;

use crate::view::{View, escape};

/// The line before a private key in PEM of any kind, also of an encrypted one (RFC 7468 §10, §11), and in the format of RFC 4716.
static BEGIN: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new("(?i)-{4,5} ?BEGIN [A-Z0-9 _.:/]{0,60}PRIVATE KEY[A-Z0-9 _.:/]{0,60}-{4,5}").ok()
});

const END: &str = "---- END ";
const PEM_END: &str = "-----END ";

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
            let end = if self.inside { start_of_end(rest) } else { end_of_begin(rest) };
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
    if !text.contains("----") {
        return None;
    }
    BEGIN.as_ref()?.find(text).map(|begin| begin.end())
}

fn start_of_end(text: &str) -> Option<usize> {
    [PEM_END, END].into_iter().filter_map(|end| text.find(end)).min()
}

/// The places of private keys in a text.
pub(crate) fn found(text: &str) -> Vec<Range<usize>> {
    let mut found = in_pem(text);
    found.extend(der::found(text.as_bytes()));
    // Most texts have no escape, or no key in them; the places are needed only of a key.
    let unescaped = View::<()>::of(text).decoded(&escape::ALL);
    if unescaped.is_some_and(|view| !der::found(&view.bytes).is_empty())
        && let Some(view) = View::of(text).decoded(&escape::ALL)
    {
        found.extend(der::found(&view.bytes).iter().map(|place| view.range(place)));
    }
    found
}

/// The contents of PEM blocks; a block without an end goes to the end of the text.
fn in_pem(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(begin) = end_of_begin(&text[at..]) {
        let start = at + begin;
        let end = start_of_end(&text[start..]).map_or(text.len(), |end| start + end);
        found.push(start..end);
        at = end;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left_out(lines: &[&str]) -> Vec<String> {
        let mut keys = PrivateKeys::default();
        lines.iter().map(|line| keys.left_out(line, false)).collect()
    }

    #[test]
    fn private_keys_of_all_kinds_are_left_out() {
        for kind in ["", "RSA ", "EC ", "ENCRYPTED ", "OPENSSH ", "TSS2 ", "my "] {
            let begin = format!("key: -----BEGIN {kind}PRIVATE KEY-----");
            let end = format!("-----END {kind}PRIVATE KEY-----");
            let kept = left_out(&["a", &begin, "Proc-Type: 4,ENCRYPTED", "", "MIIE", &end, "b"]);
            assert_eq!(kept, ["a", &format!("{begin}{MASK}"), "", "", "", &end, "b"]);
        }
        for (begin, end) in [
            ("-----BEGIN PGP PRIVATE KEY BLOCK-----", "-----END PGP PRIVATE KEY BLOCK-----"),
            (
                "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----",
                "---- END SSH2 ENCRYPTED PRIVATE KEY ----",
            ),
        ] {
            assert_eq!(
                left_out(&[begin, "MIIE", end, "b"]),
                [&format!("{begin}{MASK}"), "", end, "b"]
            );
        }
    }

    #[test]
    fn private_keys_in_one_line_are_left_out() {
        let key = "-----BEGIN PRIVATE KEY-----\\nMIIE\\n-----END PRIVATE KEY-----";
        let masked = key.replace("\\nMIIE\\n", MASK);
        let line = format!("{{\"one\": \"{key}\", \"two\": \"{key}\"}}");
        assert_eq!(left_out(&[&line]), [line.replace(key, &masked)]);
        let found: Vec<&str> = found(&line).into_iter().map(|place| &line[place]).collect();
        assert_eq!(found, ["\\nMIIE\\n", "\\nMIIE\\n"]);
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

//! Private keys that a program prints, left out of what is kept of its output.

use std::sync::LazyLock;

use regex::Regex;
use scep::secret::MASK;

/// The line before a private key of any kind in PEM, encrypted ones included (RFC 7468 §10, §11).
static BEGIN: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new("-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----").ok());

const END: &str = "-----END ";

/// Whether the output is inside a private key.
#[derive(Debug, Clone, Default)]
pub struct PrivateKeys {
    inside: bool,
}

impl PrivateKeys {
    /// The next line without what lies inside private keys, of which it may have several; `cut` says that its end is
    /// not there.
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
            // A key in one line, as in JSON, ends in what was cut away.
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

    fn left_out(lines: &[&str]) -> Vec<String> {
        let mut keys = PrivateKeys::default();
        lines.iter().map(|line| keys.left_out(line, false)).collect()
    }

    #[test]
    fn the_inside_of_a_private_key_of_any_kind_is_left_out() {
        for kind in ["", "RSA ", "EC ", "ENCRYPTED ", "OPENSSH "] {
            let begin = format!("key: -----BEGIN {kind}PRIVATE KEY-----");
            let end = format!("-----END {kind}PRIVATE KEY-----");
            let kept = left_out(&["a", &begin, "Proc-Type: 4,ENCRYPTED", "", "MIIE", &end, "b"]);
            assert_eq!(kept, ["a", &format!("{begin}{MASK}"), "", "", "", &end, "b"]);
        }
    }

    #[test]
    fn a_private_key_may_be_a_part_of_one_line() {
        let key = "-----BEGIN PRIVATE KEY-----\\nMIIE\\n-----END PRIVATE KEY-----";
        let masked = key.replace("\\nMIIE\\n", MASK);
        let line = format!("{{\"one\": \"{key}\", \"two\": \"{key}\"}}");
        assert_eq!(left_out(&[&line]), [line.replace(key, &masked)]);
    }

    #[test]
    fn a_line_that_is_cut_inside_a_private_key_is_not_the_end_of_all() {
        let mut keys = PrivateKeys::default();
        let kept = keys.left_out("-----BEGIN PRIVATE KEY-----\\nMIIE", true);
        assert_eq!(kept, format!("-----BEGIN PRIVATE KEY-----{MASK}"));
        assert_eq!(keys.left_out("serving", false), "serving");
    }

    #[test]
    fn certificates_and_public_keys_are_no_secret() {
        let lines = ["-----BEGIN PUBLIC KEY-----", "MIIB", "-----END PUBLIC KEY-----"];
        assert_eq!(left_out(&lines), lines);
    }
}

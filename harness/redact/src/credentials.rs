//! Secrets that are recognised without being known: passwords in URLs, credentials of HTTP, replies of NTLM.

use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use regex::Regex;

/// What is recognised. Each expression has the secret as its first group.
static SHAPES: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let shapes = [
        // The password of `http://user:password@host` (RFC 3986 §3.2.1), which ends at the last `@` of the authority.
        r#"://[^\s/?#@:"'`<>]*:([^\s/?#"'`<>]+)@"#,
        // The credentials of HTTP (RFC 7235 §4.2, §4.4): one token, or parameters up to the end of the line.
        r#"(?i)\bauthorization["'`]?\s*[:=]\s*["'`]?(?:basic|bearer|ntlm|negotiate|kerberos)\s+([^\s"'`,;<>]+)"#,
        r#"(?i)\bauthorization["'`]?\s*[:=]\s*["'`]?digest\s+([^\r\n]+)"#,
        // A message of NTLM of type 3, which has the response to the server's challenge.
        r"\b(TlRMTVNTUAAD[A-Za-z0-9+/=]+)",
    ];
    shapes.iter().filter_map(|shape| Regex::new(shape).ok()).collect()
});

/// A part of each shape; most texts have none, and then the slower search is not needed.
static PARTS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let parts = ["://", "authorization", "TlRMTVNTUAAD"];
    AhoCorasick::builder().ascii_case_insensitive(true).build(parts).ok()
});

/// The places of these secrets in a text.
pub(crate) fn found(text: &str) -> impl Iterator<Item = Range<usize>> {
    let may_have_one = PARTS.as_ref().is_none_or(|parts| parts.is_match(text));
    let shapes = if may_have_one { SHAPES.as_slice() } else { &[] };
    let captures = |shape: &'static Regex| shape.captures_iter(text);
    shapes.iter().flat_map(captures).filter_map(|found| Some(found.get(1)?.range()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(text: &str) -> String {
        let mut text = text.to_owned();
        let mut places: Vec<_> = found(&text).collect();
        places.sort_by_key(|place| std::cmp::Reverse(place.start));
        for place in places {
            text.replace_range(place, "****");
        }
        text
    }

    #[test]
    fn credentials_are_found_without_being_known() {
        for (text, expected) in [
            ("GET http://admin:p@ss@host:80/scep@x", "GET http://admin:****@host:80/scep@x"),
            ("http://host:80/a@b", "http://host:80/a@b"),
            ("Authorization: Basic YWRtaW46eA==, next", "Authorization: Basic ****, next"),
            ("> proxy-authorization: basic YWRtaW46eA==", "> proxy-authorization: basic ****"),
            (r#""Authorization": "Bearer abc.def""#, r#""Authorization": "Bearer ****""#),
            (
                "authorization: Digest username=\"a\", response=\"b\"\nHost: x",
                "authorization: Digest ****\nHost: x",
            ),
            ("sent TlRMTVNTUAADAAAAGAAYAA==", "sent ****"),
            ("WWW-Authenticate: NTLM TlRMTVNTUAACAAAA", "WWW-Authenticate: NTLM TlRMTVNTUAACAAAA"),
            ("authorization: the CA decides", "authorization: the CA decides"),
        ] {
            assert_eq!(masked(text), expected);
        }
    }
}

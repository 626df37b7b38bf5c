//! The encoding of a message in a query (RFC 8894 §4.1).

use serde::{Deserialize, Serialize, Serializer};

/// The mistakes in the base64 of a message in the query of a GET; it must be that of RFC 4648 §4, and percent-encoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "independent habits, each seen by itself")]
pub struct QueryMessage {
    /// A `+` was not percent-encoded; servers read it as a blank.
    pub bare_plus: bool,
    /// A `/` was not percent-encoded, which a query allows.
    pub bare_slash: bool,
    /// A `=` was not percent-encoded, which a query allows.
    pub bare_equals: bool,
    /// The alphabet was the url-safe one (RFC 4648 §5): it contained a `-` or `_`.
    pub url_safe: bool,
    /// The padding was missing.
    pub unpadded: bool,
    /// The value contained line breaks.
    pub line_breaks: bool,
}

impl QueryMessage {
    /// Examines the value before any decoding.
    pub(crate) fn of(raw: &str) -> Self {
        let escapes = |code: &str| raw.to_ascii_lowercase().contains(code);
        let length = decoded_length(raw);
        Self {
            bare_plus: raw.contains('+'),
            bare_slash: raw.contains('/'),
            bare_equals: raw.contains('='),
            url_safe: raw.contains(['-', '_']) || escapes("%2d") || escapes("%5f"),
            unpadded: !length.is_multiple_of(4),
            line_breaks: escapes("%0a") || escapes("%0d"),
        }
    }

    /// True if it was as RFC 8894 §4.1 demands: the standard alphabet with padding, in one line, and every `+`, `/` and `=`
    /// percent-encoded.
    pub fn is_proper(self) -> bool {
        self == Self::default()
    }
}

/// Serialises the mistakes, and whether there were none.
#[expect(clippy::ref_option, clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
pub(super) fn with_verdict<S: Serializer>(
    message: &Option<QueryMessage>,
    to: S,
) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Judged {
        proper: bool,
        #[serde(flatten)]
        habits: QueryMessage,
    }
    message.map(|habits| Judged { proper: habits.is_proper(), habits }).serialize(to)
}

/// The length of the base64 with its padding, without line breaks.
fn decoded_length(raw: &str) -> usize {
    let lower = raw.to_ascii_lowercase();
    let breaks = lower.matches("%0a").count() + lower.matches("%0d").count();
    let escapes = raw.matches('%').count();
    raw.len().saturating_sub(escapes * 2 + breaks)
}

/// The value of the first parameter of this name, before any decoding.
pub(crate) fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (key == name).then_some(value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mistake_is_recognised() {
        let proper = QueryMessage::default();
        for (raw, expected) in [
            ("%2B%2F%2F%2B%2Fw%3D%3D", proper),
            ("AAAA", proper),
            ("+%2F%2F%2B%2Fw%3D%3D", QueryMessage { bare_plus: true, ..proper }),
            ("%2B//%2B/w%3D%3D", QueryMessage { bare_slash: true, ..proper }),
            ("%2B%2F%2F%2B%2Fw==", QueryMessage { bare_equals: true, ..proper }),
            ("-__-_w%3D%3D", QueryMessage { url_safe: true, ..proper }),
            ("%2b%2f%2f%2b%2fw", QueryMessage { unpadded: true, ..proper }),
            ("%2B%2F%2F%2B%0A%2Fw%3D%3D%0a", QueryMessage { line_breaks: true, ..proper }),
        ] {
            assert_eq!(QueryMessage::of(raw), expected, "{raw}");
            assert_eq!(expected.is_proper(), expected == proper);
        }
    }

    #[test]
    fn first_parameter_of_a_name_counts() {
        let query = "operation=PKIOperation&message=a=b&message=c";
        assert_eq!(parameter(query, "message"), Some("a=b"));
        assert_eq!(parameter(query, "nothing"), None);
    }
}

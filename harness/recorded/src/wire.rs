//! Replies in HTTP as they were recorded, with the few fields that must be right today.

use std::time::SystemTime;

use mock_ca::http_date;
use recording::Reply;

/// The bytes of a reply.
pub(crate) struct Wire {
    pub(crate) bytes: Vec<u8>,
    /// True if the connection ends after them.
    pub(crate) closes: bool,
}

/// How a client finds the end of a body.
enum Framing {
    /// By the field `Content-Length`, which announced so many bytes more than came.
    Length { missing: usize },
    /// By chunks.
    Chunked,
    /// By the end of the connection.
    UntilClose,
}

/// The reply with this body: its head as it was recorded, but for `Date` and `Content-Length`. If it broke off, it does so again.
pub(crate) fn wire(recorded: &Reply, body: &[u8], broke_off: bool, now: SystemTime) -> Wire {
    if recorded.status.is_some() && !has_whole_head(recorded) {
        // Nothing can come after it.
        return Wire { bytes: recorded.head.clone(), closes: true };
    }
    if recorded.status.is_none() {
        // No HTTP, whatever it is.
        return Wire { bytes: [&recorded.head, body].concat(), closes: true };
    }
    let framing = Framing::of(recorded, broke_off);
    let mut bytes = Vec::with_capacity(recorded.head.len() + body.len() + 64);
    for (number, line) in lines(&recorded.head).enumerate() {
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
        let is = |field: &str| number > 0 && name.eq_ignore_ascii_case(field.as_bytes());
        match &framing {
            _ if is("date") => field(&mut bytes, name, &http_date(now)),
            Framing::Length { missing } if is("content-length") => {
                field(&mut bytes, name, &(body.len() + missing).to_string());
            }
            _ => {
                bytes.extend_from_slice(line);
                bytes.extend_from_slice(b"\r\n");
            }
        }
    }
    bytes.extend_from_slice(b"\r\n");
    if let Framing::Chunked = framing {
        let length = format!("{:x}\r\n", body.len());
        let (length, end) =
            if body.is_empty() { (String::new(), "0\r\n\r\n") } else { (length, "\r\n0\r\n\r\n") };
        bytes.extend_from_slice(length.as_bytes());
        bytes.extend_from_slice(body);
        bytes.extend_from_slice(if broke_off { b"" } else { end.as_bytes() });
    } else {
        bytes.extend_from_slice(body);
    }
    let closes = match framing {
        Framing::Length { missing } => missing > 0,
        Framing::Chunked => broke_off,
        Framing::UntilClose => true,
    };
    Wire {
        bytes,
        closes: closes
            || value(recorded, "connection").is_some_and(|it| it.eq_ignore_ascii_case("close")),
    }
}

/// True if the head has the empty line at its end.
pub(crate) fn has_whole_head(recorded: &Reply) -> bool {
    let head = &recorded.head;
    head.ends_with(b"\n\r\n") || head.ends_with(b"\n\n")
}

/// A reply of this server itself, in words.
pub(crate) fn words(status: &str, text: &str, now: SystemTime) -> Wire {
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\nDate: {}\r\n\r\n",
        text.len(),
        http_date(now)
    );
    Wire { bytes: [head.as_bytes(), text.as_bytes()].concat(), closes: false }
}

impl Framing {
    fn of(recorded: &Reply, broke_off: bool) -> Self {
        if value(recorded, "transfer-encoding")
            .is_some_and(|it| it.to_ascii_lowercase().ends_with("chunked"))
        {
            return Self::Chunked;
        }
        let has_no_body = matches!(recorded.status, Some(204 | 304));
        let length =
            value(recorded, "content-length").and_then(|it| it.trim().parse::<usize>().ok());
        match length {
            _ if has_no_body => Self::Length { missing: 0 },
            Some(length) if broke_off => Self::Length {
                missing: length.saturating_sub(recorded.body.len()).min(MOST_MISSING),
            },
            Some(_) => Self::Length { missing: 0 },
            None => Self::UntilClose,
        }
    }
}

/// The most bytes that a reply announces and does not send.
const MOST_MISSING: usize = 1 << 30;

fn value<'a>(reply: &'a Reply, name: &str) -> Option<&'a str> {
    let mut fields = reply.fields.iter();
    fields.find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// The lines of a head, without the empty one at its end.
fn lines(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    let lines = head.split(|byte| *byte == b'\n');
    let lines = lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    lines.filter(|line| !line.is_empty())
}

fn field(bytes: &mut Vec<u8>, name: &[u8], value: &str) {
    bytes.extend_from_slice(name);
    bytes.extend_from_slice(b": ");
    bytes.extend_from_slice(value.as_bytes());
    bytes.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(head: &str, body: &str) -> Reply {
        let lines = head.split("\r\n").skip(1);
        let fields = lines.filter_map(|line| line.split_once(": "));
        let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let status = head.starts_with("HTTP").then_some(200);
        Reply { head: head.into(), status, fields, body: body.into(), ..Reply::default() }
    }

    fn sent(recorded: &Reply, body: &str, broke_off: bool) -> (String, bool) {
        let wire = wire(recorded, body.as_bytes(), broke_off, SystemTime::UNIX_EPOCH);
        (String::from_utf8(wire.bytes).unwrap(), wire.closes)
    }

    #[test]
    fn head_is_as_it_was_but_for_length_and_date() {
        let head = "HTTP/1.1 200 Fine\r\nx-Odd:  1\r\ncontent-length: 3\r\nDate: yesterday\r\n\r\n";
        let expected = "HTTP/1.1 200 Fine\r\nx-Odd:  1\r\ncontent-length: 4\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\nabcd";
        assert_eq!(sent(&reply(head, "abc"), "abcd", false), (expected.to_owned(), false));
    }

    #[test]
    fn body_that_broke_off_breaks_off_again() {
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n";
        let expected = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabcd";
        assert_eq!(sent(&reply(head, "abc"), "abcd", true), (expected.to_owned(), true));
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert_eq!(sent(&reply(head, "abc"), "abc", true), (format!("{head}3\r\nabc"), true));
        let whole = format!("{head}3\r\nabc\r\n0\r\n\r\n");
        assert_eq!(sent(&reply(head, "abc"), "abc", false), (whole, false));
    }

    #[test]
    fn bytes_that_are_no_http_are_sent_as_they_were() {
        assert_eq!(sent(&reply("SSH-2.0-x", ""), "", false), ("SSH-2.0-x".to_owned(), true));
    }

    #[test]
    fn head_that_broke_off_breaks_off_again() {
        let head = "HTTP/1.1 200 OK\r\nContent-Ty";
        assert_eq!(sent(&reply(head, ""), "", true), (head.to_owned(), true));
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n";
        assert_eq!(sent(&reply(head, ""), "", true), (head.to_owned(), true));
    }

    #[test]
    fn body_without_a_length_ends_with_the_connection() {
        let head = "HTTP/1.0 200 OK\r\n\r\n";
        assert_eq!(sent(&reply(head, "abc"), "abc", false), (format!("{head}abc"), true));
    }
}

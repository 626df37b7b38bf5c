//! What bytes are, recognised by their beginning: a web page, JSON, PEM, TLS. Errors name what came in place of what was expected.

mod asn1;
mod first_bytes;
mod fixed;
pub mod page;
mod text;

use std::fmt;

pub use asn1::Asn1;
pub use first_bytes::FirstBytes;
pub use page::Page;
pub use text::text;

use crate::Error;
pub use crate::latin_1::latin_1;

/// How many bytes of an unknown form are shown. More might be the beginning of a password that came back.
const FIRST: usize = 3;

/// The byte order mark in UTF-8.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// The most bytes that are looked at.
const LOOKED_AT: usize = 64 * 1024;

/// The longest text of a peer that is shown, in characters.
const SHOWN: usize = 160;

/// The content of a body, a file or the beginning of a connection.
///
/// # Examples
/// ```
/// use scep::content::Content;
///
/// let page = b"<html><head><title>403 - Forbidden</title></head></html>";
/// assert_eq!(Content::of(page).to_string(), "a web page with the title `403 - Forbidden`");
/// assert_eq!(Content::of(b"").to_string(), "an empty body");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Content {
    /// No byte.
    Empty,
    /// HTML.
    WebPage(Page),
    /// XML with this first tag, and the words in it that say most; a property list shows none, because it may have a password.
    Xml(String, Option<String>),
    /// JSON, with blanks removed.
    Json(String),
    /// PEM with this label, such as `CERTIFICATE`.
    Pem(String),
    /// Base64 of ASN.1.
    Base64(Box<Content>),
    /// Hexadecimal digits of ASN.1.
    Hexadecimal(Box<Content>),
    /// A UTF-8 byte order mark before something that is no text, or before PEM and the like.
    Marked(Box<Content>),
    /// Other text, with its first line.
    Text(String),
    /// A message in MIME, as mail has it, with its first header.
    Mime(String),
    /// Data compressed by this program.
    Compressed(&'static str),
    /// A document or a picture of this kind.
    Document(&'static str),
    /// A TLS record: the beginning of a handshake, or an alert with this number.
    Tls(Option<u8>),
    /// An HTTP/1 message with this first line.
    Http1(String),
    /// The beginning of an HTTP/2 connection.
    Http2,
    /// The header of a load balancer with the client's address (PROXY protocol 1 or 2).
    Proxy,
    /// The greeting of an SSH server or client.
    Ssh(String),
    /// ASN.1 in DER or BER.
    Asn1(Asn1),
    /// Other bytes: their number, and the first three.
    Binary(usize, Vec<u8>),
}

impl Content {
    /// Recognises these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let start = &bytes[..bytes.len().min(LOOKED_AT)];
        if bytes.is_empty() {
            return Self::Empty;
        }
        if let Some(after) = after_mark(bytes) {
            return Self::Marked(Box::new(after));
        }
        fixed::protocol(start)
            .or_else(|| fixed::compressed(start))
            .or_else(|| fixed::document(start))
            .or_else(|| text::decoded(start).map(|text| of_text(&text)))
            .or_else(|| Asn1::of(bytes).map(Self::Asn1))
            .unwrap_or_else(|| {
                Self::Binary(bytes.len(), start.iter().take(FIRST).copied().collect())
            })
    }

    /// The kind of content, without any text of the peer: `a web page`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Empty => "an empty body",
            Self::WebPage(_) => "a web page",
            Self::Xml(tag, _) if is_property_list(tag) => "an XML property list",
            Self::Xml(..) => "XML",
            Self::Json(_) => "JSON",
            Self::Pem(_) => "PEM",
            Self::Base64(_) => "base64",
            Self::Hexadecimal(_) => "hexadecimal digits",
            Self::Marked(_) => "a UTF-8 byte order mark (EFBBBF)",
            Self::Text(_) => "plain text",
            Self::Mime(_) => "a MIME message",
            Self::Compressed(_) => "compressed data",
            Self::Document(kind) => kind,
            Self::Tls(_) => "TLS",
            Self::Http1(_) => "another HTTP message",
            Self::Http2 => "HTTP/2",
            Self::Proxy => "the header of a load balancer (PROXY protocol)",
            Self::Ssh(_) => "SSH",
            Self::Asn1(asn1) => asn1.kind(),
            Self::Binary(..) => "bytes of an unknown form",
        }
    }

    /// The details, to be written after the kind.
    fn details(&self) -> String {
        match self {
            Self::Empty | Self::Http2 | Self::Proxy | Self::Document(_) => String::new(),
            Self::WebPage(page) => page.details(),
            Self::Xml(tag, Some(words)) => format!(": `{}`: `{}`", shown(tag), shown(words)),
            Self::Xml(text, None) | Self::Json(text) | Self::Text(text) => {
                format!(": `{}`", shown(text))
            }
            Self::Http1(line) | Self::Ssh(line) | Self::Mime(line) => {
                format!(": `{}`", shown(line))
            }
            Self::Pem(label) => format!(" with the label `{}`", shown(label)),
            Self::Base64(inner) | Self::Hexadecimal(inner) => format!(" of {inner}"),
            Self::Marked(inner) => format!(" before {inner}"),
            Self::Compressed(program) => format!(" ({program})"),
            Self::Tls(None) => " (the beginning of a handshake)".to_owned(),
            Self::Tls(Some(number)) => format!(" (alert {number}{})", fixed::alert(*number)),
            Self::Asn1(asn1) => asn1.details(),
            Self::Binary(length, first) => {
                format!(" ({length} bytes, the first are {})", hex::encode_upper(first))
            }
        }
    }

    /// The content with the content type that HTTP named for it: "a web page (`text/html`) with the title `Forbidden`".
    pub fn with_type(&self, content_type: Option<&str>) -> String {
        let named = content_type
            .map_or_else(|| "no content type".to_owned(), |named| format!("`{}`", shown(named)));
        let kind = content_type.and_then(|named| self.kind_by_type(named));
        format!("{} ({named}){}", kind.unwrap_or_else(|| self.kind()), self.details())
    }

    /// The kind of a text without any mark of its own: what its content type says.
    fn kind_by_type(&self, content_type: &str) -> Option<&'static str> {
        let Self::Text(text) = self else { return None };
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        match essence.to_ascii_lowercase().as_str() {
            "text/html" | "application/xhtml+xml" => Some("a web page"),
            "application/json" if is_json_value(text) => Some("JSON"),
            _ => None,
        }
    }
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.kind(), self.details())
    }
}

/// An error in bytes that should be the structure `what`: what they are instead, if that is known, or else the error.
///
/// `expected` are the kinds of ASN.1 that `what` belongs to. A text of the peer is shown if it is no secret.
pub(crate) fn unlike(
    bytes: &[u8],
    what: &'static str,
    expected: fn(&Asn1) -> bool,
    may_show: bool,
) -> impl FnOnce(Error) -> Error {
    move |error| match Content::of(bytes) {
        Content::Asn1(Asn1::Other(_)) => error,
        Content::Asn1(asn1) if expected(&asn1) => error,
        content if may_show => Error::Foreign { what, came: content.to_string() },
        content => Error::Foreign { what, came: content.kind().to_owned() },
    }
}

/// The beginning of a text of a peer: as it is, or with every special character escaped if one of them must be, so that a secret in
/// it has one of two forms that can be recognised.
pub(crate) fn shown(text: &str) -> String {
    let mut start: String = text.chars().take(SHOWN).collect();
    if start.len() < text.len() {
        start.push('…');
    }
    let must_be_escaped = |c: char| !matches!(c, '"' | '\'' | '\\') && c.escape_debug().count() > 1;
    if start.contains(must_be_escaped) { start.escape_debug().to_string() } else { start }
}

/// The content after a byte order mark. A text may have one; other readers stumble over it.
fn after_mark(bytes: &[u8]) -> Option<Content> {
    let mut rest = bytes.strip_prefix(MARK)?;
    // A text of marks must not be as deep as it is long.
    while let Some(further) = rest.strip_prefix(MARK) {
        rest = further;
    }
    let content = Content::of(rest);
    let is_text = matches!(
        content,
        Content::Empty
            | Content::WebPage(_)
            | Content::Xml(..)
            | Content::Json(_)
            | Content::Text(_)
    );
    (!is_text).then_some(content)
}

fn is_property_list(tag: &str) -> bool {
    tag.starts_with("<plist")
}

/// True if the text begins with a header of MIME (RFC 2045 §3).
fn is_mime(text: &str) -> bool {
    const HEADERS: [&str; 4] =
        ["mime-version:", "content-type:", "content-transfer-encoding:", "content-disposition:"];
    let start: String = text.chars().take(40).collect::<String>().to_ascii_lowercase();
    HEADERS.iter().any(|header| start.starts_with(header))
}

fn of_text(text: &str) -> Content {
    let trimmed = text.trim_start();
    if trimmed.trim_end().is_empty() {
        return Content::Text(String::new());
    }
    if page::is_html(trimmed) {
        return Content::WebPage(Page::read(trimmed));
    }
    if let Some(label) = pem_label(trimmed) {
        return Content::Pem(label.to_owned());
    }
    if let Some(tag) = page::first_tag(trimmed) {
        let words = (!is_property_list(tag)).then(|| Page::read(trimmed).longest_words());
        return Content::Xml(tag.to_owned(), words.flatten());
    }
    if is_mime(trimmed) {
        let header = trimmed.lines().next().unwrap_or_default();
        return Content::Mime(header.trim_end().to_owned());
    }
    if is_json(trimmed) {
        return Content::Json(text::in_one_line(trimmed));
    }
    encoded(trimmed).unwrap_or_else(|| {
        Content::Text(trimmed.lines().next().unwrap_or_default().trim_end().to_owned())
    })
}

/// The label of the first PEM block, which begins a line: other text may precede it.
fn pem_label(text: &str) -> Option<&str> {
    let is_at_start = |at: &usize| *at == 0 || text[..*at].ends_with('\n');
    let start = text.match_indices(BEGIN).map(|(at, _)| at).find(is_at_start)?;
    let rest = &text[start + BEGIN.len()..];
    let (label, _) = rest.split_once("-----")?;
    (label.len() <= 64 && !label.contains('\n')).then_some(label)
}

const BEGIN: &str = "-----BEGIN ";

fn is_json(text: &str) -> bool {
    let mut marks = text.chars().filter(|c| !c.is_whitespace());
    match (marks.next(), marks.next()) {
        (Some('{'), Some(second)) => matches!(second, '"' | '}'),
        (Some('['), Some(second)) => {
            matches!(second, '{' | '[' | ']' | '"' | '-' | 't' | 'f' | 'n')
                || second.is_ascii_digit()
        }
        _ => false,
    }
}

/// True for the values of JSON that any text could be, too: a text, a number or a word.
fn is_json_value(text: &str) -> bool {
    let is_text = text.len() > 1 && text.starts_with('"') && text.ends_with('"');
    is_text || matches!(text, "true" | "false" | "null") || text.parse::<f64>().is_ok()
}

/// ASN.1 as base64 or as hexadecimal digits.
fn encoded(text: &str) -> Option<Content> {
    let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let inner = |bytes: Vec<u8>| Asn1::of(&bytes).map(|asn1| Box::new(Content::Asn1(asn1)));
    if let Ok(bytes) = hex::decode(digits.replace(':', "")) {
        return inner(bytes).map(Content::Hexadecimal);
    }
    text::from_base64(&digits).and_then(inner).map(Content::Base64)
}

#[cfg(test)]
mod tests;

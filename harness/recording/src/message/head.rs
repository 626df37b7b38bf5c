//! The first line and the fields of a message (RFC 9112 §2.1).
//!
//! A parser that keeps to the standard refuses the heads that people ask about, so this one reads on and says what is odd.

/// Limit of fields in a head.
pub(super) const MOST_FIELDS: usize = 256;

/// The longest line in bytes: the message of a GET is in one.
const LONGEST_LINE: usize = 256 << 10;

/// The longest method in characters.
const LONGEST_METHOD: usize = 20;

/// How often the bytes of a head are in memory: as they came, and parsed.
const COPIES: usize = 2;

/// What a field needs besides its bytes, about: two strings, each with the surplus of its allocation.
const FIELD_BYTES: usize = 2 * size_of::<String>() + 32;

/// The memory of a head with so many bytes and fields.
pub(super) fn memory(bytes: usize, fields: usize) -> usize {
    bytes * COPIES + fields * FIELD_BYTES
}

/// The kind of message in a direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Request,
    Reply,
}

/// The first line of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FirstLine {
    Request {
        method: String,
        target: String,
    },
    Reply {
        status: u16,
    },
    /// The bytes are no HTTP/1.
    None,
}

/// The bytes before a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) bytes: Vec<u8>,
    pub(crate) line: FirstLine,
    pub(crate) fields: Vec<(String, String)>,
}

/// A head as it was read.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub(crate) line: FirstLine,
    pub(crate) fields: Vec<(String, String)>,
    /// How many bytes it has, with the empty line at its end.
    pub(crate) length: usize,
    /// What is odd in it, in sentences.
    pub(crate) odd: Vec<String>,
    /// How it ends.
    pub(crate) end: HeadEnd,
}

/// How a head ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeadEnd {
    EmptyLine,
    /// The first line of the next message comes before an empty line; only in a text.
    NextMessage,
    /// There are no more bytes.
    NoMore,
}

/// True if the bytes begin with the first line of a request or a reply, whose method is one of capital letters: in a text, words may be
/// anywhere.
pub fn starts(bytes: &[u8]) -> bool {
    // Most bytes are told by the first of them, which matters in bodies of many lines.
    let capitals = bytes.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
    let is_usual = capitals >= 3 && matches!(bytes.get(capitals), Some(b' ' | b'/'));
    is_usual && first_line(bytes).is_some()
}

/// The head that the bytes begin with; none if they do not begin with a first line. In a text, further messages may follow anywhere.
pub(crate) fn parse(bytes: &[u8], is_text: bool) -> Option<Parsed> {
    let blank = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    let (line, length) = first_line(&bytes[blank..])?;
    let mut head = Parsed {
        line,
        fields: Vec::new(),
        length: blank + length,
        odd: Vec::new(),
        end: HeadEnd::NoMore,
    };
    while let Some((line, length)) = self::line(&bytes[head.length..]) {
        if line.is_empty() {
            head.length += length;
            head.end = HeadEnd::EmptyLine;
            return Some(head);
        }
        if is_text && starts(&bytes[head.length..]) {
            head.end = HeadEnd::NextMessage;
            return Some(head);
        }
        head.length += length;
        head.add(line);
    }
    head.length = bytes.len();
    Some(head)
}

/// The head in these bytes; none if they have no whole one.
pub(crate) fn head(kind: Kind, bytes: &[u8]) -> Option<Head> {
    let Parsed { line, fields, length, end, .. } = parse(bytes, false)?;
    let is_whole = end == HeadEnd::EmptyLine && line.is_of(kind);
    is_whole.then(|| Head { bytes: bytes[..length].to_vec(), line, fields })
}

/// True if a first line may have begun in these bytes, and more of it is to come.
pub(super) fn may_begin(bytes: &[u8]) -> bool {
    let line = bytes.trim_ascii_start();
    !line.contains(&b'\n') && line.iter().all(|byte| !byte.is_ascii_control())
}

/// True if a head may end in these bytes.
pub(super) fn has_end(bytes: &[u8]) -> bool {
    bytes.windows(2).any(|two| two == b"\n\n") || bytes.windows(3).any(|three| three == b"\n\r\n")
}

impl FirstLine {
    pub(super) fn is_of(&self, kind: Kind) -> bool {
        match self {
            Self::Request { .. } => kind == Kind::Request,
            Self::Reply { .. } => kind == Kind::Reply,
            Self::None => false,
        }
    }
}

impl Parsed {
    fn add(&mut self, line: &[u8]) {
        let text = String::from_utf8_lossy(line);
        if self.fields.len() == MOST_FIELDS {
            let words = format!("the head has more than {MOST_FIELDS} fields");
            if !self.odd.contains(&words) {
                self.odd.push(words);
            }
            return;
        }
        // A line that goes on (RFC 9112 §5.2).
        if text.starts_with([' ', '\t'])
            && let Some((_, value)) = self.fields.last_mut()
        {
            value.push(' ');
            value.push_str(text.trim());
            return;
        }
        let field = text.split_once(':');
        if field.is_none() {
            self.odd.push(format!("line {} of the head is no field", self.fields.len() + 2));
        }
        let (name, value) = field.unwrap_or((&text, ""));
        self.fields.push((name.trim().to_owned(), value.trim().to_owned()));
    }
}

/// The first line, and how many bytes it has with its end.
fn first_line(bytes: &[u8]) -> Option<(FirstLine, usize)> {
    let is_reply = bytes.starts_with(b"HTTP/");
    let is_token = |byte: &&u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    let method = bytes.iter().take(LONGEST_METHOD + 1).take_while(is_token).count();
    let is_request = bytes.get(method) == Some(&b' ') && (1..=LONGEST_METHOD).contains(&method);
    if !is_reply && !is_request {
        return None;
    }
    let (line, length) =
        line(bytes).unwrap_or((&bytes[..bytes.len().min(LONGEST_LINE)], bytes.len()));
    let text = String::from_utf8_lossy(line);
    if text.contains(|char: char| char.is_control() && char != '\t') {
        return None;
    }
    let first = if is_reply {
        let (version, rest) = text.split_once(' ')?;
        let digits = rest.get(..3).filter(|digits| digits.bytes().all(|it| it.is_ascii_digit()))?;
        let is_end = rest[3..].is_empty() || rest[3..].starts_with(' ');
        let status = digits.parse().ok().filter(|_| is_version(version) && is_end)?;
        FirstLine::Reply { status }
    } else {
        // A target that was decoded may have blanks in it.
        let (rest, version) = text.trim_end().rsplit_once(' ')?;
        let target = rest.get(method + 1..)?.trim();
        if !is_version(version) || target.is_empty() {
            return None;
        }
        FirstLine::Request { method: rest[..method].to_owned(), target: target.to_owned() }
    };
    Some((first, length))
}

fn is_version(text: &str) -> bool {
    let number = text.strip_prefix("HTTP/").unwrap_or_default();
    matches!(number, "0.9" | "1.0" | "1.1" | "2" | "2.0" | "3")
}

/// The first line without its end, and how many bytes it has with it; `None` if it has no end.
fn line(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let end = bytes.iter().take(LONGEST_LINE).position(|byte| *byte == b'\n')?;
    let line = &bytes[..end];
    Some((line.strip_suffix(b"\r").unwrap_or(line), end + 1))
}

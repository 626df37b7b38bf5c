//! The first line and the fields of a message (RFC 9112 §2.1).

/// Limit of fields in a head.
pub(super) const MOST_FIELDS: usize = 256;

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

/// The result of parsing a head.
pub(super) enum Parsed {
    Whole { len: usize, line: FirstLine, fields: Vec<(String, String)> },
    Partial,
    Foreign,
}

/// Parses the head at the beginning of these bytes.
pub(super) fn parse(kind: Kind, bytes: &[u8]) -> Parsed {
    let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS];
    let owned = |fields: &[httparse::Header<'_>]| {
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        fields.iter().map(|field| (field.name.to_owned(), text(field.value))).collect()
    };
    let (status, line, fields) = match kind {
        Kind::Request => {
            let mut request = httparse::Request::new(&mut fields);
            let status = request.parse(bytes);
            let (method, target) = (request.method.unwrap_or(""), request.path.unwrap_or(""));
            let line = FirstLine::Request { method: method.to_owned(), target: target.to_owned() };
            (status, line, owned(request.headers))
        }
        Kind::Reply => {
            let mut reply = httparse::Response::new(&mut fields);
            let status = reply.parse(bytes);
            let line = FirstLine::Reply { status: reply.code.unwrap_or_default() };
            (status, line, owned(reply.headers))
        }
    };
    match status {
        Ok(httparse::Status::Complete(len)) => Parsed::Whole { len, line, fields },
        Ok(httparse::Status::Partial) => Parsed::Partial,
        Err(_) => Parsed::Foreign,
    }
}

/// The head in these bytes; none if they have no whole one.
pub(crate) fn head(kind: Kind, bytes: &[u8]) -> Option<Head> {
    match parse(kind, bytes) {
        Parsed::Whole { len, line, fields } => {
            Some(Head { bytes: bytes[..len].to_vec(), line, fields })
        }
        Parsed::Partial | Parsed::Foreign => None,
    }
}

/// True if a head may end in these bytes.
pub(super) fn has_end(bytes: &[u8]) -> bool {
    bytes.windows(2).any(|two| two == b"\n\n") || bytes.windows(3).any(|three| three == b"\n\r\n")
}

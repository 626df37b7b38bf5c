//! An exchange as plain data.

use std::fmt;
use std::time::SystemTime;

use scep::http::{HttpError, HttpRequest, Method, Operation};
use serde::{Deserialize, Serialize};

/// The end of a connection that saw an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum End {
    /// The client: the request is what it sent, the reply what arrived.
    Client,
    /// The server: the request is what arrived, the reply what it sent.
    Server,
}

/// A request and its reply; one of them may be missing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// Number of the connection in the recording, from 1; 0 if it comes from elsewhere.
    pub connection: u64,
    /// Name of the PKI in its lab, if it has one.
    pub pki: Option<String>,
    /// The end that saw the exchange; none if it was seen between them, as in a capture.
    pub seen_by: Option<End>,
    /// Address of the client, if it is known.
    pub client: Option<String>,
    /// Address or authority of the server, if it is known.
    pub server: Option<String>,
    /// The time of the first byte, if it is known; a recording has it.
    pub at: Option<SystemTime>,
    /// The time of the last byte of the reply, if there is one.
    pub replied_at: Option<SystemTime>,
    /// The request, as far as it came.
    pub request: Option<Request>,
    /// The reply, as far as it came.
    pub reply: Option<Reply>,
    /// What is missing, and why.
    pub gaps: Vec<Gap>,
}

/// Something that is missing in an exchange: lost segments, a connection that was cut, a body that is shorter than its head says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Gap {
    /// There is no reply, and not because it was not seen; a sentence about it.
    Unanswered(String),
    /// A sentence about something else.
    Other(String),
}

/// How much of a body is there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Extent {
    /// All that was sent, as far as it can be told.
    #[default]
    Whole,
    /// Less than was sent, or nothing of it: a log has no bodies, and a capture may lose some. What is missing is nobody's mistake.
    Partial,
    /// Less than its head announces, because its sender sent no more.
    CutBySender,
}

/// An HTTP request, or the bytes that came in place of one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The bytes before the body as they were sent, with the empty line; all bytes if they are no HTTP/1. A recording has them.
    pub head: Vec<u8>,
    /// The method; empty if the bytes are no HTTP/1.
    pub method: String,
    /// Path and query as they were sent.
    pub target: String,
    /// Names and values of the fields in their order.
    pub fields: Vec<(String, String)>,
    /// The body, chunks joined.
    pub body: Vec<u8>,
    /// How much of the body is there.
    pub extent: Extent,
}

/// An HTTP response, or the bytes that came in place of one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// The bytes before the body as they were sent, with the empty line; all bytes if they are no HTTP/1. A recording has them.
    pub head: Vec<u8>,
    /// The status; none if the bytes are no HTTP/1.
    pub status: Option<u16>,
    /// Names and values of the fields in their order.
    pub fields: Vec<(String, String)>,
    /// The body, chunks joined.
    pub body: Vec<u8>,
    /// How much of the body is there.
    pub extent: Extent,
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unanswered(words) | Self::Other(words) => f.write_str(words),
        }
    }
}

/// The value of the first field of this name.
pub fn field<'a>(fields: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let field = fields.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
    field.map(|(_, value)| value.as_str())
}

impl Request {
    /// The SCEP operation, or why there is none; `None` if the method is neither GET nor POST.
    pub fn operation(&self) -> Option<Result<Operation, HttpError>> {
        let method = match self.method.as_str() {
            "GET" => Method::Get,
            "POST" => Method::Post,
            _ => return None,
        };
        let query = self.target.split_once('?').map_or("", |(_, query)| query).to_owned();
        let body = self.body.clone();
        Some(Operation::from_http(&HttpRequest { method, query, content_type: None, body }))
    }
}

impl Exchange {
    /// The operation in its query in small letters; empty if there is none (RFC 8894 §4.1).
    pub(crate) fn operation(&self) -> String {
        const NAME: &str = "operation=";
        let target = self.request.as_ref().map(|it| it.target.to_ascii_lowercase());
        let after = target.as_ref().and_then(|target| target.split_once(NAME));
        let name = after.and_then(|(_, rest)| rest.split('&').next());
        name.unwrap_or_default().to_owned()
    }

    /// True if it is a PKIOperation, whatever its content.
    pub fn is_pki_operation(&self) -> bool {
        self.operation() == "pkioperation"
    }

    /// The number of bytes that it occupies.
    pub(crate) fn len(&self) -> usize {
        let request = self.request.as_ref().map_or(0, |it| it.head.len() + it.body.len());
        request + self.reply.as_ref().map_or(0, |it| it.head.len() + it.body.len())
    }
}

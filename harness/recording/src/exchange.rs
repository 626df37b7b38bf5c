//! An exchange as plain data.

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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// Number of the connection in the recording, from 1.
    pub connection: u64,
    /// Name of the PKI in its lab, if it has one.
    pub pki: Option<String>,
    /// The end that saw the exchange.
    pub seen_by: End,
    /// Address of the client, if it is known.
    pub client: Option<String>,
    /// Address or authority of the server, if it is known.
    pub server: Option<String>,
    /// The time of the first byte.
    pub at: SystemTime,
    /// The time of the last byte of the reply, if there is one.
    pub replied_at: Option<SystemTime>,
    /// The request, as far as it came.
    pub request: Option<Request>,
    /// The reply, as far as it came.
    pub reply: Option<Reply>,
    /// What is missing, and why, in sentences.
    pub gaps: Vec<String>,
}

/// An HTTP request, or the bytes that came in place of one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// The bytes before the body as they were sent, with the empty line; all bytes if they are no HTTP/1.
    pub head: Vec<u8>,
    /// The method; empty if the bytes are no HTTP/1.
    pub method: String,
    /// Path and query as they were sent.
    pub target: String,
    /// Names and values of the fields in their order.
    pub fields: Vec<(String, String)>,
    /// The body, chunks joined.
    pub body: Vec<u8>,
}

/// An HTTP response, or the bytes that came in place of one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reply {
    /// The bytes before the body as they were sent, with the empty line; all bytes if they are no HTTP/1.
    pub head: Vec<u8>,
    /// The status; none if the bytes are no HTTP/1.
    pub status: Option<u16>,
    /// Names and values of the fields in their order.
    pub fields: Vec<(String, String)>,
    /// The body, chunks joined.
    pub body: Vec<u8>,
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
    /// An exchange of which nothing came yet.
    pub(crate) fn nothing(seen_by: End, at: SystemTime) -> Self {
        Self {
            connection: 0,
            pki: None,
            seen_by,
            client: None,
            server: None,
            at,
            replied_at: None,
            request: None,
            reply: None,
            gaps: Vec::new(),
        }
    }

    /// The number of bytes that it occupies.
    pub(crate) fn len(&self) -> usize {
        let request = self.request.as_ref().map_or(0, |it| it.head.len() + it.body.len());
        request + self.reply.as_ref().map_or(0, |it| it.head.len() + it.body.len())
    }
}

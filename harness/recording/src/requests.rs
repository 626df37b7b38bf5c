//! The requests that a server receives on one connection.

use std::time::SystemTime;

use crate::conversation::into_request;
use crate::exchange::Request;
use crate::held::Budget;
use crate::message::{Kind, Reader};

/// The memory for requests that are not complete yet, which all connections of a server share. Clones are the same memory.
#[derive(Debug, Clone, Default)]
pub struct RequestMemory(Budget);

/// Reads the HTTP/1 requests of one connection.
#[derive(Debug)]
pub struct Requests(Reader);

/// A complete request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The request.
    pub request: Request,
    /// What was left out because it was too long, in a sentence.
    pub gap: Option<String>,
}

/// What a connection is about to bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Awaited {
    /// A request, or the rest of one.
    Rest,
    /// A body that its sender keeps until the server answers `100 Continue` (RFC 9110 §10.1.1).
    Permission,
    /// Nothing that can be answered: what came is no HTTP/1.
    Nothing,
}

impl Requests {
    /// Before the first byte.
    pub fn new(memory: &RequestMemory) -> Self {
        Self(Reader::new(Kind::Request, memory.0.clone()))
    }

    /// Reads bytes up to the end of a request; returns the other bytes, and the request if it is complete.
    pub fn read<'a>(&mut self, bytes: &'a [u8], at: SystemTime) -> (&'a [u8], Option<Received>) {
        let (rest, message) = self.0.read(bytes, at, None);
        let received = message.map(|mut message| {
            let gap = message.gap.take();
            Received { request: into_request(message), gap }
        });
        (rest, received)
    }

    /// What must come next.
    pub fn awaited(&self) -> Awaited {
        if self.0.is_foreign() {
            return Awaited::Nothing;
        }
        let expects = |(name, value): &(String, String)| {
            name.eq_ignore_ascii_case("expect") && value.eq_ignore_ascii_case("100-continue")
        };
        match self.0.head_before_body() {
            Some(head) if head.fields.iter().any(expects) => Awaited::Permission,
            _ => Awaited::Rest,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requests() -> Requests {
        Requests::new(&RequestMemory::default())
    }

    #[test]
    fn requests_of_a_connection_come_one_by_one() {
        let (mut requests, now) = (requests(), SystemTime::UNIX_EPOCH);
        let both = b"GET /a HTTP/1.1\r\n\r\nPOST /b HTTP/1.1\r\nContent-Length: 1\r\n\r\nx";
        let (rest, first) = requests.read(both, now);
        assert_eq!(first.unwrap().request.target, "/a");
        let (rest, second) = requests.read(rest, now);
        assert_eq!(second.unwrap().request.body, b"x");
        assert!(rest.is_empty());
    }

    #[test]
    fn body_that_waits_for_permission_is_known() {
        let (mut requests, now) = (requests(), SystemTime::UNIX_EPOCH);
        requests.read(b"POST / HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-Continue\r\n\r\n", now);
        assert_eq!(requests.awaited(), Awaited::Permission);
        requests.read(b"x", now);
        assert_eq!(requests.awaited(), Awaited::Rest);
    }

    #[test]
    fn bytes_that_are_no_http_are_known() {
        let mut requests = requests();
        requests.read(&[0x16, 3, 1, b'\r', b'\n', b'\r', b'\n'], SystemTime::UNIX_EPOCH);
        assert_eq!(requests.awaited(), Awaited::Nothing);
    }
}

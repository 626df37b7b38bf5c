//! Recorded HTTP requests written again.

use recording::Request;
use scep::http::{HttpRequest, Method, Operation};

/// The same operation, written as it was.
pub(super) fn as_recorded(recorded: &Request) -> HttpRequest {
    let method = if recorded.method == "POST" { Method::Post } else { Method::Get };
    let query = recorded.target.split_once('?').map_or("", |(_, query)| query).to_owned();
    let mut fields = recorded.fields.iter();
    let content_type = fields.find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let content_type = content_type.map(|(_, value)| value.clone());
    HttpRequest { method, query, content_type, body: recorded.body.clone() }
}

/// The same request with another message.
pub(super) fn with_message(recorded: &Request, message: Vec<u8>) -> HttpRequest {
    let old = as_recorded(recorded);
    match old.method {
        Method::Post => HttpRequest { body: message, ..old },
        Method::Get => Operation::PkiOperation(message).to_http(Method::Get),
    }
}

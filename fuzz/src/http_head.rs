//! What comes in by HTTP before anything of SCEP is known: requests to a mock CA, their queries, and URLs.

use std::sync::Arc;

use mock_ca::{Approval, Ca};
use scep::{
    http::{HttpRequest, Method, Operation},
    url::HttpUrl,
};

use crate::{
    MAX_INPUT_BYTES,
    fixtures::{PERSONALITIES, exchange, mock_ca, run},
    text,
};

/// Sends the data over a connection to a mock CA of each personality, and reads its first line as a URL and as a query.
///
/// # Panics
/// If the answer is no HTTP, if the log has no line or one that steers a terminal, or if a URL or an operation is another one once it
/// was written.
pub fn http_head(data: &[u8]) {
    if data.len() > MAX_INPUT_BYTES {
        return;
    }
    for personality in PERSONALITIES {
        serve(&mock_ca(personality, Approval::Automatic), data);
    }
    let line = data.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    url(&line);
    let target = line.split(' ').nth(1).unwrap_or(&line);
    url(&format!("http://{target}"));
    query(target.split_once('?').map_or(target, |(_, query)| query));
}

fn serve(ca: &Arc<Ca>, data: &[u8]) {
    let serve = |io| ca.serve_connection(io, "fuzz".to_owned());
    let answer = run(exchange(serve, data, true));
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1."), "{answer:?}");
    let log = ca.log();
    assert!(!answer.starts_with(b"HTTP/1.1 200") || !log.is_empty(), "nothing is logged");
    for entry in &log {
        text::check(&entry.to_string());
    }
    for request in ca.requests() {
        let sent = serde_json::to_string(&request).expect("what was seen can be sent");
        assert!(serde_json::from_str::<mock_ca::SeenRequest>(&sent).is_ok(), "{sent}");
    }
}

fn url(given: &str) {
    let Some(url) = text::checked(given.parse::<HttpUrl>()) else { return };
    let written = url.to_string();
    assert_eq!(written.parse::<HttpUrl>().as_ref(), Ok(&url));
    assert!(given.eq_ignore_ascii_case(&written), "`{given}` becomes `{written}`");
    text::check(&written);
    text::check(&url.authority());
    assert!(url.path().starts_with('/'));
}

fn query(query: &str) {
    for method in [Method::Get, Method::Post] {
        let body = query.as_bytes().to_vec();
        let request = HttpRequest { method, query: query.to_owned(), content_type: None, body };
        let Some(operation) = text::checked(Operation::from_http(&request)) else { continue };
        let again = Operation::from_http(&operation.to_http(method));
        assert_eq!(again.as_ref(), Ok(&operation));
    }
}

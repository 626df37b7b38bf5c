//! What was asked of the server and how: the observations by which a client is judged.

mod message;
mod query;

use std::{collections::VecDeque, time::SystemTime};

use hyper::{
    Method, Uri,
    header::{CONTENT_TYPE, HeaderMap},
};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::{fault::Fault, wire};

pub use message::{SeenCsr, SeenMessage};
pub use query::QueryMessage;

/// A request as it came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenRequest {
    /// When its head had come.
    #[serde(with = "wire::seconds")]
    pub at: SystemTime,
    /// Who asked, as the caller of [`crate::Ca::serve_connection`] named them.
    pub peer: String,
    /// The HTTP method.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The content type, where one was sent.
    pub content_type: Option<String>,
    /// The operation that the query names, whether it is known or not.
    pub operation: Option<String>,
    /// How the message stood in the query of a PKIOperation by GET.
    #[serde(serialize_with = "query::with_verdict")]
    pub query_message: Option<QueryMessage>,
    /// Whether the newest answer to GetCACaps, that to this request included, offered POST; `None` when there was none
    /// (RFC 8894 §4.1).
    pub post_offered: Option<bool>,
    /// Its pkiMessage, where there is one that can be read.
    pub message: Option<SeenMessage>,
    /// What the server did wrong on purpose as it answered.
    pub faults: Vec<Fault>,
}

impl SeenRequest {
    pub(crate) fn of(method: &Method, uri: &Uri, headers: &HeaderMap, peer: &str) -> Self {
        let query = uri.query().unwrap_or_default();
        let operation = query::parameter(query, "operation").map(shortened);
        let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let is_message = method == Method::GET && operation.as_deref() == Some("PKIOperation");
        Self {
            at: SystemTime::now(),
            peer: peer.to_owned(),
            method: shortened(method.as_str()),
            path: shortened(uri.path()),
            content_type: content_type.map(shortened),
            query_message: is_message
                .then(|| query::parameter(query, "message").map(QueryMessage::of))
                .flatten(),
            operation,
            post_offered: None,
            message: None,
            faults: Vec::new(),
        }
    }
}

/// What a peer sends is cut to so many characters.
const LONGEST: usize = 300;

fn shortened(text: impl AsRef<str>) -> String {
    text.as_ref().chars().take(LONGEST).collect()
}

/// The requests that came, the newest few thousand of them.
#[derive(Debug, Default)]
pub(crate) struct SeenRequests {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    requests: VecDeque<SeenRequest>,
    post_offered: Option<bool>,
}

/// So many requests are kept.
const KEPT: usize = 4096;

impl SeenRequests {
    /// Adds a request, whose answer may have said whether POST is offered.
    pub(crate) fn add(&self, request: SeenRequest, offers_post: Option<bool>) {
        let mut kept = self.kept.lock();
        kept.post_offered = offers_post.or(kept.post_offered);
        if kept.requests.len() == KEPT {
            kept.requests.pop_front();
        }
        let post_offered = kept.post_offered;
        kept.requests.push_back(SeenRequest { post_offered, ..request });
    }

    /// All requests kept, oldest first.
    pub(crate) fn all(&self) -> Vec<SeenRequest> {
        self.kept.lock().requests.iter().cloned().collect()
    }
}

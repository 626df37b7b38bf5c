//! The server's end of the API.

use std::{convert::Infallible, net::IpAddr, sync::Arc, time::Duration};

use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use scep::http::Method;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::{JoinSet, spawn_blocking},
    time::timeout,
};

use super::{
    JSON, Refusal, ScepService,
    call::{
        Approve, Call, CountDenied, Deny, Describe, Exchange, Follow, Inject, ListFaults,
        ListIssued, ListPending, ListRequests, MakeChallenge, ReadLog, Refused, Revoke,
    },
};
use crate::{
    ca::Ca,
    http::{Listener, accept_all},
};

/// The longest body of a request, in bytes.
const BODY_BYTES: usize = 16 * 1024;

/// The same of a lab, whose requests may hold a message in base64.
const LAB_BODY_BYTES: usize = 2 * scep::MAX_MESSAGE_BYTES;

/// How long a request may take to come.
const PATIENCE: Duration = Duration::from_secs(10);

/// How many connections are open at once; further ones wait.
const CONNECTIONS: usize = 16;

/// A CA's end of the API.
pub struct Control {
    ca: Arc<Ca>,
    /// The way to its SCEP service, for the lab that started it.
    service: Option<Arc<dyn ScepService>>,
}

/// What is answered, or why not.
type Answer = Result<Value, Refused>;

/// A call as the server knows it.
struct Known {
    method: Method,
    path: &'static str,
    /// Whether only the lab that started a CA may make it: passwords travel.
    within_lab: bool,
    /// How a CA follows it; `None` for a request to its SCEP service.
    follow: Option<fn(&Ca, &[u8]) -> Answer>,
}

const fn known<C: Follow>() -> Known {
    Known { method: C::METHOD, path: C::PATH, within_lab: false, follow: Some(followed::<C>) }
}

/// The calls that there are.
const CALLS: &[Known] = &[
    known::<ListIssued>(),
    known::<ListRequests>(),
    known::<ListPending>(),
    known::<ListFaults>(),
    known::<ReadLog>(),
    known::<CountDenied>(),
    known::<Describe>(),
    known::<Approve>(),
    known::<Deny>(),
    known::<Revoke>(),
    known::<Inject>(),
    Known { within_lab: true, ..known::<MakeChallenge>() },
    Known { method: Exchange::METHOD, path: Exchange::PATH, within_lab: true, follow: None },
];

impl Control {
    /// For whoever is on the same machine: no password is told, and each connection serves one request.
    pub fn new(ca: Arc<Ca>) -> Arc<Self> {
        Arc::new(Self { ca, service: None })
    }

    /// For the lab that started the CA, which is told everything, over connections that stay.
    pub fn within_lab(ca: Arc<Ca>, service: Arc<dyn ScepService>) -> Arc<Self> {
        Arc::new(Self { ca, service: Some(service) })
    }

    /// Answers until the future is dropped, and with it all connections.
    pub async fn serve(self: &Arc<Self>, listener: impl Listener) {
        let mut connections = JoinSet::new();
        accept_all(&listener, &mut connections, CONNECTIONS, |stream, _| {
            let control = Arc::clone(self);
            async move { control.serve_connection(stream).await }
        })
        .await;
    }

    /// Serves one connection: a single request, so that nobody keeps a place, or those of a lab until it closes.
    pub async fn serve_connection<Io>(self: &Arc<Self>, io: Io)
    where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let is_lab = self.service.is_some();
        let service = service_fn(|request| self.respond(request));
        let mut builder = http1::Builder::new();
        builder.timer(TokioTimer::new()).keep_alive(is_lab);
        builder.header_read_timeout((!is_lab).then_some(PATIENCE));
        let connection = builder.serve_connection(TokioIo::new(io), service);
        // A peer that went away is its own concern.
        if is_lab {
            let _ = connection.await;
        } else {
            let _ = timeout(PATIENCE * 3, connection).await;
        }
    }

    async fn respond(
        &self,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, Infallible> {
        let (status, body) = match self.answer(request).await {
            Ok(value) => (StatusCode::OK, value.to_string()),
            Err(Refused { status, reason: error }) => {
                (status, serde_json::to_string(&Refusal { error }).unwrap_or_default())
            }
        };
        let mut response = Response::new(Full::new((body + "\n").into()));
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
        Ok(response)
    }

    async fn answer(&self, request: Request<Incoming>) -> Answer {
        let (head, body) = request.into_parts();
        if !is_local(&head.headers) {
            return Err(Refused::new(StatusCode::FORBIDDEN, &"the host is not named as loopback"));
        }
        if head.method == hyper::Method::POST && text(&head.headers, &CONTENT_TYPE) != Some(JSON) {
            let reason = "the content type is not `application/json`";
            return Err(Refused::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, &reason));
        }
        let limit = if self.service.is_some() { LAB_BODY_BYTES } else { BODY_BYTES };
        let read = timeout(PATIENCE, Limited::new(body, limit).collect()).await;
        let Ok(Ok(body)) = read else {
            let reason = format!("the body is longer than {limit} bytes, or did not come");
            return Err(Refused::new(StatusCode::PAYLOAD_TOO_LARGE, &reason));
        };
        let (path, body) = (head.uri.path(), body.to_bytes());
        let Some(follow) = self.find(&head.method, path)?.follow else {
            return self.exchange(&read_call(&body)?).await;
        };
        // A decision may wait for a disk.
        let ca = Arc::clone(&self.ca);
        let answering = spawn_blocking(move || follow(&ca, &body)).await;
        answering.unwrap_or_else(|error| Err(internal(&error)))
    }

    /// The call that may be made here by this method.
    fn find(&self, method: &hyper::Method, path: &str) -> Result<&'static Known, Refused> {
        let calls = CALLS.iter().filter(|call| !call.within_lab || self.service.is_some());
        let mut here = calls.clone().filter(|call| call.path == path);
        let name = method.as_str();
        if let Some(call) = here.clone().find(|call| call.method.as_str() == name) {
            return Ok(call);
        }
        if here.next().is_some() {
            let reason = format!("{name} is not for `{path}`");
            return Err(Refused::new(StatusCode::METHOD_NOT_ALLOWED, &reason));
        }
        let calls = calls.map(|call| format!("{} {}", call.method.as_str(), call.path));
        let reason = format!("there are {}", calls.collect::<Vec<_>>().join(", "));
        Err(Refused::new(StatusCode::NOT_FOUND, &reason))
    }

    async fn exchange(&self, call: &Exchange) -> Answer {
        let Some(service) = &self.service else {
            return Err(Refused::new(StatusCode::NOT_FOUND, &"this is no lab"));
        };
        match service.exchange(&call.request, &call.suffix).await {
            Ok(exchanged) => told(&exchanged),
            Err(error) => Err(Refused::new(StatusCode::BAD_GATEWAY, &error)),
        }
    }
}

fn followed<C: Follow>(ca: &Ca, body: &[u8]) -> Answer {
    // A question has no body, and so no field.
    let body = if C::METHOD == Method::Get { b"null" } else { body };
    told(&read_call::<C>(body)?.follow(ca)?)
}

fn read_call<C: DeserializeOwned>(body: &[u8]) -> Result<C, Refused> {
    serde_json::from_slice(body).map_err(|error| Refused::new(StatusCode::BAD_REQUEST, &error))
}

fn told(reply: &impl Serialize) -> Answer {
    serde_json::to_value(reply).map_err(|error| internal(&error))
}

fn internal(error: &impl ToString) -> Refused {
    Refused::new(StatusCode::INTERNAL_SERVER_ERROR, error)
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Whether the request names this machine as itself: a page whose name was made to lead here names another.
fn is_local(headers: &HeaderMap) -> bool {
    let host = text(headers, &HOST).unwrap_or_default();
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    name == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

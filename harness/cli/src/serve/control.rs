//! The control port: what the CA is to tell and to do, in JSON over HTTP, for whoever is on the same machine.
//!
//! A browser on that machine is not to do it for a page from elsewhere: what changes anything must be
//! `application/json`, which no foreign page can send unasked, and the host must be named as loopback.

mod answer;
mod told;

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use mock_ca::Ca;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{sleep, timeout};

use self::answer::{Answer, Refused};

/// The longest body of a request, in bytes.
const BODY_BYTES: usize = 16 * 1024;

/// How long a request may take to come.
const PATIENCE: Duration = Duration::from_secs(10);

/// How many connections are open at once; further ones wait.
const CONNECTIONS: usize = 16;

/// A pause after the system refused a connection, for lack of file descriptors as a rule.
const PAUSE: Duration = Duration::from_millis(100);

const JSON: &str = "application/json";

/// Answers until the future is dropped, and with it all connections.
pub(super) async fn serve(listener: TcpListener, ca: Arc<Ca>) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    // The semaphore is never closed.
    while let Ok(slot) = Arc::clone(&slots).acquire_owned().await {
        let Ok((stream, _)) = listener.accept().await else {
            sleep(PAUSE).await;
            continue;
        };
        let ca = Arc::clone(&ca);
        connections.spawn(async move {
            converse(stream, ca).await;
            drop(slot);
        });
        while connections.try_join_next().is_some() {}
    }
}

/// One request: whoever has a further one connects anew, and nobody keeps a place.
async fn converse(stream: TcpStream, ca: Arc<Ca>) {
    let service = service_fn(|request| respond(Arc::clone(&ca), request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    // A peer that went away is its own concern.
    let _ = timeout(PATIENCE * 3, connection).await;
}

async fn respond(
    ca: Arc<Ca>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (status, value) = match answer(ca, request).await {
        Ok(value) => (StatusCode::OK, value),
        Err(refused) => (refused.status, json!({"error": refused.reason})),
    };
    let mut response = Response::new(Full::new(format!("{value}\n").into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
    Ok(response)
}

async fn answer(ca: Arc<Ca>, request: Request<Incoming>) -> Answer {
    let (head, body) = request.into_parts();
    if !is_local(&head.headers) {
        return Err(Refused::new(StatusCode::FORBIDDEN, "the host is not named as loopback"));
    }
    if head.method == Method::POST && text(&head.headers, &CONTENT_TYPE) != Some(JSON) {
        let reason = "the content type is not `application/json`";
        return Err(Refused::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, reason));
    }
    let read = timeout(PATIENCE, Limited::new(body, BODY_BYTES).collect()).await;
    let Ok(Ok(body)) = read else {
        let reason = format!("the body is longer than {BODY_BYTES} bytes, or did not come");
        return Err(Refused::new(StatusCode::PAYLOAD_TOO_LARGE, reason));
    };
    let body = body.to_bytes();
    // A decision may wait for a disk.
    let path = head.uri.path().to_owned();
    let answering = spawn_blocking(move || answer::answer(&ca, &head.method, &path, &body)).await;
    answering.unwrap_or_else(|error| {
        Err(Refused::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
    })
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

//! The server's end of the API.

use std::{convert::Infallible, fmt, net::IpAddr, sync::Arc, time::Duration};

use http_body_util::Full;
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{CONTENT_TYPE, HeaderValue},
    http::request::Parts,
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use scep::{
    content::Content,
    http::{MAX_PIECES, Method},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::{JoinSet, spawn_blocking},
    time::timeout,
};

use super::{
    JSON, Mask, Refusal, ScepService,
    call::{
        Approve, Call, CountDenied, Deny, Describe, Exchange, Handle, Inject, ListEvents,
        ListFaults, ListIssued, ListKeys, ListPending, ListRequests, MakeChallenge, MoveClock,
        ReadClock, ReadLog, Refused, Revoke, RollOver, Serve, UntilDue,
    },
};
use crate::{
    ca::Ca,
    http::{
        BodyError, BodyLimits, Listener, Place, Places, accept_all, expect_host, has_media_type,
        host_of, read_body,
    },
};

/// The longest body of a request, in bytes.
const BODY_BYTES: usize = 16 * 1024;

/// The longest head of a request, in bytes.
const HEAD_BYTES: usize = 16 * 1024;

/// The longest body of a request from a lab, in bytes: it may hold a message in base64.
const LAB_BODY_BYTES: usize = 2 * scep::MAX_MESSAGE_BYTES;

/// The time in which a request must arrive.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// The number of connections that may be open at once; for a further one, that which waited longest for its request is closed.
const CONNECTIONS: usize = 16;

/// The time that a connection may wait for its request before it makes room for another.
const LEAST_WAIT: Duration = Duration::from_millis(100);

/// The server of a CA's control API.
pub struct Control {
    ca: Arc<Ca>,
    /// Access to the CA's SCEP service, for the lab that started the CA.
    service: Option<Arc<dyn ScepService>>,
    /// Takes the secrets out of answers.
    mask: Option<Mask>,
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control").field("ca", &self.ca).finish_non_exhaustive()
    }
}

/// The reply, or the reason for a refusal.
type Answer = Result<Value, Refused>;

/// An entry in the server's table of calls.
struct Known {
    method: Method,
    path: &'static str,
    /// True if only the lab that started the CA may make the call, because passwords and keys travel.
    within_lab: bool,
    handle: Handler,
}

/// The implementation of a call.
#[derive(Clone, Copy)]
enum Handler {
    /// By the CA.
    Ca(fn(&Ca, &[u8]) -> Answer),
    /// By the SCEP service: a request to it.
    Exchange,
    /// By the SCEP service: it stops, or starts again.
    Serve,
}

const fn known<C: Handle>() -> Known {
    Known { method: C::METHOD, path: C::PATH, within_lab: false, handle: Handler::Ca(handled::<C>) }
}

const fn of_service<C: Call>(handle: Handler) -> Known {
    Known { method: C::METHOD, path: C::PATH, within_lab: true, handle }
}

/// All calls.
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
    known::<RollOver>(),
    known::<ListEvents>(),
    known::<UntilDue>(),
    known::<Inject>(),
    known::<ReadClock>(),
    known::<MoveClock>(),
    Known { within_lab: true, ..known::<MakeChallenge>() },
    Known { within_lab: true, ..known::<ListKeys>() },
    of_service::<Exchange>(Handler::Exchange),
    of_service::<Serve>(Handler::Serve),
];

impl Control {
    /// A server for any user of this machine: it gives no password, and each connection serves one request.
    pub fn new(ca: Arc<Ca>) -> Arc<Self> {
        Arc::new(Self { ca, service: None, mask: None })
    }

    /// The same for a CA whose secrets a peer may have sent in a text that is no secret, such as a subject: all texts of answers are
    /// masked.
    pub fn masked(ca: Arc<Ca>, mask: Mask) -> Arc<Self> {
        Arc::new(Self { ca, service: None, mask: Some(mask) })
    }

    /// A server for the lab that started the CA: it gives passwords and keys, too, and connections stay open.
    pub fn within_lab(ca: Arc<Ca>, service: Arc<dyn ScepService>) -> Arc<Self> {
        Arc::new(Self { ca, service: Some(service), mask: None })
    }

    /// Serves until the future is dropped; that closes all connections.
    pub async fn serve(self: &Arc<Self>, listener: impl Listener) {
        let mut connections = JoinSet::new();
        let places = Places::new(CONNECTIONS, LEAST_WAIT);
        accept_all(&listener, &mut connections, &places, |stream, _, place| {
            let control = Arc::clone(self);
            async move { control.serve_in(stream, place).await }
        })
        .await;
    }

    /// Serves one connection: a single request, so that no client occupies a place, or all requests of a lab.
    pub async fn serve_connection<Io>(self: &Arc<Self>, io: Io)
    where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        self.serve_in(io, Place::alone()).await;
    }

    async fn serve_in<Io>(self: &Arc<Self>, io: Io, place: Place)
    where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let is_lab = self.service.is_some();
        let service = service_fn(|request| self.respond(request, &place));
        let mut builder = http1::Builder::new();
        builder.timer(TokioTimer::new()).keep_alive(is_lab);
        builder.header_read_timeout((!is_lab).then_some(REQUEST_TIMEOUT)).max_buf_size(HEAD_BYTES);
        let connection = builder.serve_connection(TokioIo::new(io), service);
        // If the peer has gone away, there is nothing to do.
        if is_lab {
            let _ = connection.await;
        } else {
            tokio::select! {
                biased;
                _ = timeout(REQUEST_TIMEOUT * 3, connection) => {}
                _ = place.given_up() => {}
            }
        }
    }

    async fn respond(
        &self,
        request: Request<Incoming>,
        place: &Place,
    ) -> Result<Response<Full<Bytes>>, Infallible> {
        let (head, body) = request.into_parts();
        let body = read_body(&head, body, self.body_limits()).await;
        let _work = place.work();
        let (status, mut value) = match self.answer(&head, body).await {
            Ok(value) => (StatusCode::OK, value),
            Err(Refused { status, reason: error }) => {
                (status, serde_json::to_value(Refusal { error }).unwrap_or_default())
            }
        };
        if let Some(mask) = &self.mask {
            mask.apply(&mut value);
        }
        let mut response = Response::new(Full::new(format!("{value}\n").into()));
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
        Ok(response)
    }

    fn body_limits(&self) -> BodyLimits {
        let bytes = if self.service.is_some() { LAB_BODY_BYTES } else { BODY_BYTES };
        BodyLimits { bytes, pieces: MAX_PIECES, time: REQUEST_TIMEOUT }
    }

    async fn answer(&self, head: &Parts, body: Result<Vec<u8>, BodyError>) -> Answer {
        expect_host(head).map_err(|reason| Refused::new(StatusCode::BAD_REQUEST, &reason))?;
        if !is_local(host_of(head)) {
            return Err(Refused::new(StatusCode::FORBIDDEN, &"the host is not named as loopback"));
        }
        if head.method == hyper::Method::POST && !has_media_type(&head.headers, JSON) {
            let reason = "the content type is not `application/json`";
            return Err(Refused::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, &reason));
        }
        let body = body.map_err(|error| {
            let status = match error {
                BodyError::TooMuch(_) => StatusCode::PAYLOAD_TOO_LARGE,
                BodyError::TooSlow(_) => StatusCode::REQUEST_TIMEOUT,
                BodyError::Broken(_) => StatusCode::BAD_REQUEST,
            };
            Refused::new(status, &error)
        })?;
        let handle = match self.find(&head.method, head.uri.path())?.handle {
            Handler::Ca(handle) => handle,
            Handler::Exchange => return self.exchange(&read_call(&body)?).await,
            Handler::Serve => return self.serve_or_not(&read_call(&body)?),
        };
        // A decision may wait for the disk.
        let ca = Arc::clone(&self.ca);
        let answering = spawn_blocking(move || handle(&ca, &body)).await;
        answering.unwrap_or_else(|error| Err(internal(&error)))
    }

    /// The call with this method and path, if it is allowed here.
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

    /// The SCEP service, if this CA is part of a lab.
    fn service(&self) -> Result<&Arc<dyn ScepService>, Refused> {
        let reason = "this CA is not part of a lab, so it takes no calls to its service";
        self.service.as_ref().ok_or_else(|| Refused::new(StatusCode::NOT_FOUND, &reason))
    }

    fn serve_or_not(&self, call: &Serve) -> Answer {
        let done = self.service()?.set_serving(call.serving);
        done.map_err(|error| Refused::new(StatusCode::CONFLICT, &error))?;
        Ok(json!({ "serving": call.serving }))
    }

    async fn exchange(&self, call: &Exchange) -> Answer {
        match self.service()?.exchange(&call.request, &call.suffix).await {
            Ok(exchanged) => to_json(&exchanged),
            Err(error) => Err(Refused::new(StatusCode::BAD_GATEWAY, &error)),
        }
    }
}

fn handled<C: Handle>(ca: &Ca, body: &[u8]) -> Answer {
    // A question has no body and no field.
    let body = if C::METHOD == Method::Get { b"null" } else { body };
    to_json(&read_call::<C>(body)?.handle(ca)?)
}

fn read_call<C: DeserializeOwned>(body: &[u8]) -> Result<C, Refused> {
    serde_json::from_slice(body).map_err(|error| {
        let reason = match Content::of(body) {
            Content::Json(_) => format!("the JSON is not that of this call: {error}"),
            content => format!("the body is not JSON: {content} came"),
        };
        Refused::new(StatusCode::BAD_REQUEST, &reason)
    })
}

fn to_json(reply: &impl Serialize) -> Answer {
    serde_json::to_value(reply).map_err(|error| internal(&error))
}

fn internal(error: &impl ToString) -> Refused {
    Refused::new(StatusCode::INTERNAL_SERVER_ERROR, error)
}

/// True if a host, perhaps with a port, is a loopback name. A page whose own domain name leads to this machine sends that name
/// instead.
fn is_local(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    name == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

//! The HTTP server: bounded in size, in time and in number of connections.

mod accept;

use std::{error::Error as _, io, pin::pin, sync::Arc, time::SystemTime};

use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::{
    Request, Response, StatusCode,
    body::{Body, Bytes, Incoming},
    header::{
        AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName,
        HeaderValue, SERVER,
    },
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use scep::http::{HttpRequest, Method};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::watch,
    time::{sleep, timeout},
};
use tokio_io_timeout::TimeoutWriter;

pub(crate) use accept::accept_all;
pub use accept::{Listener, SHUTDOWN_TIMEOUT, serve};

use crate::{
    answer::Answer,
    ca::Ca,
    log::{LogEntry, LogOutcome},
    seen::SeenRequest,
    service::Inquiry,
};

/// Why the body of a request was not read.
#[derive(Debug, thiserror::Error)]
enum Unread {
    #[error("the body is longer than {0} bytes")]
    TooLong(usize),
    #[error("the body did not come within {0} s")]
    TooSlow(u64),
    #[error("the body broke off: {0}")]
    Broken(String),
    #[error("the answer is withheld")]
    Withheld,
}

impl Ca {
    /// Serves one HTTP/1.1 connection until the peer closes it, errs, or is too slow.
    ///
    /// `peer` is what the log calls the other end, such as `127.0.0.1:4711`.
    pub async fn serve_connection<Io>(self: &Arc<Self>, io: Io, peer: String)
    where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (_keep_open, stop) = watch::channel(false);
        self.serve_until(io, peer, stop).await;
    }

    /// The same, finishing after the request under way once `stop` says so.
    async fn serve_until<Io>(
        self: &Arc<Self>,
        io: Io,
        peer: String,
        mut stop: watch::Receiver<bool>,
    ) where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut io = TimeoutWriter::new(io);
        io.set_timeout(Some(self.service.settings.limits.read_timeout));
        let io = TokioIo::new(Box::pin(io));
        let service = service_fn(|request| self.respond(request, &peer));
        let mut connection = pin!(self.builder().serve_connection(io, service));
        let ended = tokio::select! {
            ended = &mut connection => ended,
            () = stopped(&mut stop) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended
            && !is_on_purpose(&error)
        {
            self.log_cut(&peer, &error);
        }
    }

    fn builder(&self) -> http1::Builder {
        /// hyper takes no less.
        const LEAST_HEAD_BYTES: usize = 8192;
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(self.service.settings.limits.read_timeout)
            .max_buf_size(self.service.settings.limits.head_bytes.max(LEAST_HEAD_BYTES))
            .title_case_headers(true);
        builder
    }

    async fn respond(
        self: &Arc<Self>,
        request: Request<Incoming>,
        peer: &str,
    ) -> Result<Response<Full<Bytes>>, Unread> {
        let asked = format!("{} {}", request.method(), request.uri().path());
        let mut seen = SeenRequest::of(request.method(), request.uri(), request.headers(), peer);
        let answer = match self.inquiry(request).await {
            Ok(inquiry) => self.answer_without_blocking(inquiry).await,
            Err(error @ Unread::TooLong(_)) => Answer {
                header: Some((CONNECTION, "close".to_owned())),
                ..Answer::error(self.service.personality, 413, &error)
            },
            Err(error) => return Err(error),
        };
        let (response, delay, is_withheld) =
            (self.response(&answer), answer.delay, answer.is_withheld);
        seen.faults.clone_from(&answer.note.faults);
        seen.message = answer.note.message.as_deref().cloned();
        self.seen.add(seen, answer.note.post_offered);
        self.log_answer(answer, asked, peer);
        if !delay.is_zero() {
            sleep(delay).await;
        }
        if is_withheld { Err(Unread::Withheld) } else { Ok(response) }
    }

    async fn inquiry(&self, request: Request<Incoming>) -> Result<Inquiry, Unread> {
        let (head, body) = request.into_parts();
        let method = match head.method {
            hyper::Method::GET => Some(Method::Get),
            hyper::Method::POST => Some(Method::Post),
            _ => None,
        };
        let body = self.read_body(body).await?;
        Ok(Inquiry {
            path: head.uri.path().to_owned(),
            authorization: text(&head.headers, &AUTHORIZATION),
            request: method.map(|method| HttpRequest {
                method,
                query: head.uri.query().unwrap_or_default().to_owned(),
                content_type: text(&head.headers, &CONTENT_TYPE),
                body: body.into(),
            }),
        })
    }

    async fn read_body(&self, body: Incoming) -> Result<Bytes, Unread> {
        let limits = &self.service.settings.limits;
        // Whoever announces too much is told so before they send it.
        if body.size_hint().lower() > limits.body_bytes as u64 {
            return Err(Unread::TooLong(limits.body_bytes));
        }
        let read = Limited::new(body, limits.body_bytes).collect();
        match timeout(limits.read_timeout, read).await {
            Ok(Ok(collected)) => Ok(collected.to_bytes()),
            Ok(Err(error)) if error.is::<LengthLimitError>() => {
                Err(Unread::TooLong(limits.body_bytes))
            }
            Ok(Err(error)) => Err(Unread::Broken(error.to_string())),
            Err(_) => Err(Unread::TooSlow(limits.read_timeout.as_secs())),
        }
    }

    /// Answering takes about a millisecond of RSA, and is done at once; a disk may take longer, and has its own thread.
    async fn answer_without_blocking(self: &Arc<Self>, inquiry: Inquiry) -> Answer {
        if self.service.settings.state.is_none() {
            return self.service.answer(&inquiry, SystemTime::now());
        }
        let ca = Arc::clone(self);
        let answering =
            tokio::task::spawn_blocking(move || ca.service.answer(&inquiry, SystemTime::now()))
                .await;
        answering.unwrap_or_else(|error| Answer::error(self.service.personality, 500, &error))
    }

    /// Header fields in the order of the real servers: length, type, server, and the date, which hyper adds.
    fn response(&self, answer: &Answer) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(answer.body.clone()));
        let status = StatusCode::from_u16(answer.status);
        *response.status_mut() = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(CONTENT_LENGTH, HeaderValue::from(answer.body.len()));
        if let Some(content_type) = answer.content_type {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        if let Some(server) = self.service.personality.server_header {
            headers.insert(SERVER, HeaderValue::from_static(server));
        }
        if let Some((name, value)) = &answer.header
            && let Ok(value) = HeaderValue::from_str(value)
        {
            headers.insert(name, value);
        }
        response
    }

    fn log_answer(&self, answer: Answer, asked: String, peer: &str) {
        self.log.write(LogEntry {
            at: SystemTime::now(),
            peer: peer.to_owned(),
            operation: answer.note.operation.map_or(asked, str::to_owned),
            message_type: answer.note.message_type,
            transaction_id: answer.note.transaction_id,
            outcome: answer.outcome,
            reason: answer.note.reason,
            faults: answer.note.faults,
        });
    }

    fn log_cut(&self, peer: &str, error: &hyper::Error) {
        let cause = error.source().map(|cause| match cause.downcast_ref::<io::Error>() {
            Some(slow) if slow.kind() == io::ErrorKind::TimedOut => {
                ": the peer does not read".into()
            }
            _ => format!(": {cause}"),
        });
        self.log.write(LogEntry {
            at: SystemTime::now(),
            peer: peer.to_owned(),
            operation: "HTTP".to_owned(),
            message_type: None,
            transaction_id: None,
            outcome: LogOutcome::Cut,
            reason: Some(format!("{error}{}", cause.unwrap_or_default())),
            faults: Vec::new(),
        });
    }
}

/// Whether the connection was closed by a fault, of which the log tells already.
fn is_on_purpose(error: &hyper::Error) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref());
    matches!(cause, Some(Unread::Withheld))
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that nobody is left who could say so.
    if stop.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.to_owned())
}

//! The HTTP server, with limits on size, time and number of connections.

use std::{
    error::Error as _,
    io,
    pin::pin,
    sync::Arc,
    time::{Duration, SystemTime},
};

use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::{
    Request, Response, StatusCode,
    body::{Body, Bytes, Incoming},
    header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, SERVER},
    http::request::Parts,
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::{JoinSet, spawn_blocking},
    time::{sleep, timeout},
};
use tokio_io_timeout::TimeoutWriter;

use crate::{
    answer::Answer,
    ca::Ca,
    log::{LogEntry, LogOutcome},
    seen::SeenRequest,
};

/// The time that [`serve`] gives to unfinished answers when it must stop.
pub const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// The pause after the system refused a connection, usually because there are too many open files.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves the connections of a listener until `shutdown` completes; unfinished answers then have [`SHUTDOWN_TIMEOUT`] to end.
///
/// No more than [`crate::Limits::connections`] are open at once.
///
/// ```
/// use std::time::SystemTime;
///
/// use mock_ca::{Ca, PersonalityName, Settings};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let ca = Ca::open(Settings::new("ca", PersonalityName::Linux), SystemTime::now())?;
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
/// let shutdown = async { /* waits for Ctrl-C, for example */ };
/// mock_ca::serve(listener, ca, shutdown).await;
/// # Ok(())
/// # }
/// ```
pub async fn serve(listener: TcpListener, ca: Arc<Ca>, shutdown: impl Future<Output = ()>) {
    let (stop, stopped) = watch::channel(());
    let mut connections = JoinSet::new();
    let limit = ca.service.settings.limits.connections;
    let accepting = accept_all(&listener, &mut connections, limit, |stream, peer| {
        let (ca, stopped) = (Arc::clone(&ca), stopped.clone());
        async move { ca.serve_until(stream, peer, stopped).await }
    });
    tokio::select! {
        () = accepting => {}
        () = shutdown => {}
    }
    let _ = stop.send(());
    let _ =
        timeout(SHUTDOWN_TIMEOUT, async { while connections.join_next().await.is_some() {} }).await;
}

/// A source of connections.
pub trait Listener: Send + Sync {
    /// A connection.
    type Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static;

    /// The next connection, and the name of its peer.
    fn accept(&self) -> impl Future<Output = io::Result<(Self::Stream, String)>> + Send;
}

impl Listener for TcpListener {
    type Stream = TcpStream;

    async fn accept(&self) -> io::Result<(TcpStream, String)> {
        let (stream, peer) = Self::accept(self).await?;
        // Answers are written in one piece, so waiting to fill a segment only costs time. So does a failure here.
        let _ = stream.set_nodelay(true);
        Ok((stream, peer.to_string()))
    }
}

#[cfg(unix)]
impl Listener for tokio::net::UnixListener {
    type Stream = tokio::net::UnixStream;

    async fn accept(&self) -> io::Result<(Self::Stream, String)> {
        let (stream, _) = Self::accept(self).await?;
        Ok((stream, "a socket".to_owned()))
    }
}

/// Calls `serve` with each connection; no more than `limit` are open at once, and further ones wait.
pub(crate) async fn accept_all<L: Listener, F: Future<Output = ()> + Send + 'static>(
    listener: &L,
    connections: &mut JoinSet<()>,
    limit: usize,
    serve: impl Fn(L::Stream, String) -> F,
) {
    let slots = Arc::new(Semaphore::new(limit));
    // The semaphore is never closed.
    while let Ok(slot) = Arc::clone(&slots).acquire_owned().await {
        let Ok((stream, peer)) = listener.accept().await else {
            sleep(PAUSE).await;
            continue;
        };
        let serving = serve(stream, peer);
        connections.spawn(async move {
            serving.await;
            drop(slot);
        });
        while connections.try_join_next().is_some() {}
    }
}

/// The reason why the body of a request was not read, or why there is no answer.
#[derive(Debug, thiserror::Error)]
enum ResponseError {
    #[error("the body is longer than {0} bytes")]
    TooLong(usize),
    #[error("the body did not arrive within {0} s")]
    TooSlow(u64),
    #[error("the body ended early: {0}")]
    Broken(String),
    #[error("the answer is not sent, because a fault withholds it")]
    Withheld,
}

impl Ca {
    /// Serves one HTTP/1.1 connection until the peer closes it, sends something else, or is too slow.
    ///
    /// `peer` is the name of the other end in the log, such as `127.0.0.1:4711`.
    pub async fn serve_connection<Io>(self: &Arc<Self>, io: Io, peer: String)
    where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (_keep_open, stop) = watch::channel(());
        self.serve_until(io, peer, stop).await;
    }

    /// The same, but it ends after the current request when `stop` changes.
    async fn serve_until<Io>(self: &Arc<Self>, io: Io, peer: String, mut stop: watch::Receiver<()>)
    where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut io = TimeoutWriter::new(io);
        io.set_timeout(Some(self.service.settings.limits.read_timeout));
        let io = TokioIo::new(Box::pin(io));
        let service = service_fn(|request| self.respond(request, &peer));
        let mut connection = pin!(self.builder().serve_connection(io, service));
        let ended = tokio::select! {
            ended = &mut connection => ended,
            // The sender outlives the connection.
            _ = stop.changed() => {
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
        /// The least that hyper accepts.
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
    ) -> Result<Response<Full<Bytes>>, ResponseError> {
        let (head, body) = request.into_parts();
        let asked = format!("{} {}", head.method, head.uri.path());
        let mut seen = SeenRequest::of(&head, peer);
        let answer = match self.read_body(body).await {
            Ok(body) => self.answer_without_blocking(head, body).await,
            Err(error @ ResponseError::TooLong(_)) => Answer {
                header: Some((CONNECTION, "close".to_owned())),
                ..Answer::error(self.service.personality, 413, &error)
            },
            Err(error) => return Err(error),
        };
        let response = self.response(&answer);
        let Answer { delay, is_withheld, outcome, note, .. } = answer;
        seen.faults.clone_from(&note.faults);
        seen.message = note.message.map(|message| *message);
        seen.post_offered = note.post_offered;
        let entry = LogEntry {
            at: SystemTime::now(),
            peer: peer.to_owned(),
            operation: note.operation.map_or(asked, str::to_owned),
            message_type: note.message_type,
            transaction_id: note.transaction_id,
            outcome,
            reason: note.reason,
            faults: note.faults,
        };
        self.log.write(entry, Some(seen));
        if !delay.is_zero() {
            sleep(delay).await;
        }
        if is_withheld { Err(ResponseError::Withheld) } else { Ok(response) }
    }

    async fn read_body(&self, body: Incoming) -> Result<Bytes, ResponseError> {
        let limits = &self.service.settings.limits;
        // A peer that announces too much is refused before it sends the body.
        if body.size_hint().lower() > limits.body_bytes as u64 {
            return Err(ResponseError::TooLong(limits.body_bytes));
        }
        let read = Limited::new(body, limits.body_bytes).collect();
        match timeout(limits.read_timeout, read).await {
            Ok(Ok(collected)) => Ok(collected.to_bytes()),
            Ok(Err(error)) if error.is::<LengthLimitError>() => {
                Err(ResponseError::TooLong(limits.body_bytes))
            }
            Ok(Err(error)) => Err(ResponseError::Broken(error.to_string())),
            Err(_) => Err(ResponseError::TooSlow(limits.read_timeout.as_secs())),
        }
    }

    /// Answers on this thread, because RSA takes about a millisecond; on another thread if a state on disk may make it slower.
    async fn answer_without_blocking(self: &Arc<Self>, head: Parts, body: Bytes) -> Answer {
        if self.service.settings.state.is_none() {
            return self.service.answer(&head, body, SystemTime::now());
        }
        let ca = Arc::clone(self);
        let answering = spawn_blocking(move || ca.service.answer(&head, body, SystemTime::now()));
        let answered = answering.await;
        answered.unwrap_or_else(|error| Answer::error(self.service.personality, 500, &error))
    }

    /// The response with its header fields in the order of the real servers: length, type, server, and the date, which hyper adds.
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

    fn log_cut(&self, peer: &str, error: &hyper::Error) {
        let cause = error.source().map(|cause| match cause.downcast_ref::<io::Error>() {
            Some(slow) if slow.kind() == io::ErrorKind::TimedOut => {
                ": the peer does not read".into()
            }
            _ => format!(": {cause}"),
        });
        let entry = LogEntry {
            at: SystemTime::now(),
            peer: peer.to_owned(),
            operation: "HTTP".to_owned(),
            message_type: None,
            transaction_id: None,
            outcome: LogOutcome::Cut,
            reason: Some(format!("{error}{}", cause.unwrap_or_default())),
            faults: Vec::new(),
        };
        self.log.write(entry, None);
    }
}

/// True if a fault closed the connection, which the log says already.
fn is_on_purpose(error: &hyper::Error) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref());
    matches!(cause, Some(ResponseError::Withheld))
}

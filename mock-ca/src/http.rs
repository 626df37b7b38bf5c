//! The HTTP server, with limits on size, time, memory and number of connections.

mod listener;
mod panic;
mod places;
mod request;

use std::{
    error::Error as _,
    io,
    pin::pin,
    sync::Arc,
    time::{Duration, SystemTime},
};

use http_body_util::Full;
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderValue, SERVER},
    http::request::Parts,
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use scep::content::FirstBytes;
use time::{OffsetDateTime, macros::format_description};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::watch,
    task::spawn_blocking,
    time::sleep,
};
use tokio_io_timeout::TimeoutWriter;
use tokio_util::io::InspectReader;

pub use self::listener::{ByteStream, Listener, SHUTDOWN_TIMEOUT, Server, serve};
use self::panic::unless_panic;
pub use self::places::Place;
pub(crate) use self::{
    listener::accept_all,
    places::Places,
    request::{BodyError, BodyLimits, expect_host, has_media_type, host_of, read_body},
};
use crate::{
    answer::Answer,
    ca::Ca,
    log::{LogEntry, LogOutcome},
    memory::Held,
    seen::SeenRequest,
};

/// The time between two lines of log about connections that gave up their places.
const GIVEN_UP_PAUSE: Duration = Duration::from_secs(10);

/// The reason why there is no answer.
#[derive(Debug, thiserror::Error)]
enum ResponseError {
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error("the answer is not sent, because a fault withholds it")]
    Withheld,
}

impl Server for Ca {
    fn room(&self) -> (usize, Duration) {
        let limits = &self.service.settings.limits;
        let connections = self.service.memory.connections(limits, self.tls.is_some());
        (connections, limits.least_wait)
    }

    async fn secured<Io>(
        &self,
        io: Io,
        peer: &str,
        place: &Place,
        stop: &mut watch::Receiver<()>,
    ) -> Option<Box<dyn ByteStream>>
    where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        self.within_tls(io, peer, place, stop).await
    }

    async fn serve_http<Io>(
        self: Arc<Self>,
        io: Io,
        peer: String,
        place: Place,
        mut stop: watch::Receiver<()>,
    ) where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let first_bytes = FirstBytes::default();
        let io = {
            let first_bytes = first_bytes.clone();
            InspectReader::new(io, move |bytes: &[u8]| first_bytes.record(bytes))
        };
        let mut io = TimeoutWriter::new(io);
        io.set_timeout(Some(self.service.settings.limits.read_timeout));
        let io = TokioIo::new(Box::pin(io));
        let service = service_fn(|request| self.respond_or_fail(request, &peer, &place));
        let mut connection = pin!(self.builder().serve_connection(io, service));
        let ended = tokio::select! {
            // First, so that a request that has arrived is seen before the place is given up.
            biased;
            ended = &mut connection => ended,
            waited = place.given_up() => return self.log_given_up("HTTP", &peer, &place, waited),
            // The sender outlives the connection.
            _ = stop.changed() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended
            && !is_on_purpose(&error)
        {
            self.log_cut(&peer, &error, &first_bytes);
        }
    }
}

impl Ca {
    /// Serves one connection until the peer closes it, sends something else, or is too slow.
    ///
    /// `peer` is the name of the other end in the log, such as `127.0.0.1:4711`.
    pub async fn serve_connection<Io>(self: &Arc<Self>, io: Io, peer: String)
    where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (_keep_open, stop) = watch::channel(());
        Arc::clone(self).serve_until(io, peer, Place::alone(), stop).await;
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

    /// The response, or HTTP status 500 after a panic.
    async fn respond_or_fail(
        self: &Arc<Self>,
        request: Request<Incoming>,
        peer: &str,
        place: &Place,
    ) -> Result<Response<Full<Bytes>>, ResponseError> {
        unless_panic(self.respond(request, peer, place)).await.unwrap_or_else(|| {
            let answer = Answer::internal_error(self.service.personality, &"a panic");
            Ok(self.response(&answer, None))
        })
    }

    async fn respond(
        self: &Arc<Self>,
        request: Request<Incoming>,
        peer: &str,
        place: &Place,
    ) -> Result<Response<Full<Bytes>>, ResponseError> {
        let (head, body) = request.into_parts();
        let asked = format!("{} {}", head.method, head.uri.path());
        let mut seen = SeenRequest::of(&head, peer, self.clock().now());
        let body = read_body(&head, body, self.body_limits()).await;
        let _work = place.work();
        let answer = match body {
            Ok(body) => self.answer_in_turn(head, body.into()).await,
            Err(BodyError::TooMuch(too_much)) => Answer {
                header: Some((CONNECTION, "close".to_owned())),
                ..Answer::error(self.service.personality, 413, &too_much)
            },
            Err(error) => return Err(error.into()),
        };
        let (answer, memory) = self.with_memory(answer);
        let response = self.response(&answer, memory);
        let Answer { delay, is_withheld, outcome, note, .. } = answer;
        seen.faults.clone_from(&note.faults);
        seen.message = note.message.map(|message| *message);
        seen.post_offered = note.post_offered;
        let entry = LogEntry {
            at: self.clock().now(),
            peer: peer.to_owned(),
            operation: note.operation.map_or(asked, str::to_owned),
            message_type: note.message_type,
            transaction_id: note.transaction_id,
            outcome,
            reason: note.reason,
            faults: note.faults,
        };
        seen.status = entry.pki_status();
        seen.refusal = entry.refusal(note.password);
        self.log.write(entry, Some(seen));
        if !delay.is_zero() {
            sleep(delay).await;
        }
        if is_withheld { Err(ResponseError::Withheld) } else { Ok(response) }
    }

    fn body_limits(&self) -> BodyLimits {
        let limits = &self.service.settings.limits;
        let (bytes, pieces) = (limits.body_bytes, limits.body_pieces);
        BodyLimits { bytes, pieces, time: limits.read_timeout }
    }

    /// Answers when there is memory to work on the request.
    async fn answer_in_turn(self: &Arc<Self>, head: Parts, body: Bytes) -> Answer {
        if let Err(reason) = expect_host(&head) {
            return Answer::error(self.service.personality, 400, &reason);
        }
        let query = head.uri.query().map_or(0, str::len);
        let _memory = self.service.memory.work(query + body.len()).await;
        self.answer_without_blocking(head, body).await
    }

    /// The answer with the memory that it occupies until it is sent, or an answer that there is none.
    fn with_memory(&self, answer: Answer) -> (Answer, Option<Held>) {
        let own = self.service.settings.limits.body_bytes;
        if let Ok(memory) = self.service.memory.answer(answer.body.len(), own) {
            return (answer, memory);
        }
        let reason = "the memory for long answers is used up";
        (Answer::unavailable(self.service.personality, &reason), None)
    }

    /// Answers on this thread, because RSA takes about a millisecond; on another thread if a state on disk may make it slower.
    async fn answer_without_blocking(self: &Arc<Self>, head: Parts, body: Bytes) -> Answer {
        if self.service.settings.state.is_none() {
            return self.service.answer(&head, body, self.clock().now());
        }
        let ca = Arc::clone(self);
        let answering = spawn_blocking(move || ca.service.answer(&head, body, ca.clock().now()));
        let answered = answering.await;
        answered.unwrap_or_else(|error| Answer::internal_error(self.service.personality, &error))
    }

    /// The response with its header fields in the order of the real servers: length, type, server, and the date.
    fn response(&self, answer: &Answer, memory: Option<Held>) -> Response<Full<Bytes>> {
        let body = match memory {
            Some(memory) => {
                Bytes::from_owner(LongBody { bytes: answer.body.clone(), _memory: memory })
            }
            None => answer.body.clone(),
        };
        let mut response = Response::new(Full::new(body));
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
        // Otherwise hyper adds that of the system.
        if let Ok(date) = HeaderValue::from_str(&http_date(self.clock().now())) {
            headers.insert(DATE, date);
        }
        response
    }

    pub(crate) fn log_given_up(&self, protocol: &str, peer: &str, place: &Place, waited: Duration) {
        let Some(count) = place.count_given_up(GIVEN_UP_PAUSE) else { return };
        let others = match count - 1 {
            0 => String::new(),
            others => format!("; so did {others} others since the last such line"),
        };
        let (waited, places) = (waited.as_secs(), place.limit());
        let reason = format!(
            "it made room for another connection, because it had waited for its peer for {waited} s and all {places} places were taken{others}"
        );
        self.log_end(protocol, peer, reason);
    }

    fn log_cut(&self, peer: &str, error: &hyper::Error, first_bytes: &FirstBytes) {
        let cause = error.source().map(|cause| match cause.downcast_ref::<io::Error>() {
            Some(slow) if slow.kind() == io::ErrorKind::TimedOut => {
                ": the peer does not read".into()
            }
            _ => format!(": {cause}"),
        });
        let what = if error.is_parse() { "the request is no valid HTTP/1: " } else { "" };
        let own = || format!("{what}{error}{}", cause.unwrap_or_default());
        self.log_end("HTTP", peer, first_bytes.explain("request").unwrap_or_else(own));
    }

    /// Logs that a connection ended without an answer.
    fn log_end(&self, protocol: &str, peer: &str, reason: String) {
        let entry = LogEntry {
            at: self.clock().now(),
            peer: peer.to_owned(),
            operation: protocol.to_owned(),
            message_type: None,
            transaction_id: None,
            outcome: LogOutcome::Cut,
            reason: Some(reason),
            faults: Vec::new(),
        };
        self.log.write(entry, None);
    }
}

/// The body of an answer, and the memory that it occupies.
struct LongBody {
    bytes: Bytes,
    _memory: Held,
}

impl AsRef<[u8]> for LongBody {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// A date in HTTP (RFC 9110 §5.6.7): `Tue, 05 May 2026 02:00:55 GMT`.
pub fn http_date(time: SystemTime) -> String {
    let format = format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    OffsetDateTime::from(time).format(format).unwrap_or_default()
}

/// True if a fault closed the connection, which the log says already.
fn is_on_purpose(error: &hyper::Error) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref());
    matches!(cause, Some(ResponseError::Withheld))
}

#[cfg(test)]
mod tests {
    use scep::clock::moment;

    use super::*;

    #[test]
    fn date_has_the_form_of_http() {
        let date = |text: &str| http_date(moment(text).unwrap());
        assert_eq!(date("2026-05-05T02:00:55Z"), "Tue, 05 May 2026 02:00:55 GMT");
        assert_eq!(date("1970-01-01T00:00Z"), "Thu, 01 Jan 1970 00:00:00 GMT");
    }
}

//! The handshake of a connection, with limits on time, and what comes in place of one.

use std::{io::Cursor, pin::Pin, time::Duration};

use openssl::ssl::Ssl;
use scep::content::{Content, FirstBytes};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, copy, join, sink, split},
    sync::watch,
    time::timeout,
};
use tokio_openssl::SslStream;

use super::{Tls, failure};
use crate::{
    ca::Ca,
    fault::{Fault, Trigger},
    http::{ByteStream, Place},
    log::{LogEntry, LogOutcome},
};

/// The first byte of every handshake: the type of its records (RFC 8446 §5.1).
const HANDSHAKE_RECORD: u8 = 22;

/// The number of first bytes by which it is decided what the client speaks.
const FIRST_BYTES: usize = 64;

/// The answer to a request in plain HTTP.
const PLAIN_ANSWER: &str = "HTTP/1.1 400 Bad Request\r\n\
    Content-Type: text/plain\r\n\
    Content-Length: 75\r\n\
    Connection: close\r\n\r\n\
    This port speaks HTTPS, and plain HTTP came: write https:// in place of it\n";

/// The most bytes that are read and not kept before a connection is closed.
const DISCARDED_BYTES: u64 = 1024 * 1024;

/// The time in which they must come.
const DISCARDING_TIME: Duration = Duration::from_secs(1);

impl Ca {
    /// The stream on which a peer speaks HTTP: within TLS, if [`crate::Settings::tls`] says so. `None` if there was no handshake, of
    /// which the log has the reason.
    ///
    /// A handshake has as much time as the head of a request, and makes room for another connection like one.
    pub(crate) async fn within_tls<Io>(
        &self,
        io: Io,
        peer: &str,
        place: &Place,
        stop: &mut watch::Receiver<()>,
    ) -> Option<Box<dyn ByteStream>>
    where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Some(tls) = &self.tls else { return Some(Box::new(io)) };
        let limit = self.service.settings.limits.read_timeout;
        tokio::select! {
            biased;
            ended = timeout(limit, self.shake_hands(tls, io, peer)) => {
                ended.unwrap_or_else(|_| {
                    let reason = format!("the handshake did not end within {} s", limit.as_secs());
                    self.log_handshake(peer, LogOutcome::Cut, Some(reason), Vec::new());
                    None
                })
            }
            waited = place.given_up() => {
                self.log_given_up("TLS", peer, place, waited);
                None
            }
            _ = stop.changed() => None,
        }
    }

    async fn shake_hands<Io>(
        &self,
        tls: &Tls,
        mut io: Io,
        peer: &str,
    ) -> Option<Box<dyn ByteStream>>
    where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut first = Vec::with_capacity(FIRST_BYTES);
        // A peer that connects and sends nothing is no event.
        (&mut io).take(FIRST_BYTES as u64).read_buf(&mut first).await.ok()?;
        if *first.first()? != HANDSHAKE_RECORD {
            self.refuse_plain(io, &first, peer).await;
            return None;
        }
        let strikes = self.service.faults.strike(&[Trigger::Handshake]);
        if strikes.fire(Fault::TlsCut) {
            self.log_handshake(peer, LogOutcome::Cut, None, strikes.fired());
            return None;
        }
        let context = tls.context(&strikes, self.clock().now());
        let faults = strikes.fired();
        let (reader, writer) = split(io);
        let io = join(Cursor::new(first).chain(reader), writer);
        let stream = context.and_then(|it| Ssl::new(&it)).and_then(|it| SslStream::new(it, io));
        let mut stream = match stream {
            Ok(stream) => stream,
            Err(errors) => {
                let reason =
                    format!("OpenSSL failed at what should work ({})", scep::reasons(&errors));
                self.log_handshake(peer, LogOutcome::Cut, Some(reason), faults);
                return None;
            }
        };
        if let Err(error) = Pin::new(&mut stream).accept().await {
            self.log_handshake(peer, LogOutcome::Cut, Some(failure::reason(&error)), faults);
            close(stream.get_mut()).await;
            return None;
        }
        if !faults.is_empty() {
            self.log_handshake(peer, LogOutcome::Secured, None, faults);
        }
        Some(Box::new(stream))
    }

    /// Answers a request in plain HTTP with 400. Anything else is closed.
    async fn refuse_plain<Io>(&self, mut io: Io, first: &[u8], peer: &str)
    where
        Io: AsyncRead + AsyncWrite + Unpin + Send,
    {
        let first_bytes = FirstBytes::default();
        first_bytes.record(first);
        if first_bytes.explain("request").is_some() {
            let reason = format!("{} came in place of a TLS handshake", Content::of(first));
            return self.log_handshake(peer, LogOutcome::Cut, Some(reason), Vec::new());
        }
        let reason =
            "plain HTTP came to a port that speaks HTTPS: the URL must begin with https://";
        self.log_handshake(peer, LogOutcome::Http(400), Some(reason.to_owned()), Vec::new());
        if io.write_all(PLAIN_ANSWER.as_bytes()).await.is_ok() {
            close(io).await;
        }
    }

    fn log_handshake(
        &self,
        peer: &str,
        outcome: LogOutcome,
        reason: Option<String>,
        faults: Vec<Fault>,
    ) {
        let entry = LogEntry {
            at: self.clock().now(),
            peer: peer.to_owned(),
            operation: "TLS".to_owned(),
            message_type: None,
            transaction_id: None,
            outcome,
            reason,
            faults,
        };
        self.log.write(entry, None);
    }
}

/// Closes a connection so that the peer reads what was written last. If the server closed it at once, the system would reset it when
/// more comes from the peer.
async fn close(mut io: impl AsyncRead + AsyncWrite + Unpin) {
    if io.shutdown().await.is_ok() {
        let mut rest = io.take(DISCARDED_BYTES);
        let _ = timeout(DISCARDING_TIME, copy(&mut rest, &mut sink())).await;
    }
}

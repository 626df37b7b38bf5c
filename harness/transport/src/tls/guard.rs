//! A stream that is watched during the handshake: a server may send certificates without end, or no TLS at all.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use openssl::ssl;
use scep::content::{Content, FirstBytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{TlsFailure, TlsVersion};

/// The most bytes of a server's handshake: many times those of a long chain of certificates.
const LONGEST_HANDSHAKE: usize = 256 * 1024;

/// A record's content type (RFC 8446 §5.1): an alert, or a part of a handshake.
const RECORDS: [u8; 2] = [0x15, 0x16];

/// What a handshake has received; clones share it.
#[derive(Clone, Default)]
pub(super) struct Guard(Arc<State>);

#[derive(Default)]
struct State {
    first: FirstBytes,
    received: AtomicUsize,
    is_over: AtomicBool,
}

impl Guard {
    /// Ends the watch: what comes now belongs to HTTP, which has bounds of its own.
    pub(super) fn release(&self) {
        self.0.is_over.store(true, Ordering::Relaxed);
    }

    /// True if something else than TLS came.
    pub(super) fn is_no_tls(&self) -> bool {
        self.0.first.bytes().first().is_some_and(|kind| !RECORDS.contains(kind))
    }

    /// The reason why the handshake failed.
    pub(super) fn failure(
        &self,
        error: &ssl::Error,
        has_certificate: bool,
        has_identity: bool,
        lowest: TlsVersion,
    ) -> TlsFailure {
        if self.is_exceeded() {
            return TlsFailure::TooLong(LONGEST_HANDSHAKE);
        }
        let first = self.0.first.bytes();
        match first.first() {
            None => TlsFailure::Cut { is_first: true },
            Some(kind) if RECORDS.contains(kind) => {
                TlsFailure::of(error, has_certificate, has_identity, lowest)
            }
            Some(_) => no_tls(&first),
        }
    }

    fn is_exceeded(&self) -> bool {
        !self.0.is_over.load(Ordering::Relaxed)
            && self.0.received.load(Ordering::Relaxed) > LONGEST_HANDSHAKE
    }

    fn record(&self, bytes: &[u8]) {
        if !self.0.is_over.load(Ordering::Relaxed) {
            self.0.first.record(bytes);
            self.0.received.fetch_add(bytes.len(), Ordering::Relaxed);
        }
    }
}

/// The stream.
pub(super) struct Guarded<S> {
    stream: S,
    guard: Guard,
}

impl<S> Guarded<S> {
    /// A watched stream, and what it has received.
    pub(super) fn new(stream: S) -> (Self, Guard) {
        let guard = Guard::default();
        (Self { stream, guard: guard.clone() }, guard)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.guard.is_exceeded() {
            return Poll::Ready(Err(io::Error::other("the handshake is too long")));
        }
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.guard.record(&buffer.filled()[before..]);
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

fn no_tls(first: &[u8]) -> TlsFailure {
    let content = Content::of(first);
    let is_http = matches!(content, Content::Http1(_) | Content::WebPage(_));
    let what = if is_http { "plain HTTP".to_owned() } else { content.to_string() };
    TlsFailure::NoTls { what, is_http }
}

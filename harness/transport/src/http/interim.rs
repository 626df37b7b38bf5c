//! A bound for interim responses (RFC 9110 §15.2): a server that sends them without end would keep a client busy beyond its time limit,
//! because each is read at once.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use hyper::Request;
use hyper::ext::on_informational;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The maximum number of interim responses to the requests of a connection.
const MOST: usize = 32;

/// The number of interim responses on a connection so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Interim(Arc<AtomicUsize>);

impl Interim {
    /// Counts those to this request.
    pub(super) fn count<B>(&self, request: &mut Request<B>) {
        let count = Arc::clone(&self.0);
        on_informational(request, move |_| {
            count.fetch_add(1, Ordering::Relaxed);
        });
    }

    /// A stream that ends with [`TooManyInterim`] after too many.
    pub(super) fn bound<S>(&self, stream: S) -> Bounded<S> {
        Bounded { stream, interim: self.clone() }
    }
}

/// The error of a connection with too many interim responses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyInterim;

impl fmt::Display for TooManyInterim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "more than {MOST} interim responses (1xx) came, and no answer")
    }
}

impl std::error::Error for TooManyInterim {}

/// A stream that is read as long as few interim responses come.
pub(super) struct Bounded<S> {
    stream: S,
    interim: Interim,
}

impl<S: AsyncRead + Unpin> AsyncRead for Bounded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.interim.0.load(Ordering::Relaxed) > MOST {
            return Poll::Ready(Err(io::Error::other(TooManyInterim)));
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Bounded<S> {
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

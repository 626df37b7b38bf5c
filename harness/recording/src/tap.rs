//! A stream whose bytes are recorded as they pass.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::conversation::Conversation;
use crate::exchange::{End, Exchange};
use crate::recorder::Recorder;

/// What is known of a connection before its first byte.
#[derive(Debug, Clone)]
pub struct Peers {
    /// The end whose stream is tapped.
    pub seen_by: End,
    /// Name of the PKI in its lab, if it has one.
    pub pki: Option<String>,
    /// Address of the client, if it is known.
    pub client: Option<String>,
    /// Address or authority of the server, if it is known.
    pub server: Option<String>,
}

/// A stream; if a recorder taps it, every byte that passes is recorded, and its end is when it is dropped.
#[derive(Debug)]
pub struct Tap<S> {
    stream: S,
    record: Option<Record>,
}

#[derive(Debug)]
struct Record {
    recorder: Recorder,
    seen_by: End,
    conversation: Conversation,
    /// Waits until a further exchange may wait for the disk.
    waiting: Option<JoinHandle<()>>,
}

impl<S> Tap<S> {
    /// The stream, tapped if there is a recorder.
    pub fn new(stream: S, recorder: Option<&Recorder>, peers: impl FnOnce() -> Peers) -> Self {
        let record = recorder.map(|recorder| {
            let Peers { seen_by, pki, client, server } = peers();
            let template = Exchange {
                connection: recorder.next_connection(),
                pki,
                seen_by: Some(seen_by),
                client,
                server,
                ..Exchange::default()
            };
            let conversation = Conversation::new(template, recorder.budget());
            Record { recorder: recorder.clone(), seen_by, conversation, waiting: None }
        });
        Self { stream, record }
    }
}

impl Record {
    /// Waits until there is room for a further exchange: in a thread for such waits, because that of the stream has others to serve, and
    /// in a lab with a time of its own that time must stand still.
    fn poll_room(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            if let Some(waiting) = &mut self.waiting {
                // An error means that the runtime is ending.
                let _ = ready!(Pin::new(waiting).poll(context));
                self.waiting = None;
            }
            let Some(room) = self.recorder.full_room() else { return Poll::Ready(()) };
            self.waiting = Some(spawn_blocking(move || room.wait()));
        }
    }

    fn passed(&mut self, by: End, bytes: &[u8]) {
        let exchanges = self.conversation.read(by, bytes, self.recorder.now());
        self.recorder.record_all(exchanges);
    }

    /// The other end of the connection.
    fn other(&self) -> End {
        match self.seen_by {
            End::Client => End::Server,
            End::Server => End::Client,
        }
    }

    fn received(&mut self, read: &Poll<io::Result<()>>, bytes: &[u8]) {
        let other = self.other();
        let who = match other {
            End::Client => "the client",
            End::Server => "the server",
        };
        match read {
            Poll::Ready(Ok(())) if bytes.is_empty() => {
                self.conversation.ended(|| format!("{who} closed the connection"));
            }
            Poll::Ready(Ok(())) => self.passed(other, bytes),
            Poll::Ready(Err(error)) => {
                self.conversation.ended(|| format!("the connection to {who} broke: {error}"));
            }
            Poll::Pending => {}
        }
    }

    fn sent<'a>(&mut self, written: &Poll<io::Result<usize>>, all: impl Iterator<Item = &'a [u8]>) {
        let Poll::Ready(Ok(written)) = written else { return };
        let mut left = *written;
        for bytes in all {
            let now = bytes.len().min(left);
            if now > 0 {
                self.passed(self.seen_by, &bytes[..now]);
            }
            left -= now;
        }
    }
}

impl<S> Drop for Tap<S> {
    fn drop(&mut self) {
        if let Some(record) = &mut self.record {
            let exchanges = record.conversation.end(record.recorder.now());
            record.recorder.record_all(exchanges);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Tap<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Self { stream, record } = self.get_mut();
        if let Some(record) = record {
            ready!(record.poll_room(context));
        }
        let (before, has_room) = (buffer.filled().len(), buffer.remaining() > 0);
        let read = Pin::new(stream).poll_read(context, buffer);
        if let Some(record) = record.as_mut().filter(|_| has_room) {
            record.received(&read, &buffer.filled()[before..]);
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tap<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let Self { stream, record } = self.get_mut();
        if let Some(record) = record {
            ready!(record.poll_room(context));
        }
        let written = Pin::new(stream).poll_write(context, bytes);
        if let Some(record) = record {
            record.sent(&written, std::iter::once(bytes));
        }
        written
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        all: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let Self { stream, record } = self.get_mut();
        if let Some(record) = record {
            ready!(record.poll_room(context));
        }
        let written = Pin::new(stream).poll_write_vectored(context, all);
        if let Some(record) = record {
            record.sent(&written, all.iter().map(|bytes| &**bytes));
        }
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

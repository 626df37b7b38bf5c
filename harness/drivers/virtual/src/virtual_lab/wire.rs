//! The bytes of a connection as the TCP segments that would carry them (RFC 9293), for the captures of the links on its path.

use std::io::{self, IoSlice};
use std::net::SocketAddrV4;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use parking_lot::Mutex;
use pnet_packet::tcp::TcpFlags;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

use super::capture::Captures;
use super::crossing::Crossing;
use super::packet::{Envelope, MSS, Packet, Ports, Segment};

/// A connection that has been opened.
pub(super) struct Opened {
    pub client: Party,
    pub server: Party,
}

/// An end of a connection.
pub(super) struct Party {
    pub address: SocketAddrV4,
    pub ttl: u8,
    /// The number of its SYN.
    pub initial_sequence: u32,
    /// The links to the other end.
    pub path: Vec<Crossing>,
}

/// One end of a connection.
///
/// Bytes are noted as a segment after they were given to the stream, and the other end notes what it has read after it was taken from there.
/// No segment can be noted before the one that it answers, because a lab has a runtime of one thread: both ends are polled there, and no
/// other task runs between the two steps, which are in one poll without an `await`.
pub(super) struct Wire {
    stream: DuplexStream,
    side: Side,
    connection: Arc<Mutex<Connection>>,
}

/// The ends of a connection.
#[derive(Clone, Copy)]
enum Side {
    Client = 0,
    Server = 1,
}

/// What both ends have sent and received so far.
struct Connection {
    captures: Arc<Captures>,
    parties: [Party; 2],
    /// The sequence number of the next byte of each end.
    next: [u32; 2],
    /// The number of bytes that each end has sent and not yet seen read by the other.
    unread: [usize; 2],
    /// The ends that have sent a FIN.
    is_closed: [bool; 2],
    /// True after a RST.
    is_reset: bool,
}

impl Wire {
    /// Both ends of a connection that has just been opened.
    pub(super) fn pair(
        client: DuplexStream,
        server: DuplexStream,
        opened: Opened,
        captures: Arc<Captures>,
    ) -> (Self, Self) {
        let parties = [opened.client, opened.server];
        let connection = Connection {
            captures,
            // Both have sent a SYN, which counts as a byte.
            next: parties.each_ref().map(|party| party.initial_sequence.wrapping_add(1)),
            parties,
            unread: [0, 0],
            is_closed: [false, false],
            is_reset: false,
        };
        connection.acknowledge(Side::Client);
        let connection = Arc::new(Mutex::new(connection));
        let end = |stream, side| Self { stream, side, connection: Arc::clone(&connection) };
        (end(client, Side::Client), end(server, Side::Server))
    }

    fn sent<'a>(&self, written: &Poll<io::Result<usize>>, all: impl Iterator<Item = &'a [u8]>) {
        if let Poll::Ready(Ok(written)) = written {
            let bytes: Vec<u8> = all.flatten().copied().take(*written).collect();
            self.connection.lock().send(self.side, &bytes);
        }
    }
}

impl Side {
    fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

impl Connection {
    /// Sends data; the other end acknowledges every second segment, and the last.
    fn send(&mut self, by: Side, bytes: &[u8]) {
        let pieces = bytes.chunks(usize::from(MSS));
        let last = pieces.len().saturating_sub(1);
        for (number, piece) in pieces.enumerate() {
            let push = if number == last { TcpFlags::PSH } else { 0 };
            self.segment(by, TcpFlags::ACK | push, piece);
            // A sequence number wraps around (RFC 9293 §3.4).
            let len = u32::try_from(piece.len()).unwrap_or_default();
            self.next[by as usize] = self.next[by as usize].wrapping_add(len);
            if number % 2 == 1 || number == last {
                self.acknowledge(by.other());
            }
        }
        self.unread[by as usize] += bytes.len();
    }

    fn received(&mut self, by: Side, bytes: usize) {
        let unread = &mut self.unread[by.other() as usize];
        *unread = unread.saturating_sub(bytes);
    }

    /// Ends the direction of that end.
    fn close(&mut self, by: Side) {
        if self.is_reset || self.is_closed[by as usize] {
            return;
        }
        self.is_closed[by as usize] = true;
        self.segment(by, TcpFlags::FIN | TcpFlags::ACK, &[]);
        self.next[by as usize] = self.next[by as usize].wrapping_add(1);
        self.acknowledge(by.other());
    }

    /// Ends the connection at that end: as Linux does it, by a RST if that end has not read all.
    fn leave(&mut self, by: Side) {
        if self.unread[by.other() as usize] == 0 {
            return self.close(by);
        }
        if !self.is_reset {
            self.is_reset = true;
            self.segment(by, TcpFlags::RST | TcpFlags::ACK, &[]);
        }
    }

    fn acknowledge(&self, by: Side) {
        self.segment(by, TcpFlags::ACK, &[]);
    }

    fn segment(&self, by: Side, flags: u8, data: &[u8]) {
        let (from, to) = (&self.parties[by as usize], &self.parties[by.other() as usize]);
        let segment = Segment {
            ports: Ports { source: from.address.port(), destination: to.address.port() },
            flags,
            sequence: self.next[by as usize],
            acknowledgement: self.next[by.other() as usize],
            data,
        };
        let (source, destination) = (*from.address.ip(), *to.address.ip());
        let envelope = Envelope { source, destination, ttl: from.ttl };
        if let Some(packet) = Packet::with_segment(envelope, segment) {
            self.captures.add_along(&from.path, packet);
        }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.connection.lock().leave(self.side);
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Self { stream, side, connection } = self.get_mut();
        let before = buffer.filled().len();
        let read = Pin::new(stream).poll_read(context, buffer);
        connection.lock().received(*side, buffer.filled().len() - before);
        read
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.sent(&written, std::iter::once(bytes));
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        all: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, all);
        self.sent(&written, all.iter().map(|bytes| &**bytes));
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(context);
        if matches!(shut, Poll::Ready(Ok(()))) {
            self.connection.lock().close(self.side);
        }
        shut
    }
}

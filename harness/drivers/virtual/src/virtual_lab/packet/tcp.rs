//! TCP segments (RFC 9293), as far as opening a connection goes.

use pnet_packet::tcp::{self, MutableTcpPacket, TcpFlags, TcpPacket};

use super::{Content, Envelope};

/// The two ends of a TCP connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ports {
    pub source: u16,
    pub destination: u16,
}

impl Ports {
    /// The same ports as the other side sees them.
    pub(crate) fn answered(self) -> Self {
        Self { source: self.destination, destination: self.source }
    }
}

/// What a segment is to the host that it reaches; `None` for a damaged one, and for all beyond the opening.
pub(super) fn content(bytes: &[u8], envelope: Envelope) -> Option<Content<'_>> {
    let segment = TcpPacket::new(bytes)?;
    let checksum = tcp::ipv4_checksum(&segment, &envelope.source, &envelope.destination);
    if checksum != segment.get_checksum() {
        return None;
    }
    let ports = Ports { source: segment.get_source(), destination: segment.get_destination() };
    match segment.get_flags() {
        flags if flags & TcpFlags::RST != 0 => Some(Content::Reset(ports)),
        flags if flags == TcpFlags::SYN => Some(Content::Syn(ports)),
        flags if flags == TcpFlags::SYN | TcpFlags::ACK => Some(Content::SynAck(ports)),
        _ => None,
    }
}

/// A segment without data.
pub(super) fn segment_bytes(envelope: Envelope, ports: Ports, flags: u8) -> Vec<u8> {
    let mut bytes = vec![0; TcpPacket::minimum_packet_size()];
    let mut segment = MutableTcpPacket::new(&mut bytes).expect("the header has its room");
    segment.set_source(ports.source);
    segment.set_destination(ports.destination);
    segment.set_data_offset(5);
    segment.set_flags(flags);
    segment.set_window(u16::MAX);
    let checksum =
        tcp::ipv4_checksum(&segment.to_immutable(), &envelope.source, &envelope.destination);
    segment.set_checksum(checksum);
    bytes
}

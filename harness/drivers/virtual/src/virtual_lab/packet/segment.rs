//! TCP segments (RFC 9293).

use pnet_packet::tcp::{self, MutableTcpPacket, TcpFlags, TcpOption, TcpPacket};

use super::{Content, Envelope};

/// The longest data of a segment, in bytes: what fits into an Ethernet frame.
pub(in crate::virtual_lab) const MSS: u16 = 1_460;

/// The two ports of a TCP connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::virtual_lab) struct Ports {
    pub source: u16,
    pub destination: u16,
}

/// The content of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::virtual_lab) struct Segment<'a> {
    pub ports: Ports,
    pub flags: u8,
    pub sequence: u32,
    pub acknowledgement: u32,
    pub data: &'a [u8],
}

/// The content of a segment that opens a connection, or refuses to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::virtual_lab) struct Opening {
    pub ports: Ports,
    /// The initial sequence number of its sender.
    pub sequence: u32,
    /// 0 in a SYN, which acknowledges nothing.
    pub acknowledgement: u32,
}

/// The distance of the two initial sequence numbers of a connection.
const APART: u32 = 1 << 31;

impl Opening {
    /// The SYN that opens a connection.
    pub(in crate::virtual_lab) fn of(ports: Ports, sequence: u32) -> Self {
        Self { ports, sequence, acknowledgement: 0 }
    }

    /// The answer that takes the connection. A repeated SYN gets the same one, because the number follows from the client's.
    pub(in crate::virtual_lab) fn taken(self) -> Self {
        Self { sequence: self.sequence.wrapping_add(APART), ..self.refused() }
    }

    /// The answer that refuses the connection. The SYN counts as a byte, which it acknowledges (RFC 9293 §3.5.2).
    pub(in crate::virtual_lab) fn refused(self) -> Self {
        let Ports { source, destination } = self.ports;
        let ports = Ports { source: destination, destination: source };
        Self { ports, sequence: 0, acknowledgement: self.sequence.wrapping_add(1) }
    }
}

impl Segment<'_> {
    pub(super) fn opening(opening: Opening, flags: u8) -> Self {
        let Opening { ports, sequence, acknowledgement } = opening;
        Self { ports, flags, sequence, acknowledgement, data: &[] }
    }

    /// The segment with its checksum.
    pub(super) fn to_bytes(self, envelope: Envelope) -> Vec<u8> {
        let is_syn = self.flags & TcpFlags::SYN != 0;
        let options = if is_syn { vec![TcpOption::mss(MSS)] } else { Vec::new() };
        let words: u8 = if is_syn { 6 } else { 5 };
        let mut bytes = vec![0; usize::from(words) * 4];
        bytes.extend_from_slice(self.data);
        let mut segment =
            MutableTcpPacket::new(&mut bytes).expect("the buffer has the length of the header");
        segment.set_source(self.ports.source);
        segment.set_destination(self.ports.destination);
        segment.set_sequence(self.sequence);
        segment.set_acknowledgement(self.acknowledgement);
        segment.set_data_offset(words);
        segment.set_flags(self.flags);
        segment.set_window(u16::MAX);
        segment.set_options(&options);
        let checksum =
            tcp::ipv4_checksum(&segment.to_immutable(), &envelope.source, &envelope.destination);
        segment.set_checksum(checksum);
        bytes
    }
}

/// What a segment says of opening a connection; `None` if it is damaged, or says nothing of it.
pub(super) fn content(bytes: &[u8], envelope: Envelope) -> Option<Content<'_>> {
    let segment = TcpPacket::new(bytes)?;
    let checksum = tcp::ipv4_checksum(&segment, &envelope.source, &envelope.destination);
    if checksum != segment.get_checksum() {
        return None;
    }
    let opening = Opening {
        ports: Ports { source: segment.get_source(), destination: segment.get_destination() },
        sequence: segment.get_sequence(),
        acknowledgement: segment.get_acknowledgement(),
    };
    match segment.get_flags() {
        flags if flags & TcpFlags::RST != 0 => Some(Content::Reset(opening)),
        flags if flags == TcpFlags::SYN => Some(Content::Syn(opening)),
        flags if flags == TcpFlags::SYN | TcpFlags::ACK => Some(Content::SynAck(opening)),
        _ => None,
    }
}

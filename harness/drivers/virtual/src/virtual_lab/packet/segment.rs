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
    /// The sequence number; the initial one of every connection is 0.
    pub sequence: u32,
    pub acknowledgement: u32,
    pub data: &'a [u8],
}

impl Ports {
    /// The ports of an answer.
    pub(in crate::virtual_lab) fn answered(self) -> Self {
        Self { source: self.destination, destination: self.source }
    }
}

impl Segment<'_> {
    /// A segment that opens a connection, or refuses to: the SYN counts as a byte, which an answer acknowledges.
    pub(super) fn opening(ports: Ports, flags: u8) -> Self {
        let acknowledgement = u32::from(flags & TcpFlags::ACK != 0);
        Self { ports, flags, sequence: 0, acknowledgement, data: &[] }
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
    let ports = Ports { source: segment.get_source(), destination: segment.get_destination() };
    match segment.get_flags() {
        flags if flags & TcpFlags::RST != 0 => Some(Content::Reset(ports)),
        flags if flags == TcpFlags::SYN => Some(Content::Syn(ports)),
        flags if flags == TcpFlags::SYN | TcpFlags::ACK => Some(Content::SynAck(ports)),
        _ => None,
    }
}

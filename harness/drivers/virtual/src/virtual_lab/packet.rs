//! IPv4 packets as bytes: ICMP echo and errors (RFC 792), and TCP segments (RFC 9293).

mod segment;

use std::net::Ipv4Addr;

use pnet_packet::icmp::echo_request::EchoRequestPacket;
use pnet_packet::icmp::{self, IcmpCode, IcmpPacket, IcmpType, IcmpTypes, MutableIcmpPacket};
use pnet_packet::ip::{IpNextHeaderProtocol, IpNextHeaderProtocols};
use pnet_packet::ipv4::{self, Ipv4Packet, MutableIpv4Packet};
use pnet_packet::tcp::TcpFlags;

pub(super) use self::segment::{MSS, Opening, Ports, Segment};

/// An IPv4 packet, with a header without options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Packet(Vec<u8>);

/// The source, destination and TTL of a packet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Envelope {
    pub source: Ipv4Addr,
    pub destination: Ipv4Addr,
    pub ttl: u8,
}

/// The content of a packet for its destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content<'a> {
    EchoRequest(Echo<'a>),
    EchoReply(Echo<'a>),
    /// ICMP destination unreachable, with its code and the beginning of the packet that caused it.
    Unreachable(IcmpCode, &'a [u8]),
    /// ICMP time exceeded, with the beginning of the packet that caused it.
    TimeExceeded(&'a [u8]),
    Syn(Opening),
    SynAck(Opening),
    Reset(Opening),
}

/// The fields of an echo request that its reply repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Echo<'a> {
    pub identifier: u16,
    pub sequence: u16,
    pub payload: &'a [u8],
}

/// The maximum length of the quoted packet in an ICMP error, in bytes: the whole error stays within 576 (RFC 1812 §4.3.2.3).
const QUOTE_LIMIT: usize = 576 - Ipv4Packet::minimum_packet_size() - ICMP_HEADER_LEN;

/// The length of the header of an ICMP echo or error, in bytes.
const ICMP_HEADER_LEN: usize = 8;

impl Envelope {
    /// The envelope of an answer, with the TTL of the answering node.
    pub(super) fn answered(self, ttl: u8) -> Self {
        Self { source: self.destination, destination: self.source, ttl }
    }
}

impl Packet {
    /// A packet with this content; `None` if the content does not fit into one.
    pub(super) fn new(envelope: Envelope, content: Content<'_>) -> Option<Self> {
        let icmp = |message| (IpNextHeaderProtocols::Icmp, message);
        let tcp = |opening, flags| {
            (IpNextHeaderProtocols::Tcp, Segment::opening(opening, flags).to_bytes(envelope))
        };
        let (protocol, payload) = match content {
            Content::EchoRequest(echo) => icmp(echo_message(IcmpTypes::EchoRequest, echo)),
            Content::EchoReply(echo) => icmp(echo_message(IcmpTypes::EchoReply, echo)),
            Content::Unreachable(code, quote) => {
                icmp(icmp_message(IcmpTypes::DestinationUnreachable, code, [0; 4], quote))
            }
            Content::TimeExceeded(quote) => {
                icmp(icmp_message(IcmpTypes::TimeExceeded, IcmpCode(0), [0; 4], quote))
            }
            Content::Syn(opening) => tcp(opening, TcpFlags::SYN),
            Content::SynAck(opening) => tcp(opening, TcpFlags::SYN | TcpFlags::ACK),
            Content::Reset(opening) => tcp(opening, TcpFlags::RST | TcpFlags::ACK),
        };
        Self::of(envelope, protocol, &payload)
    }

    /// A packet with a TCP segment; `None` if its data is too long.
    pub(super) fn with_segment(envelope: Envelope, segment: Segment<'_>) -> Option<Self> {
        Self::of(envelope, IpNextHeaderProtocols::Tcp, &segment.to_bytes(envelope))
    }

    fn of(envelope: Envelope, protocol: IpNextHeaderProtocol, payload: &[u8]) -> Option<Self> {
        let len = Ipv4Packet::minimum_packet_size() + payload.len();
        let mut bytes = vec![0; len];
        let mut header = header_mut(&mut bytes);
        header.set_version(4);
        header.set_header_length(5);
        header.set_total_length(u16::try_from(len).ok()?);
        header.set_ttl(envelope.ttl);
        header.set_next_level_protocol(protocol);
        header.set_source(envelope.source);
        header.set_destination(envelope.destination);
        header.set_payload(payload);
        seal_header(&mut header);
        Some(Self(bytes))
    }

    /// The source, destination and remaining TTL.
    pub(super) fn envelope(&self) -> Envelope {
        let header = self.header();
        Envelope {
            source: header.get_source(),
            destination: header.get_destination(),
            ttl: header.get_ttl(),
        }
    }

    /// Decrements the TTL, as a router does; false if the packet must not go further.
    pub(super) fn decrement_ttl(&mut self) -> bool {
        let Some(ttl) = self.header().get_ttl().checked_sub(1).filter(|ttl| *ttl > 0) else {
            return false;
        };
        let mut header = header_mut(&mut self.0);
        header.set_ttl(ttl);
        seal_header(&mut header);
        true
    }

    /// The content of the packet; `None` if it is damaged or of an unsupported kind.
    pub(super) fn content(&self) -> Option<Content<'_>> {
        let header = self.header();
        if ipv4::checksum(&header) != header.get_checksum() {
            return None;
        }
        let payload = &self.0[Ipv4Packet::minimum_packet_size()..];
        match header.get_next_level_protocol() {
            IpNextHeaderProtocols::Icmp => icmp_content(payload),
            IpNextHeaderProtocols::Tcp => segment::content(payload, self.envelope()),
            _ => None,
        }
    }

    /// The beginning of the packet for an ICMP error; `None` if it is itself an ICMP error (RFC 1122 §3.2.2).
    pub(super) fn quote(&self) -> Option<&[u8]> {
        match self.content() {
            Some(Content::Unreachable(..) | Content::TimeExceeded(_)) => None,
            _ => Some(&self.0[..self.0.len().min(QUOTE_LIMIT)]),
        }
    }

    /// The bytes.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    fn header(&self) -> Ipv4Packet<'_> {
        Ipv4Packet::new(&self.0).expect("a packet is built with its header")
    }
}

fn header_mut(bytes: &mut [u8]) -> MutableIpv4Packet<'_> {
    MutableIpv4Packet::new(bytes).expect("a packet is built with its header")
}

fn seal_header(header: &mut MutableIpv4Packet<'_>) {
    let checksum = ipv4::checksum(&header.to_immutable());
    header.set_checksum(checksum);
}

fn echo_message(icmp_type: IcmpType, echo: Echo<'_>) -> Vec<u8> {
    let ([a, b], [c, d]) = (echo.identifier.to_be_bytes(), echo.sequence.to_be_bytes());
    icmp_message(icmp_type, IcmpCode(0), [a, b, c, d], echo.payload)
}

/// An ICMP message with its checksum; `rest` is the part of the header that depends on the type.
fn icmp_message(icmp_type: IcmpType, code: IcmpCode, rest: [u8; 4], data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; MutableIcmpPacket::minimum_packet_size()];
    bytes.extend_from_slice(&rest);
    bytes.extend_from_slice(data);
    let mut message =
        MutableIcmpPacket::new(&mut bytes).expect("the buffer has the length of the header");
    message.set_icmp_type(icmp_type);
    message.set_icmp_code(code);
    let checksum = icmp::checksum(&message.to_immutable());
    message.set_checksum(checksum);
    bytes
}

fn icmp_content(bytes: &[u8]) -> Option<Content<'_>> {
    let message = IcmpPacket::new(bytes)?;
    if icmp::checksum(&message) != message.get_checksum() {
        return None;
    }
    let data = bytes.get(ICMP_HEADER_LEN..)?;
    let echo = || {
        let header = EchoRequestPacket::new(bytes)?;
        let (identifier, sequence) = (header.get_identifier(), header.get_sequence_number());
        Some(Echo { identifier, sequence, payload: data })
    };
    match message.get_icmp_type() {
        IcmpTypes::EchoRequest => echo().map(Content::EchoRequest),
        IcmpTypes::EchoReply => echo().map(Content::EchoReply),
        IcmpTypes::DestinationUnreachable => {
            Some(Content::Unreachable(message.get_icmp_code(), data))
        }
        IcmpTypes::TimeExceeded => Some(Content::TimeExceeded(data)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use pnet_packet::util;

    use super::*;

    const ENVELOPE: Envelope = Envelope {
        source: Ipv4Addr::new(10, 0, 0, 1),
        destination: Ipv4Addr::new(10, 0, 0, 2),
        ttl: 64,
    };
    const ECHO: Echo<'_> = Echo { identifier: 7, sequence: 1, payload: b"56 bytes or so" };
    const REQUEST: Content<'_> = Content::EchoRequest(ECHO);

    #[test]
    fn echo_request_is_an_ipv4_packet_with_correct_checksums() {
        let packet = Packet::new(ENVELOPE, REQUEST).unwrap();

        assert_eq!(&packet.0[..4], &[0x45, 0, 0, 42]);
        assert_eq!(util::checksum(&packet.0[..20], usize::MAX), 0, "header");
        assert_eq!(util::checksum(&packet.0[20..], usize::MAX), 0, "message");
        assert_eq!(packet.content(), Some(REQUEST));
    }

    #[test]
    fn decrementing_the_ttl_updates_the_checksum() {
        let mut packet = Packet::new(ENVELOPE, REQUEST).unwrap();

        assert!(packet.decrement_ttl());

        assert_eq!(packet.envelope().ttl, 63);
        assert_eq!(packet.content(), Some(REQUEST));
    }

    #[test]
    fn packet_with_ttl_one_is_not_forwarded() {
        let envelope = Envelope { ttl: 1, ..ENVELOPE };
        assert!(!Packet::new(envelope, REQUEST).unwrap().decrement_ttl());
    }

    #[test]
    fn damaged_packet_has_no_content() {
        for place in [0, 8, 21, 27, 41] {
            let mut packet = Packet::new(ENVELOPE, REQUEST).unwrap();
            packet.0[place] ^= 0x55;
            assert_eq!(packet.content(), None, "byte {place}");
        }
    }

    #[test]
    fn icmp_error_quotes_its_cause_and_causes_no_other_error() {
        let cause = Packet::new(ENVELOPE, REQUEST).unwrap();
        let unreachable = Content::Unreachable(IcmpCode(1), cause.quote().unwrap());
        let error = Packet::new(ENVELOPE, unreachable).unwrap();

        assert_eq!(error.content(), Some(unreachable));
        assert!(error.0.ends_with(&cause.0));
        assert_eq!(error.quote(), None);
    }

    #[test]
    fn icmp_error_about_a_large_packet_stays_within_576_bytes() {
        let echo = Echo { payload: &[0; 1400], ..ECHO };
        let cause = Packet::new(ENVELOPE, Content::EchoRequest(echo)).unwrap();
        let error = Packet::new(ENVELOPE, Content::TimeExceeded(cause.quote().unwrap())).unwrap();
        assert_eq!(error.0.len(), 576);
    }

    #[test]
    fn packet_of_more_than_65535_bytes_is_rejected() {
        let most = Echo { payload: &vec![0; 65_507], ..ECHO };
        let more = Echo { payload: &vec![0; 65_508], ..ECHO };
        assert!(Packet::new(ENVELOPE, Content::EchoRequest(most)).is_some());
        assert!(Packet::new(ENVELOPE, Content::EchoRequest(more)).is_none());
    }

    #[test]
    fn handshake_segments_are_distinguished() {
        let syn = Opening::of(Ports { source: 40_000, destination: 80 }, u32::MAX);
        let (taken, refused) = (syn.taken(), syn.refused());
        assert_eq!((taken.acknowledgement, refused.acknowledgement), (0, 0));
        assert_eq!((taken.ports.source, taken.ports.destination), (80, 40_000));
        assert_ne!(taken.sequence, syn.sequence);
        for content in [Content::Syn(syn), Content::SynAck(taken), Content::Reset(refused)] {
            assert_eq!(Packet::new(ENVELOPE, content).unwrap().content(), Some(content));
        }
    }
}

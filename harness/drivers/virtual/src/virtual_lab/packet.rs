//! IPv4 packets as bytes: ICMP echo and errors, and the segments that open a TCP connection.

mod icmp;
mod tcp;

use std::net::Ipv4Addr;

use pnet_packet::icmp::IcmpTypes;
use pnet_packet::ip::{IpNextHeaderProtocol, IpNextHeaderProtocols};
use pnet_packet::ipv4::{self, Ipv4Packet, MutableIpv4Packet};
use pnet_packet::tcp::TcpFlags;

pub(super) use self::icmp::{Echo, IcmpError};
use self::icmp::{QUOTE_LIMIT, echo_bytes, error_bytes};
pub(super) use self::tcp::Ports;
use self::tcp::segment_bytes;

/// One whole IPv4 packet, header without options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Packet(Vec<u8>);

/// Where a packet comes from, where it goes, and how far it may.
#[derive(Debug, Clone, Copy)]
pub(super) struct Envelope {
    pub source: Ipv4Addr,
    pub destination: Ipv4Addr,
    pub ttl: u8,
}

impl Envelope {
    /// The way back, with the TTL of the one who answers.
    pub(super) fn answered(self, ttl: u8) -> Self {
        Self { source: self.destination, destination: self.source, ttl }
    }
}

/// What a packet is to the host that it reaches.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Content<'a> {
    EchoRequest(Echo<'a>),
    EchoReply(Echo<'a>),
    /// ICMP destination unreachable, with its code.
    Unreachable(u8),
    TimeExceeded,
    Syn(Ports),
    SynAck(Ports),
    Reset(Ports),
    /// Damaged, or nothing that a host in the lab answers or waits for.
    Other,
}

impl Packet {
    /// An ICMP echo request; `None` when its payload does not fit into a packet.
    pub(super) fn echo_request(envelope: Envelope, echo: Echo<'_>) -> Option<Self> {
        Self::new(envelope, IpNextHeaderProtocols::Icmp, &echo_bytes(IcmpTypes::EchoRequest, echo))
    }

    /// The reply to an echo request.
    pub(super) fn echo_reply(envelope: Envelope, echo: Echo<'_>) -> Option<Self> {
        Self::new(envelope, IpNextHeaderProtocols::Icmp, &echo_bytes(IcmpTypes::EchoReply, echo))
    }

    /// An ICMP error about `cause`; `None` where `cause` is itself an ICMP error (RFC 1122 §3.2.2).
    pub(super) fn icmp_error(envelope: Envelope, error: IcmpError, cause: &Self) -> Option<Self> {
        if cause.is_icmp_error() {
            return None;
        }
        let quote = &cause.0[..cause.0.len().min(QUOTE_LIMIT)];
        Self::new(envelope, IpNextHeaderProtocols::Icmp, &error_bytes(error, quote))
    }

    /// The first segment of a TCP connection.
    pub(super) fn syn(envelope: Envelope, ports: Ports) -> Option<Self> {
        Self::segment(envelope, ports, TcpFlags::SYN)
    }

    /// The segment of a host that listens.
    pub(super) fn syn_ack(envelope: Envelope, ports: Ports) -> Option<Self> {
        Self::segment(envelope, ports, TcpFlags::SYN | TcpFlags::ACK)
    }

    /// The segment of a host that does not listen.
    pub(super) fn reset(envelope: Envelope, ports: Ports) -> Option<Self> {
        Self::segment(envelope, ports, TcpFlags::RST | TcpFlags::ACK)
    }

    /// Source, destination and the TTL that is left.
    pub(super) fn envelope(&self) -> Envelope {
        let header = self.header();
        Envelope {
            source: header.get_source(),
            destination: header.get_destination(),
            ttl: header.get_ttl(),
        }
    }

    /// Takes one off the TTL, as a router does; false when the packet must not go further.
    pub(super) fn decrement_ttl(&mut self) -> bool {
        let Some(ttl) = self.header().get_ttl().checked_sub(1).filter(|ttl| *ttl > 0) else {
            return false;
        };
        let mut header = header_mut(&mut self.0);
        header.set_ttl(ttl);
        seal_header(&mut header);
        true
    }

    /// What the packet is to the host that it reaches.
    pub(super) fn content(&self) -> Content<'_> {
        if ipv4::checksum(&self.header()) != self.header().get_checksum() {
            return Content::Other;
        }
        match self.header().get_next_level_protocol() {
            IpNextHeaderProtocols::Icmp => icmp::content(self.payload()).unwrap_or(Content::Other),
            IpNextHeaderProtocols::Tcp => {
                tcp::content(self.payload(), self.envelope()).unwrap_or(Content::Other)
            }
            _ => Content::Other,
        }
    }

    fn new(envelope: Envelope, protocol: IpNextHeaderProtocol, payload: &[u8]) -> Option<Self> {
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

    fn segment(envelope: Envelope, ports: Ports, flags: u8) -> Option<Self> {
        let bytes = segment_bytes(envelope, ports, flags);
        Self::new(envelope, IpNextHeaderProtocols::Tcp, &bytes)
    }

    fn header(&self) -> Ipv4Packet<'_> {
        Ipv4Packet::new(&self.0).expect("a packet is built with its header")
    }

    fn payload(&self) -> &[u8] {
        &self.0[Ipv4Packet::minimum_packet_size()..]
    }

    fn is_icmp_error(&self) -> bool {
        matches!(self.content(), Content::Unreachable(_) | Content::TimeExceeded)
    }
}

fn header_mut(bytes: &mut [u8]) -> MutableIpv4Packet<'_> {
    MutableIpv4Packet::new(bytes).expect("a packet is built with its header")
}

fn seal_header(header: &mut MutableIpv4Packet<'_>) {
    let checksum = ipv4::checksum(&header.to_immutable());
    header.set_checksum(checksum);
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

    #[test]
    fn an_echo_request_is_an_ipv4_packet_with_correct_checksums() {
        let packet = Packet::echo_request(ENVELOPE, ECHO).unwrap();

        assert_eq!(&packet.0[..4], &[0x45, 0, 0, 42]);
        assert_eq!(util::checksum(&packet.0[..20], usize::MAX), 0, "header");
        assert_eq!(util::checksum(&packet.0[20..], usize::MAX), 0, "message");
        assert_eq!(packet.content(), Content::EchoRequest(ECHO));
    }

    #[test]
    fn a_router_takes_one_off_the_ttl_and_mends_the_checksum() {
        let mut packet = Packet::echo_request(ENVELOPE, ECHO).unwrap();

        assert!(packet.decrement_ttl());

        assert_eq!(packet.envelope().ttl, 63);
        assert_eq!(packet.content(), Content::EchoRequest(ECHO));
    }

    #[test]
    fn a_ttl_of_one_goes_no_further() {
        let envelope = Envelope { ttl: 1, ..ENVELOPE };
        assert!(!Packet::echo_request(envelope, ECHO).unwrap().decrement_ttl());
    }

    #[test]
    fn a_damaged_packet_is_nothing_to_anybody() {
        for place in [0, 8, 21, 27, 41] {
            let mut packet = Packet::echo_request(ENVELOPE, ECHO).unwrap();
            packet.0[place] ^= 0x55;
            assert_eq!(packet.content(), Content::Other, "byte {place}");
        }
    }

    #[test]
    fn an_error_quotes_its_cause_and_has_no_error_about_itself() {
        let cause = Packet::echo_request(ENVELOPE, ECHO).unwrap();
        let error = Packet::icmp_error(ENVELOPE, IcmpError::HostUnreachable, &cause).unwrap();

        assert_eq!(error.content(), Content::Unreachable(1));
        assert!(error.0.ends_with(&cause.0));
        assert_eq!(Packet::icmp_error(ENVELOPE, IcmpError::TimeExceeded, &error), None);
    }

    #[test]
    fn an_error_about_a_large_packet_stays_within_576_bytes() {
        let echo = Echo { payload: &[0; 1400], ..ECHO };
        let cause = Packet::echo_request(ENVELOPE, echo).unwrap();
        let error = Packet::icmp_error(ENVELOPE, IcmpError::TimeExceeded, &cause).unwrap();
        assert_eq!(error.0.len(), 576);
    }

    #[test]
    fn more_than_65535_bytes_are_no_packet() {
        let most = Echo { payload: &vec![0; 65_507], ..ECHO };
        let more = Echo { payload: &vec![0; 65_508], ..ECHO };
        assert!(Packet::echo_request(ENVELOPE, most).is_some());
        assert!(Packet::echo_request(ENVELOPE, more).is_none());
    }

    #[test]
    fn the_segments_of_a_handshake_are_told_apart() {
        let ports = Ports { source: 40_000, destination: 80 };
        let content = |packet: Option<Packet>| format!("{:?}", packet.unwrap().content());
        let of = |expected: &Content<'_>| format!("{expected:?}");

        assert_eq!(content(Packet::syn(ENVELOPE, ports)), of(&Content::Syn(ports)));
        assert_eq!(content(Packet::syn_ack(ENVELOPE, ports)), of(&Content::SynAck(ports)));
        assert_eq!(content(Packet::reset(ENVELOPE, ports)), of(&Content::Reset(ports)));
    }
}

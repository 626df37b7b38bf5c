//! ICMP messages (RFC 792).

use pnet_packet::Packet as _;
use pnet_packet::icmp::echo_request::{EchoRequestPacket, MutableEchoRequestPacket};
use pnet_packet::icmp::{self, IcmpCode, IcmpPacket, IcmpType, IcmpTypes, MutableIcmpPacket};
use pnet_packet::ipv4::Ipv4Packet;
use pnet_packet::util;

use super::Content;

/// What an echo request carries and its reply carries back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Echo<'a> {
    pub identifier: u16,
    pub sequence: u16,
    pub payload: &'a [u8],
}

/// What a router or a host writes into an ICMP error (RFC 792).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IcmpError {
    NetworkUnreachable,
    HostUnreachable,
    TimeExceeded,
}

/// How much of the packet at fault an ICMP error quotes, in bytes: the whole error stays within 576 (RFC 1812 §4.3.2.3).
pub(super) const QUOTE_LIMIT: usize = 576 - Ipv4Packet::minimum_packet_size() - ERROR_HEADER_LEN;
const ERROR_HEADER_LEN: usize = 8;

/// What a message is to the host that it reaches; `None` for a damaged one, and for kinds that no lab needs.
pub(super) fn content(bytes: &[u8]) -> Option<Content<'_>> {
    let message = IcmpPacket::new(bytes)?;
    if util::checksum(message.packet(), 1) != message.get_checksum() {
        return None;
    }
    match message.get_icmp_type() {
        IcmpTypes::EchoRequest => echo_of(bytes).map(Content::EchoRequest),
        IcmpTypes::EchoReply => echo_of(bytes).map(Content::EchoReply),
        IcmpTypes::DestinationUnreachable => Some(Content::Unreachable(message.get_icmp_code().0)),
        IcmpTypes::TimeExceeded => Some(Content::TimeExceeded),
        _ => None,
    }
}

/// An echo request or its reply.
pub(super) fn echo_bytes(icmp_type: IcmpType, echo: Echo<'_>) -> Vec<u8> {
    let mut bytes = vec![0; EchoRequestPacket::minimum_packet_size() + echo.payload.len()];
    let mut message = MutableEchoRequestPacket::new(&mut bytes).expect("the header has its room");
    message.set_icmp_type(icmp_type);
    message.set_identifier(echo.identifier);
    message.set_sequence_number(echo.sequence);
    message.set_payload(echo.payload);
    seal_icmp(bytes)
}

fn echo_of(bytes: &[u8]) -> Option<Echo<'_>> {
    let message = EchoRequestPacket::new(bytes)?;
    Some(Echo {
        identifier: message.get_identifier(),
        sequence: message.get_sequence_number(),
        payload: &bytes[EchoRequestPacket::minimum_packet_size()..],
    })
}

/// An error that quotes what it is about.
pub(super) fn error_bytes(error: IcmpError, quote: &[u8]) -> Vec<u8> {
    let (icmp_type, icmp_code) = match error {
        IcmpError::NetworkUnreachable => (IcmpTypes::DestinationUnreachable, IcmpCode(0)),
        IcmpError::HostUnreachable => (IcmpTypes::DestinationUnreachable, IcmpCode(1)),
        IcmpError::TimeExceeded => (IcmpTypes::TimeExceeded, IcmpCode(0)),
    };
    let mut bytes = vec![0; ERROR_HEADER_LEN];
    bytes.extend_from_slice(quote);
    let mut message = MutableIcmpPacket::new(&mut bytes).expect("the header has its room");
    message.set_icmp_type(icmp_type);
    message.set_icmp_code(icmp_code);
    seal_icmp(bytes)
}

fn seal_icmp(mut bytes: Vec<u8>) -> Vec<u8> {
    let mut message = MutableIcmpPacket::new(&mut bytes).expect("the header has its room");
    let checksum = icmp::checksum(&message.to_immutable());
    message.set_checksum(checksum);
    bytes
}

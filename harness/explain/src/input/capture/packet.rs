//! A packet of IP, and the segment of TCP in it.

use std::net::{IpAddr, SocketAddr};

use pnet_packet::{
    ip::{IpNextHeaderProtocol, IpNextHeaderProtocols},
    ipv4::Ipv4Packet,
    ipv6::Ipv6Packet,
    tcp::{TcpFlags, TcpPacket},
};

/// The most headers between that of IPv6 and its content.
const MAX_EXTENSIONS: usize = 8;

const IPV6_HEADER: usize = 40;

/// What a packet has.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Packet<'a> {
    Tcp(Segment<'a>),
    /// Something else, in words after `packet`.
    Other(String),
}

/// A segment of TCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Segment<'a> {
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    pub(super) sequence: u32,
    flags: u8,
    pub(super) payload: &'a [u8],
    /// How many bytes of the payload were not captured.
    pub(super) uncaptured: usize,
}

#[cfg(test)]
impl<'a> Segment<'a> {
    /// A segment between these ends, which is the first one of its sender or not.
    pub(super) fn between(
        from: &str,
        to: &str,
        sequence: u32,
        begins: bool,
        payload: &'a [u8],
    ) -> Self {
        let flags = if begins { TcpFlags::SYN } else { TcpFlags::ACK };
        let (from, to) = (from.parse().unwrap(), to.parse().unwrap());
        Self { from, to, sequence, flags, payload, uncaptured: 0 }
    }
}

impl Segment<'_> {
    /// True for the first segment of its sender.
    pub(super) fn begins(&self) -> bool {
        self.flags & TcpFlags::SYN != 0
    }

    /// True if it acknowledges a segment of the other end.
    pub(super) fn acknowledges(&self) -> bool {
        self.flags & TcpFlags::ACK != 0
    }

    /// True for the last segment of its sender.
    pub(super) fn ends(&self) -> bool {
        self.flags & TcpFlags::FIN != 0
    }

    /// True if it ends the connection at once.
    pub(super) fn resets(&self) -> bool {
        self.flags & TcpFlags::RST != 0
    }
}

/// The packet that these bytes of IP are; `None` if they are cut off or damaged.
pub(super) fn of_ip(bytes: &[u8]) -> Option<Packet<'_>> {
    match bytes.first()? >> 4 {
        4 => of_ipv4(bytes),
        6 => of_ipv6(bytes),
        _ => Some(Packet::Other("without IP".to_owned())),
    }
}

fn of_ipv4(bytes: &[u8]) -> Option<Packet<'_>> {
    let header = Ipv4Packet::new(bytes)?;
    let start = usize::from(header.get_header_length()) * 4;
    let total = match usize::from(header.get_total_length()) {
        // Offloading to the card leaves the length to the card.
        0 => bytes.len(),
        total => total,
    };
    if start < Ipv4Packet::minimum_packet_size() || total < start {
        return None;
    }
    // The flag for more fragments is the lowest of the three.
    if header.get_flags() & 1 != 0 || header.get_fragment_offset() != 0 {
        return Some(Packet::Other(
            "in fragments of IP, which are not put together here".to_owned(),
        ));
    }
    let ends = (IpAddr::V4(header.get_source()), IpAddr::V4(header.get_destination()));
    let there = bytes.get(start..total.min(bytes.len()))?;
    of_protocol(header.get_next_level_protocol(), ends, there, total - start)
}

fn of_ipv6(bytes: &[u8]) -> Option<Packet<'_>> {
    let header = Ipv6Packet::new(bytes)?;
    let ends = (IpAddr::V6(header.get_source()), IpAddr::V6(header.get_destination()));
    let mut rest = bytes.get(IPV6_HEADER..)?;
    let mut length = match usize::from(header.get_payload_length()) {
        0 => rest.len(),
        length => length,
    };
    rest = &rest[..rest.len().min(length)];
    let mut next = header.get_next_header();
    for _ in 0..MAX_EXTENSIONS {
        match next {
            IpNextHeaderProtocols::Hopopt
            | IpNextHeaderProtocols::Ipv6Route
            | IpNextHeaderProtocols::Ipv6Opts => {
                let own = (usize::from(*rest.get(1)?) + 1) * 8;
                next = IpNextHeaderProtocol(*rest.first()?);
                rest = rest.get(own..)?;
                length = length.checked_sub(own)?;
            }
            _ => break,
        }
    }
    of_protocol(next, ends, rest, length)
}

/// The packet of a protocol above IP with so many bytes, not all of which may be there.
fn of_protocol(
    protocol: IpNextHeaderProtocol,
    (from, to): (IpAddr, IpAddr),
    bytes: &[u8],
    length: usize,
) -> Option<Packet<'_>> {
    match protocol {
        IpNextHeaderProtocols::Tcp => {}
        IpNextHeaderProtocols::Ipv6Frag => {
            let words = "in fragments of IP, which are not put together here";
            return Some(Packet::Other(words.to_owned()));
        }
        _ => return Some(Packet::Other("without TCP".to_owned())),
    }
    let header = TcpPacket::new(bytes)?;
    let start = usize::from(header.get_data_offset()) * 4;
    if start < TcpPacket::minimum_packet_size() || start > length {
        return None;
    }
    let payload = bytes.get(start..).unwrap_or_default();
    Some(Packet::Tcp(Segment {
        from: SocketAddr::new(from, header.get_source()),
        to: SocketAddr::new(to, header.get_destination()),
        sequence: header.get_sequence(),
        flags: header.get_flags(),
        payload,
        uncaptured: length - start - payload.len(),
    }))
}

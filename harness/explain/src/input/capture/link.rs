//! What is around a packet of IP: Ethernet, tags of VLANs, PPP, the headers of captures on `any` and on the loopback.

use pnet_packet::{
    ethernet::{EtherType, EtherTypes, EthernetPacket},
    sll::SLLPacket,
    sll2::SLL2Packet,
    vlan::VlanPacket,
};

use super::packet::{self, Packet};

/// The number of a link (<https://www.tcpdump.org/linktypes.html>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Link(pub(super) u32);

const NULL: u32 = 0;
const ETHERNET: u32 = 1;
/// Raw IP by its number on this system and on others.
const RAW: [u32; 5] = [101, 12, 14, 228, 229];
const LOOP: u32 = 108;
const LINUX_SLL: u32 = 113;
const LINUX_SLL2: u32 = 276;

/// The lengths of the headers. The crate takes shorter ones, and then reads behind their end.
const SLL_HEADER: usize = 16;
const SLL2_HEADER: usize = 20;

/// The most tags of VLANs.
const MAX_TAGS: usize = 4;

/// The session header of PPP over Ethernet and the number of the protocol in it.
const PPPOE_BYTES: usize = 8;

/// The packet inside; `None` if it is cut off.
pub(super) fn inside(link: Link, bytes: &[u8]) -> Option<Packet<'_>> {
    match link.0 {
        ETHERNET => {
            let header = EthernetPacket::minimum_packet_size();
            of_type(EthernetPacket::new(bytes)?.get_ethertype(), bytes.get(header..)?)
        }
        LINUX_SLL => {
            let (header, rest) = bytes.split_at_checked(SLL_HEADER)?;
            of_type(SLLPacket::new(header)?.get_protocol(), rest)
        }
        LINUX_SLL2 => {
            let (header, rest) = bytes.split_at_checked(SLL2_HEADER)?;
            of_type(SLL2Packet::new(header)?.get_protocol_type(), rest)
        }
        // The family of addresses differs between systems; the version of IP does not.
        NULL | LOOP => packet::of_ip(bytes.get(4..)?),
        raw if RAW.contains(&raw) => packet::of_ip(bytes),
        other => Some(Packet::Other(format!("of the link type {other}, which is not known here"))),
    }
}

fn of_type(mut kind: EtherType, mut bytes: &[u8]) -> Option<Packet<'_>> {
    for _ in 0..MAX_TAGS {
        match kind {
            EtherTypes::Ipv4 | EtherTypes::Ipv6 => return packet::of_ip(bytes),
            EtherTypes::Vlan | EtherTypes::PBridge | EtherTypes::QinQ => {
                kind = VlanPacket::new(bytes)?.get_ethertype();
                bytes = bytes.get(VlanPacket::minimum_packet_size()..)?;
            }
            EtherTypes::PppoeSession => return packet::of_ip(bytes.get(PPPOE_BYTES..)?),
            _ => break,
        }
    }
    Some(Packet::Other("without IP".to_owned()))
}

/// The link of a packet whose bytes alone are known; `None` if it is no TCP in any of them.
pub(super) fn guess(bytes: &[u8]) -> Option<Link> {
    [ETHERNET, RAW[0], NULL, LINUX_SLL, LINUX_SLL2]
        .into_iter()
        .map(Link)
        .find(|link| matches!(inside(*link, bytes), Some(Packet::Tcp(_))))
}

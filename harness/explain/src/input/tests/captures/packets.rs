//! Packets of connections, and captures of them.

use std::{
    borrow::Cow,
    net::{Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use pcap_file::{
    DataLink, Endianness, TsResolution,
    pcap::{PcapHeader, PcapPacket, PcapWriter},
};

pub(super) const CLIENT: u16 = 40000;
pub(super) const SERVER: u16 = 80;

pub(super) const SYN: u8 = 2;
pub(super) const FIN: u8 = 1;
pub(super) const RST: u8 = 4;
pub(super) const ACK: u8 = 16;

/// A segment with the number of its first byte in the stream of its sender.
#[derive(Clone)]
pub(super) struct Sent {
    pub(super) from_client: bool,
    pub(super) place: u32,
    pub(super) flags: u8,
    pub(super) payload: Vec<u8>,
}

/// The segments of a connection in which the client sends some bytes, and the server answers with others.
pub(super) fn conversation(requests: &[u8], replies: &[u8], size: usize) -> Vec<Sent> {
    let sent = |from_client, place, flags, payload: &[u8]| Sent {
        from_client,
        place,
        flags,
        payload: payload.to_vec(),
    };
    let mut segments = vec![sent(true, 0, SYN, b""), sent(false, 0, SYN | ACK, b"")];
    for (from_client, bytes) in [(true, requests), (false, replies)] {
        for (number, piece) in bytes.chunks(size).enumerate() {
            let place = u32::try_from(number * size).unwrap() + 1;
            segments.push(sent(from_client, place, ACK, piece));
        }
    }
    for (from_client, bytes) in [(false, replies), (true, requests)] {
        let place = u32::try_from(bytes.len()).unwrap() + 1;
        segments.push(sent(from_client, place, FIN | ACK, b""));
    }
    segments
}

/// The sequence numbers wrap around in the middle of the streams.
pub(super) fn tcp(segment: &Sent, client: u16) -> Vec<u8> {
    let (from, to) = if segment.from_client { (client, SERVER) } else { (SERVER, client) };
    let sequence = u32::MAX.wrapping_sub(1500).wrapping_add(segment.place);
    let mut bytes = [from.to_be_bytes(), to.to_be_bytes()].concat();
    bytes.extend(sequence.to_be_bytes());
    bytes.extend([0, 0, 0, 0, 5 << 4, segment.flags, 0xff, 0xff, 0, 0, 0, 0]);
    bytes.extend(&segment.payload);
    bytes
}

pub(super) fn ipv4(segment: &Sent, client: u16) -> Vec<u8> {
    let tcp = tcp(segment, client);
    let length = u16::try_from(tcp.len() + 20).unwrap();
    let mut ends = [Ipv4Addr::new(192, 0, 2, 7), Ipv4Addr::new(192, 0, 2, 1)];
    if !segment.from_client {
        ends.reverse();
    }
    let mut bytes = vec![0x45, 0];
    bytes.extend(length.to_be_bytes());
    bytes.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
    bytes.extend(ends.iter().flat_map(Ipv4Addr::octets));
    [bytes, tcp].concat()
}

pub(super) fn ipv6(segment: &Sent) -> Vec<u8> {
    let tcp = tcp(segment, CLIENT);
    let mut ends: [Ipv6Addr; 2] = ["2001:db8::7".parse().unwrap(), "2001:db8::1".parse().unwrap()];
    if !segment.from_client {
        ends.reverse();
    }
    // With a header of destination options.
    let length = u16::try_from(tcp.len() + 8).unwrap();
    let mut bytes = vec![0x60, 0, 0, 0];
    bytes.extend(length.to_be_bytes());
    bytes.extend([60, 64]);
    bytes.extend(ends.iter().flat_map(Ipv6Addr::octets));
    bytes.extend([6, 0, 1, 4, 0, 0, 0, 0]);
    [bytes, tcp].concat()
}

pub(super) fn ethernet(kind: u16, packet: &[u8]) -> Vec<u8> {
    // Short frames are padded.
    let mut frame = [&[2; 12], &kind.to_be_bytes()[..], packet].concat();
    frame.resize(frame.len().max(60), 0);
    frame
}

/// A pcap with these packets, one every millisecond.
pub(super) fn pcap(link: DataLink, packets: &[Vec<u8>]) -> Vec<u8> {
    pcap_of_length(link, packets, usize::MAX)
}

pub(super) fn pcap_of_length(link: DataLink, packets: &[Vec<u8>], most: usize) -> Vec<u8> {
    let header = PcapHeader {
        datalink: link,
        ts_resolution: TsResolution::MicroSecond,
        endianness: Endianness::Little,
        ..PcapHeader::default()
    };
    let mut writer = PcapWriter::with_header(Vec::new(), header).unwrap();
    for (number, packet) in (0..).zip(packets) {
        let packet = PcapPacket {
            timestamp: Duration::from_secs(1_795_956_391) + Duration::from_millis(number),
            orig_len: u32::try_from(packet.len()).unwrap(),
            data: Cow::Borrowed(&packet[..packet.len().min(most)]),
        };
        writer.write_packet(&packet).unwrap();
    }
    writer.into_writer()
}

pub(super) fn raw(segments: &[Sent]) -> Vec<u8> {
    let packets: Vec<Vec<u8>> = segments.iter().map(|segment| ipv4(segment, CLIENT)).collect();
    pcap(DataLink::RAW, &packets)
}

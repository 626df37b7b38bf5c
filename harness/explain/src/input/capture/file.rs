//! The files that captures are in: pcap and pcapng.

use std::{
    borrow::Cow,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use pcap_file::{
    DataLink, TsResolution,
    pcap::PcapParser,
    pcapng::{
        Block, PcapNgParser,
        blocks::interface_description::{InterfaceDescriptionBlock, InterfaceDescriptionOption},
    },
};

use super::{Frame, link::Link};

/// The end of a file.
pub(super) struct End {
    pub(super) form: &'static str,
    /// Why it was not read to its end, in a sentence.
    pub(super) stopped: Option<String>,
}

/// The first bytes of pcap, in both orders, with microseconds and nanoseconds.
const PCAP: [[u8; 4]; 4] = [
    [0xa1, 0xb2, 0xc3, 0xd4],
    [0xd4, 0xc3, 0xb2, 0xa1],
    [0xa1, 0xb2, 0x3c, 0x4d],
    [0x4d, 0x3c, 0xb2, 0xa1],
];

/// The first bytes of pcapng.
const PCAPNG: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

/// Hands each packet of a file on; `None` if it is no capture.
pub(super) fn each<'a>(bytes: &'a [u8], take: &mut impl FnMut(Frame<'a>)) -> Option<End> {
    let magic = bytes.first_chunk::<4>()?;
    if PCAP.contains(magic) {
        return pcap(bytes, take);
    }
    if *magic == PCAPNG { pcapng(bytes, take) } else { None }
}

fn pcap<'a>(bytes: &'a [u8], take: &mut impl FnMut(Frame<'a>)) -> Option<End> {
    let (mut rest, parser) = PcapParser::new(bytes).ok()?;
    let header = parser.header();
    let link = link(header.datalink);
    let unit = match header.ts_resolution {
        TsResolution::MicroSecond => 1_000,
        TsResolution::NanoSecond => 1,
    };
    let mut number = 0;
    while !rest.is_empty() {
        // The raw form: lengths over the file's own limit are seen in files of some programs.
        let Ok((after, packet)) = parser.next_raw_packet(rest) else { break };
        let length = usize::try_from(packet.orig_len).unwrap_or(usize::MAX);
        let fraction = Duration::from_nanos(u64::from(packet.ts_frac) * unit);
        let at = UNIX_EPOCH.checked_add(Duration::from_secs(u64::from(packet.ts_sec)) + fraction);
        if let Cow::Borrowed(bytes) = packet.data {
            take(Frame { link, at, bytes, length });
        }
        number += 1;
        rest = after;
    }
    let stopped = (!rest.is_empty()).then(|| cut_off(number));
    Some(End { form: "capture of packets (pcap)", stopped })
}

fn cut_off(packets: usize) -> String {
    format!("the file of the capture is cut off or damaged after packet {packets}")
}

fn pcapng<'a>(bytes: &'a [u8], take: &mut impl FnMut(Frame<'a>)) -> Option<End> {
    let (mut rest, mut parser) = PcapNgParser::new(bytes).ok()?;
    let mut number = 0;
    while !rest.is_empty() {
        let Ok((after, block)) = parser.next_block(rest) else { break };
        let (interface, time, length, data) = match block {
            Block::EnhancedPacket(packet) => {
                let length = packet.original_len;
                (packet.interface_id, Some(packet.timestamp), length, packet.data)
            }
            Block::SimplePacket(packet) => (0, None, packet.original_len, packet.data),
            Block::Packet(packet) => {
                let time = Duration::from_nanos(packet.timestamp);
                let interface = u32::from(packet.interface_id);
                (interface, Some(time), packet.original_len, packet.data)
            }
            _ => {
                rest = after;
                continue;
            }
        };
        rest = after;
        number += 1;
        let interface =
            usize::try_from(interface).ok().and_then(|index| parser.interfaces().get(index));
        if let (Some(interface), Cow::Borrowed(bytes)) = (interface, data) {
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            // A simple packet is padded.
            let bytes = &bytes[..bytes.len().min(length)];
            let at = time.and_then(|time| moment(time, interface));
            take(Frame { link: link(interface.linktype), at, bytes, length });
        }
    }
    let stopped = (!rest.is_empty()).then(|| cut_off(number));
    Some(End { form: "capture of packets (pcapng)", stopped })
}

/// The time of a packet. The crate takes the units of every interface for nanoseconds.
fn moment(units: Duration, interface: &InterfaceDescriptionBlock<'_>) -> Option<SystemTime> {
    let resolution = interface.options.iter().find_map(|option| match option {
        InterfaceDescriptionOption::IfTsResol(resolution) => Some(*resolution),
        _ => None,
    });
    let units = units.as_nanos();
    let nanoseconds = match resolution.unwrap_or(6) {
        binary if binary & 0x80 != 0 => {
            units.checked_mul(1_000_000_000)? >> u32::from(binary & 0x7f).min(127)
        }
        decimal if decimal <= 9 => units.checked_mul(10_u128.pow(9 - u32::from(decimal)))?,
        decimal => units / 10_u128.checked_pow(u32::from(decimal) - 9)?,
    };
    UNIX_EPOCH.checked_add(Duration::from_nanos(u64::try_from(nanoseconds).ok()?))
}

/// The link, whose number has flags above it in pcap.
fn link(link: DataLink) -> Link {
    Link(u32::from(link) & 0xffff)
}

//! `--pcap` in the virtual lab: packets that other programs read, with the bytes that were exchanged.
#![cfg(unix)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use pcap_file::pcap::PcapReader;
use pnet_packet::Packet;
use pnet_packet::ethernet::{EtherTypes, EthernetPacket};
use pnet_packet::icmp::{self, IcmpPacket};
use pnet_packet::ip::IpNextHeaderProtocols;
use pnet_packet::ipv4::{self, Ipv4Packet};
use pnet_packet::tcp::{self, TcpFlags, TcpPacket};
use recording::{Exchange, read};

use super::sceplab::{command, finish, without_environment, workspace};

/// The subnets of `windows-pki`, from the device to the server, with the TTLs of the packets to the server and back.
const LINKS: [(&str, u8, u8); 3] = [
    ("10.215.168.0-24.pcap", 64, 126),
    ("10.0.12.0-30.pcap", 63, 127),
    ("192.168.212.0-22.pcap", 62, 128),
];

/// The longest data of a segment.
const MSS: usize = 1_460;

/// The bytes from each end to another, in their order.
type Streams = BTreeMap<(SocketAddrV4, SocketAddrV4), Direction>;

/// One direction of a connection.
#[derive(Default, Debug)]
struct Direction {
    bytes: Vec<u8>,
    /// The next sequence number, after the SYN.
    next: Option<u32>,
    is_closed: bool,
}

/// What a capture has.
#[derive(Default)]
struct Read {
    pings: usize,
    streams: Streams,
    times: Vec<Duration>,
    hardware_addresses: BTreeMap<Ipv4Addr, Vec<String>>,
    /// The sequence numbers of SYN segments.
    initial: BTreeSet<u32>,
}

fn read_capture(file: &Path, there: u8, back: u8) -> Read {
    let mut reader = PcapReader::new(File::open(file).unwrap()).unwrap();
    let mut read = Read::default();
    while let Some(packet) = reader.next_packet() {
        let packet = packet.unwrap();
        assert_eq!(packet.data.len(), packet.orig_len as usize);
        read.times.push(packet.timestamp);
        add(&mut read, &packet.data, (there, back));
    }
    read
}

fn add(read: &mut Read, frame: &[u8], (there, back): (u8, u8)) {
    let frame = EthernetPacket::new(frame).unwrap();
    assert_eq!(frame.get_ethertype(), EtherTypes::Ipv4);
    assert_ne!(frame.get_source(), frame.get_destination());
    let packet = Ipv4Packet::new(frame.payload()).unwrap();
    assert_eq!(ipv4::checksum(&packet), packet.get_checksum());
    let (source, destination) = (packet.get_source(), packet.get_destination());
    let macs = read.hardware_addresses.entry(source).or_default();
    macs.push(frame.get_source().to_string());
    match packet.get_next_level_protocol() {
        IpNextHeaderProtocols::Icmp => {
            let message = IcmpPacket::new(packet.payload()).unwrap();
            assert_eq!(icmp::checksum(&message), message.get_checksum());
            read.pings += 1;
        }
        IpNextHeaderProtocols::Tcp => {
            let segment = TcpPacket::new(packet.payload()).unwrap();
            assert_eq!(tcp::ipv4_checksum(&segment, &source, &destination), segment.get_checksum());
            let from = SocketAddrV4::new(source, segment.get_source());
            let to = SocketAddrV4::new(destination, segment.get_destination());
            if segment.get_flags() & TcpFlags::SYN != 0 {
                assert!(read.initial.insert(segment.get_sequence()), "{segment:?}");
            }
            let is_request = to.port() == 80;
            assert_eq!(packet.get_ttl(), if is_request { there } else { back });
            add_segment(&mut read.streams, from, to, &segment);
        }
        other => panic!("{other}"),
    }
}

/// Checks a segment as its receiver does: nothing is missing, and only what came is acknowledged.
fn add_segment(
    streams: &mut Streams,
    from: SocketAddrV4,
    to: SocketAddrV4,
    segment: &TcpPacket<'_>,
) {
    let (flags, data) = (segment.get_flags(), segment.payload());
    assert!(data.len() <= MSS, "{}", data.len());
    if flags & TcpFlags::ACK != 0 {
        let other = streams.get(&(to, from)).expect("the other end has sent a SYN");
        assert_eq!(Some(segment.get_acknowledgement()), other.next);
    }
    let own = streams.entry((from, to)).or_default();
    if flags & TcpFlags::SYN != 0 {
        assert_eq!(own.next, None);
        own.next = Some(segment.get_sequence() + 1);
        return;
    }
    assert_eq!(Some(segment.get_sequence()), own.next);
    assert!(!own.is_closed || data.is_empty());
    own.bytes.extend_from_slice(data);
    own.is_closed |= flags & (TcpFlags::FIN | TcpFlags::RST) != 0;
    let len = u32::try_from(data.len()).unwrap() + u32::from(flags & TcpFlags::FIN != 0);
    own.next = own.next.map(|next| next + len);
}

/// The bytes of a direction of all exchanges, in the order of the exchanges.
fn wire(exchanges: &[Exchange]) -> [Vec<Vec<u8>>; 2] {
    let join = |head: &[u8], body: &[u8]| [head, body].concat();
    let of = |it: &Exchange| {
        let (request, reply) = (it.request.as_ref().unwrap(), it.reply.as_ref().unwrap());
        (join(&request.head, &request.body), join(&reply.head, &reply.body))
    };
    let (requests, replies) = exchanges.iter().map(of).unzip();
    [requests, replies]
}

#[test]
fn packets_of_the_virtual_lab_carry_the_saved_messages() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = command(workspace(), &["run", "scenarios/scep/windows-pki.yaml", "--pcap"]);
    run.arg(folder.path().join("c")).arg("--save-messages").arg(folder.path().join("m"));
    let ended = finish(run);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    let exchanges = read(&folder.path().join("m/scep-windows-pki")).unwrap().exchanges;
    let [mut requests, mut replies] = wire(&exchanges);
    assert!(requests.len() >= 3);
    let captures = folder.path().join("c/scep-windows-pki");
    assert_eq!(fs::read_dir(&captures).unwrap().count(), LINKS.len());
    requests.sort();
    replies.sort();
    for (name, there, back) in LINKS {
        let path = captures.join(name);
        // It has what was sent, secrets too.
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let read = read_capture(&path, there, back);
        assert!(read.pings >= 2, "{name}");
        assert!(read.times.is_sorted_by(|a, b| a < b), "{name}");
        // Each node has one hardware address on a link.
        for macs in read.hardware_addresses.values() {
            assert!(macs.iter().all(|mac| *mac == macs[0]), "{name}: {macs:?}");
        }
        assert!(read.streams.values().all(|it| it.is_closed), "{name}");
        let (to_server, to_client): (Vec<_>, Vec<_>) =
            read.streams.into_iter().partition(|((_, to), _)| to.port() == 80);
        let bytes = |all: Vec<(_, Direction)>| {
            let mut bytes: Vec<_> = all.into_iter().map(|(_, it)| it.bytes).collect();
            bytes.sort();
            bytes
        };
        assert_eq!(bytes(to_server), requests, "{name}");
        assert_eq!(bytes(to_client), replies, "{name}");
    }
}

#[test]
fn capture_has_the_time_of_the_lab() {
    let folder = tempfile::tempdir().unwrap();
    let text = "title: T
lab:
  devices: {DUT0: {interfaces: {eth0: 10.0.0.0/24}}}
  hosts: {gateway: {addresses: [10.0.0.1/24]}}
  clock: 2031-05-06T07:08Z
steps:
  - configure: {set: set interfaces ethernet eth0 address 10.0.0.64/24}
  - ping: {device: DUT0, address: 10.0.0.1, count: 1, size: 56, timeout: 1s}
  - advance: {by: 30d}
  - ping: {device: DUT0, address: 10.0.0.1, count: 1, size: 56, timeout: 1s}
";
    fs::write(folder.path().join("a.yaml"), text).unwrap();
    let ended = finish(command(folder.path(), &["run", "a.yaml", "--pcap", "c"]));
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    let read = read_capture(&folder.path().join("c/a/10.0.0.0-24.pcap"), 64, 64);
    let start = scep::clock::moment("2031-05-06T07:08Z").unwrap();
    let start = start.duration_since(std::time::UNIX_EPOCH).unwrap();
    let (first, last) = (read.times[0], *read.times.last().unwrap());
    assert!(first >= start && first < start + Duration::from_secs(60), "{first:?}");
    assert!(last >= first + Duration::from_secs(30 * 86_400), "{first:?} {last:?}");
}

#[test]
fn incomplete_capture_of_the_virtual_lab_decides_the_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    // No file may be longer than four blocks, as if the disk were full.
    let script = "trap '' XFSZ; ulimit -f 4; exec \"$0\" \"$@\"";
    let mut run = Command::new("sh");
    run.args(["-c", script, env!("CARGO_BIN_EXE_sceplab"), "run"]).current_dir(workspace());
    run.args(["scenarios/scep/linux-pki.yaml", "--pcap"]).arg(folder.path().join("c"));
    without_environment(&mut run);
    let ended = finish(run);
    assert_eq!(ended.code, Some(3), "{}", ended.transcript());
    let full = folder.path().join("c/scep-linux-pki/10.215.168.0-24.pcap");
    let told = format!("the capture `{}` is incomplete: File too large", full.display());
    assert!(ended.stderr.contains(&told), "{}", ended.transcript());
}

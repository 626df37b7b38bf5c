//! Captures of the links: each packet that crosses one, in an Ethernet frame.

use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use ipnet::Ipv4Net;
use parking_lot::Mutex;
use pnet_packet::ethernet::{EtherType, EtherTypes};
use scep::clock::Clock;
use simulated::pcap::Pcap;

use super::crossing::{Crossing, NodeId};
use super::packet::Packet;

/// The time between two frames of one moment of the lab, so that their order shows.
const STEP: Duration = Duration::from_micros(1);

/// A capture of each link.
pub(super) struct Captures {
    clock: Clock,
    state: Mutex<State>,
}

struct State {
    /// By link; none after they are finished.
    files: Vec<Pcap>,
    /// The time of the newest frame.
    last: SystemTime,
    /// The first error; afterwards no frame is written.
    failed: Option<String>,
}

impl Captures {
    /// Begins a capture of each of these links, with the times of that clock. If a file cannot be written, no link is captured.
    pub(super) fn begin(folder: &Path, links: &[Ipv4Net], clock: Clock) -> Self {
        let files = links.iter().map(|subnet| Pcap::begin(folder, *subnet));
        match files.collect::<io::Result<_>>() {
            Ok(files) => Self::new(files, None, clock),
            Err(error) => Self::missing(format!("no link is captured: {error}"), clock),
        }
    }

    /// No captures, for this reason.
    pub(super) fn missing(reason: String, clock: Clock) -> Self {
        Self::new(Vec::new(), Some(reason), clock)
    }

    fn new(files: Vec<Pcap>, failed: Option<String>, clock: Clock) -> Self {
        let state = State { files, last: SystemTime::UNIX_EPOCH, failed };
        Self { clock, state: Mutex::new(state) }
    }

    /// Adds a packet that crosses a link now.
    pub(super) fn add(&self, crossing: Crossing, packet: &Packet) {
        let frame = frame(crossing, packet);
        let now = self.clock.now();
        let State { files, last, failed } = &mut *self.state.lock();
        *last = now.max(*last + STEP);
        let Some(file) = files.get_mut(crossing.link).filter(|_| failed.is_none()) else { return };
        *failed = file.add(*last, &frame).err();
    }

    /// Adds a packet that goes along a path, and loses a TTL in each node between.
    pub(super) fn add_along(&self, path: &[Crossing], mut packet: Packet) {
        for (number, crossing) in path.iter().enumerate() {
            if number > 0 && !packet.decrement_ttl() {
                return;
            }
            self.add(*crossing, &packet);
        }
    }

    /// Completes the captures; returns which are incomplete, and why.
    pub(super) fn finish(&self) -> Vec<String> {
        let mut state = self.state.lock();
        let files = std::mem::take(&mut state.files);
        let failed = state.failed.take();
        // Each file has what came before the error.
        let finished = files.into_iter().filter_map(|file| file.finish().err());
        failed.into_iter().chain(finished).collect()
    }
}

/// The packet in an Ethernet frame: destination, source, type (IEEE 802.3), content.
fn frame(crossing: Crossing, packet: &Packet) -> Vec<u8> {
    let Crossing { link, from, to } = crossing;
    let EtherType(kind) = EtherTypes::Ipv4;
    let addresses = [hardware_address(to, link), hardware_address(from, link)];
    [addresses.as_flattened(), &kind.to_be_bytes(), packet.as_bytes()].concat()
}

/// The hardware address of a node on a link. The lab has none, so it is made of both numbers: locally administered, for one node.
fn hardware_address(node: NodeId, link: usize) -> [u8; 6] {
    let ([.., a, b], [.., c, d]) = (node.to_be_bytes(), link.to_be_bytes());
    [0x02, 0x00, a, b, c, d]
}

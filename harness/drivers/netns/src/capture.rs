//! Captures the frames of a link into a file that Wireshark opens.

use std::io::{self, BufWriter, IntoInnerError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, UNIX_EPOCH};

use files::{Growing, Readers};
use ipnet::Ipv4Net;
use pcap_file::PcapError;
use pcap_file::pcap::{PcapHeader, PcapPacket, PcapWriter};
use pnet_datalink::{Channel, Config, DataLinkReceiver, NetworkInterface};
use scep::clock::Clock;

use simulated::kernel::links::{bridge_index, bridge_name};

/// The longest frame: an Ethernet header, and an IPv4 packet of maximum length, to which offloading may join segments.
const FRAME_LIMIT: usize = 65_535 + 14;

/// The interval at which a capture without traffic checks whether it must end.
const QUIET: Duration = Duration::from_millis(10);

/// A running capture.
pub(super) struct Capture {
    path: PathBuf,
    finished: Arc<AtomicBool>,
    writer: JoinHandle<io::Result<()>>,
}

impl Capture {
    /// Captures the frames of the link of that number from now on, into a file in `folder` that is named after the link's subnet.
    /// The calling thread must be in the namespace of the bridges.
    pub(super) fn start(link: usize, subnet: Ipv4Net, folder: &Path) -> io::Result<Self> {
        let path = folder.join(format!("{}.pcap", subnet.to_string().replace('/', "-")));
        let file = pcap(&path).map_err(|error| {
            io::Error::new(error.kind(), format!("`{}` cannot be written: {error}", path.display()))
        })?;
        let frames = listen(link)?;
        let finished = Arc::new(AtomicBool::new(false));
        let shared = Arc::clone(&finished);
        let writer = thread::Builder::new().spawn(move || write(frames, file, &shared))?;
        Ok(Self { path, finished, writer })
    }

    /// Writes the frames so far, and ends the capture.
    ///
    /// # Errors
    /// Which file is incomplete, and why.
    pub(super) fn finish(self) -> Result<(), String> {
        self.finished.store(true, Ordering::Relaxed);
        let written =
            self.writer.join().unwrap_or_else(|_| Err(io::Error::other("its thread panicked")));
        let path = self.path.display();
        written.map_err(|error| format!("the capture `{path}` is incomplete: {error}"))
    }
}

type Pcap = PcapWriter<BufWriter<Growing>>;

fn pcap(path: &Path) -> io::Result<Pcap> {
    let snaplen = u32::try_from(FRAME_LIMIT).unwrap_or(u32::MAX);
    let header = PcapHeader { snaplen, ..PcapHeader::default() };
    // It has what was sent, secrets too.
    let file = Growing::begin(path, Readers::Owner)?;
    PcapWriter::with_header(BufWriter::new(file), header).map_err(not_written)
}

fn listen(link: usize) -> io::Result<Box<dyn DataLinkReceiver>> {
    let bridge = NetworkInterface {
        name: bridge_name(link),
        description: String::new(),
        index: bridge_index(link),
        mac: None,
        ips: Vec::new(),
        flags: 0,
    };
    let read_buffer_size = FRAME_LIMIT;
    let config = Config { read_buffer_size, read_timeout: Some(QUIET), ..Config::default() };
    match pnet_datalink::channel(&bridge, config)? {
        Channel::Ethernet(_, frames) => Ok(frames),
        _ => Err(io::Error::other("the link is not an Ethernet")),
    }
}

/// Writes frames until the capture is finished and no frame has come for [`QUIET`].
fn write(
    mut frames: Box<dyn DataLinkReceiver>,
    mut file: Pcap,
    finished: &AtomicBool,
) -> io::Result<()> {
    loop {
        match frames.next() {
            Ok(frame) => {
                let length = u32::try_from(frame.len()).unwrap_or(u32::MAX);
                let packet = PcapPacket::new(now(), length, frame);
                file.write_packet(&packet).map_err(not_written)?;
            }
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                if finished.load(Ordering::Relaxed) {
                    let complete = file.into_writer().into_inner();
                    return complete.map_err(IntoInnerError::into_error)?.finish();
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// The error of the file itself if there is one, because the text of `PcapError` does not contain it.
fn not_written(error: PcapError) -> io::Error {
    match error {
        PcapError::IoError(error) => error,
        other => io::Error::other(other),
    }
}

fn now() -> Duration {
    Clock::system().now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

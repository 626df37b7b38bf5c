//! Captures the frames of a link into a file that Wireshark opens.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use ipnet::Ipv4Net;
use pnet_datalink::{Channel, Config, DataLinkReceiver, NetworkInterface};
use scep::clock::Clock;

use simulated::kernel::links::{bridge_index, bridge_name};
use simulated::pcap::{FRAME_LIMIT, Pcap, incomplete};

/// The interval at which a capture without traffic checks whether it must end.
const QUIET: Duration = Duration::from_millis(10);

/// A running capture.
pub(super) struct Capture {
    path: PathBuf,
    finished: Arc<AtomicBool>,
    writer: JoinHandle<Result<(), String>>,
}

impl Capture {
    /// Captures the frames of the link of that number from now on, into a file in `folder` that is named after the link's subnet.
    /// The calling thread must be in the namespace of the bridges.
    pub(super) fn start(link: usize, subnet: Ipv4Net, folder: &Path) -> io::Result<Self> {
        let file = Pcap::begin(folder, subnet)?;
        let path = file.path().to_owned();
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
        let panicked = || incomplete(&self.path, &io::Error::other("its thread panicked"));
        self.writer.join().unwrap_or_else(|_| Err(panicked()))
    }
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
) -> Result<(), String> {
    loop {
        match frames.next() {
            Ok(frame) => {
                file.add(Clock::system().now(), frame)?;
            }
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                if finished.load(Ordering::Relaxed) {
                    return file.finish();
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(incomplete(file.path(), &error)),
        }
    }
}

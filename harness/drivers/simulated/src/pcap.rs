//! Files with the frames of a link, which Wireshark opens.

use std::io::{self, BufWriter, IntoInnerError};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use files::{Growing, Readers};
use ipnet::Ipv4Net;
use pcap_file::PcapError;
use pcap_file::pcap::{PcapHeader, PcapPacket, PcapWriter};

/// The longest frame in bytes: an Ethernet header, and an IPv4 packet of maximum length, to which offloading may join segments.
pub const FRAME_LIMIT: usize = 65_535 + 14;

/// A file with the frames of a link, which only its owner can read: it has what was sent, secrets too.
pub struct Pcap {
    path: PathBuf,
    writer: PcapWriter<BufWriter<Growing>>,
}

impl Pcap {
    /// Begins the file in `folder` that is named after the link's subnet.
    ///
    /// # Errors
    /// If the file cannot be written; the error names it.
    pub fn begin(folder: &Path, subnet: Ipv4Net) -> io::Result<Self> {
        let path = folder.join(format!("{}.pcap", subnet.to_string().replace('/', "-")));
        let writer = begin(&path).map_err(|error| {
            io::Error::new(error.kind(), format!("`{}` cannot be written: {error}", path.display()))
        })?;
        Ok(Self { path, writer })
    }

    /// The path of the file when it is complete.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a frame.
    ///
    /// # Errors
    /// Which file is incomplete, and why.
    pub fn add(&mut self, at: SystemTime, frame: &[u8]) -> Result<(), String> {
        let length = u32::try_from(frame.len()).unwrap_or(u32::MAX);
        let at = at.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let written = self.writer.write_packet(&PcapPacket::new(at, length, frame));
        written.map(drop).map_err(|error| incomplete(&self.path, &not_written(error)))
    }

    /// Completes the file.
    ///
    /// # Errors
    /// Which file is incomplete, and why.
    pub fn finish(self) -> Result<(), String> {
        let Self { path, writer } = self;
        let complete = writer.into_writer().into_inner().map_err(IntoInnerError::into_error);
        complete.and_then(Growing::finish).map_err(|error| incomplete(&path, &error))
    }
}

/// Says that a capture is incomplete, and why.
pub fn incomplete(path: &Path, error: &io::Error) -> String {
    format!("the capture `{}` is incomplete: {error}", path.display())
}

fn begin(path: &Path) -> io::Result<PcapWriter<BufWriter<Growing>>> {
    let snaplen = u32::try_from(FRAME_LIMIT).unwrap_or(u32::MAX);
    let header = PcapHeader { snaplen, ..PcapHeader::default() };
    let file = Growing::begin(path, Readers::Owner)?;
    PcapWriter::with_header(BufWriter::new(file), header).map_err(not_written)
}

/// The error of the file itself if there is one, because the text of `PcapError` does not contain it.
fn not_written(error: PcapError) -> io::Error {
    match error {
        PcapError::IoError(error) => error,
        other => io::Error::other(other),
    }
}

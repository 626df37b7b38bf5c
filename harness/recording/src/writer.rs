//! Writes exchanges to a folder, in a thread of its own: whoever exchanges messages does not wait for a disk.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender};
use std::time::UNIX_EPOCH;

use files::{Readers, replace, replace_unflushed};

use crate::complaints::Complaints;
use crate::exchange::{End, Exchange, Reply, Request};
use crate::index::{Entry, FILE, Index, LeftOut, ReplyEntry, RequestEntry, text_of};
use crate::name;
use crate::room::Emptying;

/// Limit of exchanges in a folder.
pub const MOST_EXCHANGES: u64 = 10_000;

/// Limit of the bytes of all exchanges in a folder.
pub const MOST_BYTES: u64 = 256 << 20;

/// The number of exchanges up to which the index is written after each.
const FEW: u64 = 128;

/// The number of exchanges after which a long index is written.
const SOME: u64 = 64;

/// What a writer has to do.
pub(crate) enum Job {
    Save(Box<Exchange>),
    /// Flush the index, and say so.
    Flush(SyncSender<()>),
}

/// Writes to a folder.
#[derive(Debug)]
pub(crate) struct Writer {
    folder: PathBuf,
    complaints: Complaints,
    index: Index,
    bytes: u64,
    /// True after the first error; afterwards nothing is saved.
    has_failed: bool,
}

impl Writer {
    /// Writes the index of a folder, which exists and is empty, for what the text names. An error becomes a complaint.
    pub(crate) fn begin(folder: PathBuf, of: String, complaints: Complaints) -> Self {
        let index = Index::new(of);
        let mut writer = Self { folder, complaints, index, bytes: 0, has_failed: false };
        writer.change(Self::write);
        writer
    }

    /// Does the jobs in their order, until there can be no more.
    pub(crate) fn work(mut self, jobs: &Receiver<Job>, Emptying(room): &Emptying) {
        for job in jobs {
            match job {
                Job::Save(exchange) => {
                    self.change(|writer| writer.save(&exchange));
                    room.leave();
                }
                Job::Flush(done) => {
                    self.change(Self::flush);
                    // Whoever asked may have gone.
                    let _ = done.send(());
                }
            }
        }
        self.change(Self::flush);
    }

    /// Changes the folder, unless that has failed before.
    fn change(&mut self, change: impl FnOnce(&mut Self) -> io::Result<()>) {
        if self.has_failed {
            return;
        }
        let was_complete = self.index.left_out.is_none();
        let error = change(self).err().map(|error| error.to_string());
        self.has_failed = error.is_some();
        let left_out = self.index.left_out.as_ref().filter(|_| was_complete);
        if let Some(reason) = error.or_else(|| left_out.map(|it| it.why.clone())) {
            self.complaints.incomplete(&self.folder, &reason);
        }
    }

    fn save(&mut self, exchange: &Exchange) -> io::Result<()> {
        let count = self.index.exchanges.len() as u64;
        let bytes = self.bytes + exchange.len() as u64;
        // After the first that is left out, all are, so that there is no hole.
        let is_full = self.index.left_out.is_some();
        if is_full || count >= MOST_EXCHANGES || bytes > MOST_BYTES {
            let why = format!(
                "a folder has {MOST_EXCHANGES} exchanges and {} MiB at most",
                MOST_BYTES >> 20
            );
            let left_out = self.index.left_out.get_or_insert(LeftOut { exchanges: 0, why });
            left_out.exchanges += 1;
            // Often enough to show that there are more, and how many about.
            return if left_out.exchanges.is_power_of_two() { self.write() } else { Ok(()) };
        }
        let entry = save_files(&self.folder, count + 1, exchange)?;
        self.index.exchanges.push(entry);
        self.bytes = bytes;
        let count = count + 1;
        if count <= FEW || count.is_multiple_of(SOME) { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> io::Result<()> {
        let text = self.index.to_text();
        replace_unflushed(&self.folder.join(FILE), text.as_bytes(), Readers::Owner)
    }

    fn flush(&mut self) -> io::Result<()> {
        replace(&self.folder.join(FILE), self.index.to_text().as_bytes(), Readers::Owner)
    }
}

/// Writes the files of an exchange, and returns its entry.
fn save_files(folder: &Path, number: u64, exchange: &Exchange) -> io::Result<Entry> {
    let (name, message) = name::of(exchange.request.as_ref());
    let file = |part: &str, ending: &str, bytes: &[u8]| -> io::Result<String> {
        let file = format!("{number:03}-{name}-{part}.{ending}");
        replace_unflushed(&folder.join(&file), bytes, Readers::Owner)?;
        Ok(file)
    };
    let body = |part: &str, bytes: &[u8]| {
        let is_there = !bytes.is_empty();
        is_there.then(|| file(part, name::ending(bytes), bytes)).transpose()
    };
    let request = |Request { head, method, target, body: bytes, extent, .. }: &Request| {
        let message = message.as_deref().filter(|_| bytes.is_empty());
        io::Result::Ok(RequestEntry {
            method: method.clone(),
            target: target.clone(),
            head: file("request", "http", head)?,
            body: body("request", bytes)?,
            message: message
                .and_then(|message| body("request", message).transpose())
                .transpose()?,
            extent: *extent,
        })
    };
    let reply = |Reply { head, status, body: bytes, extent, .. }: &Reply| {
        let (head, body) = (file("reply", "http", head)?, body("reply", bytes)?);
        io::Result::Ok(ReplyEntry { status: *status, head, body, extent: *extent })
    };
    Ok(Entry {
        number,
        pki: exchange.pki.clone(),
        seen_by: exchange.seen_by.unwrap_or(End::Client),
        connection: exchange.connection,
        client: exchange.client.clone(),
        server: exchange.server.clone(),
        at: text_of(exchange.at.unwrap_or(UNIX_EPOCH)),
        replied_at: exchange.replied_at.map(text_of),
        request: exchange.request.as_ref().map(request).transpose()?,
        reply: exchange.reply.as_ref().map(reply).transpose()?,
        gaps: exchange.gaps.iter().map(ToString::to_string).collect(),
        name,
    })
}

//! Saves exchanges in a folder.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use files::{Readers, replace, replace_unflushed};
use parking_lot::Mutex;
use scep::clock::Clock;

use crate::exchange::{Exchange, Reply, Request};
use crate::held::Budget;
use crate::index::{Entry, FILE, Index, LeftOut, ReplyEntry, RequestEntry, text_of};
use crate::name;

/// Limit of exchanges in a folder.
pub const MOST_EXCHANGES: u64 = 10_000;

/// Limit of the bytes of all exchanges in a folder.
pub const MOST_BYTES: u64 = 256 << 20;

/// The number of exchanges up to which the index is written after each.
const FEW: u64 = 128;

/// The number of exchanges after which a long index is written.
const SOME: u64 = 64;

/// Saves exchanges in a folder. Clones save in the same.
#[derive(Debug, Clone)]
pub struct Recorder(Arc<Inner>);

/// Which folders are incomplete, and why.
#[derive(Debug, Clone, Default)]
pub(crate) struct Complaints(Arc<Mutex<Vec<String>>>);

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    complaints: Complaints,
    clock: Clock,
    budget: Budget,
    connections: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    index: Index,
    bytes: u64,
    /// True after the first error; afterwards nothing is saved.
    has_failed: bool,
}

impl Recorder {
    /// Saves in this folder, which exists and is empty, what the text names, with the times of that clock.
    ///
    /// # Errors
    /// If the folder cannot be written.
    pub(crate) fn open(
        folder: PathBuf,
        of: String,
        clock: Clock,
        complaints: Complaints,
    ) -> io::Result<Self> {
        let index = Index::new(of);
        replace_unflushed(&folder.join(FILE), index.to_text().as_bytes(), Readers::Owner)?;
        let state = Mutex::new(State { index, bytes: 0, has_failed: false });
        let (budget, connections) = (Budget::default(), AtomicU64::new(0));
        Ok(Self(Arc::new(Inner { folder, complaints, clock, budget, connections, state })))
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.0.folder
    }

    /// Flushes the index, and takes the complaints so far: which folder is incomplete, and why. Dropping the last clone flushes it, too.
    pub fn finish(&self) -> Vec<String> {
        self.0.flush();
        self.0.complaints.take()
    }

    /// Saves exchanges; an error becomes a complaint.
    pub(crate) fn record_all(&self, exchanges: Vec<Exchange>) {
        for exchange in exchanges {
            self.record(&exchange);
        }
    }

    pub(crate) fn now(&self) -> SystemTime {
        self.0.clock.now()
    }

    pub(crate) fn budget(&self) -> &Budget {
        &self.0.budget
    }

    pub(crate) fn next_connection(&self) -> u64 {
        self.0.connections.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Saves an exchange; an error becomes a complaint.
    pub fn record(&self, exchange: &Exchange) {
        self.0.change(|state, folder| state.save(folder, exchange));
    }
}

impl Inner {
    fn flush(&self) {
        self.change(|state, folder| {
            let text = state.index.to_text();
            replace(&folder.join(FILE), text.as_bytes(), Readers::Owner)
        });
    }

    /// Changes the folder, unless that has failed before.
    fn change(&self, change: impl FnOnce(&mut State, &Path) -> io::Result<()>) {
        let mut state = self.state.lock();
        if state.has_failed {
            return;
        }
        let was_complete = state.index.left_out.is_none();
        let error = change(&mut state, &self.folder).err().map(|error| error.to_string());
        state.has_failed = error.is_some();
        let left_out = state.index.left_out.as_ref().filter(|_| was_complete);
        if let Some(reason) = error.or_else(|| left_out.map(|it| it.why.clone())) {
            let folder = self.folder.display();
            let complaint = format!("the saved messages in `{folder}` are incomplete: {reason}");
            self.complaints.0.lock().push(complaint);
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.flush();
    }
}

impl Complaints {
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock())
    }
}

impl State {
    fn save(&mut self, folder: &Path, exchange: &Exchange) -> io::Result<()> {
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
            return if left_out.exchanges.is_power_of_two() { self.write(folder) } else { Ok(()) };
        }
        let entry = save_files(folder, count + 1, exchange)?;
        self.index.exchanges.push(entry);
        self.bytes = bytes;
        let count = count + 1;
        if count <= FEW || count.is_multiple_of(SOME) { self.write(folder) } else { Ok(()) }
    }

    fn write(&self, folder: &Path) -> io::Result<()> {
        replace_unflushed(&folder.join(FILE), self.index.to_text().as_bytes(), Readers::Owner)
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
    let request = |Request { head, method, target, body: bytes, .. }: &Request| {
        let message = message.as_deref().filter(|_| bytes.is_empty());
        io::Result::Ok(RequestEntry {
            method: method.clone(),
            target: target.clone(),
            head: file("request", "http", head)?,
            body: body("request", bytes)?,
            message: message
                .and_then(|message| body("request", message).transpose())
                .transpose()?,
        })
    };
    let reply = |Reply { head, status, body: bytes, .. }: &Reply| {
        let (head, body) = (file("reply", "http", head)?, body("reply", bytes)?);
        io::Result::Ok(ReplyEntry { status: *status, head, body })
    };
    Ok(Entry {
        number,
        pki: exchange.pki.clone(),
        seen_by: exchange.seen_by,
        connection: exchange.connection,
        client: exchange.client.clone(),
        server: exchange.server.clone(),
        at: text_of(exchange.at),
        replied_at: exchange.replied_at.map(text_of),
        request: exchange.request.as_ref().map(request).transpose()?,
        reply: exchange.reply.as_ref().map(reply).transpose()?,
        gaps: exchange.gaps.clone(),
        name,
    })
}

#[cfg(test)]
mod tests;

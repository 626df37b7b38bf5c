//! Keeps the newest exchanges, and saves all in a folder if there is one.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::SystemTime;

use parking_lot::Mutex;
use scep::clock::Clock;

use crate::complaints::Complaints;
use crate::exchange::Exchange;
use crate::held::Budget;
use crate::newest::Newest;
use crate::room::{Emptying, Room};
use crate::writer::{Job, Writer};

/// Keeps the newest exchanges, and saves all in a folder if there is one, in the order in which they end. Clones record in the same.
#[derive(Debug, Clone)]
pub struct Recorder(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clock: Clock,
    budget: Budget,
    connections: AtomicU64,
    newest: Mutex<Newest>,
    saving: Option<Arc<Saving>>,
}

/// The folder in which all exchanges are saved. Dropping the last one waits until all is saved.
#[derive(Debug)]
pub(crate) struct Saving {
    folder: PathBuf,
    complaints: Complaints,
    /// None if there is no thread for them.
    jobs: Option<Sender<Job>>,
    room: Arc<Room>,
    thread: Option<JoinHandle<()>>,
}

impl Recorder {
    /// Saves in this folder, which exists and is empty, what the text names, with the times of that clock. If the folder cannot be
    /// written, that is a complaint, and nothing is saved.
    pub(crate) fn open(folder: PathBuf, of: String, clock: Clock, complaints: Complaints) -> Self {
        let writer = Writer::begin(folder.clone(), of, complaints.clone());
        let (jobs, waiting) = channel();
        let room = Arc::<Room>::default();
        let emptying = Emptying(Arc::clone(&room));
        let thread = thread::Builder::new().name("recorder".to_owned());
        let (jobs, thread) = match thread.spawn(move || writer.work(&waiting, &emptying)) {
            Ok(thread) => (Some(jobs), Some(thread)),
            Err(error) => {
                complaints.incomplete(&folder, &format!("there is no thread for it: {error}"));
                (None, None)
            }
        };
        Self::new(clock, Some(Arc::new(Saving { folder, complaints, jobs, room, thread })))
    }

    /// Saves nothing, and keeps only the newest exchanges, with the times of that clock.
    pub fn in_memory(clock: Clock) -> Self {
        Self::new(clock, None)
    }

    fn new(clock: Clock, saving: Option<Arc<Saving>>) -> Self {
        let (budget, connections) = (Budget::default(), AtomicU64::new(0));
        Self(Arc::new(Inner { clock, budget, connections, newest: Mutex::default(), saving }))
    }

    /// The newest exchanges in the order in which they ended, and the last one of each operation.
    pub fn newest(&self) -> Vec<Exchange> {
        self.0.newest.lock().exchanges()
    }

    /// Waits until all is saved, and takes the complaints so far: which folder is incomplete, and why. Dropping the last clone waits,
    /// too.
    pub fn finish(&self) -> Vec<String> {
        let Some(saving) = &self.0.saving else { return Vec::new() };
        saving.flush();
        saving.complaints.take()
    }

    /// The room for exchanges that wait for the disk, if there is none now.
    pub(crate) fn full_room(&self) -> Option<Arc<Room>> {
        let room = &self.0.saving.as_ref()?.room;
        (!room.is_free()).then(|| Arc::clone(room))
    }

    pub(crate) fn saving(&self) -> Option<Arc<Saving>> {
        self.0.saving.clone()
    }

    /// Records exchanges; an error of the folder becomes a complaint.
    pub(crate) fn record_all(&self, exchanges: Vec<Exchange>) {
        for exchange in exchanges {
            self.record(exchange);
        }
    }

    /// Records an exchange without waiting; an error of the folder becomes a complaint. A [`Tap`](crate::Tap) waits before it has a further one
    /// if many wait for the disk.
    pub fn record(&self, exchange: Exchange) {
        if let Some(saving) = &self.0.saving {
            saving.room.enter();
            saving.give(Job::Save(Box::new(exchange.clone())));
        }
        self.0.newest.lock().push(exchange);
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
}

impl Saving {
    /// Waits until all is saved that was recorded so far.
    pub(crate) fn flush(&self) {
        let (done, flushed) = sync_channel(1);
        self.give(Job::Flush(done));
        // An error means that there is no thread that could.
        let _ = flushed.recv();
    }

    fn give(&self, job: Job) {
        // Without a thread there is a complaint already.
        if let Some(jobs) = &self.jobs {
            let _ = jobs.send(job);
        }
    }
}

impl Drop for Saving {
    fn drop(&mut self) {
        self.jobs = None;
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            self.complaints.incomplete(&self.folder, "its thread panicked");
        }
    }
}

#[cfg(test)]
mod tests;

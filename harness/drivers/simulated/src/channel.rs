//! The runner's end of the control channel.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;
use process::messages::{Messages, encode, write_all};
use tokio::io::{AsyncRead, AsyncWrite, BufReader};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, JoinSet};

use crate::control::{LabEvent, Operation, Reply, Request};
use crate::exit::{Exits, LabError};

/// Sends requests to a lab process, and receives its replies and events.
pub struct Channel {
    /// Encoded messages to write. Each is written whole even if its caller has given up.
    lines: mpsc::UnboundedSender<Vec<u8>>,
    /// The task that writes them; empty after the channel is closed.
    writing: Mutex<JoinSet<()>>,
    next_id: AtomicU64,
    state: Arc<State>,
}

/// The state that events of the lab process change.
#[derive(Default)]
struct State {
    waiting: Mutex<HashMap<u64, oneshot::Sender<Reply>>>,
    /// The process ID of the lab process in the runner's PID namespace.
    lab_process: OnceLock<u32>,
    exits: Arc<Exits>,
}

impl Channel {
    /// Communicates over these two streams; the task ends when all processes at the other end have closed theirs.
    pub fn new(
        reader: impl AsyncRead + Send + Unpin + 'static,
        writer: impl AsyncWrite + Send + Unpin + 'static,
    ) -> (Arc<Self>, JoinHandle<()>) {
        let state = Arc::<State>::default();
        let reading = tokio::spawn(read_events(reader, Arc::clone(&state)));
        let (lines, queue) = mpsc::unbounded_channel();
        let mut writing = JoinSet::new();
        writing.spawn(write_all(queue, writer));
        let (writing, next_id) = (Mutex::new(writing), AtomicU64::new(0));
        (Arc::new(Self { lines, writing, next_id, state }), reading)
    }

    /// Sends a request and waits for its reply. If none comes within `limit`, the lab is broken.
    ///
    /// # Errors
    /// The reason why no reply came.
    pub async fn request(&self, operation: Operation, limit: Duration) -> Result<Reply, LabError> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let (sender, reply) = oneshot::channel();
        self.state.waiting.lock().insert(id, sender);
        if let Some(line) = encode(&Request { id, operation }) {
            // If it cannot be sent, the lab process has ended or the timeout below reports it.
            let _ = self.lines.send(line);
        }
        let outcome = tokio::select! {
            // If a reply and an end are both there, the reply counts.
            biased;
            Ok(reply) = reply => Ok(reply),
            error = self.state.exits.lab_ended() => Err(error),
            () = tokio::time::sleep(limit) => Err(LabError::TimedOut(limit)),
        };
        self.state.waiting.lock().remove(&id);
        if let Err(error @ LabError::TimedOut(_)) = &outcome {
            // A lab process that does not reply to this will not reply to anything: later requests must not wait as long again.
            self.state.exits.record_lab_end(error.clone());
        }
        outcome
    }

    /// Closes the sending direction, which ends the lab.
    pub async fn close(&self) {
        let mut writing = std::mem::take(&mut *self.writing.lock());
        writing.shutdown().await;
    }

    /// The parts of the lab that have broken so far.
    pub fn exits(&self) -> &Arc<Exits> {
        &self.state.exits
    }

    /// The process ID of the lab process in the runner's PID namespace.
    pub fn lab_process_id(&self) -> Option<u32> {
        self.state.lab_process.get().copied()
    }
}

impl State {
    fn handle(&self, event: LabEvent) {
        match event {
            LabEvent::Reply { id, reply } => {
                if let Some(waiting) = self.waiting.lock().remove(&id) {
                    let _ = waiting.send(reply);
                }
            }
            LabEvent::Isolated(id) => drop(self.lab_process.set(id)),
            LabEvent::Broke { part, reason } => self.exits.record(part, reason),
            LabEvent::Refused(error) => self.exits.record_lab_end(LabError::Refused(error)),
        }
    }
}

async fn read_events(reader: impl AsyncRead + Unpin, state: Arc<State>) {
    let mut messages = Messages::new(BufReader::new(reader));
    loop {
        match messages.next().await {
            Ok(event) => state.handle(event),
            Err(error) if error.is_protocol_error() => {
                let reason = format!("the lab process sent an invalid message: {error}");
                return state.exits.record_lab_end(LabError::Exited(reason));
            }
            // The task that waits for the process reports how it ended.
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use testbed::TestbedError;
    use tokio::io::AsyncWriteExt;
    use tokio::net::UnixStream;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    fn channel(socket: UnixStream) -> (Arc<Channel>, JoinHandle<()>) {
        let (reader, writer) = socket.into_split();
        Channel::new(reader, writer)
    }

    fn operation() -> Operation {
        Operation::ReadOutput("ca".to_owned())
    }

    async fn answered_with(bytes: &[u8]) -> Result<Reply, LabError> {
        let (near, mut far) = UnixStream::pair().unwrap();
        let (channel, _reading) = channel(near);
        far.write_all(bytes).await.unwrap();
        channel.request(operation(), LIMIT).await
    }

    #[tokio::test]
    async fn invalid_messages_break_the_lab() {
        for bytes in [&b"garbage\n"[..], b"{\"Reply\":{}}\n", b"\n"] {
            let Err(LabError::Exited(reason)) = answered_with(bytes).await else {
                panic!("{bytes:?}")
            };
            assert!(reason.starts_with("the lab process sent an invalid message: "), "{reason}");
        }
    }

    #[tokio::test]
    async fn refused_isolation_fails_every_request() {
        let refusal = TestbedError::Network { reason: "no".to_owned() };
        let line = encode(&LabEvent::Refused(refusal.clone())).unwrap();
        assert_eq!(answered_with(&line).await.unwrap_err(), LabError::Refused(refusal));
    }

    #[tokio::test(start_paused = true)]
    async fn missing_reply_times_out_and_breaks_the_lab() {
        let (near, _far) = UnixStream::pair().unwrap();
        let (channel, _reading) = channel(near);
        for _ in 0..2 {
            let answer = channel.request(operation(), LIMIT).await;
            assert_eq!(answer.unwrap_err(), LabError::TimedOut(LIMIT));
        }
        assert_eq!(channel.exits().broken("ca").await, "the lab process gave no answer in 10 s");
    }

    #[tokio::test]
    async fn broken_part_is_reported_for_that_part_and_broken_lab_for_all() {
        let (near, mut far) = UnixStream::pair().unwrap();
        let (channel, _reading) = channel(near);
        let broke = LabEvent::Broke { part: "ca".to_owned(), reason: "it fell".to_owned() };
        far.write_all(&encode(&broke).unwrap()).await.unwrap();
        assert_eq!(channel.exits().broken("ca").await, "it fell");
        channel.exits().record_lab_end(LabError::Exited("the lab ended".to_owned()));
        assert_eq!(channel.exits().broken("other").await, "the lab ended");
    }
}

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

use crate::control::{Ask, LabEvent, Reply, Request};
use crate::exit::{Exits, Lost};

/// Asks a lab process, and hears what it has to say.
pub struct Channel {
    /// Messages that are to be said, each of them whole although its asker may have gone meanwhile.
    lines: mpsc::UnboundedSender<Vec<u8>>,
    /// The task that says them; none once no more is said.
    speaking: Mutex<JoinSet<()>>,
    next_id: AtomicU64,
    heard: Arc<Heard>,
}

/// What the lab process said.
#[derive(Default)]
struct Heard {
    waiting: Mutex<HashMap<u64, oneshot::Sender<Reply>>>,
    /// The lab process, as the runner's own processes know it.
    inner: OnceLock<u32>,
    exits: Arc<Exits>,
}

impl Channel {
    /// Speaks over these two; the task ends when everything at the other end has.
    pub fn new(
        reader: impl AsyncRead + Send + Unpin + 'static,
        writer: impl AsyncWrite + Send + Unpin + 'static,
    ) -> (Arc<Self>, JoinHandle<()>) {
        let heard = Arc::<Heard>::default();
        let listening = tokio::spawn(listen(reader, Arc::clone(&heard)));
        let (lines, said) = mpsc::unbounded_channel();
        let mut speaking = JoinSet::new();
        speaking.spawn(write_all(said, writer));
        let (speaking, next_id) = (Mutex::new(speaking), AtomicU64::new(0));
        (Arc::new(Self { lines, speaking, next_id, heard }), listening)
    }

    /// Asks, and waits for the reply, at most as long as `limit` says: then the lab is broken.
    ///
    /// # Errors
    /// When there is no reply, and why.
    pub async fn ask(&self, ask: Ask, limit: Duration) -> Result<Reply, Lost> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let (sender, reply) = oneshot::channel();
        self.heard.waiting.lock().insert(id, sender);
        if let Some(line) = encode(&Request { id, ask }) {
            // A lab process that does not listen is one that gives no answer, or is over.
            let _ = self.lines.send(line);
        }
        let outcome = tokio::select! {
            // Where both are there, the answer counts.
            biased;
            Ok(reply) = reply => Ok(reply),
            over = self.heard.exits.over() => Err(over),
            () = tokio::time::sleep(limit) => Err(Lost::Silent(limit)),
        };
        self.heard.waiting.lock().remove(&id);
        if let Err(silent @ Lost::Silent(_)) = &outcome {
            // Whoever does not answer this does not answer anything, and nobody is to wait as long again.
            self.heard.exits.note_end(silent.clone());
        }
        outcome
    }

    /// Says no more, which ends the lab.
    pub async fn hang_up(&self) {
        let mut speaking = std::mem::take(&mut *self.speaking.lock());
        speaking.shutdown().await;
    }

    /// Where it is told what of the lab broke.
    pub fn exits(&self) -> &Arc<Exits> {
        &self.heard.exits
    }

    /// The lab process, as the runner's own processes know it.
    pub fn inner(&self) -> Option<u32> {
        self.heard.inner.get().copied()
    }
}

impl Heard {
    fn hear(&self, event: LabEvent) {
        match event {
            LabEvent::Reply { id, reply } => {
                if let Some(waiting) = self.waiting.lock().remove(&id) {
                    let _ = waiting.send(reply);
                }
            }
            LabEvent::Isolated(inner) => drop(self.inner.set(inner)),
            LabEvent::Broke { part, reason } => self.exits.note(part, reason),
            LabEvent::Refused(error) => self.exits.note_end(Lost::Refused(error)),
        }
    }
}

async fn listen(reader: impl AsyncRead + Unpin, heard: Arc<Heard>) {
    let mut messages = Messages::new(BufReader::new(reader));
    loop {
        match messages.next().await {
            Ok(event) => heard.hear(event),
            Err(error) if error.is_protocol_error() => {
                let reason = format!("the lab process talks nonsense: {error}");
                return heard.exits.note_end(Lost::Gone(reason));
            }
            // Whoever waits for its processes tells how it ended.
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

    fn question() -> Ask {
        Ask::ReadOutput("ca".to_owned())
    }

    async fn answered_with(bytes: &[u8]) -> Result<Reply, Lost> {
        let (near, mut far) = UnixStream::pair().unwrap();
        let (channel, _listening) = channel(near);
        far.write_all(bytes).await.unwrap();
        channel.ask(question(), LIMIT).await
    }

    #[tokio::test]
    async fn nonsense_is_the_end_of_a_lab() {
        for bytes in [&b"garbage\n"[..], b"{\"Reply\":{}}\n", b"\n"] {
            let Err(Lost::Gone(reason)) = answered_with(bytes).await else { panic!("{bytes:?}") };
            assert!(reason.starts_with("the lab process talks nonsense: "), "{reason}");
        }
    }

    #[tokio::test]
    async fn a_refusal_is_the_answer_to_everything() {
        let refusal = TestbedError::Network { reason: "no".to_owned() };
        let line = encode(&LabEvent::Refused(refusal.clone())).unwrap();
        assert_eq!(answered_with(&line).await.unwrap_err(), Lost::Refused(refusal));
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_borne_for_a_while_and_breaks_the_lab() {
        let (near, _far) = UnixStream::pair().unwrap();
        let (channel, _listening) = channel(near);
        for _ in 0..2 {
            let answer = channel.ask(question(), LIMIT).await;
            assert_eq!(answer.unwrap_err(), Lost::Silent(LIMIT));
        }
        assert_eq!(channel.exits().broken("ca").await, "the lab process gave no answer in 10 s");
    }

    #[tokio::test]
    async fn what_broke_is_told_to_whom_it_concerns() {
        let (near, mut far) = UnixStream::pair().unwrap();
        let (channel, _listening) = channel(near);
        let broke = LabEvent::Broke { part: "ca".to_owned(), reason: "it fell".to_owned() };
        far.write_all(&encode(&broke).unwrap()).await.unwrap();
        assert_eq!(channel.exits().broken("ca").await, "it fell");
        channel.exits().note_end(Lost::Gone("all is over".to_owned()));
        assert_eq!(channel.exits().broken("other").await, "all is over");
    }
}

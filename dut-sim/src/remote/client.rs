//! The user's end of the stream.

use std::io;
use std::sync::{Arc, Weak};
use std::time::Duration;

use process::messages::{MESSAGE_LIMIT, Messages, ReadError, encode, write, write_all};
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufRead, BufReader, ReadHalf, WriteHalf};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::pending::{Event, Pending};
use super::server::Devices;
use super::{Call, FromDevice, Greeting, Request, Settings};
use crate::completion::Candidate;
use crate::device::{ConfigurationError, Device, Reply, Step};
use crate::network::Stream;
use crate::ping::Screen;

/// How long a device that has something to do may say nothing at all.
const LONGEST_SILENCE: Duration = Duration::from_secs(30);
/// How many bytes may be on their way to or from a device in this process.
const BUFFER: usize = 64 * 1024;
/// How often a device that has something to do is asked whether it is there.
const ALIVE_PERIOD: Duration = Duration::from_secs(5);

/// The console of a device at the other end of a stream; dropping it ends the connection, and what it waits for is given up.
pub struct RemoteConsole {
    requests: mpsc::UnboundedSender<Vec<u8>>,
    pending: Arc<Pending>,
    changes: watch::Receiver<u64>,
    closed: watch::Receiver<Option<String>>,
    _tasks: JoinSet<()>,
}

/// Why a device in another process did not do what it was asked to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RemoteError {
    /// It says that it cannot.
    #[error("{0}")]
    Failed(String),
    /// It cannot be reached any more, or never could.
    #[error("{0}")]
    Closed(String),
}

impl From<RemoteError> for io::Error {
    fn from(error: RemoteError) -> Self {
        Self::other(format!("the device cannot be reached: {error}"))
    }
}

impl RemoteConsole {
    /// Starts the device at the other end of `stream`.
    ///
    /// # Errors
    /// When the device cannot be started, or does not answer within 30 seconds.
    pub async fn start(
        stream: impl Stream + 'static,
        settings: Settings,
    ) -> Result<Self, RemoteError> {
        Self::greet(stream, &Greeting::Start(settings)).await
    }

    /// Uses a device in this process, as the user at its console.
    ///
    /// # Errors
    /// When the device does not answer within 30 seconds.
    pub async fn of(device: Arc<Device>) -> Result<Self, RemoteError> {
        let (stream, served) = tokio::io::duplex(BUFFER);
        let devices = Devices::new(move |_| Ok(Arc::clone(&device)));
        tokio::spawn(async move { devices.serve(served).await });
        Self::start(stream, Settings::default()).await
    }

    /// Uses the device at the other end of `stream`, which another connection has started.
    ///
    /// # Errors
    /// When the device has not been started, or does not answer within 30 seconds.
    pub async fn attach(stream: impl Stream + 'static) -> Result<Self, RemoteError> {
        Self::greet(stream, &Greeting::Attach).await
    }

    /// Replaces the configuration, as [`Device::replace_configuration`](crate::Device::replace_configuration) does.
    ///
    /// # Errors
    /// When the device cannot answer; what it refuses is within.
    pub async fn replace_configuration(
        &self,
        lines: &str,
    ) -> Result<Result<(), ConfigurationError>, RemoteError> {
        self.ask(Call::Replace(lines.to_owned())).await
    }

    /// Changes the configuration, as [`Device::modify_configuration`](crate::Device::modify_configuration) does.
    ///
    /// # Errors
    /// When the device cannot answer; what it refuses is within.
    pub async fn modify_configuration(
        &self,
        lines: &str,
    ) -> Result<Result<(), ConfigurationError>, RemoteError> {
        self.ask(Call::Modify(lines.to_owned())).await
    }

    /// Runs one line of the command line; the command ends early where nobody waits for it any more.
    ///
    /// # Errors
    /// When the device cannot answer.
    pub async fn execute(&self, command: &str) -> Result<Reply, RemoteError> {
        self.ask(Call::Execute(command.to_owned())).await
    }

    /// What SCEP did, one line an event, the newest last.
    ///
    /// # Errors
    /// When the device cannot answer.
    pub async fn protocol_log(&self) -> Result<Vec<String>, RemoteError> {
        self.ask(Call::ProtocolLog).await
    }

    /// What a reader of a result must know of the device's SCEP client.
    ///
    /// # Errors
    /// When the device cannot answer.
    pub async fn notes(&self) -> Result<Vec<String>, RemoteError> {
        self.ask(Call::Notes).await
    }

    /// Changes whenever the device may answer differently than before.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.changes.clone()
    }

    /// Waits until the connection has ended, and tells why.
    pub async fn closed(&self) -> String {
        let mut closed = self.closed.clone();
        let reason = closed.wait_for(Option::is_some).await.ok().and_then(|reason| reason.clone());
        reason.unwrap_or_else(|| ReadError::Ended.to_string())
    }

    /// The prompt that awaits the next line.
    pub(crate) async fn prompt(&self) -> Result<String, RemoteError> {
        self.ask(Call::Prompt).await
    }

    /// What may be typed after `words`.
    pub(crate) async fn complete(
        &self,
        words: Vec<String>,
        partial: String,
    ) -> Result<Vec<Candidate>, RemoteError> {
        self.ask(Call::Complete { words, partial }).await
    }

    /// Ends what takes its time, if anything does.
    pub(crate) fn interrupt(&self) {
        // Nobody waits for the answer.
        let _asked = self.send(Call::Interrupt);
    }

    /// Runs one line; what takes its time shows on `screen` line by line.
    pub(crate) async fn step(&self, line: &str, screen: Screen<'_>) -> Result<Step, RemoteError> {
        self.ask_showing(Call::Step(line.to_owned()), screen).await
    }

    async fn greet(
        stream: impl Stream + 'static,
        greeting: &Greeting,
    ) -> Result<Self, RemoteError> {
        let (reader, mut writer) = tokio::io::split(stream);
        let mut lines = Messages::new(BufReader::new(reader));
        let greeting = encode(greeting).ok_or_else(too_long)?;
        let greeted = async {
            // A device that refuses may end before it has read all: what it says tells more than that.
            let written = write(&mut writer, &greeting).await;
            lines.next().await.map_err(|error| match written {
                Err(broken) => ReadError::from(broken),
                Ok(()) => error,
            })
        };
        match timeout(LONGEST_SILENCE, greeted).await {
            Ok(Ok(FromDevice::Ready)) => Ok(Self::converse(lines, writer)),
            Ok(Ok(FromDevice::Refused(reason))) => Err(RemoteError::Failed(reason)),
            Ok(Ok(_)) => Err(RemoteError::Closed("its first message is no greeting".to_owned())),
            Ok(Err(error)) => Err(RemoteError::Closed(error.to_string())),
            Err(_elapsed) => Err(RemoteError::Closed(silence())),
        }
    }

    fn converse<S: Stream + 'static>(
        lines: Messages<BufReader<ReadHalf<S>>>,
        writer: WriteHalf<S>,
    ) -> Self {
        let (requests, to_write) = mpsc::unbounded_channel();
        let (change, changes) = watch::channel(0);
        let (close, closed) = watch::channel(None);
        let pending = Arc::new(Pending::default());
        let mut tasks = JoinSet::new();
        tasks.spawn(write_all(to_write, writer));
        tasks.spawn(ask_whether_alive(Arc::downgrade(&pending), requests.downgrade()));
        let reading = Reading { lines, pending: Arc::clone(&pending), change };
        tasks.spawn(async move { reading.run(close).await });
        Self { requests, pending, changes, closed, _tasks: tasks }
    }

    async fn ask<T: DeserializeOwned>(&self, call: Call) -> Result<T, RemoteError> {
        self.ask_showing(call, &mut |_| {}).await
    }

    async fn ask_showing<T: DeserializeOwned>(
        &self,
        call: Call,
        screen: Screen<'_>,
    ) -> Result<T, RemoteError> {
        let mut asked = self.send(call)?;
        loop {
            match asked.events.recv().await {
                Some(Event::Line(line)) => screen(&line),
                Some(Event::Answer(Ok(answer))) => {
                    let other = "its answer is to another question".to_owned();
                    return serde_json::from_value(answer).map_err(|_| RemoteError::Failed(other));
                }
                Some(Event::Answer(Err(reason))) => return Err(RemoteError::Failed(reason)),
                None => return Err(RemoteError::Closed(self.closed().await)),
            }
        }
    }

    fn send(&self, call: Call) -> Result<Asked<'_>, RemoteError> {
        let (id, events) = self.pending.add();
        let asked = Asked { console: self, id, events };
        let line = encode(&Request { id, call }).ok_or_else(too_long)?;
        // Where nobody writes any more, nobody reads either, and the answer is the reason.
        let _ = self.requests.send(line);
        Ok(asked)
    }
}

/// A request under way; where it is dropped, the device need not go on.
struct Asked<'a> {
    console: &'a RemoteConsole,
    id: u64,
    events: mpsc::UnboundedReceiver<Event>,
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        if self.console.pending.give_up(self.id) {
            let request = Request { id: 0, call: Call::GiveUp(self.id) };
            let _ = self.console.requests.send(encode(&request).unwrap_or_default());
        }
    }
}

struct Reading<R> {
    lines: Messages<R>,
    pending: Arc<Pending>,
    change: watch::Sender<u64>,
}

impl<R: AsyncBufRead + Unpin> Reading<R> {
    async fn run(mut self, close: watch::Sender<Option<String>>) {
        let reason = self.read_all().await;
        // First the reason, for those who wait look for it when they are told.
        close.send_replace(Some(reason));
        self.pending.end();
    }

    /// Reads until there is a reason not to.
    async fn read_all(&mut self) -> String {
        let mut last = Instant::now();
        loop {
            let patience = self.pending.since().map(|since| since.max(last) + LONGEST_SILENCE);
            // A request that is made meanwhile is noticed at the next round.
            let deadline = patience.unwrap_or_else(|| Instant::now() + LONGEST_SILENCE);
            match timeout_at(deadline, self.lines.next()).await {
                Ok(Ok(FromDevice::Refused(reason))) => return format!("it refused: {reason}"),
                Ok(Ok(message)) => self.take(message),
                Ok(Err(error)) => return error.to_string(),
                Err(_) if patience.is_some() => return silence(),
                Err(_) => {}
            }
            last = Instant::now();
        }
    }

    fn take(&self, message: FromDevice) {
        match message {
            FromDevice::Answer { id, answer } => self.pending.answer(id, answer),
            FromDevice::Screen { id, line } => self.pending.show(id, line),
            FromDevice::Changed => self.change.send_modify(|count| *count = count.wrapping_add(1)),
            FromDevice::Ready | FromDevice::Refused(_) => {}
        }
    }
}

/// A device that is there answers, however long its command takes.
async fn ask_whether_alive(pending: Weak<Pending>, requests: mpsc::WeakUnboundedSender<Vec<u8>>) {
    loop {
        sleep(ALIVE_PERIOD).await;
        let (Some(pending), Some(requests)) = (pending.upgrade(), requests.upgrade()) else {
            return;
        };
        if pending.since().is_some() {
            let request = Request { id: 0, call: Call::Alive };
            let _ = requests.send(encode(&request).unwrap_or_default());
        }
    }
}

fn too_long() -> RemoteError {
    RemoteError::Failed(format!("this is longer than {} MiB", MESSAGE_LIMIT >> 20))
}

fn silence() -> String {
    format!("nothing was heard of it for {} s", LONGEST_SILENCE.as_secs())
}

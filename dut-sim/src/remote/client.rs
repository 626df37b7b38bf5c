//! The user's end of the stream.

use std::convert::Infallible;
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
use crate::enrolment::Outlook;
use crate::network::Stream;
use crate::ping::Screen;

/// Maximum time without any message from a device that has a request.
const LONGEST_SILENCE: Duration = Duration::from_secs(30);
/// Buffer size of the stream to a device in this process, in bytes.
const BUFFER: usize = 64 * 1024;
/// Interval of the keep-alive calls to a device that has a request.
const ALIVE_PERIOD: Duration = Duration::from_secs(5);

/// The console of a device at the other end of a stream. Dropping it ends the connection and cancels its requests.
pub struct RemoteConsole {
    requests: mpsc::UnboundedSender<Vec<u8>>,
    pending: Arc<Pending>,
    changes: watch::Receiver<u64>,
    closed: watch::Receiver<Option<String>>,
    _tasks: JoinSet<()>,
}

/// Why a device in another process could not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RemoteError {
    /// The device reports that it cannot answer.
    #[error("{0}")]
    Failed(String),
    /// The connection has ended, or could not be established.
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
    /// If the device cannot be started, or does not answer within 30 seconds.
    pub async fn start(
        stream: impl Stream + 'static,
        settings: Settings,
    ) -> Result<Self, RemoteError> {
        Self::greet(stream, &Greeting::Start(settings)).await
    }

    /// Connects to a device in this process, as the user at its console.
    ///
    /// # Errors
    /// If the device does not answer within 30 seconds.
    pub async fn of(device: Arc<Device>) -> Result<Self, RemoteError> {
        let (stream, served) = tokio::io::duplex(BUFFER);
        let devices = Devices::new(move |_| Ok::<_, Infallible>(Arc::clone(&device)));
        tokio::spawn(async move { devices.serve(served).await });
        Self::start(stream, Settings::default()).await
    }

    /// Connects to the device at the other end of `stream`, which another connection has started.
    ///
    /// # Errors
    /// If the device has not been started, or does not answer within 30 seconds.
    pub async fn attach(stream: impl Stream + 'static) -> Result<Self, RemoteError> {
        Self::greet(stream, &Greeting::Attach).await
    }

    /// Replaces the configuration, as [`Device::replace_configuration`](crate::Device::replace_configuration) does.
    ///
    /// # Errors
    /// If the device cannot answer; refused lines are the inner error.
    pub async fn replace_configuration(
        &self,
        lines: &str,
    ) -> Result<Result<(), ConfigurationError>, RemoteError> {
        self.ask(Call::Replace(lines.to_owned())).await
    }

    /// Changes the configuration, as [`Device::modify_configuration`](crate::Device::modify_configuration) does.
    ///
    /// # Errors
    /// If the device cannot answer; refused lines are the inner error.
    pub async fn modify_configuration(
        &self,
        lines: &str,
    ) -> Result<Result<(), ConfigurationError>, RemoteError> {
        self.ask(Call::Modify(lines.to_owned())).await
    }

    /// Runs one line of the command line; dropping the future ends the command.
    ///
    /// # Errors
    /// If the device cannot answer.
    pub async fn execute(&self, command: &str) -> Result<Reply, RemoteError> {
        self.ask(Call::Execute(command.to_owned())).await
    }

    /// Events of SCEP, one line each, the newest last.
    ///
    /// # Errors
    /// If the device cannot answer.
    pub async fn protocol_log(&self) -> Result<Vec<String>, RemoteError> {
        self.ask(Call::ProtocolLog).await
    }

    /// Notes on the device's SCEP client for the reader of a result.
    ///
    /// # Errors
    /// If the device cannot answer.
    pub async fn notes(&self) -> Result<Vec<String>, RemoteError> {
        self.ask(Call::Notes).await
    }

    /// What the device's SCEP client cannot do, although the configuration or a reply asked for it.
    ///
    /// # Errors
    /// If the device cannot answer.
    pub async fn limits(&self) -> Result<Vec<String>, RemoteError> {
        self.ask(Call::Limits).await
    }

    /// The number of all events of SCEP so far, and those after the first `seen`.
    ///
    /// # Errors
    /// If the device cannot answer.
    pub async fn protocol_log_after(&self, seen: u64) -> Result<(u64, Vec<String>), RemoteError> {
        self.ask(Call::ProtocolLogAfter(seen)).await
    }

    /// Moves the device's time forward, as [`Device::advance`](crate::Device::advance) does.
    ///
    /// # Errors
    /// If the device cannot answer, or its clock would go beyond the year 9999.
    pub async fn advance(&self, by: Duration) -> Result<(), RemoteError> {
        let milliseconds = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        let moved: Result<(), String> = self.ask(Call::Advance(milliseconds)).await?;
        moved.map_err(RemoteError::Failed)
    }

    /// What the device is about to do.
    ///
    /// # Errors
    /// If the device cannot answer.
    pub async fn outlook(&self) -> Result<Outlook, RemoteError> {
        self.ask(Call::Outlook).await
    }

    /// Cuts the device's power for a moment, as [`Device::cut_power`](crate::Device::cut_power) does.
    ///
    /// # Errors
    /// If the device cannot answer. The connection of a user who is not at the device's console ends.
    pub async fn cut_power(&self) -> Result<(), RemoteError> {
        self.ask(Call::CutPower).await
    }

    /// Changes whenever the device's answers may have changed.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.changes.clone()
    }

    /// Waits until the connection has ended; returns the reason.
    pub async fn closed(&self) -> String {
        let mut closed = self.closed.clone();
        let reason = closed.wait_for(Option::is_some).await.ok().and_then(|reason| reason.clone());
        reason.unwrap_or_else(|| ReadError::Ended.to_string())
    }

    /// The prompt for the next line.
    pub(crate) async fn prompt(&self) -> Result<String, RemoteError> {
        self.ask(Call::Prompt).await
    }

    /// Candidates after `words`.
    pub(crate) async fn complete(
        &self,
        words: Vec<String>,
        partial: String,
    ) -> Result<Vec<Candidate>, RemoteError> {
        self.ask(Call::Complete { words, partial }).await
    }

    /// Ends a long-running command, if one is running.
    pub(crate) fn interrupt(&self) {
        // The answer is not needed.
        let _request = self.send(Call::Interrupt);
    }

    /// Runs one line. A long-running command shows its lines on `screen`.
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
            // A device that refuses may close the stream before it has read all; its message is then the better error.
            let written = write(&mut writer, &greeting).await;
            lines.next().await.map_err(|error| match written {
                Err(broken) => ReadError::from(broken),
                Ok(()) => error,
            })
        };
        match timeout(LONGEST_SILENCE, greeted).await {
            Ok(Ok(FromDevice::Ready)) => Ok(Self::spawn_tasks(lines, writer)),
            Ok(Ok(FromDevice::Refused(reason))) => Err(RemoteError::Failed(reason)),
            Ok(Ok(_)) => Err(RemoteError::Closed("its first message is not a greeting".to_owned())),
            Ok(Err(error)) => Err(RemoteError::Closed(error.to_string())),
            Err(_elapsed) => Err(RemoteError::Closed(timed_out())),
        }
    }

    fn spawn_tasks<S: Stream + 'static>(
        lines: Messages<BufReader<ReadHalf<S>>>,
        writer: WriteHalf<S>,
    ) -> Self {
        let (requests, to_write) = mpsc::unbounded_channel();
        let (change, changes) = watch::channel(0);
        let (close, closed) = watch::channel(None);
        let pending = Arc::new(Pending::default());
        let mut tasks = JoinSet::new();
        tasks.spawn(write_all(to_write, writer));
        tasks.spawn(send_keep_alives(Arc::downgrade(&pending), requests.downgrade()));
        let reader = MessageReader { lines, pending: Arc::clone(&pending), change };
        tasks.spawn(async move { reader.run(close).await });
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
        let mut request = self.send(call)?;
        loop {
            match request.events.recv().await {
                Some(Event::Line(line)) => screen(&line),
                Some(Event::Answer(Ok(answer))) => {
                    let other = "its answer does not fit the request".to_owned();
                    return serde_json::from_value(answer).map_err(|_| RemoteError::Failed(other));
                }
                Some(Event::Answer(Err(reason))) => return Err(RemoteError::Failed(reason)),
                None => return Err(RemoteError::Closed(self.closed().await)),
            }
        }
    }

    fn send(&self, call: Call) -> Result<PendingRequest<'_>, RemoteError> {
        let (id, events) = self.pending.add();
        let request = PendingRequest { console: self, id, events };
        let line = encode(&Request { id, call }).ok_or_else(too_long)?;
        // If the writer has ended, so has the reader, and the answer is the reason.
        let _ = self.requests.send(line);
        Ok(request)
    }
}

/// A running request; dropping it cancels it at the device.
struct PendingRequest<'a> {
    console: &'a RemoteConsole,
    id: u64,
    events: mpsc::UnboundedReceiver<Event>,
}

impl Drop for PendingRequest<'_> {
    fn drop(&mut self) {
        if self.console.pending.give_up(self.id) {
            let request = Request { id: 0, call: Call::GiveUp(self.id) };
            let _ = self.console.requests.send(encode(&request).unwrap_or_default());
        }
    }
}

struct MessageReader<R> {
    lines: Messages<R>,
    pending: Arc<Pending>,
    change: watch::Sender<u64>,
}

impl<R: AsyncBufRead + Unpin> MessageReader<R> {
    async fn run(mut self, close: watch::Sender<Option<String>>) {
        let reason = self.read_all().await;
        // The reason first, because waiting callers read it as soon as they are woken.
        close.send_replace(Some(reason));
        self.pending.end();
    }

    /// Reads until the connection ends; returns the reason.
    async fn read_all(&mut self) -> String {
        let mut last = Instant::now();
        loop {
            let limit = self.pending.since().map(|since| since.max(last) + LONGEST_SILENCE);
            // A request that is made meanwhile is noticed in the next round.
            let deadline = limit.unwrap_or_else(|| Instant::now() + LONGEST_SILENCE);
            match timeout_at(deadline, self.lines.next()).await {
                Ok(Ok(FromDevice::Refused(reason))) => return format!("it refused: {reason}"),
                Ok(Ok(message)) => self.take(message),
                Ok(Err(error)) => return error.to_string(),
                Err(_) if limit.is_some() => return timed_out(),
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

/// Sends keep-alive calls while a request is pending; a working device answers them during a long command too.
async fn send_keep_alives(pending: Weak<Pending>, requests: mpsc::WeakUnboundedSender<Vec<u8>>) {
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
    RemoteError::Failed(format!("the request is longer than {} MiB", MESSAGE_LIMIT >> 20))
}

fn timed_out() -> String {
    format!("it sent nothing for {} s", LONGEST_SILENCE.as_secs())
}

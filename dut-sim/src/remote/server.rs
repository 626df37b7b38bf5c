//! The device's end of the stream.

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;
use process::messages::{Messages, ReadError, encode, write};
use serde_json::to_value;
use tokio::io::{AsyncRead, AsyncWrite, BufReader};
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;

use super::{Call, FromDevice, Greeting, Request, Settings};
use crate::device::lines::Base;
use crate::device::restart::RESTARTS;
use crate::device::{Device, Login, Step};
use crate::network::Stream;

/// Maximum number of concurrent requests of one connection.
const MOST_REQUESTS: usize = 64;
/// Maximum number of queued answers for a slow reader.
const MOST_UNREAD: usize = 64;
/// Time limit for the first message of a connection.
const GREETING_TIMEOUT: Duration = Duration::from_secs(30);

/// Starts the device for the first connection, and shares it with later ones.
pub struct Devices<F> {
    make: F,
    device: Mutex<Option<Arc<Device>>>,
}

impl<E: Display, F: Fn(Settings) -> Result<Arc<Device>, E>> Devices<F> {
    /// `make` starts the device, or returns why it cannot be started.
    pub fn new(make: F) -> Self {
        Self { make, device: Mutex::new(None) }
    }

    fn user_for(&self, greeting: Greeting) -> Result<User, String> {
        let mut device = self.device.lock();
        match (greeting, device.as_ref()) {
            (Greeting::Start(_), Some(_)) => Err("the device has been started already".to_owned()),
            (Greeting::Attach, Some(device)) if !device.is_up() => Err(RESTARTS.to_owned()),
            (Greeting::Attach, Some(device)) => {
                Ok(User { device: Arc::clone(device), login: Arc::default() })
            }
            (Greeting::Attach, None) => Err("the device has not been started".to_owned()),
            (Greeting::Start(settings), None) => {
                let made = (self.make)(settings).map_err(|error| error.to_string())?;
                let device = device.insert(made);
                Ok(User { device: Arc::clone(device), login: Arc::clone(device.console()) })
            }
        }
    }

    /// Serves one connection until it ends; its unfinished requests are cancelled.
    pub async fn serve(&self, stream: impl Stream + 'static) {
        self.serve_if(stream, || true).await;
    }

    /// Like [`Devices::serve`], but a connection that has said something is asked `may_begin` first, and ends if it may not.
    async fn serve_if(&self, stream: impl Stream + 'static, may_begin: impl FnOnce() -> bool) {
        let (reader, mut writer) = tokio::io::split(stream);
        let mut lines = Messages::new(BufReader::new(reader));
        let Ok(greeting) = timeout(GREETING_TIMEOUT, lines.next()).await else { return };
        if !may_begin() {
            return;
        }
        let greeting = greeting.map_err(|error: ReadError| error.to_string());
        match greeting.and_then(|greeting| self.user_for(greeting)) {
            Ok(user) => serve_user(user, lines, writer).await,
            Err(reason) => send_refusal(&mut writer, reason).await,
        }
    }
}

/// Refuses a connection, and sends the reason.
pub async fn refuse(mut stream: impl AsyncWrite + Unpin, reason: &str) {
    send_refusal(&mut stream, reason.to_owned()).await;
}

async fn send_refusal(writer: &mut (impl AsyncWrite + Unpin), reason: String) {
    let refusal = encode(&FromDevice::Refused(reason)).unwrap_or_default();
    // A peer that has disconnected needs no refusal.
    let _ = timeout(GREETING_TIMEOUT, write(writer, &refusal)).await;
}

/// User of a connection; the one that started the device is the user at its console.
#[derive(Clone)]
struct User {
    device: Arc<Device>,
    login: Arc<Login>,
}

impl User {
    /// Waits until the device logs the user out.
    async fn logged_out(&self) {
        if self.login.is_console {
            std::future::pending::<()>().await;
        }
        self.device.goes_down().await;
    }
}

/// Serves one connection to `device`, which is already started, until the connection ends. `may_begin` is called when the connection
/// has said something; if it returns false, the connection ends.
pub async fn serve(
    device: Arc<Device>,
    stream: impl Stream + 'static,
    may_begin: impl FnOnce() -> bool,
) {
    let devices = Devices { make: |_| Err(String::new()), device: Mutex::new(Some(device)) };
    devices.serve_if(stream, may_begin).await;
}

async fn serve_user<R, W>(user: User, mut lines: Messages<BufReader<R>>, writer: W)
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin + Send + 'static,
{
    let (answers, unread) = mpsc::channel(MOST_UNREAD);
    let changes = user.device.subscribe();
    let _ = answers.send(FromDevice::Ready).await;
    let mut tasks = JoinSet::new();
    tasks.spawn(forward_changes(changes, answers.clone()));
    let mut writing = tokio::spawn(write_all(unread, writer));
    let mut handler = Handler { user: user.clone(), answers, tasks, commands: HashMap::new() };
    tokio::select! {
        () = handler.take_requests(&mut lines) => {}
        () = user.logged_out() => handler.log_out().await,
        _ = &mut writing => return,
    }
    // The last answers must still be written.
    drop(handler);
    let _ = timeout(GREETING_TIMEOUT, &mut writing).await;
    writing.abort();
}

async fn write_all(mut messages: mpsc::Receiver<FromDevice>, mut writer: impl AsyncWrite + Unpin) {
    while let Some(message) = messages.recv().await {
        if write(&mut writer, &line_of(&message)).await.is_err() {
            return;
        }
    }
}

fn line_of(message: &FromDevice) -> Vec<u8> {
    encode(message).unwrap_or_else(|| match message {
        FromDevice::Answer { id, .. } => {
            let answer = Err("the answer is too long to be sent".to_owned());
            encode(&FromDevice::Answer { id: *id, answer }).unwrap_or_default()
        }
        _ => Vec::new(),
    })
}

async fn forward_changes(mut changes: watch::Receiver<u64>, answers: mpsc::Sender<FromDevice>) {
    while changes.changed().await.is_ok() && answers.send(FromDevice::Changed).await.is_ok() {}
}

/// Handles the requests of one connection.
struct Handler {
    user: User,
    answers: mpsc::Sender<FromDevice>,
    tasks: JoinSet<()>,
    /// Running commands, which can be cancelled.
    commands: HashMap<u64, AbortHandle>,
}

impl Handler {
    /// Ends the connection because the device restarts; running requests get no answer.
    async fn log_out(&mut self) {
        self.tasks.shutdown().await;
        let _ = self.answers.send(FromDevice::Refused(RESTARTS.to_owned())).await;
    }

    async fn take_requests<R: AsyncRead + Unpin>(&mut self, lines: &mut Messages<BufReader<R>>) {
        loop {
            match lines.next().await {
                Ok(request) => self.take(request).await,
                Err(ReadError::Ended) => return,
                Err(error) => {
                    let _ = self.answers.send(FromDevice::Refused(error.to_string())).await;
                    return;
                }
            }
        }
    }

    async fn take(&mut self, Request { id, call }: Request) {
        while self.tasks.try_join_next().is_some() {}
        self.commands.retain(|_, command| !command.is_finished());
        if let Call::GiveUp(given_up) = call {
            if let Some(command) = self.commands.remove(&given_up) {
                command.abort();
            }
            return;
        }
        if self.tasks.len() > MOST_REQUESTS {
            let answer = Err("too many requests are running".to_owned());
            let _ = self.answers.send(FromDevice::Answer { id, answer }).await;
            return;
        }
        // Only commands can be cancelled, because a configuration is applied completely or not at all.
        let is_command = matches!(call, Call::Execute(_) | Call::Step(_));
        let work = work(self.user.clone(), id, call, self.answers.clone());
        let task = self.tasks.spawn(work);
        if is_command {
            self.commands.insert(id, task);
        }
    }
}

/// Answers a request whose task panics, for which its user would wait in vain.
struct AnswerOnPanic {
    id: u64,
    answers: mpsc::Sender<FromDevice>,
}

impl Drop for AnswerOnPanic {
    fn drop(&mut self) {
        if thread::panicking() {
            let answer = Err("an internal error in the device ended this request".to_owned());
            let _ = self.answers.try_send(FromDevice::Answer { id: self.id, answer });
        }
    }
}

async fn work(user: User, id: u64, call: Call, answers: mpsc::Sender<FromDevice>) {
    let _answered = AnswerOnPanic { id, answers: answers.clone() };
    let User { device, login } = &user;
    let answer = match call {
        Call::Replace(lines) => {
            to_value(device.configure_for(login, Base::FactoryDefaults, &lines).await)
        }
        Call::Modify(lines) => to_value(device.configure_for(login, Base::Active, &lines).await),
        Call::Execute(command) => to_value(device.step(login, &command, &mut |_| {}).await.reply),
        Call::Step(line) => to_value(step(&user, id, &line, &answers).await),
        Call::Prompt => to_value(device.prompt_for(login).await),
        Call::Complete { words, partial } => to_value(device.complete(login, &words, &partial)),
        Call::ProtocolLog => to_value(device.protocol_log()),
        Call::ProtocolLogAfter(seen) => to_value(device.protocol_log_after(seen)),
        Call::Advance(milliseconds) => {
            to_value(device.advance(Duration::from_millis(milliseconds)))
        }
        Call::Outlook => to_value(device.outlook()),
        Call::Notes => to_value(device.notes()),
        Call::Limits => to_value(device.limits()),
        Call::CutPower => {
            device.cut_power();
            to_value(())
        }
        Call::Interrupt => {
            login.interrupt();
            to_value(())
        }
        Call::Alive | Call::GiveUp(_) => to_value(()),
    };
    let answer = answer.map_err(|error| error.to_string());
    // The receiver is gone if the connection has ended.
    let _ = answers.send(FromDevice::Answer { id, answer }).await;
}

async fn step(user: &User, id: u64, line: &str, answers: &mpsc::Sender<FromDevice>) -> Step {
    let (shown_lines, mut to_show) = mpsc::unbounded_channel();
    let mut screen = |line: &str| drop(shown_lines.send(line.to_owned()));
    let step = user.device.step(&user.login, line, &mut screen);
    tokio::pin!(step);
    let outcome = loop {
        tokio::select! {
            biased;
            Some(line) = to_show.recv() => drop(answers.send(FromDevice::Screen { id, line }).await),
            step = &mut step => break step,
        }
    };
    while let Ok(line) = to_show.try_recv() {
        drop(answers.send(FromDevice::Screen { id, line }).await);
    }
    outcome
}

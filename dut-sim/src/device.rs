//! The device and its public interface.

pub(crate) mod configuration_mode;
pub(crate) mod lines;
mod operation;
pub(crate) mod restart;
mod settings;
mod suggestion;

use std::fmt;
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, SystemTime};

use openssl::pkey::{PKey, Private};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::{MutexGuard, Notify, watch};

pub use self::lines::ConfigurationError;
pub use self::settings::{DeviceSettings, Settings};

use self::restart::Restarts;

use crate::completion;
use crate::config::parse;
use crate::config::session::Candidate;
use crate::config::system::System;
use crate::config::tree::Configuration;
use crate::enrolment::progress::Progress;
use crate::enrolment::{EnrolmentContext, Enrolments, Keys, Outlook};
use crate::ping::Screen;
use crate::protocol_log::{Notes, ProtocolLog};
use crate::secret::{SecretStore, random_key};

/// The user whose prompt the device shows.
const USER: &str = "admin";

/// A simulated router: its command line configures and queries it, and it enrols in the background.
pub struct Device {
    factory_host_name: String,
    interfaces: Vec<String>,
    context: Arc<EnrolmentContext>,
    enrolments: Mutex<Enrolments>,
    state: Mutex<State>,
    /// Held during a commit.
    committing: tokio::sync::Mutex<()>,
    /// The user at its own console.
    console: Arc<Login>,
    restarts: Restarts,
    itself: Weak<Self>,
}

/// A user who is logged in.
#[derive(Default)]
pub(crate) struct Login {
    /// Held while a command of the user runs.
    session: tokio::sync::Mutex<Session>,
    interrupted: Arc<Notify>,
    /// True at the device's own console, where a restart does not log the user out.
    pub(crate) is_console: bool,
}

/// State of a user's session; in configuration mode there is a candidate.
#[derive(Default)]
struct Session {
    candidate: Option<Candidate>,
    terminal_length: Option<u16>,
    /// Ends a long-running command.
    interrupted: Arc<Notify>,
    /// Number of the device's start that the session belongs to.
    start: u64,
}

impl Login {
    /// Ends a long-running command, if one is running.
    pub(crate) fn interrupt(&self) {
        self.interrupted.notify_waiters();
    }
}

/// The active configuration, and the one after a restart.
#[derive(Default)]
struct State {
    active: Configuration,
    saved: Configuration,
    system: System,
}

/// Output of a command, and whether it succeeded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// Lines as shown at the console, without a line break at the end.
    pub output: String,
    /// True if the command succeeded; a ping succeeds if there is any answer.
    pub ok: bool,
}

impl Reply {
    fn done(output: impl fmt::Display) -> Self {
        Self { output: output.to_string(), ok: true }
    }

    fn refused(output: impl fmt::Display) -> Self {
        Self { output: output.to_string(), ok: false }
    }
}

/// Result of a line.
#[derive(Serialize, Deserialize)]
pub(crate) struct Step {
    pub(crate) reply: Reply,
    /// True if the output was already shown line by line.
    pub(crate) shown: bool,
    /// True if the user has left the device.
    pub(crate) left: bool,
    /// Number of lines of the user's terminal, if set; 0 disables paging.
    pub(crate) terminal_length: Option<u16>,
}

impl Device {
    /// Starts a device with factory defaults. From the first commit on it needs a Tokio runtime.
    ///
    /// Enrolments run in the background and end when the device is dropped.
    pub fn start(settings: DeviceSettings) -> Arc<Self> {
        let key = settings.device_key.or_else(|| random_key().ok());
        let context = Arc::new(EnrolmentContext {
            network: settings.network,
            tls_roots: settings.own.tls_roots,
            secrets: SecretStore::new(key, settings.own.keyring),
            masker: Mutex::default(),
            client: settings.own.client,
            program_path: settings.program_path,
            program_limit: settings.program_limit,
            programs_follow: settings.own.programs_follow,
            program_time: OnceLock::new(),
            keys: Keys::of(settings.key_source),
            retry_pause: settings.retry_pause,
            poll_pause: settings.poll_pause,
            renewal_pause: settings.renewal_pause,
            flash_write_time: settings.flash_write_time,
            clock: settings.clock.ahead_by(settings.own.clock_ahead_ms),
            log: ProtocolLog::default(),
            notes: Notes::default(),
            limits: Notes::default(),
            changes: watch::Sender::new(0),
            wake: Notify::new(),
            clock_set: Notify::new(),
            timer: Arc::default(),
        });
        Arc::new_cyclic(|itself| Self {
            factory_host_name: settings.own.hostname,
            interfaces: settings.own.interfaces,
            enrolments: Mutex::new(Enrolments::new(Arc::clone(&context))),
            context,
            state: Mutex::default(),
            committing: tokio::sync::Mutex::default(),
            console: Arc::new(Login { is_console: true, ..Login::default() }),
            restarts: Restarts::new(settings.start_time, settings.restarts_in_commit),
            itself: Weak::clone(itself),
        })
    }

    /// Runs one line of the command line, in the current mode.
    pub async fn execute(&self, command: &str) -> Reply {
        self.step(&self.console, command, &mut |_| {}).await.reply
    }

    /// The prompt for the next line: `admin@osdx$ `, or `admin@osdx# ` in configuration mode.
    pub async fn prompt(&self) -> String {
        self.prompt_for(&self.console).await
    }

    /// The prompt of a user.
    pub(crate) async fn prompt_for(&self, login: &Login) -> String {
        let (_, session) = self.enter(login).await;
        let mark = if session.candidate.is_some() { '#' } else { '$' };
        format!("{USER}@{}{mark} ", self.host_name())
    }

    /// The user at the device's own console, who stays logged in at a restart.
    pub(crate) fn console(&self) -> &Arc<Login> {
        &self.console
    }

    /// Changes whenever the device's answers may have changed.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.context.changes.subscribe()
    }

    /// Events of SCEP, one line each, the newest last; at most the last 200.
    pub fn protocol_log(&self) -> Vec<String> {
        self.context.log.lines()
    }

    /// The number of all events of SCEP so far, and the lines of those that followed the first `seen` of them, as far as they are kept.
    pub fn protocol_log_after(&self, seen: u64) -> (u64, Vec<String>) {
        self.context.log.lines_after(seen)
    }

    /// Moves the device's clock and all its pauses forward, as if so much time had passed at once. What falls due by then happens
    /// afterwards, so whoever moves it over several such moments stops at each of them: [`Self::outlook`] tells the next.
    ///
    /// # Errors
    /// In words, if the clock would go beyond the year 9999; then nothing has moved. Or if the client's program cannot be told.
    pub fn advance(&self, by: Duration) -> Result<(), String> {
        self.context.clock.advance(by).map_err(|error| error.to_string())?;
        self.context.tell_programs()?;
        self.context.timer.advance(by);
        Ok(())
    }

    /// What the SCEP client is about to do.
    pub fn outlook(&self) -> Outlook {
        self.context.timer.outlook()
    }

    /// Notes on the SCEP client for the reader of a result: options that it lacks, and what it does instead.
    pub fn notes(&self) -> Vec<String> {
        self.context.notes.lines()
    }

    /// What the SCEP client cannot do, although the configuration or a reply asked for it: no check that depends on it can hold.
    pub fn limits(&self) -> Vec<String> {
        self.context.limits.lines()
    }

    /// The newest keys that its enrolments made, the oldest first.
    pub fn made_keys(&self) -> Vec<PKey<Private>> {
        self.context.keys.taken()
    }

    /// Runs one line of a user. A long-running command shows its lines on `screen`, and a restart ends it.
    pub(crate) async fn step(&self, login: &Login, line: &str, screen: Screen<'_>) -> Step {
        let (start, mut session) = self.enter(login).await;
        let step = self.take_step(&mut session, line, screen);
        let Some(step) = self.restarts.while_up(start, step).await else {
            return self.interrupted_step(login).await;
        };
        let logged_out = !login.is_console && !self.is_up();
        let left = step.left || logged_out;
        Step { left, terminal_length: session.terminal_length, ..step }
    }

    /// Locks the user's session as soon as the device is up; after a restart it is a new session.
    async fn enter<'a>(&self, login: &'a Login) -> (u64, MutexGuard<'a, Session>) {
        let mut session = login.session.lock().await;
        let start = self.restarts.up().await;
        if session.start != start {
            *session = Session { start, ..Session::default() };
        }
        session.interrupted = Arc::clone(&login.interrupted);
        (start, session)
    }

    async fn take_step(&self, session: &mut Session, line: &str, screen: Screen<'_>) -> Step {
        let words = match parse::words(line) {
            Ok(words) if words.is_empty() => return Reply::done("").stay(),
            Ok(words) => words,
            Err(error) => return Reply::refused(format!("CLI Error: {error}")).stay(),
        };
        match &session.candidate {
            None => self.operate(session, &words, screen).await,
            Some(_) => self.edit(session, &words, screen).await,
        }
    }

    /// Candidates after `words` in the user's mode; none while a command of the user runs.
    pub(crate) fn complete(
        &self,
        login: &Login,
        words: &[String],
        partial: &str,
    ) -> Vec<completion::Candidate> {
        let Ok(session) = login.session.try_lock() else { return Vec::new() };
        let known = completion::Names {
            configuration: session.candidate.as_ref().map(Candidate::configuration),
            csrs: self.csr_names(),
            certificate_urls: self.certificate_urls(),
            interfaces: self.interfaces.clone(),
        };
        completion::complete(words, partial, &known)
    }

    /// Progress of the certificate request of that name.
    fn progress(&self, name: &str) -> Option<Progress> {
        self.enrolments.lock().progress(name)
    }

    /// The names of all certificate requests.
    fn csr_names(&self) -> Vec<String> {
        self.enrolments.lock().names()
    }

    /// The time that the device's clock shows.
    fn now(&self) -> SystemTime {
        self.context.clock.now()
    }

    fn host_name(&self) -> String {
        let configured = self.state.lock().system.host_name.clone();
        configured.unwrap_or_else(|| self.factory_host_name.clone())
    }
}

impl Reply {
    fn stay(self) -> Step {
        Step { reply: self, shown: false, left: false, terminal_length: None }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use async_trait::async_trait;

    use super::*;
    use crate::network::{
        Addressing, ApplyError, ConnectError, EchoOutcome, EchoRequest, Network, ResolveError,
        Stream,
    };

    /// A network without other hosts.
    struct EmptyNetwork;

    #[async_trait]
    impl Network for EmptyNetwork {
        async fn apply(&self, _: &Addressing) -> Result<(), ApplyError> {
            Ok(())
        }

        async fn resolve(&self, host: &str) -> Result<Ipv4Addr, ResolveError> {
            Err(ResolveError::Unknown { host: host.to_owned() })
        }

        async fn echo(&self, _: &EchoRequest) -> EchoOutcome {
            EchoOutcome::NoRoute
        }

        async fn connect(&self, _: Ipv4Addr, _: u16) -> Result<Box<dyn Stream>, ConnectError> {
            Err(ConnectError::NoRoute)
        }
    }

    #[tokio::test]
    async fn completion_depends_on_mode_and_configuration() {
        let device = Device::start(DeviceSettings::new(Arc::new(EmptyNetwork)));
        let offered = |line: &str| {
            let words: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
            let candidates = device.complete(device.console(), &words, "");
            candidates.into_iter().map(|each| each.word).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(offered("pki scep show"), "<csr>");
        let csr = "set system certificate scep csr A";
        let lines = format!("{csr} url http://h\n{csr} distinguished-names CN=x");
        device.replace_configuration(&lines).await.unwrap();
        assert_eq!(offered("pki scep show"), "<csr> A");
        device.execute("configure").await;
        assert_eq!(offered("set interfaces ethernet"), "<ethN> eth0");
        assert_eq!(offered("set system certificate scep csr"), "<text> A");
    }
}

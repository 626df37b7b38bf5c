//! A session at a device's command line, which saves, changes and restores the configuration.

mod change;
mod restore;

use std::path::PathBuf;
use std::time::Duration;

use redact::{Masker, clear_passwords};
use tokio::sync::watch;

pub use self::restore::Restored;
use super::configuration::{Configuration, Path, is_of_interfaces, line};
use super::connection::{Addresses, SessionError, SshConnector};
use super::console::{Console, ConsoleError};
use super::prompt::{Mode, Prompts};
use super::refusal;
use super::saved::{DeviceLock, leftovers, lock, save};
use testbed::device::DeviceError;

/// The commands that show the configuration as `set` lines: those of OSDx and `VyOS`.
const SHOW: [&str; 2] = ["show running", "show configuration commands"];

/// The timeout for showing the journal, which only serves explanations.
const JOURNAL_LIMIT: Duration = Duration::from_secs(10);

/// The maximum number of journal lines that are returned.
const JOURNAL_LINES: usize = 100;

/// The state of a session, and the command line while it is connected.
pub(super) struct Session {
    connector: SshConnector,
    console: Option<Console>,
    /// Why there is no command line, after it was lost.
    pub(super) disconnected: watch::Sender<Option<String>>,
    /// The configuration before the session.
    saved: Configuration,
    /// The file with the saved configuration; none if the device keeps its new one.
    pub(super) saved_in: Option<PathBuf>,
    /// The paths that are never deleted.
    kept: Vec<Path>,
    /// The address of the connection, if no interface has it and the lab file keeps none.
    address: Option<String>,
    /// Notes for readers of a result.
    pub(super) notes: Vec<String>,
    /// True if the device has a journal.
    has_journal: bool,
    /// The number of journal lines about SCEP from before this session.
    journal_before: usize,
    /// Locks the device against other runs.
    _lock: DeviceLock,
}

impl Session {
    /// Logs in and saves the configuration; the error is why not.
    pub(super) async fn open(
        name: &str,
        connector: SshConnector,
        keep_config: bool,
    ) -> Result<Self, String> {
        let lock = lock(&connector.target).await?;
        let mut session = Self {
            connector,
            console: None,
            disconnected: watch::Sender::default(),
            saved: Configuration::default(),
            saved_in: None,
            kept: Vec::new(),
            address: None,
            notes: Vec::new(),
            has_journal: true,
            journal_before: 0,
            _lock: lock,
        };
        let addresses = session.connect().await.map_err(|error| error.to_string())?;
        session.saved = session.read().await.map_err(|error| {
            format!("its configuration cannot be saved: {}", SessionError::from(error))
        })?;
        let target = &session.connector.target;
        session.kept = [session.saved.protected_paths(&addresses), target.keep.clone()].concat();
        session.note(name, &addresses);
        session.journal_before = session.scep_lines().await.len();
        if session.console.is_none() {
            // If the journal took too long, the session continues without it.
            session.connect().await.map_err(|error| error.to_string())?;
        }
        if !keep_config {
            let written = save(name, &session.connector.target, &session.saved);
            session.saved_in = Some(written.map_err(|error| {
                format!("its configuration cannot be saved in a file, so that it would be lost after a failure: {error}")
            })?);
        }
        Ok(session)
    }

    /// Runs a command.
    pub(super) async fn execute(&mut self, command: String) -> Result<String, DeviceError> {
        let command = command.trim();
        if command.is_empty() {
            return Ok(String::new());
        }
        match self.console()?.run(command).await {
            Ok(output) if refusal::of_command(command, &output) => {
                Err(DeviceError::CommandRefused { output })
            }
            Ok(output) => Ok(output),
            Err(ConsoleError::NotTyped(reason)) => {
                let output = format!("the command was not sent: {reason}");
                Err(DeviceError::CommandRefused { output })
            }
            Err(error) => {
                let masker = Masker::new(clear_passwords(command));
                Err(self.broken(&error, error.describe(&masker)))
            }
        }
    }

    /// The journal lines about the SCEP client since the session began, if the device has a journal.
    pub(super) async fn journal(&mut self) -> Vec<String> {
        let mut lines = self.scep_lines().await;
        // A shorter journal was rotated.
        if lines.len() >= self.journal_before {
            lines.drain(..self.journal_before);
        }
        let surplus = lines.len().saturating_sub(JOURNAL_LINES);
        lines.split_off(surplus)
    }

    async fn scep_lines(&mut self) -> Vec<String> {
        let has_journal = self.has_journal;
        let Ok(console) = self.console() else { return Vec::new() };
        if !has_journal || console.mode != Mode::Operational {
            return Vec::new();
        }
        let command = "system journal show";
        match console.run_within(command, JOURNAL_LIMIT).await {
            Ok(printed) if !refusal::of_command(command, &printed) => scep_lines(&printed),
            outcome => {
                // A journal that takes too long is not read again.
                self.has_journal = false;
                if let Err(error) = outcome {
                    self.broken(&error, error.describe(&Masker::default()));
                }
                Vec::new()
            }
        }
    }

    /// Checks whether the device is still connected.
    pub(super) async fn check_connection(&mut self) {
        if let Some(console) = &mut self.console
            && let Err(error) = console.drain().await
        {
            self.broken(&error, error.to_string());
        }
    }

    /// Stops a change or a command after its caller was dropped.
    pub(super) async fn stop(&mut self) {
        let Some(console) = &mut self.console else { return };
        let error = console.interrupted(ConsoleError::Cancelled).await;
        self.broken(&error, error.describe(&Masker::default()));
        // If this fails, it drops the command line.
        let _ = self.leave().await;
    }

    /// Opens a command line; returns the addresses of the connection.
    async fn connect(&mut self) -> Result<Addresses, SessionError> {
        let target = &self.connector.target;
        let (terminal, addresses) = self.connector.connect().await?;
        let prompts = Prompts::new(&target.prompt).map_err(SessionError::Permanent)?;
        let console = Console::open(terminal, prompts, target.answer_within).await;
        let unreachable =
            |error: ConsoleError| SessionError::Unreachable(error.describe(&Masker::default()));
        self.console = Some(console.map_err(unreachable)?);
        self.disconnected.send_replace(None);
        Ok(addresses)
    }

    fn console(&mut self) -> Result<&mut Console, DeviceError> {
        let disconnected = || self.disconnected.borrow().clone().unwrap_or_default();
        self.console.as_mut().ok_or_else(|| DeviceError::Broken { reason: disconnected() })
    }

    /// An error for the runner; if it ends the session, further calls return the same reason.
    fn broken(&mut self, error: &ConsoleError, reason: String) -> DeviceError {
        if error.ends_session() { self.disconnect(reason) } else { DeviceError::Broken { reason } }
    }

    fn disconnect(&mut self, reason: String) -> DeviceError {
        self.console = None;
        self.disconnected.send_replace(Some(reason.clone()));
        DeviceError::Broken { reason }
    }

    /// Reads the active configuration. Errors do not contain it, because all of it may be secret.
    async fn read(&mut self) -> Result<Configuration, DeviceError> {
        self.leave().await?;
        let mut refused = String::new();
        for command in SHOW {
            let printed = self.console()?.run(command).await;
            let printed = printed.map_err(|error| self.broken(&error, error.to_string()))?;
            if !refusal::of_command(command, &printed) {
                return Configuration::parse(&printed).map_err(|line| {
                    // The rest of the line may be a secret.
                    let word = line.split_whitespace().next().unwrap_or_default();
                    let word = word.chars().take(40).flat_map(char::escape_debug);
                    let word = word.collect::<String>();
                    let problem = "shows no `set` lines, but one that begins with";
                    DeviceError::Broken { reason: format!("`{command}` {problem} `{word}`") }
                });
            }
            refused = printed;
        }
        let reason = format!("it supports neither `{}`: {refused}", SHOW.join("` nor `"));
        Err(DeviceError::Broken { reason })
    }

    /// Leaves configuration mode at any edit level; uncommitted changes are dropped.
    async fn leave(&mut self) -> Result<(), DeviceError> {
        // Each `edit` adds a level.
        for _ in 0..16 {
            if self.console()?.mode == Mode::Operational {
                return Ok(());
            }
            let left = self.console()?.run("exit discard").await;
            left.map_err(|error| self.broken(&error, error.describe(&Masker::default())))?;
        }
        let reason = "`exit discard` does not leave configuration mode".to_owned();
        Err(self.disconnect(reason))
    }

    fn note(&mut self, name: &str, addresses: &Addresses) {
        for statement in self.saved.irretrievable() {
            let leaf = line("set", statement.leaf());
            self.notes.push(format!(
                "{name}: the value of `{leaf}` {} and could not be put back: its node is not changed",
                change::why_irretrievable(statement)
            ));
        }
        let target = &self.connector.target;
        let has_interfaces = self.saved.statements.iter().any(|it| is_of_interfaces(&it.path));
        let is_known = self.saved.interface_of(addresses).is_some()
            || target.keep.iter().any(is_of_interfaces);
        self.address = (has_interfaces && !is_known).then(|| addresses.device.clone());
        for path in leftovers(name, target) {
            self.notes.push(format!(
                "{name}: an earlier run may not have put back its configuration, which is in `{}`; check the device, then remove the \
                 file",
                path.display()
            ));
        }
    }
}

/// The lines of a journal about SCEP.
fn scep_lines(journal: &str) -> Vec<String> {
    const WORDS: [&str; 5] = ["scep", "getcacert", "getcacaps", "pkioperation", "enrol"];
    let is_about_scep = |line: &&str| {
        let line = line.to_lowercase();
        WORDS.iter().any(|word| line.contains(word))
    };
    journal.lines().filter(is_about_scep).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_journal_lines_about_scep_are_returned() {
        let journal = "Nov 25 osdx kernel: up\nNov 25 osdx pki: SCEP GetCACaps\n\nNov 25 x: pkioperation failed";
        assert_eq!(
            scep_lines(journal),
            ["Nov 25 osdx pki: SCEP GetCACaps", "Nov 25 x: pkioperation failed"]
        );
    }
}

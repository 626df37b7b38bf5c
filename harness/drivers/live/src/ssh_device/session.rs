//! A session at a device's command line: its configuration is saved, changed and put back.

mod change;
mod restore;

use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;

use redact::{Masker, clear_passwords};
use tokio::sync::watch;

pub use self::restore::Restored;
use super::configuration::{Configuration, Path, is_of_interfaces, line};
use super::connection::{Caller, Trouble, Way};
use super::console::{Console, Fault};
use super::prompt::{Mode, Prompts};
use super::refusal;
use super::saved::{claim, leftovers, write_down};
use testbed::device::DeviceError;

/// What shows the configuration as `set` lines: that of OSDx, and that of `VyOS`.
const SHOW: [&str; 2] = ["show running", "show configuration commands"];

/// How long a device may take to show its journal, which only explains.
const JOURNAL_LIMIT: Duration = Duration::from_secs(10);

/// The most lines of a journal that are told.
const JOURNAL_LINES: usize = 100;

/// What is known of the device, and the command line as long as it is there.
pub(super) struct Session {
    caller: Caller,
    console: Option<Console>,
    /// Why there is no command line any more.
    pub(super) lost: watch::Sender<Option<String>>,
    /// The configuration as it was.
    saved: Configuration,
    /// The file in which it is written down; nothing if the device is to keep what it is given.
    pub(super) saved_in: Option<PathBuf>,
    /// What is never deleted.
    kept: Vec<Path>,
    /// Where the device is reached, if none of its interfaces has that address and the lab file keeps none.
    way_in: Option<String>,
    /// What a reader of a result must know.
    pub(super) notes: Vec<String>,
    /// Whether the device has a journal to show.
    has_journal: bool,
    /// How many lines of it tell of what was before this session.
    journal_before: usize,
    /// Keeps other runs off the device.
    _claim: File,
}

impl Session {
    /// Logs in and saves the configuration; the error says what is in the way.
    pub(super) async fn open(
        name: &str,
        caller: Caller,
        keep_config: bool,
    ) -> Result<Self, String> {
        let claim = claim(&caller.target).await?;
        let mut session = Self {
            caller,
            console: None,
            lost: watch::Sender::default(),
            saved: Configuration::default(),
            saved_in: None,
            kept: Vec::new(),
            way_in: None,
            notes: Vec::new(),
            has_journal: true,
            journal_before: 0,
            _claim: claim,
        };
        let way = session.reach().await.map_err(|trouble| trouble.to_string())?;
        session.saved = session.read().await.map_err(|error| {
            format!("its configuration cannot be saved: {}", Trouble::from(error))
        })?;
        let target = &session.caller.target;
        session.kept = [session.saved.lifeline(&way), target.keep.clone()].concat();
        session.note(name, &way);
        session.journal_before = session.scep_lines().await.len();
        if session.console.is_none() {
            // A journal that nobody can wait for is no reason to give up.
            session.reach().await.map_err(|trouble| trouble.to_string())?;
        }
        if !keep_config {
            let written = write_down(name, &session.caller.target, &session.saved);
            session.saved_in = Some(written.map_err(|error| {
                format!("its configuration cannot be written down, so that it would be lost after a failure: {error}")
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
            Err(Fault::NotTyped(reason)) => {
                let output = format!("the command was not sent: {reason}");
                Err(DeviceError::CommandRefused { output })
            }
            Err(fault) => {
                let masker = Masker::new(clear_passwords(command));
                Err(self.broken(&fault, fault.told(&masker)))
            }
        }
    }

    /// What the device tells of its SCEP client since the session began; nothing if it tells nothing.
    pub(super) async fn journal(&mut self) -> Vec<String> {
        let mut lines = self.scep_lines().await;
        // One that is shorter than it was begins anew now and then.
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
            told => {
                // A journal that is too long today is so tomorrow.
                self.has_journal = false;
                if let Err(fault) = told {
                    self.broken(&fault, fault.told(&Masker::default()));
                }
                Vec::new()
            }
        }
    }

    /// Looks whether the device is still there.
    pub(super) async fn look(&mut self) {
        if let Some(console) = &mut self.console
            && let Err(fault) = console.drain().await
        {
            self.broken(&fault, fault.to_string());
        }
    }

    /// Stops a change or a command that nobody waits for any more.
    pub(super) async fn stop(&mut self) {
        let Some(console) = &mut self.console else { return };
        let fault = console.interrupted(Fault::Stopped).await;
        self.broken(&fault, fault.told(&Masker::default()));
        // Whoever cannot leave has lost the command line.
        let _ = self.leave().await;
    }

    /// Opens a command line, and tells how the device is reached.
    async fn reach(&mut self) -> Result<Way, Trouble> {
        let target = &self.caller.target;
        let (wire, way) = self.caller.dial().await?;
        let prompts = Prompts::new(&target.prompt).map_err(Trouble::Stranger)?;
        let console = Console::open(wire, prompts, target.answer_within).await;
        let unreachable = |fault: Fault| Trouble::Unreachable(fault.told(&Masker::default()));
        self.console = Some(console.map_err(unreachable)?);
        self.lost.send_replace(None);
        Ok(way)
    }

    fn console(&mut self) -> Result<&mut Console, DeviceError> {
        let lost = || self.lost.borrow().clone().unwrap_or_default();
        self.console.as_mut().ok_or_else(|| DeviceError::Broken { reason: lost() })
    }

    /// A fault as the runner is told of it; if it ends the session, this is why from now on.
    fn broken(&mut self, fault: &Fault, reason: String) -> DeviceError {
        if fault.ends_session() { self.lose(reason) } else { DeviceError::Broken { reason } }
    }

    fn lose(&mut self, reason: String) -> DeviceError {
        self.console = None;
        self.lost.send_replace(Some(reason.clone()));
        DeviceError::Broken { reason }
    }

    /// Reads the configuration that is active. No error has what the device printed, in which all is that is secret.
    async fn read(&mut self) -> Result<Configuration, DeviceError> {
        self.leave().await?;
        let mut refused = String::new();
        for command in SHOW {
            let printed = self.console()?.run(command).await;
            let printed = printed.map_err(|fault| self.broken(&fault, fault.to_string()))?;
            if !refusal::of_command(command, &printed) {
                return Configuration::parse(&printed).map_err(|line| {
                    // What follows may be a secret.
                    let word = line.split_whitespace().next().unwrap_or_default();
                    let word = word.chars().take(40).flat_map(char::escape_debug);
                    let word = word.collect::<String>();
                    let told = "shows no `set` lines, but one that begins with";
                    DeviceError::Broken { reason: format!("`{command}` {told} `{word}`") }
                });
            }
            refused = printed;
        }
        let reason = format!("neither `{}` is a command of it: {refused}", SHOW.join("` nor `"));
        Err(DeviceError::Broken { reason })
    }

    /// Leaves configuration mode, wherever in it the command line is; what is not committed is dropped.
    async fn leave(&mut self) -> Result<(), DeviceError> {
        // `edit` leads down level by level.
        for _ in 0..16 {
            if self.console()?.mode == Mode::Operational {
                return Ok(());
            }
            let left = self.console()?.run("exit discard").await;
            left.map_err(|fault| self.broken(&fault, fault.told(&Masker::default())))?;
        }
        let reason = "configuration mode cannot be left with `exit discard`".to_owned();
        Err(self.lose(reason))
    }

    fn note(&mut self, name: &str, way: &Way) {
        for statement in self.saved.irretrievable() {
            let leaf = line("set", statement.leaf());
            self.notes.push(format!(
                "{name}: the value of `{leaf}` {} and could not be put back: its node is left as it is",
                change::why_lost(statement).replace("the device shows", "is shown")
            ));
        }
        let target = &self.caller.target;
        let has_interfaces = self.saved.statements.iter().any(|it| is_of_interfaces(&it.path));
        let is_known = self.saved.way_in(way).is_some() || target.keep.iter().any(is_of_interfaces);
        self.way_in = (has_interfaces && !is_known).then(|| way.device.clone());
        for path in leftovers(name, target) {
            self.notes.push(format!(
                "{name}: an earlier run may not have put its configuration back, which is in `{}`; remove the file once that \
                 is settled",
                path.display()
            ));
        }
    }
}

/// The lines of a journal that tell of SCEP.
fn scep_lines(journal: &str) -> Vec<String> {
    const WORDS: [&str; 5] = ["scep", "getcacert", "getcacaps", "pkioperation", "enrol"];
    let tells = |line: &&str| {
        let line = line.to_lowercase();
        WORDS.iter().any(|word| line.contains(word))
    };
    journal.lines().filter(tells).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_journal_only_what_tells_of_scep_is_told() {
        let journal = "Nov 25 osdx kernel: up\nNov 25 osdx pki: SCEP GetCACaps\n\nNov 25 x: pkioperation failed";
        assert_eq!(
            scep_lines(journal),
            ["Nov 25 osdx pki: SCEP GetCACaps", "Nov 25 x: pkioperation failed"]
        );
    }
}

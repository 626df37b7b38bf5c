//! A session at a device's command line: its configuration is saved, changed and put back.

mod change;
mod restore;

use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;

use redact::{Masker, clear_passwords};

pub use self::restore::Restored;
use super::configuration::{Configuration, Path};
use super::connection::{Caller, Trouble, Way};
use super::console::{Console, Fault, Stopped};
use super::prompt::{Mode, Prompts};
use super::refusal;
use super::saved::{SavedFile, claim, leftovers};
use model::lab::SshTarget;
use testbed::device::DeviceError;

/// What shows the configuration as `set` lines: that of OSDx, and that of `VyOS`.
const SHOW: [&str; 2] = ["show running", "show configuration commands"];

/// How long a device may take to show its journal, which only explains.
const JOURNAL_LIMIT: Duration = Duration::from_secs(10);

/// The most lines of a journal that are told.
const JOURNAL_LINES: usize = 100;

/// What is known of the device, and the command line as long as it is there.
pub(super) struct Session {
    name: String,
    target: SshTarget,
    caller: Caller,
    console: Option<Console>,
    /// Why there is no command line any more.
    lost: String,
    /// The configuration as it was, and where that is written down; nothing where it is to be left as it is.
    saved: Configuration,
    file: Option<SavedFile>,
    keep_config: bool,
    /// How the configuration was left at the end.
    restored: Option<Restored>,
    /// What is never deleted.
    kept: Vec<Path>,
    /// Where the device is reached, if none of its interfaces has that address and the lab file keeps none.
    way_in: Option<String>,
    notes: Vec<String>,
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
        target: &SshTarget,
        caller: Caller,
        keep_config: bool,
    ) -> Result<Self, String> {
        let mut session = Self {
            name: name.to_owned(),
            target: target.clone(),
            caller,
            console: None,
            lost: String::new(),
            saved: Configuration::default(),
            file: None,
            keep_config,
            restored: None,
            kept: Vec::new(),
            way_in: None,
            notes: Vec::new(),
            has_journal: true,
            journal_before: 0,
            _claim: claim(target).await?,
        };
        let way = session.reach().await.map_err(|trouble| trouble.to_string())?;
        session.saved = session.read().await.map_err(|error| unread(&error))?;
        session.kept = [session.saved.lifeline(&way), target.keep.clone()].concat();
        session.note(&way);
        session.journal_before = session.scep_lines().await.len();
        if session.console.is_none() {
            // A journal that nobody can wait for is no reason to give up.
            session.reach().await.map_err(|trouble| trouble.to_string())?;
        }
        if !keep_config {
            let written = SavedFile::write(name, target, &session.saved);
            session.file = Some(written.map_err(|error| {
                format!("its configuration cannot be written down, so that it would be lost after a failure: {error}")
            })?);
        }
        Ok(session)
    }

    /// Where the configuration is written down as it was, if it is to be put back.
    pub(super) fn written(&self) -> Option<PathBuf> {
        self.file.as_ref().map(SavedFile::path)
    }

    /// Whether the configuration was put back, and nothing is to be done any more.
    pub(super) fn is_over(&self) -> bool {
        self.restored.is_some()
    }

    /// What a reader of a result must know.
    pub(super) fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }

    /// Runs a command.
    pub(super) async fn execute(
        &mut self,
        command: &str,
        stopped: Stopped<'_>,
    ) -> Result<String, DeviceError> {
        let command = command.trim();
        if command.is_empty() {
            return Ok(String::new());
        }
        let masker = masker(command);
        let printed = match self.console()?.run(command, stopped).await {
            Ok(printed) => printed,
            Err(Fault::NotTyped { reason }) => {
                let output = format!("the command was not sent: {reason}");
                return Err(DeviceError::CommandRefused { output });
            }
            Err(fault) => return Err(self.broken(&fault, &masker)),
        };
        if refusal::of_command(command, &printed.text) {
            return Err(DeviceError::CommandRefused { output: printed.text });
        }
        Ok(printed.text)
    }

    /// What the device tells of its SCEP client since the session began; nothing where it tells nothing.
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
        if !has_journal || console.mode() != Mode::Operational {
            return Vec::new();
        }
        let command = "system journal show";
        match console.run_within(command, JOURNAL_LIMIT).await {
            Ok(printed) if !refusal::of_command(command, &printed.text) => {
                scep_lines(&printed.text)
            }
            told => {
                // A journal that is too long today is so tomorrow.
                self.has_journal = false;
                if let Err(fault) = told {
                    self.broken(&fault, &Masker::default());
                }
                Vec::new()
            }
        }
    }

    /// Looks whether the device is still there; the error is that it is not.
    pub(super) async fn look(&mut self) -> Result<(), String> {
        let Some(console) = &mut self.console else { return Ok(()) };
        console.drain().await.map_err(|lost| {
            let told = lost.to_string();
            self.lose(&told);
            told
        })
    }

    /// Opens a command line, and tells how the device is reached.
    async fn reach(&mut self) -> Result<Way, Trouble> {
        let (wire, way) = self.caller.dial().await?;
        let prompts = Prompts::new(&self.target.prompt).map_err(Trouble::Stranger)?;
        let console = Console::open(wire, prompts, self.target.answer_within).await;
        self.console =
            Some(console.map_err(|fault| Trouble::Unreachable(fault.told(&Masker::default())))?);
        Ok(way)
    }

    fn console(&mut self) -> Result<&mut Console, DeviceError> {
        let lost = &self.lost;
        self.console.as_mut().ok_or_else(|| DeviceError::Broken { reason: lost.clone() })
    }

    fn lose(&mut self, reason: &str) {
        self.console = None;
        reason.clone_into(&mut self.lost);
    }

    /// A fault as the runner is told of it; where the session is over, it is so from now on.
    fn broken(&mut self, fault: &Fault, masker: &Masker) -> DeviceError {
        let reason = fault.told(masker);
        if fault.ends_session() {
            self.lose(&reason);
        }
        DeviceError::Broken { reason }
    }

    /// The same, without what the device printed, which is its configuration with all that is secret in it.
    fn broken_unseen(&mut self, fault: &Fault) -> DeviceError {
        let reason = fault.to_string();
        if fault.ends_session() {
            self.lose(&reason);
        }
        DeviceError::Broken { reason }
    }

    /// Reads the configuration that is active.
    async fn read(&mut self) -> Result<Configuration, DeviceError> {
        self.leave().await?;
        let mut refused = String::new();
        for command in SHOW {
            let printed = self.console()?.run(command, &|| false).await;
            let text = printed.map_err(|fault| self.broken_unseen(&fault))?.text;
            if !refusal::of_command(command, &text) {
                return Configuration::parse(&text).map_err(|line| {
                    // What follows may be a secret.
                    let word: String =
                        line.split_whitespace().next().unwrap_or("").chars().take(40).collect();
                    let word = word.escape_debug();
                    let reason = format!(
                        "`{command}` shows no `set` lines, but one that begins with `{word}`"
                    );
                    DeviceError::Broken { reason }
                });
            }
            refused = text;
        }
        let reason = format!("neither `{}` is a command of it: {refused}", SHOW.join("` nor `"));
        Err(DeviceError::Broken { reason })
    }

    /// Leaves configuration mode, wherever in it the command line is; what is not committed is dropped.
    async fn leave(&mut self) -> Result<(), DeviceError> {
        // `edit` leads down level by level.
        for _ in 0..16 {
            if self.console()?.mode() == Mode::Operational {
                return Ok(());
            }
            let left = self.console()?.run("exit discard", &|| false).await;
            left.map_err(|fault| self.broken(&fault, &Masker::default()))?;
        }
        let fault = "configuration mode cannot be left with `exit discard`".to_owned();
        self.lose(&fault);
        Err(DeviceError::Broken { reason: fault })
    }

    fn note(&mut self, way: &Way) {
        for statement in self.saved.irretrievable() {
            let leaf = super::configuration::line("set", statement.leaf());
            self.notes.push(format!(
                "{}: the value of `{leaf}` {} and could not be put back: its node is left as it is",
                self.name,
                change::why_lost(statement).replace("the device shows", "is shown")
            ));
        }
        let has_interfaces = self.saved.statements.iter().any(|it| it.path[0] == "interfaces");
        let is_named = |path: &Path| path.first().is_some_and(|node| node == "interfaces");
        let is_known = self.saved.way_in(way).is_some() || self.target.keep.iter().any(is_named);
        self.way_in = (has_interfaces && !is_known).then(|| way.device.clone());
        for path in leftovers(&self.name, &self.target) {
            self.notes.push(format!(
                "{}: an earlier run may not have put its configuration back, which is in `{}`; remove the file once that \
                 is settled",
                self.name,
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

/// A masker of the clear passwords in what is typed.
fn masker(typed: &str) -> Masker {
    Masker::new(clear_passwords(typed))
}

fn unread(error: &DeviceError) -> String {
    let reason = match error {
        DeviceError::Broken { reason } => reason.clone(),
        other => other.to_string(),
    };
    format!("its configuration cannot be saved: {reason}")
}

#[cfg(test)]
mod tests;

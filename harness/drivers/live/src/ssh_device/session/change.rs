//! Changing the configuration: configuration mode, the lines one by one, commit, and out again.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use redact::Masker;

use super::{Session, masker};
use crate::ssh_device::configuration::{Path, Statement, line, set_by};
use crate::ssh_device::console::{Fault, Stopped};
use crate::ssh_device::prompt::Mode;
use crate::ssh_device::refusal;
use testbed::device::DeviceError;

/// How long somebody else's commit is waited for.
const LOCK_LIMIT: Duration = Duration::from_secs(30);

/// The pause before it is tried again.
const LOCK_PAUSE: Duration = Duration::from_millis(500);

/// A line to be typed, and its number in the scenario's text; 0 where it is none of those.
pub(super) struct Typed<'a> {
    number: usize,
    line: std::borrow::Cow<'a, str>,
}

impl Session {
    /// Changes the configuration as a scenario has it.
    pub(in crate::ssh_device) async fn configure(
        &mut self,
        lines: &str,
        replace: bool,
        stopped: Stopped<'_>,
    ) -> Result<(), DeviceError> {
        let masker = masker(lines);
        let wanted: Vec<Typed<'_>> = numbered(lines).collect();
        wanted.iter().try_for_each(|typed| only_set_and_delete(typed, &masker))?;
        self.spare_irretrievable(&wanted)?;
        let deletions = if replace { self.deletions(&wanted).await? } else { Vec::new() };
        let deletions = deletions.iter().map(|path| line("delete", path));
        let deletions = deletions.map(|line| Typed { number: 0, line: line.into() });
        let all: Vec<Typed<'_>> = deletions.chain(wanted).collect();
        self.apply(&all, &masker, stopped).await
    }

    /// Types lines in configuration mode and commits them. Whatever happens, nothing is left half done.
    pub(super) async fn apply(
        &mut self,
        lines: &[Typed<'_>],
        masker: &Masker,
        stopped: Stopped<'_>,
    ) -> Result<(), DeviceError> {
        let applied = self.type_all(lines, masker, stopped).await;
        // What happened first is what counts.
        let left = if self.console.is_some() { self.leave().await } else { Ok(()) };
        applied.and(left)
    }

    async fn type_all(
        &mut self,
        lines: &[Typed<'_>],
        masker: &Masker,
        stopped: Stopped<'_>,
    ) -> Result<(), DeviceError> {
        self.enter(stopped).await?;
        for line in lines {
            self.type_line(line, masker, stopped).await?;
        }
        self.commit(lines, masker, stopped).await
    }

    async fn deletions(&mut self, wanted: &[Typed<'_>]) -> Result<Vec<Path>, DeviceError> {
        let current = self.read().await?;
        let wanted: Vec<Path> = wanted.iter().filter_map(|typed| set_by(&typed.line)).collect();
        let lost = self.saved.irretrievable().filter(|_| !self.keep_config).map(Statement::node);
        let kept: Vec<Path> = self.kept.iter().cloned().chain(lost).collect();
        let deletions = current.deletions(&wanted, &kept);
        self.spare_the_way_in(&deletions)?;
        Ok(deletions)
    }

    /// Whoever cuts the way off that it came by cannot put anything back.
    fn spare_the_way_in(&self, deletions: &[Path]) -> Result<(), DeviceError> {
        let is_of_interfaces = |path: &&Path| path.first().is_some_and(|node| node == "interfaces");
        let (Some(address), Some(path)) = (&self.way_in, deletions.iter().find(is_of_interfaces))
        else {
            return Ok(());
        };
        Err(DeviceError::Broken {
            reason: format!(
                "`{}` could cut off the way in: none of the device's interfaces has the address {address} that it is \
                 reached at, so it is not known which one must stay; name it in the lab file, as in \
                 `keep: interfaces ethernet eth1`",
                line("delete", path)
            ),
        })
    }

    /// A value that could not be put back is not overwritten.
    fn spare_irretrievable(&self, wanted: &[Typed<'_>]) -> Result<(), DeviceError> {
        if self.keep_config {
            return Ok(());
        }
        let words = wanted.iter().filter_map(|typed| shlex::split(&typed.line));
        let paths: Vec<Path> = words.map(|words| words.into_iter().skip(1).collect()).collect();
        let hit = self.saved.irretrievable().find(|lost| {
            let leaf = lost.leaf();
            paths.iter().any(|path| path.starts_with(leaf) || leaf.starts_with(path))
        });
        let Some(hit) = hit else { return Ok(()) };
        let (leaf, why) = (hit.leaf().join(" "), why_lost(hit));
        Err(DeviceError::Broken {
            reason: format!(
                "the scenario changes `{leaf}`, whose value {why}, so that it could not be put back: remove it from the device by hand first, or run with `--keep-config`"
            ),
        })
    }

    async fn enter(&mut self, stopped: Stopped<'_>) -> Result<(), DeviceError> {
        self.leave().await?;
        let printed = self.console()?.run("configure", stopped).await;
        let printed = printed.map_err(|fault| self.broken(&fault, &Masker::default()))?;
        if printed.mode == Mode::Configuration {
            return Ok(());
        }
        let said = printed.text;
        let reason = format!("`configure` leads to no configuration mode: {said}");
        Err(DeviceError::Broken { reason })
    }

    async fn type_line(
        &mut self,
        typed: &Typed<'_>,
        masker: &Masker,
        stopped: Stopped<'_>,
    ) -> Result<(), DeviceError> {
        let refused = |message: String| DeviceError::ConfigurationRefused {
            line: typed.number,
            text: masker.text(&typed.line),
            message,
        };
        match self.console()?.run_silent(&typed.line, stopped).await {
            Ok(printed) if refusal::of_configuration(&printed.text) => {
                Err(refused(masker.text(&printed.text)))
            }
            Ok(printed) if printed.mode != Mode::Configuration => {
                let said = masker.text(&printed.text);
                let reason = format!("a line led out of configuration mode: {said}");
                Err(DeviceError::Broken { reason })
            }
            Ok(_) => Ok(()),
            Err(Fault::NotTyped { reason }) => Err(refused(format!("not sent: {reason}"))),
            Err(fault) => Err(self.broken(&fault, masker)),
        }
    }

    async fn commit(
        &mut self,
        lines: &[Typed<'_>],
        masker: &Masker,
        stopped: Stopped<'_>,
    ) -> Result<(), DeviceError> {
        let deadline = Instant::now() + LOCK_LIMIT.min(self.target.answer_within);
        loop {
            let said = match self.console()?.run("commit", stopped).await {
                Ok(printed) => printed.text,
                Err(fault) => return Err(self.broken_in_commit(&fault, masker)),
            };
            if !refusal::is_locked(&said) {
                let is_refused = refusal::of_configuration(&said);
                return if is_refused { Err(commit_refused(lines, masker, &said)) } else { Ok(()) };
            }
            if Instant::now() >= deadline {
                let reason = format!("another session keeps the configuration locked: {said}");
                return Err(DeviceError::Broken { reason });
            }
            if stopped() {
                return Err(self.broken(&Fault::Stopped, masker));
            }
            sleep(LOCK_PAUSE).await;
        }
    }

    fn broken_in_commit(&mut self, fault: &Fault, masker: &Masker) -> DeviceError {
        let told = self.broken(fault, masker);
        let DeviceError::Broken { reason } = told else { return told };
        let reason = format!(
            "in the middle of `commit`, so that it is not known whether the device took the configuration: {reason}"
        );
        if self.console.is_none() {
            self.lose(&reason);
        }
        DeviceError::Broken { reason }
    }
}

/// Why a value could not be set again.
pub(super) fn why_lost(statement: &Statement) -> &'static str {
    if statement.is_masked() {
        "the device shows masked"
    } else {
        "is of several lines or too long to be typed"
    }
}

impl Typed<'_> {
    /// A line that is no scenario's.
    pub(super) fn own(line: String) -> Self {
        Typed { number: 0, line: line.into() }
    }
}

/// The lines that say something, with their numbers.
fn numbered(lines: &str) -> impl Iterator<Item = Typed<'_>> {
    let numbered = lines.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    let telling = numbered.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    telling.map(|(number, line)| Typed { number, line: line.into() })
}

/// In configuration mode other verbs would do other things: `save` writes to flash, `run` runs anything.
fn only_set_and_delete(typed: &Typed<'_>, masker: &Masker) -> Result<(), DeviceError> {
    let verb = typed.line.split_whitespace().next().unwrap_or_default();
    let is_meant = ["set", "delete"].iter().any(|known| verb.len() > 1 && known.starts_with(verb));
    if is_meant {
        return Ok(());
    }
    Err(DeviceError::ConfigurationRefused {
        line: typed.number,
        text: masker.text(&typed.line),
        message: masker
            .text(&format!("`{verb}` is no configuration line; those are `set` and `delete`")),
    })
}

/// The first line about the node that a refused commit names.
fn commit_refused(lines: &[Typed<'_>], masker: &Masker, said: &str) -> DeviceError {
    let place = refusal::place(said);
    let about = |typed: &&Typed<'_>| {
        let path = shlex::split(&typed.line).unwrap_or_default();
        let path = path.get(1..).unwrap_or_default();
        typed.number > 0 && place.as_ref().is_some_and(|place| path.starts_with(place))
    };
    let culprit = lines.iter().find(about);
    let line = culprit.map_or(0, |typed| typed.number);
    let text = culprit.map_or_else(|| "commit".to_owned(), |typed| masker.text(&typed.line));
    DeviceError::ConfigurationRefused { line, text, message: masker.text(said) }
}

//! Changing the configuration: configuration mode, the lines one by one, commit, and out again.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use redact::{Masker, clear_passwords};

use super::Session;
use crate::ssh_device::configuration::{Path, Statement, is_of_interfaces, line, set_by};
use crate::ssh_device::console::Fault;
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
        lines: String,
        replace: bool,
    ) -> Result<(), DeviceError> {
        let masker = Masker::new(clear_passwords(&lines));
        let wanted: Vec<Typed<'_>> = numbered(&lines).collect();
        wanted.iter().try_for_each(|typed| only_set_and_delete(typed, &masker))?;
        self.spare_irretrievable(&wanted)?;
        let deletions = if replace { self.deletions(&wanted).await? } else { Vec::new() };
        let deletions = deletions.iter().map(|path| Typed::own(line("delete", path)));
        let all: Vec<Typed<'_>> = deletions.chain(wanted).collect();
        self.apply(&all, &masker).await
    }

    /// Types lines in configuration mode and commits them. Whatever happens, nothing is left half done.
    pub(super) async fn apply(
        &mut self,
        lines: &[Typed<'_>],
        masker: &Masker,
    ) -> Result<(), DeviceError> {
        let applied = self.type_all(lines, masker).await;
        // What happened first is what counts.
        let left = if self.console.is_some() { self.leave().await } else { Ok(()) };
        applied.and(left)
    }

    async fn type_all(&mut self, lines: &[Typed<'_>], masker: &Masker) -> Result<(), DeviceError> {
        self.enter().await?;
        for line in lines {
            self.type_line(line, masker).await?;
        }
        self.commit(lines, masker).await
    }

    async fn deletions(&mut self, wanted: &[Typed<'_>]) -> Result<Vec<Path>, DeviceError> {
        let current = self.read().await?;
        let wanted: Vec<Path> = wanted.iter().filter_map(|typed| set_by(&typed.line)).collect();
        let lost = self.irretrievable().map(Statement::node);
        let kept: Vec<Path> = self.kept.iter().cloned().chain(lost).collect();
        let deletions = current.deletions(&wanted, &kept);
        self.spare_the_way_in(&deletions)?;
        Ok(deletions)
    }

    /// The lines that could not be put back; none if nothing is to be put back.
    fn irretrievable(&self) -> impl Iterator<Item = &Statement> {
        self.saved.irretrievable().filter(|_| self.saved_in.is_some())
    }

    /// Whoever cuts the way off that it came by cannot put anything back.
    fn spare_the_way_in(&self, deletions: &[Path]) -> Result<(), DeviceError> {
        let path = deletions.iter().find(|path| is_of_interfaces(path));
        let (Some(address), Some(path)) = (&self.way_in, path) else { return Ok(()) };
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
        let words = wanted.iter().filter_map(|typed| shlex::split(&typed.line));
        let paths: Vec<Path> = words.map(|words| words.into_iter().skip(1).collect()).collect();
        let hit = self.irretrievable().find(|lost| {
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

    async fn enter(&mut self) -> Result<(), DeviceError> {
        self.leave().await?;
        let printed = self.console()?.run("configure").await;
        let said = printed.map_err(|fault| self.broken(&fault, fault.told(&Masker::default())))?;
        if self.console()?.mode == Mode::Configuration {
            return Ok(());
        }
        let reason = format!("`configure` leads to no configuration mode: {said}");
        Err(DeviceError::Broken { reason })
    }

    async fn type_line(&mut self, typed: &Typed<'_>, masker: &Masker) -> Result<(), DeviceError> {
        let printed = match self.console()?.run_silent(&typed.line).await {
            Ok(printed) => printed,
            Err(Fault::NotTyped(reason)) => {
                return Err(typed.refused(masker, format!("not sent: {reason}")));
            }
            Err(fault) => return Err(self.broken(&fault, fault.told(masker))),
        };
        let said = masker.text(&printed);
        if refusal::of_configuration(&printed) {
            return Err(typed.refused(masker, said));
        }
        if self.console()?.mode != Mode::Configuration {
            let reason = format!("a line led out of configuration mode: {said}");
            return Err(DeviceError::Broken { reason });
        }
        Ok(())
    }

    async fn commit(&mut self, lines: &[Typed<'_>], masker: &Masker) -> Result<(), DeviceError> {
        let deadline = Instant::now() + LOCK_LIMIT.min(self.caller.target.answer_within);
        loop {
            let said = self.console()?.run("commit").await.map_err(|fault| {
                let told = fault.told(masker);
                let reason = format!(
                    "in the middle of `commit`, so that it is not known whether the device took the configuration: {told}"
                );
                self.broken(&fault, reason)
            })?;
            if !refusal::is_locked(&said) {
                let is_refused = refusal::of_configuration(&said);
                return if is_refused { Err(commit_refused(lines, masker, &said)) } else { Ok(()) };
            }
            if Instant::now() >= deadline {
                let reason = format!("another session keeps the configuration locked: {said}");
                return Err(DeviceError::Broken { reason });
            }
            sleep(LOCK_PAUSE).await;
        }
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

    fn refused(&self, masker: &Masker, message: String) -> DeviceError {
        let text = masker.text(&self.line);
        DeviceError::ConfigurationRefused { line: self.number, text, message }
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
    let message = format!("`{verb}` is no configuration line; those are `set` and `delete`");
    Err(typed.refused(masker, masker.text(&message)))
}

/// The first line about the node that a refused commit names.
fn commit_refused(lines: &[Typed<'_>], masker: &Masker, said: &str) -> DeviceError {
    let place = refusal::place(said);
    let about = |typed: &&Typed<'_>| {
        let path = shlex::split(&typed.line).unwrap_or_default();
        let path = path.get(1..).unwrap_or_default();
        typed.number > 0 && place.as_ref().is_some_and(|place| path.starts_with(place))
    };
    let commit = Typed::own("commit".to_owned());
    let culprit = lines.iter().find(about).unwrap_or(&commit);
    culprit.refused(masker, masker.text(said))
}

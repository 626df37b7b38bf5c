//! Changes the configuration: enters configuration mode, types the lines one by one, commits, and leaves.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use redact::{Masker, clear_passwords};

use super::Session;
use crate::ssh_device::configuration::{Path, Statement, is_of_interfaces, line, set_by};
use crate::ssh_device::console::ConsoleError;
use crate::ssh_device::prompt::Mode;
use crate::ssh_device::refusal;
use testbed::device::DeviceError;

/// The timeout for another session's commit.
const LOCK_LIMIT: Duration = Duration::from_secs(30);

/// The pause between attempts to commit.
const LOCK_PAUSE: Duration = Duration::from_millis(500);

/// A line to type, with its number in the scenario's text; 0 if it is not from the scenario.
pub(super) struct Typed<'a> {
    number: usize,
    line: std::borrow::Cow<'a, str>,
}

impl Session {
    /// Changes the configuration as a scenario requests.
    pub(in crate::ssh_device) async fn configure(
        &mut self,
        lines: String,
        replace: bool,
    ) -> Result<(), DeviceError> {
        let masker = Masker::new(clear_passwords(&lines));
        let wanted: Vec<Typed<'_>> = numbered(&lines).collect();
        wanted.iter().try_for_each(|typed| check_verb(typed, &masker))?;
        self.check_irretrievable(&wanted)?;
        let deletions = if replace { self.deletions(&wanted).await? } else { Vec::new() };
        let deletions = deletions.iter().map(|path| Typed::own(line("delete", path)));
        let all: Vec<Typed<'_>> = deletions.chain(wanted).collect();
        self.apply(&all, &masker).await
    }

    /// Types lines in configuration mode, commits them and leaves the mode, even after an error.
    pub(super) async fn apply(
        &mut self,
        lines: &[Typed<'_>],
        masker: &Masker,
    ) -> Result<(), DeviceError> {
        let applied = self.type_all(lines, masker).await;
        // The first error counts.
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
        let irretrievable = self.irretrievable().map(Statement::node);
        let kept: Vec<Path> = self.kept.iter().cloned().chain(irretrievable).collect();
        let deletions = current.deletions(&wanted, &kept);
        self.check_interface_kept(&deletions)?;
        Ok(deletions)
    }

    /// The lines that could not be restored; none if nothing has to be restored.
    fn irretrievable(&self) -> impl Iterator<Item = &Statement> {
        self.saved.irretrievable().filter(|_| self.saved_in.is_some())
    }

    /// Refuses deletions that may cut off the connection, because then nothing could be restored.
    fn check_interface_kept(&self, deletions: &[Path]) -> Result<(), DeviceError> {
        let path = deletions.iter().find(|path| is_of_interfaces(path));
        let (Some(address), Some(path)) = (&self.address, path) else { return Ok(()) };
        Err(DeviceError::Broken {
            reason: format!(
                "`{}` could cut off the way in: no interface of the device has the address {address} to which this session is \
                 connected, so it is not known which interface must stay; name it in the lab file, as in \
                 `keep: interfaces ethernet eth1`",
                line("delete", path)
            ),
        })
    }

    /// Refuses to change a value that could not be restored.
    fn check_irretrievable(&self, wanted: &[Typed<'_>]) -> Result<(), DeviceError> {
        let words = wanted.iter().filter_map(|typed| shlex::split(&typed.line));
        let paths: Vec<Path> = words.map(|words| words.into_iter().skip(1).collect()).collect();
        let hit = self.irretrievable().find(|irretrievable| {
            let leaf = irretrievable.leaf();
            paths.iter().any(|path| path.starts_with(leaf) || leaf.starts_with(path))
        });
        let Some(hit) = hit else { return Ok(()) };
        let (leaf, why) = (hit.leaf().join(" "), why_irretrievable(hit));
        Err(DeviceError::Broken {
            reason: format!(
                "the scenario changes `{leaf}`, but its value {why} and could not be put back: remove it from the device by hand first, or run with `--keep-config`"
            ),
        })
    }

    async fn enter(&mut self) -> Result<(), DeviceError> {
        self.leave().await?;
        let printed = self.console()?.run("configure").await;
        let output =
            printed.map_err(|error| self.broken(&error, error.describe(&Masker::default())))?;
        if self.console()?.mode == Mode::Configuration {
            return Ok(());
        }
        let reason = format!("`configure` did not enter configuration mode: {output}");
        Err(DeviceError::Broken { reason })
    }

    async fn type_line(&mut self, typed: &Typed<'_>, masker: &Masker) -> Result<(), DeviceError> {
        let printed = match self.console()?.run_silent(&typed.line).await {
            Ok(printed) => printed,
            Err(ConsoleError::NotTyped(reason)) => {
                return Err(typed.refused(masker, format!("not sent: {reason}")));
            }
            Err(error) => return Err(self.broken(&error, error.describe(masker))),
        };
        let output = masker.text(&printed);
        if refusal::of_configuration(&printed) {
            return Err(typed.refused(masker, output));
        }
        if self.console()?.mode != Mode::Configuration {
            let reason = format!("a line left configuration mode: {output}");
            return Err(DeviceError::Broken { reason });
        }
        Ok(())
    }

    async fn commit(&mut self, lines: &[Typed<'_>], masker: &Masker) -> Result<(), DeviceError> {
        let deadline = Instant::now() + LOCK_LIMIT.min(self.connector.target.answer_within);
        loop {
            let output = self.console()?.run("commit").await.map_err(|error| {
                let description = error.describe(masker);
                let reason = format!(
                    "in the middle of `commit`, so it is not known whether the device applied the configuration: {description}"
                );
                self.broken(&error, reason)
            })?;
            if !refusal::is_locked(&output) {
                let is_refused = refusal::of_configuration(&output);
                return if is_refused {
                    Err(commit_refused(lines, masker, &output))
                } else {
                    Ok(())
                };
            }
            if Instant::now() >= deadline {
                let reason = format!("another session keeps the configuration locked: {output}");
                return Err(DeviceError::Broken { reason });
            }
            sleep(LOCK_PAUSE).await;
        }
    }
}

/// Why a value could not be set again, as the end of a sentence.
pub(super) fn why_irretrievable(statement: &Statement) -> &'static str {
    if statement.is_masked() {
        "is shown masked"
    } else {
        "has several lines or is too long to be typed"
    }
}

impl Typed<'_> {
    /// A line that is not from the scenario.
    pub(super) fn own(line: String) -> Self {
        Typed { number: 0, line: line.into() }
    }

    fn refused(&self, masker: &Masker, message: String) -> DeviceError {
        let text = masker.text(&self.line);
        DeviceError::ConfigurationRefused { line: self.number, text, message }
    }
}

/// The lines that are neither empty nor comments, with their numbers.
fn numbered(lines: &str) -> impl Iterator<Item = Typed<'_>> {
    let numbered = lines.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    let telling = numbered.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    telling.map(|(number, line)| Typed { number, line: line.into() })
}

/// Accepts only `set` and `delete`, because other verbs do other things in configuration mode: `save` writes to flash, `run` runs
/// anything.
fn check_verb(typed: &Typed<'_>, masker: &Masker) -> Result<(), DeviceError> {
    let verb = typed.line.split_whitespace().next().unwrap_or_default();
    let is_meant = ["set", "delete"].iter().any(|known| verb.len() > 1 && known.starts_with(verb));
    if is_meant {
        return Ok(());
    }
    let message = format!("`{verb}` is no configuration line; use `set` and `delete`");
    Err(typed.refused(masker, masker.text(&message)))
}

/// The refusal of a commit, with the first line about the path that its message names.
fn commit_refused(lines: &[Typed<'_>], masker: &Masker, output: &str) -> DeviceError {
    let place = refusal::place(output);
    let about = |typed: &&Typed<'_>| {
        let path = shlex::split(&typed.line).unwrap_or_default();
        let path = path.get(1..).unwrap_or_default();
        typed.number > 0 && place.as_ref().is_some_and(|place| path.starts_with(place))
    };
    let commit = Typed::own("commit".to_owned());
    let culprit = lines.iter().find(about).unwrap_or(&commit);
    culprit.refused(masker, masker.text(output))
}

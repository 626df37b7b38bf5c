//! Putting the configuration back as it was.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use redact::Masker;

use super::Session;
use super::change::Typed;
use crate::ssh_device::configuration::{Configuration, Path, line};
use crate::ssh_device::connection::Trouble;
use diagnostics::counted;
use model::lab::Secret;
use testbed::device::DeviceError;

/// The pause before a device that does not answer is tried again.
const PAUSE: Duration = Duration::from_millis(500);

/// How often a device that lets nobody in is tried: a device that starts does so for a while, and one that counts
/// failures locks the user out.
const LOGINS: usize = 3;

/// How the configuration was left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Restored {
    /// It was as before, and nothing had to be done.
    Unchanged,
    /// It was put back, and reads as before.
    PutBack,
    /// It was to be left as it is.
    Kept,
    /// It could not be put back.
    NotPutBack {
        /// Why not.
        reason: String,
        /// Where it is written down.
        saved_in: Option<PathBuf>,
    },
}

impl Session {
    /// Puts the configuration back, after connecting again if the connection was lost: a device that starts anew is waited for
    /// as long as it may take for an answer.
    pub(in crate::ssh_device) async fn restore(&mut self) -> Restored {
        let Some(saved_in) = self.saved_in.clone() else { return Restored::Kept };
        match self.put_back_in_time().await {
            Ok(restored) => {
                let _ = fs::remove_file(saved_in);
                restored
            }
            Err(reason) => Restored::NotPutBack { reason, saved_in: Some(saved_in) },
        }
    }

    async fn put_back_in_time(&mut self) -> Result<Restored, String> {
        let answer_within = self.caller.target.answer_within;
        let deadline = Instant::now() + answer_within;
        let mut logins = 0;
        loop {
            let reason = match self.put_back().await {
                Ok(restored) => return Ok(restored),
                Err(Trouble::Stranger(reason)) => return Err(reason),
                Err(Trouble::NotLetIn(reason)) => {
                    logins += 1;
                    if logins == LOGINS {
                        return Err(reason);
                    }
                    reason
                }
                Err(Trouble::Unreachable(reason)) => reason,
            };
            if Instant::now() >= deadline {
                let waited = answer_within.as_secs();
                let what = if self.console.is_some() { "put back" } else { "reached again" };
                return Err(format!("in {waited} s it could not be {what}: {reason}"));
            }
            sleep(PAUSE).await;
        }
    }

    async fn put_back(&mut self) -> Result<Restored, Trouble> {
        if self.console.is_none() {
            self.reach().await?;
        }
        let current = self.read().await?;
        if self.difference(&current).is_none() {
            return Ok(Restored::Unchanged);
        }
        self.apply(&self.way_back(&current), &self.masker(&current)).await?;
        let now = self.read().await?;
        match self.difference(&now) {
            None => Ok(Restored::PutBack),
            Some(difference) => {
                Err(Trouble::Stranger(format!("the device took it, and {difference}")))
            }
        }
    }

    /// What is put back are the device's own values, of which any may be a secret.
    fn masker(&self, current: &Configuration) -> Masker {
        let statements = self.saved.statements.iter().chain(&current.statements);
        let values = statements.filter(|statement| statement.path.len() > 2);
        Masker::new(values.filter_map(|it| it.path.last()).map(Secret::new))
    }

    /// The lines that lead from a configuration to the saved one.
    fn way_back(&self, current: &Configuration) -> Vec<Typed<'static>> {
        let saved: Vec<Path> = self.saved.statements.iter().map(|it| it.path.clone()).collect();
        let deletions = current.deletions(&saved, &[]);
        let deletions = deletions.iter().map(|path| Typed::own(line("delete", path)));
        let missing = self.saved.without(current).filter(|statement| !statement.is_irretrievable());
        deletions.chain(missing.map(|statement| Typed::own(statement.line.clone()))).collect()
    }

    /// How what is there now differs from what was; values may be secrets.
    fn difference(&self, now: &Configuration) -> Option<String> {
        let missing = self.saved.without(now).map(|statement| ("lacks the value of", statement));
        let new = now.without(&self.saved).map(|statement| ("still has another of", statement));
        let mut differences = missing.chain(new);
        let (what, statement) = differences.next()?;
        let more = match differences.count() {
            0 => String::new(),
            count => format!(" and differs in {}", counted(count, "more line")),
        };
        Some(format!("{what} `{}`{more}", line("set", statement.leaf())))
    }
}

/// A device that is gone, slow or locked by somebody else may be otherwise soon; one that refuses would refuse again.
impl From<DeviceError> for Trouble {
    fn from(error: DeviceError) -> Self {
        match error {
            DeviceError::Broken { reason } => Self::Unreachable(reason),
            DeviceError::ConfigurationRefused { text, message, .. } => {
                Self::Stranger(format!("the device refused `{text}`: {message}"))
            }
            other => Self::Stranger(other.to_string()),
        }
    }
}

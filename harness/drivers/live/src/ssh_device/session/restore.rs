//! Restores the configuration.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use redact::{Masker, clear_passwords_of_configuration};

use super::Session;
use super::change::Typed;
use crate::ssh_device::configuration::{Configuration, Path, line};
use crate::ssh_device::connection::SessionError;
use diagnostics::{are_searched, counted};
use model::lab::Secret;
use testbed::device::DeviceError;

/// The pause before trying again to reach a device.
const PAUSE: Duration = Duration::from_millis(500);

/// The maximum number of failed logins: a device that is starting may refuse them for a while, but one that counts failures locks
/// the user out.
const LOGINS: usize = 3;

/// The result of restoring the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Restored {
    /// The configuration was unchanged, so nothing was done.
    Unchanged,
    /// The configuration was restored and reads as before.
    PutBack,
    /// The device keeps its new configuration, as requested.
    Kept,
    /// The configuration could not be restored.
    NotPutBack {
        /// The reason.
        reason: String,
        /// The file with the saved configuration.
        saved_in: Option<PathBuf>,
    },
}

impl Session {
    /// Restores the configuration, after connecting again if the connection was lost. A device that restarts is waited for as
    /// long as its timeout for an answer.
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
        let answer_within = self.connector.target.answer_within;
        let deadline = Instant::now() + answer_within;
        let mut logins = 0;
        loop {
            let reason = match self.put_back().await {
                Ok(restored) => return Ok(restored),
                Err(SessionError::Permanent(reason)) => return Err(reason),
                Err(SessionError::LoginFailed(reason)) => {
                    logins += 1;
                    if logins == LOGINS {
                        return Err(reason);
                    }
                    reason
                }
                Err(SessionError::Unreachable(reason)) => reason,
            };
            if Instant::now() >= deadline {
                let waited = answer_within.as_secs();
                let failed = if self.console.is_some() {
                    "the configuration could not be restored"
                } else {
                    "the device could not be reached again"
                };
                return Err(format!("{failed} within {waited} s: {reason}"));
            }
            sleep(PAUSE).await;
        }
    }

    async fn put_back(&mut self) -> Result<Restored, SessionError> {
        if self.console.is_none() {
            self.connect().await?;
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
                Err(SessionError::Permanent(format!("the device accepted it, but {difference}")))
            }
        }
    }

    /// Masks the values that change, because any may be a secret and the device may repeat it, and the passwords of both configurations. If
    /// they are too many to be searched for, nothing that the device says is shown.
    fn masker(&self, current: &Configuration) -> Masker {
        let changed = self.saved.without(current).chain(current.without(&self.saved));
        let values = changed.filter(|statement| statement.path.len() > 2);
        let values = values.filter_map(|it| it.path.last()).map(Secret::new);
        let all = self.saved.statements.iter().chain(&current.statements);
        let passwords = all.flat_map(|statement| clear_passwords_of_configuration(&statement.line));
        let masker = Masker::new(values.chain(passwords));
        if are_searched(&masker) { masker } else { Masker::of_everything() }
    }

    /// The lines that change a configuration into the saved one.
    fn way_back(&self, current: &Configuration) -> Vec<Typed<'static>> {
        let saved: Vec<Path> = self.saved.statements.iter().map(|it| it.path.clone()).collect();
        let deletions = current.deletions(&saved, &[]);
        let deletions = deletions.iter().map(|path| Typed::own(line("delete", path)));
        let missing = self.saved.without(current).filter(|statement| !statement.is_irretrievable());
        deletions.chain(missing.map(|statement| Typed::own(statement.line.clone()))).collect()
    }

    /// How the configuration differs from the saved one, without values, which may be secrets.
    fn difference(&self, now: &Configuration) -> Option<String> {
        let missing = self.saved.without(now).map(|statement| ("lacks the value of", statement));
        let new =
            now.without(&self.saved).map(|statement| ("still has another value of", statement));
        let mut differences = missing.chain(new);
        let (what, statement) = differences.next()?;
        let more = match differences.count() {
            0 => String::new(),
            count => format!(" and differs in {}", counted(count, "more line")),
        };
        Some(format!("{what} `{}`{more}", line("set", statement.leaf())))
    }
}

/// A device that is unreachable, slow or locked may recover; one that refuses would refuse again.
impl From<DeviceError> for SessionError {
    fn from(error: DeviceError) -> Self {
        match error {
            DeviceError::Broken { reason } => Self::Unreachable(reason),
            DeviceError::ConfigurationRefused { text, message, .. } => {
                Self::Permanent(format!("the device refused `{text}`: {message}"))
            }
            other => Self::Permanent(other.to_string()),
        }
    }
}

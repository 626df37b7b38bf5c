//! The verbs at the `#` prompt, and the commit, which applies a configuration completely or not at all.

use super::{Device, Reply, Session, Step};
use crate::config::message::{CommitFault, Refusal};
use crate::config::parse::matching;
use crate::config::session::Candidate;
use crate::config::system::System;
use crate::config::tree::Configuration;
use crate::network::ApplyError;
use crate::operational::CommandError;
use crate::ping::Screen;

/// The verbs at the `#` prompt.
pub(crate) const VERBS: &[(&str, &str)] = &[
    ("commit", "Make the changes active"),
    ("compare", "Show the changes"),
    ("delete", "Delete a node or a value"),
    ("discard", "Drop the changes"),
    ("exit", "Leave configuration mode; `exit discard` drops the changes"),
    ("run", "Run a command of operational mode"),
    ("save", "Keep the active configuration for the next start"),
    ("set", "Set a value"),
    ("show", "Show the configuration, changes included"),
];

impl Device {
    pub(super) async fn edit(
        &self,
        session: &mut Session,
        words: &[String],
        screen: Screen<'_>,
    ) -> Step {
        let (verb, rest) = match split(words) {
            Ok(found) => found,
            Err(error) => return Reply::refused_verb(&error).stay(),
        };
        if verb == "run" {
            return self.operate(session, rest, screen).await;
        }
        let changed = self.change(session, verb, rest).await;
        changed.map_or_else(|refusal| Reply::refused_change(&refusal), Reply::done).stay()
    }

    /// Runs `verb`; returns its output.
    async fn change(
        &self,
        session: &mut Session,
        verb: &str,
        words: &[String],
    ) -> Result<String, Refusal> {
        let candidate = session.candidate.get_or_insert_default();
        candidate.rebase(&self.state.lock().active);
        let said = match verb {
            "set" => return candidate.set(words, &self.context.secrets),
            "compare" => return Ok(self.compare(candidate)),
            "show" => return candidate.show(words),
            "delete" => candidate.delete(words)?,
            "commit" => self.commit(candidate).await?,
            "discard" => self.discard(candidate),
            "save" => self.save(Some(candidate)),
            _ => self.leave(session, words)?,
        };
        Ok(said.to_owned())
    }

    /// Makes the changes of `candidate` active, on top of what others have committed meanwhile; returns the output.
    ///
    /// Only one user at a time can commit.
    pub(super) async fn commit(&self, candidate: &mut Candidate) -> Result<&'static str, Refusal> {
        let _committing = self.committing.try_lock().map_err(|_| Refusal::Locked)?;
        candidate.rebase(&self.state.lock().active);
        let said = self.make_active(candidate.configuration()).await?;
        candidate.rebase(&self.state.lock().active);
        Ok(said)
    }

    /// Checks `candidate`, applies its addresses to the network, and only then activates it and starts changed enrolments.
    pub(super) async fn make_active(
        &self,
        candidate: &Configuration,
    ) -> Result<&'static str, Refusal> {
        let (unchanged, addressing) = {
            let state = self.state.lock();
            (state.active == *candidate, state.system.addressing.clone())
        };
        if unchanged {
            return Ok("No configuration changes to commit");
        }
        let system = System::read(candidate, &self.interfaces).map_err(Refusal::Commit)?;
        if system.addressing != addressing {
            let applied = self.context.network.apply(&system.addressing).await;
            applied.map_err(|error| Refusal::Commit(vec![fault(&error)]))?;
        }
        self.restart_in_commit().await;
        self.activate(candidate.clone(), system);
        Ok("")
    }

    pub(super) fn activate(&self, active: Configuration, system: System) {
        self.enrolments.lock().reconcile(&system.csrs);
        let mut state = self.state.lock();
        state.active = active;
        state.system = system;
        drop(state);
        self.context.changed();
    }

    fn compare(&self, candidate: &Candidate) -> String {
        let differences = self.state.lock().active.differences(candidate.configuration());
        if differences.is_empty() {
            return "No changes between working and active configurations".to_owned();
        }
        differences.join("\n")
    }

    fn discard(&self, candidate: &mut Candidate) -> &'static str {
        if !self.is_modified(candidate) {
            return "No changes have been discarded";
        }
        *candidate = Candidate::of(&self.state.lock().active);
        "Changes have been discarded"
    }

    /// Saves the active configuration; `candidate` is the user's, in configuration mode.
    pub(super) fn save(&self, candidate: Option<&Candidate>) -> &'static str {
        let modified = candidate.is_some_and(|candidate| self.is_modified(candidate));
        let mut state = self.state.lock();
        state.saved = state.active.clone();
        if modified {
            "Warning: you have uncommitted changes that will not be saved.\nDone"
        } else {
            "Done"
        }
    }

    fn leave(&self, session: &mut Session, words: &[String]) -> Result<&'static str, Refusal> {
        let discard = words.first().is_some_and(|word| "discard".starts_with(word.as_str()));
        let modified = session.candidate.as_ref().is_some_and(|each| self.is_modified(each));
        if modified && !discard {
            return Err(Refusal::Modified);
        }
        session.candidate = None;
        let state = self.state.lock();
        let saved = state.active == state.saved;
        Ok(if saved { "" } else { "Warning: configuration changes have not been saved." })
    }

    fn is_modified(&self, candidate: &Candidate) -> bool {
        self.state.lock().active != *candidate.configuration()
    }
}

/// The unabbreviated verb of a line, and the words after it.
pub(crate) fn split(words: &[String]) -> Result<(&'static str, &[String]), CommandError> {
    let Some((word, rest)) = words.split_first() else {
        return Err(CommandError::Incomplete { good: Vec::new() });
    };
    match matching(VERBS, |(verb, _)| verb, word)[..] {
        [(verb, _)] => Ok((verb, rest)),
        [] => Err(CommandError::Invalid { good: Vec::new(), bad: word.clone() }),
        ref several => Err(CommandError::Ambiguous {
            good: Vec::new(),
            bad: word.clone(),
            completions: several.iter().copied().copied().collect(),
        }),
    }
}

/// The network's refusal, at the node of the configuration that caused it.
fn fault(error: &ApplyError) -> CommitFault {
    let path = match error {
        ApplyError::NoSuchInterface { interface } => vec!["interfaces", "ethernet", interface],
        ApplyError::Other(_) => vec!["interfaces"],
    };
    let path = path.into_iter().map(str::to_owned).collect();
    CommitFault { path, reason: error.to_string() }
}

//! How the parts of a lab break, and what that explains.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use testbed::TestbedError;
use thiserror::Error;
use tokio::sync::watch;

/// How long after the end of a connection the exit of the process behind it is waited for, which explains more.
const EXIT_LIMIT: Duration = Duration::from_secs(1);

/// Why a request to a lab process has no reply.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Lost {
    /// The lab process could not get to where labs are.
    #[error(transparent)]
    Refused(TestbedError),
    /// The lab process has exited.
    #[error("{0}")]
    Gone(String),
    /// The lab process does not answer.
    #[error("the lab process gave no answer in {} s", .0.as_secs())]
    Silent(Duration),
}

impl Lost {
    /// The reason why there is no lab.
    pub fn into_testbed_error(self) -> TestbedError {
        match self {
            Self::Refused(error) => error,
            other => TestbedError::Network { reason: other.to_string() },
        }
    }
}

/// What broke in a lab by itself, for all who wait for it.
#[derive(Debug, Default)]
pub struct Exits(watch::Sender<Ended>);

/// What has ended so far.
#[derive(Debug, Default)]
struct Ended {
    /// The parts that broke, and how.
    parts: BTreeMap<String, String>,
    /// Why there is no lab any more.
    lab: Option<Lost>,
}

impl Exits {
    /// Notes how a part broke: a device, a PKI or a host. The first reason counts.
    pub fn note(&self, part: String, reason: String) {
        self.0.send_modify(|ended| {
            ended.parts.entry(part).or_insert(reason);
        });
    }

    /// Notes why all of the lab is over. The first reason counts.
    pub fn note_end(&self, reason: Lost) {
        self.0.send_modify(|ended| {
            ended.lab.get_or_insert(reason);
        });
    }

    /// Waits until one of these parts, or all of the lab, is broken; gives the part and the reason.
    pub async fn first_of(&self, parts: &[&str]) -> (String, String) {
        self.wait_for(|ended| {
            parts.iter().find_map(|part| {
                let whole = || ended.lab.as_ref().map(ToString::to_string);
                let reason = ended.parts.get(*part).cloned().or_else(whole)?;
                Some(((*part).to_owned(), reason))
            })
        })
        .await
    }

    /// Waits until that part, or all of the lab, is broken; gives the reason.
    pub async fn broken(&self, part: &str) -> String {
        self.first_of(&[part]).await.1
    }

    /// Waits until all of the lab is over; gives the reason.
    pub async fn over(&self) -> Lost {
        self.wait_for(|ended| ended.lab.clone()).await
    }

    async fn wait_for<T>(&self, known: impl Fn(&Ended) -> Option<T>) -> T {
        let mut changes = self.0.subscribe();
        loop {
            if let Some(known) = known(&changes.borrow_and_update()) {
                return known;
            }
            // The sender is this one's own, so that there will be a change.
            let _ = changes.changed().await;
        }
    }
}

/// A part of a lab, and where it is told that it broke.
pub struct LabPart {
    name: String,
    exits: Arc<Exits>,
}

impl LabPart {
    /// The part of that name: a device, a PKI or a host.
    pub fn new(name: &str, exits: &Arc<Exits>) -> Self {
        Self { name: name.to_owned(), exits: Arc::clone(exits) }
    }

    /// Waits until the part, or all of the lab, is broken; gives the reason.
    pub async fn broken(&self) -> String {
        self.exits.broken(&self.name).await
    }

    /// Why a connection to the part has ended: how its process exited, or `reason` if it has not.
    pub async fn explain(&self, reason: &str) -> String {
        let exited = tokio::time::timeout(EXIT_LIMIT, self.broken()).await;
        exited.unwrap_or_else(|_| reason.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_reason_is_told_to_whom_it_concerns() {
        let exits = Exits::default();
        exits.note("gateway".to_owned(), "it fell".to_owned());
        exits.note("gateway".to_owned(), "it lay".to_owned());
        assert_eq!(exits.broken("gateway").await, "it fell");
        let expected = ("gateway".to_owned(), "it fell".to_owned());
        assert_eq!(exits.first_of(&["core", "gateway"]).await, expected);
        let waiting = tokio::time::timeout(Duration::ZERO, exits.broken("core"));
        waiting.await.unwrap_err();
    }
}

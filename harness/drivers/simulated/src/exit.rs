//! Records which parts of a lab broke, and why.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use testbed::TestbedError;
use thiserror::Error;
use tokio::sync::watch;

/// The time to wait, after a connection has ended, for the exit of the process behind it, which explains more.
const EXIT_LIMIT: Duration = Duration::from_secs(1);

/// Why a request to a lab process has no reply.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LabError {
    /// The lab process could not create or enter its namespaces.
    #[error(transparent)]
    Refused(TestbedError),
    /// The lab process has exited.
    #[error("{0}")]
    Exited(String),
    /// The lab process does not answer.
    #[error("the lab process gave no answer in {} s", .0.as_secs())]
    TimedOut(Duration),
}

impl LabError {
    /// The reason why there is no lab.
    pub fn into_testbed_error(self) -> TestbedError {
        match self {
            Self::Refused(error) => error,
            other => TestbedError::Network { reason: other.to_string() },
        }
    }
}

/// Records the broken parts of a lab, for all tasks that wait for one.
#[derive(Debug, Default)]
pub struct Exits(watch::Sender<Ended>);

/// The parts that have ended so far, and whether the whole lab has.
#[derive(Debug, Default)]
struct Ended {
    /// The parts that broke, with the reasons.
    parts: BTreeMap<String, String>,
    /// The reason, if the whole lab has ended.
    lab: Option<LabError>,
}

impl Exits {
    /// Records that a part broke: a device, a PKI or a host. The first reason counts.
    pub fn record(&self, part: String, reason: String) {
        self.0.send_modify(|ended| {
            ended.parts.entry(part).or_insert(reason);
        });
    }

    /// Records that the whole lab has ended. The first reason counts.
    pub fn record_lab_end(&self, reason: LabError) {
        self.0.send_modify(|ended| {
            ended.lab.get_or_insert(reason);
        });
    }

    /// Waits until one of these parts, or the whole lab, is broken; returns the part and the reason.
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

    /// Waits until that part, or the whole lab, is broken; returns the reason.
    pub async fn broken(&self, part: &str) -> String {
        self.first_of(&[part]).await.1
    }

    /// Waits until the whole lab has ended; returns the reason.
    pub async fn lab_ended(&self) -> LabError {
        self.wait_for(|ended| ended.lab.clone()).await
    }

    async fn wait_for<T>(&self, known: impl Fn(&Ended) -> Option<T>) -> T {
        let mut changes = self.0.subscribe();
        loop {
            if let Some(known) = known(&changes.borrow_and_update()) {
                return known;
            }
            // The sender is in `self`, so the channel is not closed.
            let _ = changes.changed().await;
        }
    }
}

/// A part of a lab, and the record of whether it broke.
pub struct LabPart {
    name: String,
    exits: Arc<Exits>,
}

impl LabPart {
    /// The part of that name: a device, a PKI or a host.
    pub fn new(name: &str, exits: &Arc<Exits>) -> Self {
        Self { name: name.to_owned(), exits: Arc::clone(exits) }
    }

    /// Waits until the part, or the whole lab, is broken; returns the reason.
    pub async fn broken(&self) -> String {
        self.exits.broken(&self.name).await
    }

    /// Why a connection to the part ended: how its process exited, or `reason` if it has not exited.
    pub async fn explain(&self, reason: &str) -> String {
        let exited = tokio::time::timeout(EXIT_LIMIT, self.broken()).await;
        exited.unwrap_or_else(|_| reason.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn first_reason_is_reported_for_its_part_alone() {
        let exits = Exits::default();
        exits.record("gateway".to_owned(), "it fell".to_owned());
        exits.record("gateway".to_owned(), "it broke".to_owned());
        assert_eq!(exits.broken("gateway").await, "it fell");
        let expected = ("gateway".to_owned(), "it fell".to_owned());
        assert_eq!(exits.first_of(&["core", "gateway"]).await, expected);
        let waiting = tokio::time::timeout(Duration::ZERO, exits.broken("core"));
        waiting.await.unwrap_err();
    }
}

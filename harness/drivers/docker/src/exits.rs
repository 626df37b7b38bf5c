//! How the containers of a lab exited, for all who wait for it.

use std::collections::BTreeMap;

use async_trait::async_trait;
use tokio::sync::watch;

use simulated::exit::ExitWatcher;

/// How those containers ended that did, by the names of the lab.
#[derive(Debug, Default)]
pub(super) struct ContainerExits(watch::Sender<BTreeMap<String, String>>);

impl ContainerExits {
    /// Notes how a container ended.
    pub(super) fn note(&self, name: &str, reason: String) {
        self.0.send_modify(|ended| {
            ended.entry(name.to_owned()).or_insert(reason);
        });
    }

    /// Waits until one of these has ended; tells which one, and how.
    pub(super) async fn first_of(&self, names: &[String]) -> (String, String) {
        let mut ended = self.0.subscribe();
        loop {
            let found = {
                let ended = ended.borrow_and_update();
                names.iter().find_map(|name| Some((name.clone(), ended.get(name)?.clone())))
            };
            match found {
                Some(found) => return found,
                // The sender is this one's own.
                None => drop(ended.changed().await),
            }
        }
    }
}

#[async_trait]
impl ExitWatcher for ContainerExits {
    async fn broken(&self, part: &str) -> String {
        self.first_of(&[part.to_owned()]).await.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_reason_is_told_to_whom_it_concerns() {
        let exits = ContainerExits::default();
        exits.note("gateway", "it fell".to_owned());
        exits.note("gateway", "it lay".to_owned());
        assert_eq!(exits.broken("gateway").await, "it fell");
        let hosts = ["core".to_owned(), "gateway".to_owned()];
        let expected = ("gateway".to_owned(), "it fell".to_owned());
        assert_eq!(exits.first_of(&hosts).await, expected);
        let waiting = tokio::time::timeout(std::time::Duration::ZERO, exits.broken("core"));
        waiting.await.unwrap_err();
    }
}

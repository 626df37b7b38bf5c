//! How the containers of a lab exited, as the engine tells it, for all who wait for it.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use bollard::errors::Error;
use bollard::models::ContainerState;
use bollard::query_parameters::InspectContainerOptions;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};

use super::engine::Engine;
use simulated::exit::ExitWatcher;

/// How long the engine may take to tell it.
const PATIENCE: Duration = Duration::from_secs(5);

/// The time between two looks at a container whose streams have ended and which has not yet.
const PAUSE: Duration = Duration::from_millis(20);

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
    pub(super) async fn first_of(
        &self,
        names: impl Iterator<Item = &String> + Clone,
    ) -> (String, String) {
        let mut ended = self.0.subscribe();
        loop {
            let found = {
                let ended = ended.borrow_and_update();
                names.clone().find_map(|name| Some((name.clone(), ended.get(name)?.clone())))
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
        self.first_of([part.to_owned()].iter()).await.1
    }
}

/// How a container ended whose streams have: "its container ended (exit code 1)". Where it has not, the connection to it
/// has, by that error.
pub(super) async fn exit_reason(engine: &Engine, container: &str, error: Option<&Error>) -> String {
    let deadline = Instant::now() + PATIENCE;
    match timeout_at(deadline, end(engine, container)).await {
        Ok(Ok(state)) => told(&state),
        Ok(Err(gone)) => engine.explain("asking about its container", &gone).to_string(),
        Err(_) => match error {
            Some(error) => {
                engine.explain("keeping the connection to its container", error).to_string()
            }
            None => "the connection to its container ended, and the engine does not say why".into(),
        },
    }
}

/// How a container ended, where it has.
pub(super) async fn exit_reason_if_ended(engine: &Engine, container: &str) -> Option<String> {
    final_state(engine, container).await.ok()?.map(|state| told(&state))
}

async fn end(engine: &Engine, container: &str) -> Result<ContainerState, Error> {
    loop {
        match final_state(engine, container).await? {
            Some(state) => return Ok(state),
            None => sleep(PAUSE).await,
        }
    }
}

async fn final_state(engine: &Engine, container: &str) -> Result<Option<ContainerState>, Error> {
    let nothing = None::<InspectContainerOptions>;
    let inspected = engine.client().inspect_container(container, nothing).await?;
    Ok(inspected.state.filter(|state| state.running != Some(true)))
}

fn told(state: &ContainerState) -> String {
    let code = state.exit_code.map_or_else(String::new, |code| format!("exit code {code}"));
    let how = match (state.oom_killed, state.error.as_deref()) {
        (Some(true), _) => format!("{code}: it had no memory left"),
        (_, Some(error)) if !error.is_empty() => format!("{code}: {error}"),
        _ => match state.exit_code {
            Some(137) => format!("{code}: killed"),
            _ => code,
        },
    };
    format!("its container ended ({how})")
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
        assert_eq!(exits.first_of(hosts.iter()).await, expected);
        let waiting = tokio::time::timeout(Duration::ZERO, exits.broken("core"));
        waiting.await.unwrap_err();
    }

    #[test]
    fn the_end_of_a_container_is_told_with_its_reason() {
        let state = |exit_code, oom_killed, error: &str| ContainerState {
            exit_code: Some(exit_code),
            oom_killed: Some(oom_killed),
            error: Some(error.to_owned()),
            ..ContainerState::default()
        };
        for (state, expected) in [
            (state(1, false, ""), "its container ended (exit code 1)"),
            (state(137, false, ""), "its container ended (exit code 137: killed)"),
            (state(137, true, ""), "its container ended (exit code 137: it had no memory left)"),
            (
                state(127, false, "no such file"),
                "its container ended (exit code 127: no such file)",
            ),
        ] {
            assert_eq!(told(&state), expected);
        }
    }
}

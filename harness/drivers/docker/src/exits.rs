//! Finds out from the engine how a container exited.

use std::time::Duration;

use bollard::errors::Error;
use bollard::models::ContainerState;
use bollard::query_parameters::InspectContainerOptions;
use tokio::time::{Instant, sleep, timeout_at};

use super::engine::Engine;

/// The timeout for the engine to report it.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The pause between checks of a container that has not ended although its streams have.
const PAUSE: Duration = Duration::from_millis(20);

/// The end of a container.
pub(super) struct ContainerEnd {
    /// How it ended: "its container ended (exit code 1)".
    pub(super) how: String,
    /// The exit code, if the engine knows it.
    pub(super) code: Option<i64>,
}

/// The end of a container, after its streams have ended. If it has not ended, `error` broke the connection to it.
pub(super) async fn exit_reason(
    engine: &Engine,
    container: &str,
    error: Option<&Error>,
) -> ContainerEnd {
    let deadline = Instant::now() + TIMEOUT;
    let how = match timeout_at(deadline, end(engine, container)).await {
        Ok(Ok(state)) => {
            return ContainerEnd { how: description(&state), code: state.exit_code };
        }
        Ok(Err(error)) => engine.explain("asking about its container", &error).to_string(),
        Err(_) => match error {
            Some(error) => {
                engine.explain("keeping the connection to its container", error).to_string()
            }
            None => "the connection to its container ended, and the engine gave no reason".into(),
        },
    };
    ContainerEnd { how, code: None }
}

/// How a container ended; `None` if it still runs.
pub(super) async fn exit_reason_if_ended(engine: &Engine, container: &str) -> Option<String> {
    final_state(engine, container).await.ok()?.map(|state| description(&state))
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

fn description(state: &ContainerState) -> String {
    let code = state.exit_code.map_or_else(String::new, |code| format!("exit code {code}"));
    let how = match (state.oom_killed, state.error.as_deref()) {
        (Some(true), _) => format!("{code}: out of memory"),
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

    #[test]
    fn end_of_a_container_is_described_with_its_reason() {
        let state = |exit_code, oom_killed, error: &str| ContainerState {
            exit_code: Some(exit_code),
            oom_killed: Some(oom_killed),
            error: Some(error.to_owned()),
            ..ContainerState::default()
        };
        for (state, expected) in [
            (state(1, false, ""), "its container ended (exit code 1)"),
            (state(137, false, ""), "its container ended (exit code 137: killed)"),
            (state(137, true, ""), "its container ended (exit code 137: out of memory)"),
            (
                state(127, false, "no such file"),
                "its container ended (exit code 127: no such file)",
            ),
        ] {
            assert_eq!(description(&state), expected);
        }
    }
}

//! How a container exited, as the engine tells it.

use std::time::Duration;

use bollard::errors::Error;
use bollard::models::ContainerState;
use bollard::query_parameters::InspectContainerOptions;
use tokio::time::{Instant, sleep, timeout_at};

use super::engine::Engine;

/// How long the engine may take to tell it.
const PATIENCE: Duration = Duration::from_secs(5);

/// The time between two looks at a container whose streams have ended and which has not yet.
const PAUSE: Duration = Duration::from_millis(20);

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

//! A container or an engine that ends midway ends the scenario with the reason.

use std::time::Duration;

use driver_docker::bollard::query_parameters::{InspectContainerOptions, KillContainerOptions};

use super::image::{self, Image};
use super::proxy::{self, Proxy};
use super::scenario::{Docker, Scenario, WAITS, wait_until};
use crate::support::sceplab::{Running, finish};
use crate::support::trials::{Need, Planned, trials};

pub(crate) fn trials(needs: &[&Need]) -> Vec<Planned> {
    let (socket, of_images) = (proxy::need(), image::needs());
    let of_images: Vec<&Need> = needs.iter().copied().chain(&of_images).collect();
    let mut all = trials![needs; killed_container_ends_the_scenario_at_once];
    all.extend(trials![&[]; missing_engine_is_reported_before_the_run]);
    all.extend(trials![
        &[needs, &[&socket]].concat();
        lost_engine_ends_the_scenario_and_is_cleaned_when_it_returns,
    ]);
    all.extend(trials![&of_images; node_image_without_sceplab_is_reported_with_a_command_to_try]);
    all
}

/// Kills the containers of `WAITS` that have this setting for `ip_forward`. After the first one, the run removes the
/// others itself.
fn kill(docker: &Docker, id: &str, forwards: &str) {
    let client = docker.engine.client();
    docker.runtime.block_on(async {
        let mut chosen = Vec::new();
        for container in docker_containers(docker, id).await {
            let inspected =
                client.inspect_container(&container, None::<InspectContainerOptions>).await;
            // If a container is gone, its run has ended and reports why.
            let Ok(inspected) = inspected else { continue };
            let settings = inspected.host_config.unwrap().sysctls.unwrap();
            if settings["net.ipv4.ip_forward"] == forwards {
                chosen.push(container);
            }
        }
        let Some(first) = chosen.pop() else { return };
        // The container may be made but not started.
        while client.kill_container(&first, None::<KillContainerOptions>).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        for container in chosen {
            let _ = client.kill_container(&container, None::<KillContainerOptions>).await;
        }
    });
}

async fn docker_containers(docker: &Docker, id: &str) -> Vec<String> {
    use driver_docker::leftovers::{Kind, everything};
    let things = everything(&docker.engine).await.unwrap().into_iter();
    let ours = things.filter(|thing| thing.lab == id && thing.kind == Kind::Container);
    ours.map(|thing| thing.id).collect()
}

fn killed_container_ends_the_scenario_at_once() {
    let docker = Docker::here();
    // First the router alone, then the device and the PKI.
    for (forwards, told) in [("1", "gateway"), ("0", "DUT0")] {
        let scenario = Scenario::new(&format!("fallen-{forwards}"), WAITS);
        let mut run = Running::start(scenario.command(&[]));
        wait_until("the containers run", || docker.containers(&scenario.id).len() == 3);
        kill(&docker, &scenario.id, forwards);
        assert_eq!(run.wait().code(), Some(3), "{}", run.rest_of_stderr());
        let stdout = run.rest_of_stdout();
        let reason = "its container ended (exit code 137: killed)";
        assert!(stdout.contains(reason), "{stdout}");
        assert!(stdout.contains(told) || forwards == "0", "{stdout}");
        docker.assert_gone(&scenario.id);
    }
}

fn missing_engine_is_reported_before_the_run() {
    let scenario = Scenario::new("nowhere", WAITS);
    let mut run = scenario.command(&[]);
    run.env("DOCKER_HOST", format!("unix://{}/docker.sock", scenario.path().display()));
    let ended = finish(run);
    ended.assert_orderly();
    assert_eq!(ended.code, Some(3), "{}", ended.transcript());
    assert!(ended.stderr.contains("docker.sock"), "{}", ended.stderr);
}

fn lost_engine_ends_the_scenario_and_is_cleaned_when_it_returns() {
    let docker = Docker::here();
    let scenario = Scenario::new("cut", WAITS);
    let proxy = Proxy::start(scenario.path());
    let mut run = scenario.command(&[]);
    run.env("DOCKER_HOST", proxy.address());
    let mut run = Running::start(run);
    wait_until("the containers run", || docker.containers(&scenario.id).len() == 3);
    // The run is attached to all of them.
    wait_until("the lab is built", || proxy.connections() > 3);
    let proxy = proxy.cut();
    assert_eq!(run.wait().code(), Some(3), "{}", run.rest_of_stderr());
    let (stdout, stderr) = (run.rest_of_stdout(), run.rest_of_stderr());
    assert!(stdout.contains("docker:"), "{stdout}");
    assert!(stderr.contains("`sceplab clean` removes what is left"), "{stderr}");
    assert_eq!(docker.containers(&scenario.id).len(), 3);
    let _back = proxy.mend();
    wait_until("nothing is left", || docker.of_lab(&scenario.id).is_empty());
}

fn node_image_without_sceplab_is_reported_with_a_command_to_try() {
    let docker = Docker::here();
    let image = Image::of("no-node", &["sh"]);
    let scenario = Scenario::new("no-node", WAITS);
    let ended = scenario.run(&docker, &["--node-image", &image.name]);
    assert_eq!(ended.code, Some(3), "{}", ended.transcript());
    let told = format!("`docker run --rm {} --version` tells", image.name);
    assert!(
        ended.stdout.contains("lab-process") || ended.stdout.contains(&told),
        "{}",
        ended.stdout
    );
    let ended = scenario.run(&docker, &["--node-image", "sceplab-no-such-image:1"]);
    assert_eq!(ended.code, Some(3), "{}", ended.transcript());
    assert!(ended.stdout.contains("`sceplab-no-such-image:1`"), "{}", ended.stdout);
}

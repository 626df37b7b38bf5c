//! The reaper, a process that outlives a killed run.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use driver_docker::engine::Engine;
use driver_docker::leftovers::{Kind, Labels, Owner, remove_all};
use driver_docker::network::Carrier;
use model::lab::Lab;

use super::{container, engine, name, of_run, runtime};
use crate::support::trials::{Need, Planned, trials};

pub(crate) fn trials(needs: &[&Need]) -> Vec<Planned> {
    let mut all = trials![
        needs;
        reaper_removes_everything_of_a_killed_run,
        reaper_ends_when_its_runner_says_so,
    ];
    all.extend(trials![
        &[];
        reaper_without_a_run_removes_nothing,
    ]);
    all
}

/// Makes a running container and a network.
async fn make(engine: &Engine, labels: &Labels) {
    container(engine, labels).await;
    Carrier::create(engine, labels, &Lab::default()).await.unwrap();
    assert_eq!(of_run(engine, labels.run()).await, [Kind::Container, Kind::Network]);
}

/// Starts a reaper for a run and waits until it is ready. Its standard input takes the place of the runner.
fn start(run: &str) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sceplab"));
    command.args(["lab-process", "reaper"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut reaper = command.spawn().unwrap();
    reaper.stdin.as_mut().unwrap().write_all(format!("{run}\n").as_bytes()).unwrap();
    let mut line = String::new();
    BufReader::new(reaper.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    reaper
}

fn reaper_removes_everything_of_a_killed_run() {
    let runtime = runtime();
    let engine = engine(&runtime);
    let killed = Labels::of(&name("killed"), &Owner::of_this_process(), "scep/x");
    let other = Labels::of(&name("other"), &Owner::of_this_process(), "scep/x");
    let mut reaper = start(killed.run());
    runtime.block_on(async {
        make(&engine, &killed).await;
        make(&engine, &other).await;
    });
    // Signals that end a service or a terminal do not end the reaper.
    for signal in ["INT", "TERM", "HUP"] {
        let killed = Command::new("kill").args(["-s", signal, &reaper.id().to_string()]).status();
        assert!(killed.unwrap().success());
    }
    // The kernel closes the pipe of a process that is killed.
    drop(reaper.stdin.take());
    assert!(reaper.wait().unwrap().success());
    runtime.block_on(async {
        assert_eq!(of_run(&engine, killed.run()).await, []);
        assert_eq!(of_run(&engine, other.run()).await, [Kind::Container, Kind::Network]);
        remove_all(&engine, other.run()).await.unwrap();
        assert_eq!(of_run(&engine, other.run()).await, []);
    });
}

fn reaper_ends_when_its_runner_says_so() {
    let runtime = runtime();
    let engine = engine(&runtime);
    let labels = Labels::of(&name("well"), &Owner::of_this_process(), "scep/x");
    let mut reaper = start(labels.run());
    runtime.block_on(Carrier::create(&engine, &labels, &Lab::default())).unwrap();
    reaper.stdin.as_mut().unwrap().write_all(b"finished\n").unwrap();
    assert!(reaper.wait().unwrap().success());
    runtime.block_on(async {
        // The reaper removes nothing, because the runner has already done so.
        assert_eq!(of_run(&engine, labels.run()).await, [Kind::Network]);
        remove_all(&engine, labels.run()).await.unwrap();
    });
}

fn reaper_without_a_run_removes_nothing() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sceplab"));
    let output = command.args(["lab-process", "reaper"]).stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("no run is named"));
}

//! The process that outlives a run which is killed.

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
        all_of_a_run_is_removed_when_its_runner_is_killed,
        a_runner_that_says_farewell_takes_its_reaper_with_it,
    ];
    all.extend(trials![
        &[];
        a_reaper_that_is_told_no_run_removes_nothing,
    ]);
    all
}

/// A container that runs, and a network.
async fn make(engine: &Engine, labels: &Labels) {
    container(engine, labels).await;
    Carrier::create(engine, labels, &Lab::default()).await.unwrap();
    assert_eq!(of_run(engine, labels.run()).await, [Kind::Container, Kind::Network]);
}

/// A reaper that is ready; what it is told comes by its standard input, as from the runner.
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

fn all_of_a_run_is_removed_when_its_runner_is_killed() {
    let runtime = runtime();
    let engine = engine(&runtime);
    let killed = Labels::of(&name("killed"), &Owner::of_this_process(), "scep/x");
    let other = Labels::of(&name("other"), &Owner::of_this_process(), "scep/x");
    let mut reaper = start(killed.run());
    runtime.block_on(async {
        make(&engine, &killed).await;
        make(&engine, &other).await;
    });
    // What ends a runner's service or terminal does not end its reaper.
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

fn a_runner_that_says_farewell_takes_its_reaper_with_it() {
    let runtime = runtime();
    let engine = engine(&runtime);
    let labels = Labels::of(&name("well"), &Owner::of_this_process(), "scep/x");
    let mut reaper = start(labels.run());
    runtime.block_on(Carrier::create(&engine, &labels, &Lab::default())).unwrap();
    reaper.stdin.as_mut().unwrap().write_all(b"finished\n").unwrap();
    assert!(reaper.wait().unwrap().success());
    runtime.block_on(async {
        // It looks for nothing where nothing can be.
        assert_eq!(of_run(&engine, labels.run()).await, [Kind::Network]);
        remove_all(&engine, labels.run()).await.unwrap();
    });
}

fn a_reaper_that_is_told_no_run_removes_nothing() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sceplab"));
    let output = command.args(["lab-process", "reaper"]).stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("no run is named"));
}

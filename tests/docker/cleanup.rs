//! A lab of containers leaves nothing behind, however it ends.

use super::scenario::{Docker, Scenario, WAITS, wait_until};
use crate::support::sceplab::Running;
use crate::support::trials::{Need, Planned, trials};

pub(crate) fn trials(needs: &[&Need]) -> Vec<Planned> {
    trials![
        needs;
        passed_and_failed_scenarios_leave_no_container,
        int_term_and_hup_remove_the_lab,
        killed_run_leaves_nothing_of_its_lab,
    ]
}

/// Number of containers of `WAITS`.
const NODES: usize = 3;

fn passed_and_failed_scenarios_leave_no_container() {
    let docker = Docker::here();
    for (count, code) in [(0, 0), (1, 4)] {
        let short = WAITS.replace("count: 9, within: 60m", &format!("count: {count}, within: 0s"));
        let ended = Scenario::new("ended", &short).run(&docker, &[]);
        assert_eq!(ended.code, Some(code), "{}", ended.transcript());
    }
}

fn int_term_and_hup_remove_the_lab() {
    let docker = Docker::here();
    // With one container, the lab is still being built.
    for (signal, containers) in [("INT", NODES), ("TERM", NODES), ("HUP", NODES), ("INT", 1)] {
        let scenario = Scenario::new(&format!("interrupted-{signal}-{containers}"), WAITS);
        let mut run = Running::start(scenario.command(&[]));
        wait_until("the containers run", || docker.containers(&scenario.id).len() >= containers);
        run.signal(signal);
        assert_eq!(run.wait().code(), Some(130), "{}", run.rest_of_stderr());
        // The run has waited for the removal.
        docker.assert_gone(&scenario.id);
    }
}

fn killed_run_leaves_nothing_of_its_lab() {
    let docker = Docker::here();
    let scenario = Scenario::new("killed", WAITS);
    let mut run = Running::start(scenario.command(&[]));
    wait_until("the containers run", || docker.containers(&scenario.id).len() == NODES);
    run.kill();
    wait_until("nothing is left", || docker.of_lab(&scenario.id).is_empty());
}

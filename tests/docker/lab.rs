//! The documented scenarios in containers, and parallel runs.

use super::scenario::{Docker, Scenario};
use crate::support::sceplab::{Running, command, finish, workspace};
use crate::support::trials::{Need, Planned, trials};

pub(crate) fn trials(needs: &[&Need]) -> Vec<Planned> {
    trials![
        needs;
        documented_scenarios_show_the_documented_ttls,
        parallel_runs_may_use_the_same_addresses,
        device_console_leaves_no_containers,
    ]
}

fn documented_scenarios_show_the_documented_ttls() {
    let _docker = Docker::here();
    for (file, ttl) in [("linux-pki", "ttl=64"), ("windows-pki", "ttl=126")] {
        let file = format!("scenarios/scep/{file}.yaml");
        let run = command(workspace(), &["run", "--driver", "docker", "-v", &file]);
        let ended = finish(run);
        assert_eq!(ended.code, Some(0), "{}", ended.transcript());
        assert!(ended.stdout.contains(ttl), "{}", ended.stdout);
    }
}

const PASSES: &str = "title: Passes
lab:
  devices: {DUT0: {interfaces: {eth0: 10.215.168.0/24}}}
  hosts:
    gateway: {addresses: [10.215.168.1/24, 10.0.12.1/30], forwards: true}
    far: {addresses: [10.0.12.2/30], routes: {default: 10.0.12.1}, ttl: 99}
steps:
  - configure:
      set: |
        set interfaces ethernet eth0 address 10.215.168.64/24
        set protocols static route 0.0.0.0/0 next-hop 10.215.168.1
  - run: {command: ping 10.0.12.2 count 1 size 56 timeout 1, contains: [ttl=98], within: 20s}
  - run: {command: ping far count 1 timeout 1, contains: [ttl=98]}
";

fn parallel_runs_may_use_the_same_addresses() {
    let docker = Docker::here();
    let scenarios = [(); 3].map(|()| Scenario::new("beside", PASSES));
    let mut runs = scenarios.each_ref().map(|scenario| Running::start(scenario.command(&["-v"])));
    for run in &mut runs {
        let status = run.wait();
        assert_eq!(status.code(), Some(0), "{}{}", run.rest_of_stdout(), run.rest_of_stderr());
    }
    for scenario in &scenarios {
        docker.assert_gone(&scenario.id);
    }
}

fn device_console_leaves_no_containers() {
    let docker = Docker::here();
    let mut console = command(workspace(), &["dut", "--driver", "docker"]);
    console.stdin(std::process::Stdio::piped());
    let mut console = Running::start(console);
    let lines = [
        "configure",
        "set interfaces ethernet eth0 address 10.215.168.64/24",
        "commit",
        "exit",
        "ping 10.215.168.1 count 1",
        "exit",
    ];
    for line in lines {
        console.write_line(line);
    }
    assert_eq!(console.wait().code(), Some(0), "{}", console.rest_of_stderr());
    let stdout = console.rest_of_stdout();
    assert!(stdout.contains("ttl=64"), "{stdout}");
    // The lab of a console is named after its device.
    docker.assert_gone("DUT0");
}

//! `sceplab shell` enters a lab from another terminal.

use super::lab::{LabRun, WAITS, in_folders};
use crate::support::sceplab::{Ended, command, finish};
use crate::support::trials::{Need, Planned, trials};

pub(crate) fn trials(needs: &[&Need]) -> Vec<Planned> {
    let curl = Need::program("curl", "curl", "curl");
    let mut all = trials![
        needs;
        shell_returns_the_exit_code_of_its_command,
        hosts_have_only_the_interfaces_and_routes_of_the_lab,
        unknown_host_is_rejected_with_the_known_hosts,
        unrunnable_command_exits_as_in_a_shell,
        kept_lab_runs_until_ctrl_c,
    ];
    all.extend(trials![&[needs, &[&curl]].concat(); host_reaches_a_pki_behind_a_router]);
    all
}

fn shell(run: &LabRun, arguments: &[&str]) -> Ended {
    let mut command = command(run.folder.path(), &["shell"]);
    command.args(arguments);
    in_folders(&mut command, run.folder.path());
    finish(command)
}

fn shell_returns_the_exit_code_of_its_command() {
    let run = LabRun::start(WAITS, &[]);
    let ttl = shell(&run, &["other", "cat", "/proc/sys/net/ipv4/ip_default_ttl"]);
    assert_eq!((ttl.code, ttl.stdout.as_str()), (Some(0), "99\n"));
    let names = shell(&run, &["--lab", "it", "gateway", "cat", "/etc/hosts"]);
    assert!(names.stdout.contains("10.0.1.2 other\n"), "{}", names.stdout);
    let code = shell(&run, &["gateway", "sh", "-c", "exit 7"]).code;
    assert_eq!(code, Some(7));
}

fn hosts_have_only_the_interfaces_and_routes_of_the_lab() {
    let run = LabRun::start(WAITS, &[]);
    let routes = shell(&run, &["other", "cat", "/proc/net/route"]);
    // Interface, destination, gateway; the bytes of addresses are reversed.
    assert!(routes.stdout.contains("eth0\t00000000\t0101000A"), "{}", routes.stdout);
    let devices = shell(&run, &["gateway", "cat", "/proc/net/dev"]);
    let names: Vec<_> = devices
        .stdout
        .lines()
        .skip(2)
        .filter_map(|line| Some(line.split_once(':')?.0.trim()))
        .collect();
    assert_eq!(names, ["lo", "eth0", "eth1"]);
}

fn host_reaches_a_pki_behind_a_router() {
    let run = LabRun::start(WAITS, &[]);
    let fetched =
        shell(&run, &["other", "curl", "-sS", "http://10.0.0.1:8080/scep?operation=GetCACaps"]);
    assert!(fetched.stdout.contains("POSTPKIOperation"), "{fetched:?}");
}

fn unknown_host_is_rejected_with_the_known_hosts() {
    let run = LabRun::start(WAITS, &[]);
    let unknown = shell(&run, &["nowhere", "true"]);
    assert_eq!(unknown.code, Some(2));
    assert!(
        unknown.stderr.contains("`nowhere` (known hosts: `DUT0`, `gateway`, `other`)"),
        "{unknown:?}"
    );
    let no_lab = shell(&run, &["--lab", "x", "gateway", "true"]);
    assert!(no_lab.stderr.contains("no lab `x` is running (running labs: `it`)"), "{no_lab:?}");
}

fn unrunnable_command_exits_as_in_a_shell() {
    let run = LabRun::start(WAITS, &[]);
    for (command, code, told) in [
        ("nosuch", 127, "error: cannot run `nosuch`: No such file or directory (os error 2)\n"),
        ("/dev/null", 126, "error: cannot run `/dev/null`: Permission denied (os error 13)\n"),
    ] {
        let ended = shell(&run, &["gateway", command]);
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(code), told));
    }
}

fn kept_lab_runs_until_ctrl_c() {
    let scenario = WAITS.replace("count: 9, within: 60m", "count: 0");
    let mut run = LabRun::start(&scenario, &["--keep"]);
    run.running.stdout_line(|line| line.starts_with("1 passed").then_some(()));
    let namespaces = run.namespaces();
    assert_eq!(shell(&run, &["other", "true"]).code, Some(0));
    run.running.signal("INT");
    assert_eq!(run.running.wait().code(), Some(0));
    assert!(!namespaces.inhabited());
    let stderr = run.running.rest_of_stderr();
    assert!(stderr.contains("sceplab shell --lab it DUT0   (or gateway, other)"), "{stderr}");
    let gone = shell(&run, &["other", "true"]);
    assert_eq!(gone.code, Some(2));
    assert!(
        gone.stderr.contains("no lab is running; `sceplab run --driver netns --keep PATH`"),
        "{gone:?}"
    );
}

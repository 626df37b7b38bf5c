//! A lab leaves no process, no namespace and no folder behind, however it ends.

use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::process::Command;

use super::lab::{LabRun, Namespaces, WAITS, in_folders, wait_until};
use crate::support::sceplab::{command, finish, workspace};
use crate::support::trials::{Need, Planned, trials};

pub(crate) fn trials(needs: &[&Need]) -> Vec<Planned> {
    trials![
        needs;
        int_term_and_hup_remove_the_lab,
        killed_run_leaves_nothing_of_its_lab,
        next_run_removes_leftovers_of_killed_runs,
        killed_lab_process_ends_the_scenario_at_once,
        hanging_lab_process_is_killed_after_an_interrupt,
        passed_and_failed_scenarios_leave_no_labs,
        fifty_labs_leave_no_process_no_namespace_and_no_memory,
        killed_device_ends_the_scenario_and_removes_the_lab,
        panic_in_any_process_of_a_lab_is_a_bug,
        hanging_device_ends_the_scenario_after_a_timeout,
    ]
}

/// A run with its lab, and the lab's namespaces.
fn standing() -> (LabRun, Namespaces) {
    let run = LabRun::start(WAITS, &[]);
    let namespaces = run.namespaces();
    // At least process, mount and network namespaces; root may need no user namespace.
    assert!(namespaces.count() >= 3, "{} namespaces", namespaces.count());
    let [folder] = run.temporary().try_into().unwrap();
    assert_eq!(std::fs::metadata(folder).unwrap().mode() & 0o777, 0o700);
    (run, namespaces)
}

#[track_caller]
fn assert_gone(run: &LabRun, namespaces: &Namespaces) {
    wait_until("no process lives in the lab", || !namespaces.inhabited());
    wait_until("the lab's folder is gone", || run.temporary().is_empty());
}

fn signal(name: &str, process: u32) {
    let kill = format!("kill -{name} {process}");
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
}

fn panic_in_any_process_of_a_lab_is_a_bug() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.json");
    let format = format!("json={}", report.display());
    // In the main task of the lab process, in another one, and in the process of a device.
    for place in ["lab-process", "lab-task", "device"] {
        let scenario = "scenarios/scep/linux-pki.yaml";
        let arguments = ["run", "--driver", "netns", scenario, "--report", &format];
        let mut run = command(workspace(), &arguments);
        in_folders(&mut run, folder.path());
        run.env("SCEPLAB_PANIC_IN", place);
        let ended = finish(run);
        assert_eq!(ended.code, Some(1), "{place}: {ended:?}");
        let injected = format!("injected in {place}");
        for told in [&injected, ".rs:", "a bug in sceplab, and no failure of what it tests"] {
            assert!(ended.stderr.contains(told), "{place}: {told}: {ended:?}");
        }
        assert_eq!(ended.stderr.matches("please report it").count(), 1, "{ended:?}");
        let written: serde_json::Value =
            serde_json::from_slice(&std::fs::read(&report).unwrap()).unwrap();
        let verdict = &written["scenarios"][0]["verdict"];
        assert_eq!(verdict["kind"], "panicked", "{place}: {written:#}");
        assert!(verdict["message"].as_str().unwrap().contains(&injected), "{place}: {verdict}");
        assert_eq!(std::fs::read_dir(folder.path().join("temporary")).unwrap().count(), 0);
    }
}

fn int_term_and_hup_remove_the_lab() {
    for name in ["INT", "TERM", "HUP"] {
        let (mut run, namespaces) = standing();
        run.running.signal(name);
        assert_eq!(run.running.wait().code(), Some(130));
        // The run has waited for the removal.
        assert!(!namespaces.inhabited());
        assert!(run.temporary().is_empty() && run.registered().is_none());
    }
}

fn killed_run_leaves_nothing_of_its_lab() {
    let (mut run, namespaces) = standing();
    run.running.kill();
    assert_gone(&run, &namespaces);
}

fn next_run_removes_leftovers_of_killed_runs() {
    let (mut run, namespaces) = standing();
    run.running.kill();
    assert_gone(&run, &namespaces);
    // A runner that is killed before it has a lab process leaves such a folder.
    let left = run.folder.path().join("temporary/sceplab-lab-4711-Xa0b1c");
    std::fs::DirBuilder::new().mode(0o700).create(&left).unwrap();

    let short = WAITS.replace("count: 9, within: 60m", "count: 0, within: 0s");
    std::fs::write(run.folder.path().join("it.yaml"), short).unwrap();
    let mut next = command(run.folder.path(), &["run", "--driver", "netns", "it.yaml"]);
    in_folders(&mut next, run.folder.path());
    assert_eq!(finish(next).code, Some(0));
    assert!(run.registered().is_none() && run.temporary().is_empty());
}

fn killed_lab_process_ends_the_scenario_at_once() {
    for victim in [0, 1] {
        let (mut run, namespaces) = standing();
        let processes = run.processes();
        signal("KILL", processes[victim]);
        assert_eq!(run.running.wait().code(), Some(3));
        assert_gone(&run, &namespaces);
        let stdout = run.running.rest_of_stdout();
        assert!(stdout.contains("the lab process ended (signal: 9 (SIGKILL))"), "{stdout}");
    }
}

fn hanging_lab_process_is_killed_after_an_interrupt() {
    let (mut run, namespaces) = standing();
    let processes = run.processes();
    processes[..2].iter().for_each(|process| signal("STOP", *process));
    run.running.signal("INT");
    assert_eq!(run.running.wait().code(), Some(130));
    assert_gone(&run, &namespaces);
}

fn passed_and_failed_scenarios_leave_no_labs() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..50 {
        let count = number % 2;
        let scenario =
            WAITS.replace("count: 9, within: 60m", &format!("count: {count}, within: 0s"));
        std::fs::write(folder.path().join(format!("{number}.yaml")), scenario).unwrap();
    }
    let mut run = command(folder.path(), &["run", "--driver", "netns", "--jobs", "4", "."]);
    in_folders(&mut run, folder.path());
    let ended = finish(run);
    assert_eq!(ended.code, Some(4), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("25 passed, 25 failed"), "{}", ended.stdout);
    assert_eq!(std::fs::read_dir(folder.path().join("temporary")).unwrap().count(), 0);
}

fn fifty_labs_leave_no_process_no_namespace_and_no_memory() {
    let (mut fresh, namespaces) = standing();
    let (processes, memory) = (fresh.processes().len(), fresh.resident_kib());
    fresh.running.kill();
    assert_gone(&fresh, &namespaces);

    let folder = tempfile::tempdir().unwrap();
    let short = WAITS.replace("count: 9, within: 60m", "count: 0, within: 0s");
    for number in 0..50 {
        std::fs::write(folder.path().join(format!("a{number}.yaml")), &short).unwrap();
    }
    std::fs::write(folder.path().join("last.yaml"), WAITS).unwrap();
    let mut run = LabRun::start_folder(folder, "last");
    assert_eq!(run.namespaces().count(), namespaces.count());
    assert_eq!(run.processes().len(), processes);
    // The run keeps 51 outcomes; a lab needs some MiB more, which must be freed.
    let grown = run.resident_kib().saturating_sub(memory);
    assert!(grown < 8 * 1024, "{grown} KiB more than {memory}");
    let namespaces = run.namespaces();
    run.running.kill();
    assert_gone(&run, &namespaces);
}

/// A run that waits for a device, the lab's namespaces, and the device's process.
fn standing_device() -> (LabRun, Namespaces, u32) {
    let pings = WAITS.replace(
        "issued: {pki: ca, count: 9, within: 60m}",
        "run: {command: show running, matches: [never], within: 60m}",
    );
    let run = LabRun::start(&pings, &[]);
    let is_device = |process: &u32| {
        let command = std::fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&command).contains("--on-socket")
    };
    let device = run.processes().into_iter().find(is_device).unwrap();
    let namespaces = run.namespaces();
    (run, namespaces, device)
}

fn killed_device_ends_the_scenario_and_removes_the_lab() {
    let (mut run, namespaces, device) = standing_device();
    signal("KILL", device);
    let code = run.running.wait().code();
    let stdout = run.running.rest_of_stdout();
    assert_eq!(code, Some(3), "{stdout}");
    assert_gone(&run, &namespaces);
    assert!(stdout.contains("DUT0"), "{stdout}");
}

fn hanging_device_ends_the_scenario_after_a_timeout() {
    let (mut run, namespaces, device) = standing_device();
    signal("STOP", device);
    let code = run.running.wait().code();
    let stdout = run.running.rest_of_stdout();
    assert_eq!(code, Some(3), "{stdout}");
    assert_gone(&run, &namespaces);
    // Either the step that waits for an answer or the watcher of the device reports it.
    for part in ["`DUT0`: ", "it sent nothing for 30 s"] {
        assert!(stdout.contains(part), "{stdout}");
    }
}

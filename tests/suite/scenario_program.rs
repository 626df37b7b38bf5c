//! The program that runs each scenario file as a trial must fail if a scenario fails.

#[path = "../scenarios/trials.rs"]
mod trials;

use std::fs;
use std::path::Path;

use libtest_mimic::{Arguments, Conclusion};
use tempfile::TempDir;

use self::trials::Kind;

const PASSES: &str = "title: Passes
lab:
  devices: {DUT0: {interfaces: {eth0: 10.0.0.0/24}}}
  hosts: {gateway: {addresses: [10.0.0.1/24]}}
steps:
  - configure: {set: set interfaces ethernet eth0 address 10.0.0.64/24}
  - ping: {address: 10.0.0.1}
";

const FAILS: &str = "  - run: {command: ping 10.0.0.1 count 1, contains: [ttl=63], within: 0s}\n";

/// The conclusion and the log of the program.
struct Ended {
    conclusion: Conclusion,
    log: String,
}

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn run(folder: &Path, arguments: &[&str]) -> Result<Ended, String> {
    run_kinds(folder, arguments, &[trials::VIRTUAL])
}

fn run_kinds(folder: &Path, arguments: &[&str], kinds: &[Kind]) -> Result<Ended, String> {
    let log = tempfile::NamedTempFile::new().unwrap();
    let log_arguments = ["scenarios", "--logfile", log.path().to_str().unwrap()];
    let arguments = Arguments::from_iter(log_arguments.iter().chain(arguments));
    let conclusion = trials::run(&arguments, folder, kinds)?;
    Ok(Ended { conclusion, log: fs::read_to_string(log.path()).unwrap() })
}

#[test]
fn failing_scenario_fails_the_program_with_its_report() {
    let failing = format!("{PASSES}{FAILS}");
    let folder = folder(&[("good.yaml", PASSES), ("sub/bad.yaml", &failing)]);
    let ended = run(folder.path(), &[]).unwrap();
    assert!(ended.conclusion.has_failed());
    assert_eq!((ended.conclusion.num_passed, ended.conclusion.num_failed), (1, 1));
    let log = ended.log;
    for part in [
        "sub/bad",
        "bad.yaml:8:",
        "contains: [ttl=63]",
        "^^^^^^",
        "DUT0$ ping 10.0.0.1 count 1",
        "ttl=64",
    ] {
        assert!(log.contains(part), "{part} is not in\n{log}");
    }
}

#[test]
fn invalid_file_is_a_failed_trial_with_all_its_errors() {
    let wrong = PASSES.replace("address: 10.0.0.1", "adress: 10.0.0.1").replace("title", "titel");
    let folder = folder(&[("wrong.yaml", &wrong), ("empty.yaml", "")]);
    let ended = run(folder.path(), &[]).unwrap();
    assert_eq!((ended.conclusion.num_passed, ended.conclusion.num_failed), (0, 2));
    for part in ["did you mean `address`?", "did you mean `title`?", "empty.yaml"] {
        assert!(ended.log.contains(part), "{part} is not in\n{}", ended.log);
    }
}

#[test]
fn folder_without_scenarios_is_a_failure() {
    let folder = folder(&[("labs/lab.yaml", "devices: {}"), ("notes.txt", "")]);
    let reason = run(folder.path(), &[]).err().unwrap();
    assert!(reason.starts_with("no scenario found in `"), "{reason}");
    assert!(run(&folder.path().join("nowhere"), &[]).is_err());
}

#[test]
fn exact_name_is_resolved_without_reading_other_files() {
    // Two files with one id make every search fail, so a run that passes has not searched.
    let folder = folder(&[("a.yaml", PASSES), ("b.yaml", PASSES), ("b.yml", PASSES)]);
    assert!(run(folder.path(), &[]).is_err());
    let ended = run(folder.path(), &["--exact", "a"]).unwrap();
    assert_eq!((ended.conclusion.num_passed, ended.conclusion.num_filtered_out), (1, 0));
}

#[test]
fn filter_selects_files_by_a_part_of_their_id() {
    let folder = folder(&[("one/a.yaml", PASSES), ("two/a.yaml", PASSES)]);
    let ended = run(folder.path(), &["two/"]).unwrap();
    assert_eq!((ended.conclusion.num_passed, ended.conclusion.num_filtered_out), (1, 1));
}

#[test]
fn netns_trial_fails_if_its_scenario_fails() {
    let failing = format!("{PASSES}{FAILS}");
    let folder = folder(&[("a.yaml", &failing)]);
    let kinds = [trials::VIRTUAL, trials::NETNS, trials::SCEPSERVER];
    let ended = run_kinds(folder.path(), &["--exact", "netns/a"], &kinds).unwrap();
    let Conclusion { num_failed, num_ignored, num_filtered_out, .. } = ended.conclusion;
    assert_eq!((num_failed + num_ignored, num_filtered_out), (1, 0), "{}", ended.log);
    let all = run_kinds(folder.path(), &[], &kinds).unwrap().conclusion;
    assert_eq!(all.num_failed + all.num_ignored, 2);
}

#[cfg(feature = "docker")]
#[test]
fn docker_trial_fails_if_its_scenario_fails() {
    let failing = format!("{PASSES}{FAILS}");
    let folder = folder(&[("a.yaml", &failing), ("conformance/b.yaml", PASSES)]);
    let kinds = [trials::VIRTUAL, trials::DOCKER];
    let ended = run_kinds(folder.path(), &["docker/"], &kinds).unwrap();
    let Conclusion { num_failed, num_ignored, num_filtered_out, .. } = ended.conclusion;
    assert_eq!((num_failed + num_ignored, num_filtered_out), (1, 2), "{}", ended.log);
}

#[test]
fn scepserver_trials_run_only_the_listed_scenarios() {
    let lab = "devices: {DUT0: {interfaces: {eth0: 10.0.0.0/24}}}\n\
               hosts: {gateway: {addresses: [10.0.0.1/24]}}\n";
    let files =
        [("labs/linux-scepserver.yaml", lab), ("scep/linux-pki.yaml", PASSES), ("b.yaml", PASSES)];
    let folder = folder(&files);
    let ended = run_kinds(folder.path(), &[], &[trials::SCEPSERVER]).unwrap();
    let Conclusion { num_passed, num_ignored, .. } = ended.conclusion;
    assert_eq!(num_passed + num_ignored, 1, "{}", ended.log);
    let exact = ["--exact", "scepserver/b"];
    let nothing = run_kinds(folder.path(), &exact, &[trials::SCEPSERVER]).unwrap();
    assert_eq!(nothing.conclusion.num_filtered_out, 1);
}

//! Server programs as PKIs: some serve, some misbehave.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::lab::{LabRun, in_folders, registered, wait_until};
use crate::support::sceplab::{Ended, Running, command, finish, workspace};
use crate::support::trials::{Need, Planned, trials};

pub(crate) fn trials(needs: &[&Need]) -> Vec<Planned> {
    let scepserver = Need::program("scepserver", "scepserver", "scep");
    let needs_scepserver = [needs, &[&scepserver]].concat();
    let mut all = trials![
        needs;
        server_that_is_never_ready_is_reported_with_its_last_output,
        server_that_ends_before_it_is_ready_is_reported_at_once,
        dying_server_ends_a_waiting_scenario,
        taken_server_port_is_reported_with_the_servers_output,
        control_characters_in_server_output_are_escaped,
        server_that_floods_its_output_still_serves,
        server_that_ignores_signals_is_killed_with_its_children,
        failing_prepare_command_breaks_the_lab,
        missing_server_is_skipped_if_the_lab_names_its_package,
        server_gets_its_own_folder_and_environment,
        secrets_of_a_server_are_masked_in_its_output,
        private_keys_and_step_passwords_are_masked_in_server_output,
        failed_check_shows_server_output,
        clock_that_a_server_program_does_not_follow_is_skipped_with_the_reason,
    ];
    all.extend(trials![
        &needs_scepserver;
        documented_scenario_passes_unchanged_at_scepserver,
        clock_that_a_go_server_does_not_follow_is_skipped_with_the_reason,
    ]);
    all
}

/// A scenario that waits an hour for an output that never comes. Its PKI is the script `server.sh`.
const WAITS: &str = "title: Waits
lab:
  devices: {DUT0: {interfaces: {eth0: 10.0.0.0/24}}}
  hosts:
    gateway:
      addresses: [10.0.0.1/24]
      runs:
        program: [sh, '{{lab}}/server.sh', '{{address}}']
        ready: {output: '^ready$', within: 60s}
steps:
  - configure: {set: set interfaces ethernet eth0 address 10.0.0.64/24}
  - run: {command: show running, matches: [never], within: 60m}
";

/// The same scenario with a step that passes instead of the one that waits.
fn passes() -> String {
    let (steps, _) = WAITS.split_once("  - run:").unwrap();
    format!("{steps}  - ping: {{address: 10.0.0.1}}\n")
}

/// A folder with a scenario and its server script.
fn folder(scenario: &str, server: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("it.yaml"), scenario).unwrap();
    fs::write(folder.path().join("server.sh"), server).unwrap();
    folder
}

fn start(folder: &Path, further: &[&str]) -> Command {
    let mut run = command(folder, &["run", "--driver", "netns", "it.yaml"]);
    run.args(further);
    in_folders(&mut run, folder);
    run
}

/// Runs a scenario to its end. Fails if the lab leaves anything behind.
#[track_caller]
fn run(scenario: &str, server: &str) -> Ended {
    let folder = folder(scenario, server);
    let ended = finish(start(folder.path(), &[]));
    ended.assert_orderly();
    assert_eq!(fs::read_dir(folder.path().join("temporary")).unwrap().count(), 0);
    ended
}

/// Runs a scenario whose lab breaks, and checks its error report.
#[track_caller]
fn broken(scenario: &str, server: &str, told: &[&str]) -> Ended {
    let ended = run(scenario, server);
    assert_eq!(ended.code, Some(3), "{}{}", ended.stdout, ended.stderr);
    for part in told {
        assert!(ended.stdout.contains(part), "`{part}` is not in\n{}", ended.stdout);
    }
    ended
}

fn server_that_is_never_ready_is_reported_with_its_last_output() {
    let ready = "ready: {output: '^ready$', within: 60s}";
    let never = WAITS.replace(ready, "ready: {port: 8080, within: 5s}");
    let server = "echo waiting for the database; sleep 1000";
    let lacking = "pki `gateway`: `sh` was not ready within 5s: nothing listens at 10.0.0.1:8080";
    broken(&never, server, &[lacking, "its output ended with:", "waiting for the database"]);
    let never = WAITS.replace("within: 60s", "within: 500ms");
    broken(&never, "sleep 1000", &["no line of its output matches `^ready$`", "it wrote nothing"]);
}

fn server_that_ends_before_it_is_ready_is_reported_at_once() {
    let told = ["`sh` ended by itself (exit status: 7)", "no depot", "it was not ready yet"];
    broken(WAITS, "echo no depot >&2; exit 7", &told);
    broken(WAITS, "kill -KILL $$", &["`sh` ended by itself (signal: 9 (SIGKILL))"]);
    // A server that goes into the background cannot be watched.
    broken(WAITS, "sleep 1000 & exit 0", &["start the program in the foreground"]);
}

fn dying_server_ends_a_waiting_scenario() {
    let server = "echo ready; until test -e \"${0%/*}/die\"; do sleep 0.01; done; \
                  echo out of luck; exit 3";
    let folder = folder(WAITS, server);
    let mut running = Running::start(start(folder.path(), &[]));
    wait_until("the lab is built", || registered(folder.path()).is_some());
    fs::write(folder.path().join("die"), "").unwrap();
    assert_eq!(running.wait().code(), Some(3));
    let stdout = running.rest_of_stdout();
    for part in ["pki `gateway`: `sh` ended by itself (exit status: 3)", "out of luck"] {
        assert!(stdout.contains(part), "{stdout}");
    }
}

fn taken_server_port_is_reported_with_the_servers_output() {
    let sceplab = env!("CARGO_BIN_EXE_sceplab");
    let server = format!(
        "serve() {{ {sceplab} serve linux --listen \"$1:8080\"; }}
         mkfifo first; serve \"$1\" > first & read -r _ < first; serve \"$1\""
    );
    broken(WAITS, &server, &["10.0.0.1:8080", "in use", "`sh` ended"]);
}

fn control_characters_in_server_output_are_escaped() {
    let server = r"printf '\377\033[2J\000 caf\303\251\r\n'; exit 1";
    let ended = broken(WAITS, server, &["\\xff\\u{1b}[2J\\0 café"]);
    assert!(!ended.stdout.contains('\u{1b}'), "{}", ended.stdout);
}

fn server_that_floods_its_output_still_serves() {
    let server = "yes | head -c 6000000; head -c 30000000 /dev/zero; echo; echo ready; yes";
    let ended = run(&passes(), server);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
}

fn server_that_ignores_signals_is_killed_with_its_children() {
    let server = "trap '' TERM INT HUP QUIT; setsid sleep 1000 & (sleep 1000 &) ; echo ready; \
                  while :; do sleep 1000; done";
    let ended = run(&passes(), server);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    let folder = folder(WAITS, server);
    let mut run = LabRun { running: Running::start(start(folder.path(), &[])), folder };
    wait_until("a lab is built", || run.registered().is_some());
    let namespaces = run.namespaces();
    assert!(namespaces.count() > 0);
    run.running.kill();
    wait_until("no process lives in the lab", || !namespaces.inhabited());
}

fn failing_prepare_command_breaks_the_lab() {
    let prepared = |commands: &str| {
        WAITS.replace("        ready", &format!("        prepare: {commands}\n        ready"))
    };
    let failing = prepared(r#"["true", "sh -c 'echo no such curve >&2; exit 4'"]"#);
    let told = ["prepare command 2 of 2, `sh -c ", "failed (exit status: 4)", "no such curve"];
    broken(&failing, "echo ready", &told);
    broken(&prepared("[no-such-program]"), "", &["prepare command 1 of 1", "is not installed"]);
    let useful = prepared("['sh -c \"echo 1 > made\"']").replace("[never]", "[CSR]");
    let ended = run(&useful.replace("60m", "0s"), "test -s made && echo ready; sleep 1000");
    assert!(ended.code != Some(3), "{}", ended.stdout);
}

fn missing_server_is_skipped_if_the_lab_names_its_package() {
    let missing = WAITS.replace("[sh,", "[no-such-server,");
    broken(&missing, "", &["there is no program `no-such-server` in `PATH`"]);
    let known = missing.replace("        ready", "        package: no-such-package\n        ready");
    let ended = run(&known, "");
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    let reason = "no-such-server is not installed (package `no-such-package`)";
    assert!(ended.stdout.contains(reason), "{}", ended.stdout);
}

fn server_gets_its_own_folder_and_environment() {
    let scenario =
        passes().replace("        ready", "        env: {GIVEN: '{{dir}}/x'}\n        ready");
    let server = "set -e
        test -z \"$(ls -A)\"
        test \"$(stat -c %a .)\" = 700
        test \"$GIVEN\" = \"$PWD/x\"
        test \"$HOME\" = \"$PWD\"
        test \"$1\" = 10.0.0.1
        test -z \"$LEAKED\"
        echo ready
        sleep 1000";
    let folder = folder(&scenario, server);
    let mut run = start(folder.path(), &[]);
    run.env("LEAKED", "a token of the user");
    let ended = finish(run);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
}

fn secrets_of_a_server_are_masked_in_its_output() {
    let secret = "secrets: {SCEP_PASSWORD: 'Kohlrabi-7Xq w\u{e4}scht'}";
    let scenario = WAITS.replace("        ready", &format!("        {secret}\n        ready"));
    let server = "echo \"password is $SCEP_PASSWORD\"; echo \"${SCEP_PASSWORD}\" >&2; exit 1";
    let folder = folder(&scenario, server);
    let ended = finish(start(folder.path(), &["--report", "json=it.json", "-v"]));
    let report = fs::read_to_string(folder.path().join("it.json")).unwrap();
    assert!(ended.stdout.contains("password is ****"), "{}", ended.stdout);
    for text in [&ended.stdout, &ended.stderr, &report] {
        assert!(!text.contains("Kohlrabi") && !text.contains("scht"), "{text}");
    }
}

fn private_keys_and_step_passwords_are_masked_in_server_output() {
    let password = "set system certificate scep csr CSR password Kohlrabi-7Xq";
    let scenario = format!("{WAITS}  - modify: {{lines: {password}}}\n");
    let server = "echo Kohlrabi-7Xq is wrong
        echo -----BEGIN RSA PRIVATE KEY-----
        echo MIIEpAIBAAKCAQEA
        echo -----END RSA PRIVATE KEY----- >&2
        exit 1";
    let told = ["**** is wrong", "BEGIN RSA PRIVATE KEY-----****", "-----END RSA PRIVATE KEY"];
    let ended = broken(&scenario, server, &told);
    for secret in ["Kohlrabi", "MIIEpAIB"] {
        assert!(!ended.stdout.contains(secret), "{}", ended.stdout);
    }
}

fn failed_check_shows_server_output() {
    let scenario = WAITS.replace("60m", "0s");
    let ended = run(&scenario, "echo hello from the server; echo ready; sleep 1000");
    assert_eq!(ended.code, Some(4), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("= gateway: hello from the server"), "{}", ended.stdout);
}

fn documented_scenario_passes_unchanged_at_scepserver() {
    let scenario =
        ["--lab", "scenarios/labs/linux-scepserver.yaml", "scenarios/scep/linux-pki.yaml"];
    let mut run = command(workspace(), &["run", "--driver", "netns"]);
    run.args(scenario);
    let ended = finish(run);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("1 passed"), "{}", ended.stdout);
}

/// A server that serves until it is killed.
const SERVES: &str = "echo ready; sleep 600";

/// The scenario [`passes`] with further lines of the lab.
fn in_lab_with(line: &str) -> String {
    passes().replace("lab:\n", &format!("lab:\n  {line}\n"))
}

fn clock_that_a_server_program_does_not_follow_is_skipped_with_the_reason() {
    let reason = "the program of `gateway` goes by the system's clock: libfaketime is given to clients alone";
    let advances = passes() + "  - advance: {by: 1d}\n";
    for (scenario, what) in
        [(in_lab_with("clock: 2026-01-01T00:00Z"), "`clock`"), (advances, "`advance`")]
    {
        let ended = run(&scenario, SERVES);
        let told = format!("does not support {what} in a lab with a program: {reason}");
        assert!(ended.stdout.contains(&told), "{}", ended.transcript());
        assert!(ended.stdout.contains("0 passed, 1 skipped"), "{}", ended.transcript());
    }
    // The skew of a device does not concern the server.
    let skewed = passes().replace("10.0.0.0/24}}", "10.0.0.0/24}, clock: +1h}");
    let ended = run(&skewed, SERVES);
    assert!(ended.stdout.contains("1 passed"), "{}", ended.transcript());
}

fn clock_that_a_go_server_does_not_follow_is_skipped_with_the_reason() {
    let scenario = in_lab_with("clock: 2026-01-01T00:00Z");
    let scenario = scenario.replace("[sh, '{{lab}}/server.sh', '{{address}}']", "[scepserver]");
    let ended = run(&scenario, "");
    let reason =
        "the program of `gateway` goes by the system's clock: `scepserver` is a Go program";
    assert!(ended.stdout.contains(reason), "{}", ended.transcript());
    assert!(ended.stdout.contains("0 passed, 1 skipped"), "{}", ended.transcript());
}

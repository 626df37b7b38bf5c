//! Server programs as PKIs: those that serve, and those that misbehave in every way.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::lab::{LabRun, in_folders, inhabited, registered, wait_until};
use crate::support::sceplab::{Ended, Running, command, finish, workspace};
use crate::support::trials::{Need, Planned, trials};

pub(crate) fn trials(needs: &[&Need]) -> Vec<Planned> {
    let scepserver = Need::program("scepserver", "scepserver", "scep");
    let needs_scepserver = [needs, &[&scepserver]].concat();
    let mut all = trials![
        needs;
        a_server_that_is_never_ready_is_told_with_its_last_words,
        a_server_that_ends_before_it_is_ready_is_told_at_once,
        a_server_that_dies_ends_the_scenario_that_waits,
        a_server_whose_port_is_taken_is_told_with_its_words,
        control_characters_of_a_server_are_shown_escaped,
        a_server_that_floods_its_output_is_served_from_all_the_same,
        a_server_that_does_not_want_to_end_ends_with_all_that_it_started,
        a_failing_prepare_command_breaks_the_lab,
        a_server_that_is_not_installed_is_a_skip_where_its_package_is_named,
        a_server_has_a_folder_and_an_environment_of_its_own,
        a_server_cannot_tell_the_secrets_it_was_given,
        a_server_cannot_tell_private_keys_nor_the_passwords_of_the_steps,
        a_failed_check_shows_what_the_server_wrote,
    ];
    all.extend(trials![
        &needs_scepserver;
        the_documented_scenario_passes_as_it_is_against_scepserver,
    ]);
    all
}

/// A scenario that waits for an hour for what never comes, at a PKI that is `server.sh`.
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
  - run: {command: pki scep show CSR, matches: [never], within: 60m}
";

/// The scenario that does not wait but passes.
fn passes() -> String {
    let (steps, _) = WAITS.split_once("  - run:").unwrap();
    format!("{steps}  - ping: {{address: 10.0.0.1}}\n")
}

/// A folder with a scenario and its server.
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

/// A run to its end; nothing is left of it.
#[track_caller]
fn run(scenario: &str, server: &str) -> Ended {
    let folder = folder(scenario, server);
    let ended = finish(start(folder.path(), &[]));
    ended.assert_orderly();
    assert_eq!(fs::read_dir(folder.path().join("temporary")).unwrap().count(), 0);
    ended
}

/// A lab that cannot be built or broke; what is told of it.
#[track_caller]
fn broken(scenario: &str, server: &str, told: &[&str]) -> Ended {
    let ended = run(scenario, server);
    assert_eq!(ended.code, Some(3), "{}{}", ended.stdout, ended.stderr);
    for part in told {
        assert!(ended.stdout.contains(part), "`{part}` is not in\n{}", ended.stdout);
    }
    ended
}

fn a_server_that_is_never_ready_is_told_with_its_last_words() {
    let ready = "ready: {output: '^ready$', within: 60s}";
    let never = WAITS.replace(ready, "ready: {port: 8080, within: 500ms}");
    let server = "echo waiting for the database; sleep 1000";
    let lacking =
        "pki `gateway`: `sh` was not ready within 500ms: nothing listens at 10.0.0.1:8080";
    broken(&never, server, &[lacking, "its output ended with:", "waiting for the database"]);
    let never = WAITS.replace("within: 60s", "within: 500ms");
    broken(&never, "sleep 1000", &["no line of its output matches `^ready$`", "it wrote nothing"]);
}

fn a_server_that_ends_before_it_is_ready_is_told_at_once() {
    let told = ["`sh` ended by itself (exit status: 7)", "no depot", "it was not ready yet"];
    broken(WAITS, "echo no depot >&2; exit 7", &told);
    broken(WAITS, "kill -KILL $$", &["`sh` ended by itself (signal: 9 (SIGKILL))"]);
    // One that goes into the background is not to be attended to.
    broken(WAITS, "sleep 1000 & exit 0", &["start the program in the foreground"]);
}

fn a_server_that_dies_ends_the_scenario_that_waits() {
    let server = "echo ready; until test -e \"${0%/*}/die\"; do sleep 0.01; done; \
                  echo out of luck; exit 3";
    let folder = folder(WAITS, server);
    let mut running = Running::start(start(folder.path(), &[]));
    wait_until("the lab stands", || registered(folder.path()).is_some());
    fs::write(folder.path().join("die"), "").unwrap();
    assert_eq!(running.wait().code(), Some(3));
    let stdout = running.rest_of_stdout();
    for part in ["pki `gateway`: `sh` ended by itself (exit status: 3)", "out of luck"] {
        assert!(stdout.contains(part), "{stdout}");
    }
}

fn a_server_whose_port_is_taken_is_told_with_its_words() {
    let sceplab = env!("CARGO_BIN_EXE_sceplab");
    let server = format!(
        "serve() {{ {sceplab} serve linux --listen \"$1:8080\"; }}
         mkfifo first; serve \"$1\" > first & read -r _ < first; serve \"$1\""
    );
    broken(WAITS, &server, &["10.0.0.1:8080", "in use", "`sh` ended"]);
}

fn control_characters_of_a_server_are_shown_escaped() {
    let server = r"printf '\377\033[2J\000 caf\303\251\r\n'; exit 1";
    let ended = broken(WAITS, server, &["\\xff\\u{1b}[2J\\0 café"]);
    assert!(!ended.stdout.contains('\u{1b}'), "{}", ended.stdout);
}

fn a_server_that_floods_its_output_is_served_from_all_the_same() {
    let server = "yes | head -c 30000000; head -c 30000000 /dev/zero; echo; echo ready; yes";
    let ended = run(&passes(), server);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
}

fn a_server_that_does_not_want_to_end_ends_with_all_that_it_started() {
    let server = "trap '' TERM INT HUP QUIT; setsid sleep 1000 & (sleep 1000 &) ; echo ready; \
                  while :; do sleep 1000; done";
    let ended = run(&passes(), server);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    let folder = folder(WAITS, server);
    let mut run = LabRun { running: Running::start(start(folder.path(), &[])), folder };
    wait_until("a lab stands", || run.registered().is_some());
    let namespaces = run.namespaces();
    assert!(!namespaces.is_empty());
    run.running.kill();
    wait_until("no process lives in the lab", || inhabited().is_disjoint(&namespaces));
}

fn a_failing_prepare_command_breaks_the_lab() {
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

fn a_server_that_is_not_installed_is_a_skip_where_its_package_is_named() {
    let missing = WAITS.replace("[sh,", "[no-such-server,");
    broken(&missing, "", &["there is no program `no-such-server` in `PATH`"]);
    let known = missing.replace("        ready", "        package: no-such-package\n        ready");
    let ended = run(&known, "");
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    let reason = "no-such-server is not installed (package `no-such-package`)";
    assert!(ended.stdout.contains(reason), "{}", ended.stdout);
}

fn a_server_has_a_folder_and_an_environment_of_its_own() {
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

fn a_server_cannot_tell_the_secrets_it_was_given() {
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

fn a_server_cannot_tell_private_keys_nor_the_passwords_of_the_steps() {
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

fn a_failed_check_shows_what_the_server_wrote() {
    let scenario = WAITS.replace("60m", "0s");
    let ended = run(&scenario, "echo hello from the server; echo ready; sleep 1000");
    assert_eq!(ended.code, Some(4), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("= gateway: hello from the server"), "{}", ended.stdout);
}

fn the_documented_scenario_passes_as_it_is_against_scepserver() {
    let scenario =
        ["--lab", "scenarios/labs/linux-scepserver.yaml", "scenarios/scep/linux-pki.yaml"];
    let mut run = command(workspace(), &["run", "--driver", "netns"]);
    run.args(scenario);
    let ended = finish(run);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("1 passed"), "{}", ended.stdout);
}

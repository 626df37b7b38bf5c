//! `sceplab conform-client`: the built-in client passes; clients that accept everything, hang or are missing do not.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tokio::time::Instant;

use model::scenario::client::{ClientFact, ClientStep};
use model::scenario::{Action, Scenario, discover, load};
use tempfile::TempDir;

mod gate; // the plain right exchange before the judgement
mod vacuous; // clients that do nothing, crash, or always succeed

use super::sceplab::{run, workspace};
use crate::support::conform::conform;

const SCEPLAB: &str = env!("CARGO_BIN_EXE_sceplab");

/// Writes an executable script, and returns its folder and path.
fn script(text: &str) -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("client.sh");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    let path = path.display().to_string();
    (folder, path)
}

/// A line of a script that requests the CA certificate from the URL in its first argument, and rejects it.
fn asking() -> String {
    let nobodys = "00".repeat(32);
    format!("{SCEPLAB} enrol \"$1\" --ca-fingerprint {nobodys} >/dev/null 2>&1")
}

fn cases() -> Vec<Scenario> {
    let folder = workspace().join("scenarios/conformance/client");
    discover(&[folder]).unwrap().iter().map(|found| load(found, None).unwrap()).collect()
}

/// True if a step accepts a client that reports a certificate.
fn accepts_success(step: &ClientStep) -> bool {
    let outcomes = step.acceptable.iter().flat_map(|one| &one.conditions);
    let mut outcomes = outcomes.filter(|it| it.fact == ClientFact::Outcome);
    outcomes.any(|it| it.holds(Some("issued"), |text| Some(text.to_owned())))
}

#[test]
fn built_in_client_conforms() {
    let script = "scenarios/clients/sceplab.sh";
    let client = [script, SCEPLAB, "{url}", "{challenge}", "{dir}", "{ca}"];
    let (ended, verdicts) = conform(&["--strict"], &client);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    assert_eq!(verdicts.len(), cases().len());
    let is_odd = |kind: &str| !["conforms", "noted"].contains(&kind);
    let odd: Vec<_> = verdicts.iter().filter(|(_, kind)| is_odd(kind)).collect();
    assert!(odd.is_empty(), "{odd:?}");
    assert!(!ended.transcript().contains("scep-challenge"), "{}", ended.transcript());
}

#[test]
fn client_that_says_it_succeeded_fails_every_case_that_asks_for_a_refusal() {
    let text = format!(
        "#!/bin/sh\n{SCEPLAB} enrol \"$1\" --challenge \"$2\" --poll-within 3 >/dev/null 2>&1\nexit 0\n"
    );
    let (_folder, believer) = script(&text);
    // The client ends without this limit, which must not stop it on a slow machine.
    let arguments = ["--timeout", "120"];
    let (ended, verdicts) = conform(&arguments, &[&believer, "{url}", "{challenge}"]);
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    let refusals = cases().into_iter().filter(|case| {
        case.steps
            .iter()
            .any(|step| matches!(&step.action, Action::Client(client) if !accepts_success(client)))
    });
    let refusals: Vec<String> =
        refusals.map(|case| case.id.trim_start_matches("conformance/client/").to_owned()).collect();
    assert!(refusals.len() > 40, "{}", refusals.len());
    let gullible: Vec<_> = refusals.iter().filter(|id| verdicts[*id] != "failed").collect();
    assert!(gullible.is_empty(), "{gullible:?}");
    // It asked, and was answered: it does not fail for another reason than what it says.
    let told = "the client accepts a reply that it must reject";
    assert!(ended.stdout.contains(told), "{}", ended.stdout);
    assert!(!ended.stdout.contains("it sent no request to the CA"), "{}", ended.stdout);
}

#[test]
fn case_that_fails_as_another_does_is_skipped_and_names_it() {
    let text =
        format!("#!/bin/sh\n{SCEPLAB} enrol \"$1\" --challenge \"$2\" >/dev/null 2>&1\nexit 0\n");
    let (_folder, believer) = script(&text);
    let client = [&*believer, "{url}", "{challenge}"];
    let (other, case) = ("attributes/wrong-nonce", "attributes/no-recipient-nonce");
    let line = |ended: &super::sceplab::Ended| {
        let mut lines = ended.stdout.lines().map(str::to_owned);
        lines.find(|line| line.contains(case)).unwrap()
    };
    let (both, _) = conform(&["--case", other, "--case", case], &client);
    assert_eq!(both.code, Some(4), "{}", both.transcript());
    let reason = format!("it fails as `conformance/client/{other}` does, which counts");
    assert!(line(&both).starts_with("skip "), "{}", both.transcript());
    assert!(line(&both).contains(&reason), "{}", both.transcript());
    let (alone, _) = conform(&["--case", case], &client);
    assert_eq!(alone.code, Some(4), "{}", alone.transcript());
    assert!(line(&alone).starts_with("FAIL "), "{}", alone.transcript());
}

#[test]
fn hanging_client_is_killed_with_its_children() {
    let start = Instant::now();
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path().display().to_string();
    let (_folder, hanging) = script(&format!(
        "#!/bin/sh\n{}\necho $$ >> $2/pids\nsleep 600 &\necho $! >> $2/pids\nwait\n",
        asking()
    ));
    let cases = ["--case", "request/capabilities", "--case", "enrolment/right"];
    let arguments = [&["--no-gate", "--timeout", "3"], &cases[..]].concat();
    let (ended, verdicts) = conform(&arguments, &[&hanging, "{url}", &here]);
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    assert!(ended.stdout.contains("did not exit in time"), "{}", ended.stdout);
    assert!(verdicts.values().all(|kind| kind == "failed"), "{verdicts:?}");
    assert!(start.elapsed().as_secs() < 60, "the time was not bounded");
    for pid in fs::read_to_string(folder.path().join("pids")).unwrap().lines() {
        assert!(!Path::new("/proc").join(pid).join("exe").exists(), "{pid} is still there");
    }
}

#[test]
fn missing_client_program_is_rejected_before_the_run() {
    let (ended, _) = conform(&[], &["no-such-client", "{url}"]);
    assert_eq!(ended.code, Some(2), "{}", ended.transcript());
    assert!(ended.stderr.contains("there is no program `no-such-client`"), "{}", ended.stderr);
    let nothing = run(&["conform-client"]);
    assert_eq!(nothing.code, Some(2), "{}", nothing.transcript());
    let unknown = run(&["conform-client", "--case", "no-such-case", "--", "true"]);
    assert_eq!(unknown.code, Some(5), "{}", unknown.transcript());
}

#[test]
fn command_that_cannot_be_run_is_rejected_with_the_reason() {
    for (text, words) in [
        (
            "#!/no/such/interp -x\n",
            "its first line `#!/no/such/interp -x` names a program that is not there",
        ),
        ("#!/bin/sh\r\nexit 0\r\n", "with a carriage return: remove it"),
        ("exit 0\n", "it is text, and has no `#!` line"),
        // The beginning of a program for another machine.
        ("\0\0nothing that runs", "could not be run: Exec format error"),
    ] {
        let (_folder, client) = script(text);
        let (ended, verdicts) = conform(&[], &[&client, "{url}"]);
        assert_eq!(ended.code, Some(2), "{}", ended.transcript());
        assert!(verdicts.is_empty() && ended.stderr.contains(words), "{}", ended.transcript());
        // Without the gate, no case gets a verdict for it either, and the reason is told once.
        let ungated = ["--no-gate", "--case", "attributes"];
        let (ended, verdicts) = conform(&ungated, &[&client, "{url}"]);
        let is_no_program = words.contains("Exec format error");
        assert_eq!(ended.code, Some(if is_no_program { 3 } else { 2 }), "{}", ended.transcript());
        let judged = ["conforms", "noted", "unmet", "failed", "skipped"];
        let is_judged = verdicts.values().any(|kind| judged.contains(&kind.as_str()));
        assert!(!is_judged && verdicts.is_empty() != is_no_program, "{verdicts:?}");
        let words = if is_no_program { "Exec format error" } else { words };
        assert_eq!(ended.transcript().matches(words).count(), 1, "{}", ended.transcript());
    }
    for folder in ["tests", "./tests"] {
        let (ended, _) = conform(&[], &[folder, "{url}"]);
        assert_eq!(ended.code, Some(2), "{}", ended.transcript());
        let words = format!("`{folder}` is a folder, not a program");
        assert!(ended.stderr.contains(&words), "{}", ended.stderr);
    }
}

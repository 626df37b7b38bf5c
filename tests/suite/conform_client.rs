//! `sceplab conform-client`: the built-in client passes; clients that accept everything, hang or are missing do not.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Instant;

use model::scenario::client::{ClientFact, ClientStep};
use model::scenario::{Action, Scenario, discover, load};
use tempfile::TempDir;

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
    outcomes.any(|it| it.holds("issued", str::to_owned))
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
fn client_that_accepts_everything_fails_every_case_that_asks_for_a_refusal() {
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
}

#[test]
fn client_that_always_accepts_or_always_refuses_conforms_to_no_must() {
    for word in ["true", "false"] {
        let asks = format!("#!/bin/sh\n{}\n{word}\n", asking());
        let (_folder, client) = script(&asks);
        let (ended, verdicts) =
            conform(&["--case", "attributes", "--case", "signature"], &[&client, "{url}"]);
        assert_eq!(ended.code, Some(4), "{}", ended.transcript());
        let conforming: Vec<_> = verdicts
            .iter()
            .filter(|(_, kind)| ["conforms", "noted"].contains(&kind.as_str()))
            .collect();
        assert!(conforming.is_empty(), "{word}: {conforming:?}");
    }
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
    let arguments =
        ["--timeout", "3", "--case", "attributes/wrong-nonce", "--case", "enrolment/right"];
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
fn command_that_sends_no_request_is_reported_with_its_output() {
    let (_folder, mistyped) = script("#!/bin/sh\necho \"usage: client URL $2\" >&2\nexit 64\n");
    let (ended, verdicts) = conform(&[], &[&mistyped, "{urll}", "{challenge}"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(3), ""), "{}", ended.transcript());
    assert!(verdicts.is_empty(), "{verdicts:?}");
    for told in ["sent no request to the CA", "exit status: 64", "usage: client URL ****"] {
        assert!(ended.stderr.contains(told), "{told}: {}", ended.stderr);
    }
    let (ended, _) = conform(&["--timeout", "1"], &["sleep", "600"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(3), ""), "{}", ended.transcript());
    assert!(ended.stderr.contains("it did not end in 1 s"), "{}", ended.stderr);
}

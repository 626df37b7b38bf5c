//! `sceplab conform-client`: the built-in client passes, and clients that believe everything, hang or are not there do not.
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

/// A program of one file.
fn script(text: &str) -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("client.sh");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    let path = path.display().to_string();
    (folder, path)
}

/// A line of a script that asks the CA at its first argument for its certificate, and does not believe it.
fn asking() -> String {
    let nobodys = "00".repeat(32);
    format!("{SCEPLAB} enrol \"$1\" --ca-fingerprint {nobodys} >/dev/null 2>&1")
}

fn cases() -> Vec<Scenario> {
    let folder = workspace().join("scenarios/conformance/client");
    discover(&[folder]).unwrap().iter().map(|found| load(found, None).unwrap()).collect()
}

/// Whether a step accepts that the client says it has a certificate.
fn accepts_success(step: &ClientStep) -> bool {
    let outcomes = step.acceptable.iter().flat_map(|one| &one.conditions);
    let mut outcomes = outcomes.filter(|it| it.fact == ClientFact::Outcome);
    outcomes.any(|it| it.holds("issued", str::to_owned))
}

#[test]
fn the_built_in_client_conforms() {
    let script = "scenarios/clients/sceplab.sh";
    let client = [script, SCEPLAB, "{url}", "{challenge}", "{dir}", "{ca}"];
    let (ended, verdicts) = conform(&["--strict"], &client);
    assert_eq!(ended.code, Some(0), "{}", ended.told());
    assert_eq!(verdicts.len(), cases().len());
    let is_odd = |kind: &str| !["conforms", "noted"].contains(&kind);
    let odd: Vec<_> = verdicts.iter().filter(|(_, kind)| is_odd(kind)).collect();
    assert!(odd.is_empty(), "{odd:?}");
    assert!(!ended.told().contains("scep-challenge"), "{}", ended.told());
}

#[test]
fn a_client_that_believes_everything_fails_every_case_in_which_something_is_to_be_refused() {
    let text = format!(
        "#!/bin/sh\n{SCEPLAB} enrol \"$1\" --challenge \"$2\" --poll-within 3 >/dev/null 2>&1\nexit 0\n"
    );
    let (_folder, believer) = script(&text);
    // However slow the machine is, it ends by itself.
    let arguments = ["--timeout", "120"];
    let (ended, verdicts) = conform(&arguments, &[&believer, "{url}", "{challenge}"]);
    assert_eq!(ended.code, Some(4), "{}", ended.told());
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
fn a_client_that_asks_and_believes_or_refuses_everything_conforms_in_nothing_that_is_a_must() {
    for word in ["true", "false"] {
        let asks = format!("#!/bin/sh\n{}\n{word}\n", asking());
        let (_folder, client) = script(&asks);
        let (ended, verdicts) =
            conform(&["--case", "attributes", "--case", "signature"], &[&client, "{url}"]);
        assert_eq!(ended.code, Some(4), "{}", ended.told());
        let conforming: Vec<_> = verdicts
            .iter()
            .filter(|(_, kind)| ["conforms", "noted"].contains(&kind.as_str()))
            .collect();
        assert!(conforming.is_empty(), "{word}: {conforming:?}");
    }
}

#[test]
fn a_client_that_hangs_is_ended_with_its_children() {
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
    assert_eq!(ended.code, Some(4), "{}", ended.told());
    assert!(ended.stdout.contains("did not end in its time"), "{}", ended.stdout);
    assert!(verdicts.values().all(|kind| kind == "failed"), "{verdicts:?}");
    assert!(start.elapsed().as_secs() < 60, "it was not bounded");
    for pid in fs::read_to_string(folder.path().join("pids")).unwrap().lines() {
        assert!(!Path::new("/proc").join(pid).join("exe").exists(), "{pid} is still there");
    }
}

#[test]
fn a_program_that_is_not_there_is_told_before_anything_is_run() {
    let (ended, _) = conform(&[], &["no-such-client", "{url}"]);
    assert_eq!(ended.code, Some(2), "{}", ended.told());
    assert!(ended.stderr.contains("there is no program `no-such-client`"), "{}", ended.stderr);
    let nothing = run(&["conform-client"]);
    assert_eq!(nothing.code, Some(2), "{}", nothing.told());
    let unknown = run(&["conform-client", "--case", "no-such-case", "--", "true"]);
    assert_eq!(unknown.code, Some(5), "{}", unknown.told());
}

#[test]
fn a_command_that_never_asks_the_ca_is_told_with_what_it_said_and_nothing_is_tried() {
    let (_folder, mistyped) = script("#!/bin/sh\necho \"usage: client URL $2\" >&2\nexit 64\n");
    let (ended, verdicts) = conform(&[], &[&mistyped, "{urll}", "{challenge}"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(3), ""), "{}", ended.told());
    assert!(verdicts.is_empty(), "{verdicts:?}");
    for told in ["sent no request to the CA", "exit status: 64", "usage: client URL ****"] {
        assert!(ended.stderr.contains(told), "{told}: {}", ended.stderr);
    }
    let (ended, _) = conform(&["--timeout", "1"], &["sleep", "600"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(3), ""), "{}", ended.told());
    assert!(ended.stderr.contains("it did not end in 1 s"), "{}", ended.stderr);
}

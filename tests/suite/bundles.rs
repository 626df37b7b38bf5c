//! `--bundle` and `sceplab replay`: a failure leaves all that is needed to look at it elsewhere, without secrets.
#![cfg(unix)]

mod secrets; // no bundle has a password or a key unless it was asked for

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use bundle::{Bundle, FileKind, Role, open};
use serde_json::Value;

use super::sceplab::{Ended, run as sceplab, run_in};
use super::serve::Server;
use crate::support::conform::conform;

/// A password whose words appear nowhere else.
const PASSWORD: &str = "Sauerampfer-4Vh";

const SCEPLAB: &str = env!("CARGO_BIN_EXE_sceplab");

/// The fault of a server whose reply answers another request.
const FAULT: &str = "{on: PKCSReq, do: wrong-recipient-nonce}";

/// A scenario in which a device enrols at a CA with these faults.
fn scenario(faults: &str) -> String {
    format!(
        "title: Enrolment at Musterwerk
lab: labs/lab.yaml
steps:
  - configure:
      set: |
        set interfaces ethernet eth0 address 10.0.0.64/24
        set system certificate scep csr CSR cgi-path /scep
        set system certificate scep csr CSR distinguished-names CN=MyUserCert
        set system certificate scep csr CSR password {PASSWORD}
        set system certificate scep csr CSR port 8080
        set system certificate scep csr CSR url 'http://10.0.0.1'
  - run: {{command: pki scep show CSR, matches: [usercert\\s+Valid], contains: [Certificate], within: 5s}}
# {faults}
"
    )
}

fn lab(faults: &str) -> String {
    format!(
        "devices: {{DUT0: {{interfaces: {{eth0: 10.0.0.0/24}}}}}}
hosts: {{gateway: {{addresses: [10.0.0.1/24], runs: ca}}}}
pki: {{ca: {{personality: linux, port: 8080, challenge: {{static: {PASSWORD}}}, faults: [{faults}]}}}}
"
    )
}

/// Runs the scenario with bundles in the folder `b`.
fn run(folder: &Path, faults: &str, options: &[&str]) -> Ended {
    fs::create_dir_all(folder.join("labs")).unwrap();
    fs::write(folder.join("labs/lab.yaml"), lab(faults)).unwrap();
    fs::write(folder.join("a.yaml"), scenario(faults)).unwrap();
    run_in(folder, &[&["run", "a.yaml", "--bundle", "b"], options].concat())
}

/// The bundle of a run with a failure.
fn failed(folder: &Path, options: &[&str]) -> (PathBuf, Bundle, Ended) {
    let ended = run(folder, FAULT, options);
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    let path = folder.join("b/a");
    let bundle = open(&path).unwrap_or_else(|error| panic!("{error}\n{}", ended.transcript()));
    (path, bundle, ended)
}

/// All files below a folder, which must be its user's alone.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(folder), 0o700, "{}", folder.display());
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
        } else {
            assert_eq!(mode(&path), 0o600, "{}", path.display());
            all.push(path);
        }
    }
    all.sort();
    all
}

fn names(folder: &Path) -> Vec<String> {
    let name = |path: &PathBuf| path.strip_prefix(folder).unwrap().display().to_string();
    files(folder).iter().map(name).collect()
}

#[test]
fn failed_scenario_leaves_a_bundle_and_replay_says_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (path, bundle, ended) = failed(folder.path(), &[]);
    let said = format!("1 bundle in `{}`; `sceplab replay ", path.parent().unwrap().display());
    assert!(ended.stderr.contains(&said), "{}", ended.transcript());
    let others = |name: &String| !name.starts_with("messages/");
    let others: Vec<String> = names(&path).into_iter().filter(others).collect();
    let expected = [
        "bundle.json",
        "explanation.txt",
        "files/a.yaml",
        "files/labs/lab.yaml",
        "logs/device-DUT0.txt",
        "logs/pki-ca.txt",
        "outcome.json",
        "output.txt",
    ];
    assert_eq!(others, expected);
    assert!(bundle.recording.exchanges.len() >= 3);
    let outcome = bundle.file(FileKind::Outcome).unwrap();
    let outcome: Value = serde_json::from_str(&outcome.text).unwrap();
    assert_eq!(outcome["scenarios"][0]["verdict"]["kind"], "failed");
    let explanation = &bundle.file(FileKind::Explanation).unwrap().text;
    assert!(explanation.starts_with("the server is wrong: "), "{explanation}");

    let again = sceplab(&["replay", path.to_str().unwrap()]);
    assert_eq!(again.code, Some(4), "{}", again.transcript());
    let lines: Vec<&str> = again.stdout.lines().take(7).collect();
    assert_eq!(
        lines[0],
        "bundle:    `a` of `sceplab run` in a lab of `virtual`, by version 0.1.0, with no keys"
    );
    assert!(lines[1].starts_with("then:      failed in step 2: "), "{}", again.stdout);
    assert!(
        lines[2].starts_with("           by the messages, the server is wrong: "),
        "{}",
        again.stdout
    );
    assert_eq!(lines[3].replace("now:       ", "           "), lines[2]);
    assert_eq!(lines[4], "           `matches: usercert\\s+Valid` does not hold, as then");
    assert_eq!(lines[5], "           `contains: Certificate` holds, as then");
    assert_eq!(lines[6], "agreement: the same as then");

    let json = sceplab(&["replay", path.to_str().unwrap(), "--json"]);
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!((&json["agrees"], &json["of"]), (&true.into(), &"a".into()));
}

#[test]
fn passed_scenario_leaves_no_bundle() {
    let folder = tempfile::tempdir().unwrap();
    let ended = run(folder.path(), "", &[]);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    assert!(ended.stderr.contains("no bundle was made: nothing failed"), "{}", ended.transcript());
    assert!(!folder.path().join("b").exists());
}

#[test]
fn bundle_and_saved_messages_have_the_same_messages() {
    let folder = tempfile::tempdir().unwrap();
    let (_, bundle, _) = failed(folder.path(), &["--save-messages", "m"]);
    let saved = recording::read(&folder.path().join("m/a")).unwrap();
    assert_eq!(bundle.recording, saved);
    let plain = sceplab(&["replay", folder.path().join("m/a").to_str().unwrap()]);
    assert_eq!(plain.code, Some(4), "{}", plain.transcript());
    assert!(
        plain.stdout.starts_with("messages:  `a`\nnow:       by the messages, the server is wrong")
    );
}

#[test]
fn bundle_with_secrets_has_the_keys_and_opens_envelopes() {
    let folder = tempfile::tempdir().unwrap();
    let (path, bundle, ended) = failed(folder.path(), &["--bundle-secrets"]);
    assert!(ended.stderr.contains("get the private keys of the lab, and passwords as they are"));
    let roles: Vec<Role> = bundle.keys.iter().map(|key| key.role).collect();
    assert_eq!(roles[0], Role::Ca);
    assert!(roles.contains(&Role::Client), "{roles:?}");
    assert!(bundle.file(FileKind::Lab).unwrap().text.contains(PASSWORD));
    files(&path);
    let again = sceplab(&["replay", path.to_str().unwrap(), "--all"]);
    assert!(again.stdout.contains("agreement: the same as then"), "{}", again.transcript());
    // The request in the envelope is shown, but not its password.
    assert!(again.stdout.contains("CertificationRequest"), "{}", again.stdout);
    assert!(!again.stdout.contains(PASSWORD), "{}", again.stdout);
}

#[test]
fn folder_with_other_things_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("b")).unwrap();
    fs::write(folder.path().join("b/notes"), "mine").unwrap();
    let ended = run(folder.path(), FAULT, &[]);
    assert_eq!(ended.code, Some(2), "{}", ended.transcript());
    assert!(
        ended.stderr.contains("`b` is not empty, and bundles are made in a folder of their own")
    );
    assert_eq!(fs::read_dir(folder.path().join("b")).unwrap().count(), 1);
    let alone = run_in(folder.path(), &["run", "a.yaml", "--bundle-secrets"]);
    assert_eq!(alone.code, Some(2), "{}", alone.transcript());
}

#[test]
fn bundle_that_has_lost_its_messages_is_refused() {
    let told = refused(|path| fs::remove_dir_all(path.join("messages")).unwrap());
    assert!(told.contains("the messages of the bundle cannot be read"), "{told}");
}

#[test]
fn bundles_have_a_folder_of_their_own() {
    for option in ["--save-messages", "--pcap"] {
        for other in ["b", "b/inside"] {
            let folder = tempfile::tempdir().unwrap();
            let ended = run(folder.path(), FAULT, &[option, other]);
            assert_eq!(ended.code, Some(2), "{}", ended.transcript());
            let told = format!("`--bundle b` and `{option} ");
            assert!(ended.stderr.contains(&told), "{}", ended.transcript());
        }
    }
}

#[test]
fn files_of_one_name_are_both_in_the_bundle() {
    let folder = tempfile::tempdir().unwrap();
    for (file, text) in [("labs/a.yaml", lab(FAULT)), ("scenarios/a.yaml", scenario(FAULT))] {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text.replace("labs/lab.yaml", "../labs/a.yaml")).unwrap();
    }
    fs::create_dir(folder.path().join("here")).unwrap();
    let here = folder.path().join("here");
    let ended = run_in(&here, &["run", "../scenarios/a.yaml", "--bundle", "b"]);
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    let bundles = bundle::bundles_in(&here.join("b")).unwrap();
    let bundle = open(&bundles[0]).unwrap();
    assert!(bundle.file(FileKind::Lab).unwrap().text.starts_with("devices:"));
    assert!(bundle.file(FileKind::Scenario).unwrap().text.starts_with("title:"));
}

#[test]
fn report_in_a_bundle_is_json_whatever_the_password() {
    for password in ["1", "0"] {
        let server = Server::start(&[
            "rfc8894",
            "--challenge",
            password,
            "--fault",
            "on: GetCACaps, do: http-status 500",
        ]);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("b").display().to_string();
        let url = server.url("/cgi-bin/pkiclient.exe");
        let arguments = [
            "conform",
            &url,
            "--challenge",
            password,
            "--no-gate",
            "--case",
            "discovery",
            "--bundle",
            &path,
        ];
        let ended = sceplab(&arguments);
        assert_eq!(ended.code, Some(4), "{}", ended.transcript());
        for bundle in bundle::bundles_in(Path::new(&path)).unwrap() {
            let bundle = open(&bundle).unwrap();
            let text = &bundle.file(FileKind::Outcome).unwrap().text;
            assert!(serde_json::from_str::<Value>(text).is_ok(), "{text}");
        }
    }
}

/// The error of `replay` about a bundle that somebody has changed.
fn refused(change: impl FnOnce(&Path)) -> String {
    let folder = tempfile::tempdir().unwrap();
    let (path, ..) = failed(folder.path(), &[]);
    change(&path);
    let ended = sceplab(&["replay", path.to_str().unwrap()]);
    assert_eq!(ended.code, Some(2), "{}", ended.transcript());
    ended.stderr.replace(path.to_str().unwrap(), "B")
}

#[test]
fn damaged_bundle_is_refused_in_words() {
    let index = |path: &Path| path.join("bundle.json");
    let missing = refused(|path| fs::remove_file(path.join("files/a.yaml")).unwrap());
    assert!(missing.contains("`B/files/a.yaml` cannot be read: "), "{missing}");
    let broken = refused(|path| fs::write(index(path), "{").unwrap());
    assert!(broken.contains("`B/bundle.json` is not the index of a bundle: "), "{broken}");
    let none = refused(|path| fs::remove_file(index(path)).unwrap());
    assert!(none.contains("`B` is no bundle: it has no `bundle.json`"), "{none}");
    let link = refused(|path| symlink("/etc/passwd", path.join("messages/x")).unwrap());
    assert!(link.contains("`B/messages/x` is a symbolic link"), "{link}");
    let outside = refused(|path| {
        let text = fs::read_to_string(index(path)).unwrap();
        fs::write(index(path), text.replace("files/a.yaml", "../../a.yaml")).unwrap();
    });
    assert!(outside.contains("names `../../a.yaml`, which is no path in the bundle"), "{outside}");
}

#[test]
fn conform_leaves_a_bundle_of_a_case_that_the_server_fails() {
    let server = Server::start(&["rfc8894", "--fault", "on: PKCSReq, do: wrong-recipient-nonce"]);
    let folder = tempfile::tempdir().unwrap();
    let url = server.url("/cgi-bin/pkiclient.exe");
    let place = folder.path().join("b");
    let place = place.to_str().unwrap();
    let case = "attributes/recipient-nonce";
    let ended = sceplab(&["conform", &url, "--case", case, "--bundle", place]);
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    let made: Vec<PathBuf> = bundle::bundles_in(Path::new(place)).unwrap();
    assert!(!made.is_empty(), "{}", ended.transcript());
    let bundle = open(&made[0]).unwrap();
    assert_eq!(bundle.index.command.as_deref(), Some("conform"));
    let outcome: Value =
        serde_json::from_str(&bundle.file(FileKind::Outcome).unwrap().text).unwrap();
    assert_eq!(outcome["cases"].as_array().unwrap().len(), 1);
    let taken_out = bundle.index.taken_out.join("\n");
    assert!(
        taken_out.contains("are not there: the PKI does not support giving out its keys"),
        "{taken_out}"
    );
    let again = sceplab(&["replay", made[0].to_str().unwrap()]);
    assert_eq!(again.code, Some(4), "{}", again.transcript());
    assert!(
        again.stdout.contains("now:       by the messages, the server is wrong"),
        "{}",
        again.stdout
    );
}

#[test]
fn conform_client_leaves_a_bundle_of_a_case_that_the_client_fails() {
    let folder = tempfile::tempdir().unwrap();
    let client = folder.path().join("believer.sh");
    let text =
        format!("#!/bin/sh\n{SCEPLAB} enrol \"$1\" --challenge \"$2\" >/dev/null 2>&1\nexit 0\n");
    fs::write(&client, text).unwrap();
    fs::set_permissions(&client, fs::Permissions::from_mode(0o755)).unwrap();
    let place = folder.path().join("b");
    let options = ["--case", "attributes/wrong-nonce", "--bundle", place.to_str().unwrap()];
    let client = [client.to_str().unwrap(), "{url}", "{challenge}"];
    let (ended, verdicts) = conform(&options, &client);
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    assert_eq!(verdicts["attributes/wrong-nonce"], "failed");
    let path = place.join("conformance-client-attributes-wrong-nonce");
    let bundle = open(&path).unwrap_or_else(|error| panic!("{error}\n{}", ended.transcript()));
    assert_eq!(bundle.index.command.as_deref(), Some("conform-client"));
    assert!(bundle.index.taken_out.iter().any(|it| it.contains("it is the client's own")));
    let again = sceplab(&["replay", path.to_str().unwrap()]);
    // The mock CA makes the mistake of the case on purpose.
    assert!(again.stdout.contains("agreement: the same as then"), "{}", again.transcript());
}

#[test]
fn bundle_that_cannot_be_written_is_an_error_of_this_side() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("b");
    let client = folder.path().join("believer.sh");
    let place = place.to_str().unwrap();
    let text = format!(
        "#!/bin/sh\n{SCEPLAB} enrol \"$1\" --challenge \"$2\" >/dev/null 2>&1\nrmdir {place} 2>/dev/null\nexit 0\n"
    );
    fs::write(&client, text).unwrap();
    fs::set_permissions(&client, fs::Permissions::from_mode(0o755)).unwrap();
    let client = [client.to_str().unwrap(), "{url}", "{challenge}"];
    let options = ["--case", "attributes/wrong-nonce", "--bundle", place];
    let (ended, _) = conform(&options, &client);
    assert_eq!(ended.code, Some(3), "{}", ended.transcript());
    let expected = "the bundle of `conformance/client/attributes/wrong-nonce` cannot be written to";
    assert!(ended.stderr.contains(expected), "{}", ended.transcript());
    assert!(!Path::new(place).exists());
}

#[test]
fn matrix_leaves_a_bundle_of_a_failed_cell_with_its_lab() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("labs")).unwrap();
    fs::write(folder.path().join("labs/lab.yaml"), lab(FAULT)).unwrap();
    fs::write(folder.path().join("a.yaml"), scenario(FAULT)).unwrap();
    fs::create_dir(folder.path().join("scenarios")).unwrap();
    fs::write(folder.path().join("scenarios/matrix-ledger.yaml"), "expected-failures: []\n")
        .unwrap();
    let matrix = ["matrix", "a.yaml", "--driver", "virtual", "--client", "builtin"];
    let ended = run_in(folder.path(), &[&matrix[..], &["--bundle", "b"]].concat());
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    let ledger = folder.path().join("b/a-lab-builtin/files/scenarios/matrix-ledger.yaml");
    assert!(ledger.exists(), "{}", ended.transcript());
    let bundle = open(&folder.path().join("b/a-lab-builtin"))
        .unwrap_or_else(|error| panic!("{error}\n{}", ended.transcript()));
    assert_eq!(bundle.index.command.as_deref(), Some("matrix"));
    assert!(bundle.file(FileKind::Lab).is_some() && !bundle.recording.exchanges.is_empty());
    let outcome: Value =
        serde_json::from_str(&bundle.file(FileKind::Outcome).unwrap().text).unwrap();
    assert_eq!(outcome["rows"][0]["cells"].as_array().unwrap().len(), 1);
}

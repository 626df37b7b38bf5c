//! No bundle has a password or a private key in any form, unless the user asked for them; nor names, if these are taken out.

use std::fs;
use std::path::Path;

use bundle::{FileKind, open};

use super::{PASSWORD, failed, files};
use crate::suite::sceplab::run_in;
use crate::support::secret_forms::{Found, SECRET, add_all, assert_nothing_found, forms};

/// The contents of all files of a bundle by their paths, bytes that are no UTF-8 as characters of their own.
fn contents(folder: &Path) -> Vec<(String, String)> {
    let text = |path: &Path| fs::read(path).unwrap().into_iter().map(char::from).collect();
    files(folder).iter().map(|path| (path.display().to_string(), text(path))).collect()
}

#[test]
fn bundle_has_no_form_of_a_password_and_no_key() {
    let folder = tempfile::tempdir().unwrap();
    let (path, bundle, ended) = failed(folder.path(), &[]);
    assert!(bundle.keys.is_empty());
    assert!(
        bundle
            .index
            .taken_out
            .iter()
            .any(|it| it.starts_with("private keys and passwords are taken out"))
    );
    let contents = contents(&path);
    let sinks: Vec<(&str, String)> =
        contents.iter().map(|(path, text)| (path.as_str(), text.clone())).collect();
    let mut found = Found::new();
    add_all(&mut found, &forms(PASSWORD), &sinks);
    add_all(&mut found, &forms(PASSWORD), &[("stderr", ended.stderr)]);
    assert_nothing_found(&found);
    assert!(sinks.iter().all(|(_, text)| !text.contains("PRIVATE KEY")));
    assert!(bundle.file(FileKind::Lab).unwrap().text.contains("static: ****"));
}

/// A scenario whose request has its password in the clear.
fn scenario_in_the_clear() -> String {
    format!(
        "title: T
lab:
  pki: {{ca: {{personality: rfc8894, challenge: {{static: '{SECRET}'}}}}}}
steps:
  - scep: {{send: PKCSReq, wrong: not-enciphered, accept: [{{status: SUCCESS}}]}}
"
    )
}

#[test]
fn message_with_a_password_in_the_clear_is_left_out_and_the_bundle_says_so() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.yaml"), scenario_in_the_clear()).unwrap();
    let ended = run_in(folder.path(), &["run", "a.yaml", "--bundle", "b"]);
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    let path = folder.path().join("b/a");
    let bundle = open(&path).unwrap();
    let taken_out = bundle.index.taken_out.join("\n");
    assert!(taken_out.contains("of the body have a secret in the clear"), "{taken_out}");
    let contents = contents(&path);
    let sinks: Vec<(&str, String)> =
        contents.iter().map(|(path, text)| (path.as_str(), text.clone())).collect();
    let mut found = Found::new();
    add_all(&mut found, &forms(SECRET), &sinks);
    assert_nothing_found(&found);
    // What is missing is nobody's mistake.
    let again = run_in(folder.path(), &["replay", "b/a"]);
    assert!(again.stdout.contains("and are not saved"), "{}", again.transcript());
}

#[test]
fn query_with_a_short_password_in_the_clear_is_left_out() {
    const SHORT: &str = "7Vh4";
    let folder = tempfile::tempdir().unwrap();
    let scenario = scenario_in_the_clear().replace(SECRET, SHORT);
    let scenario = scenario.replace("{send: PKCSReq,", "{send: PKCSReq, method: get,");
    fs::write(folder.path().join("a.yaml"), scenario).unwrap();
    let ended = run_in(folder.path(), &["run", "a.yaml", "--bundle", "b"]);
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    let path = folder.path().join("b/a");
    let taken_out = open(&path).unwrap().index.taken_out.join("\n");
    let told = "of the query have a secret in the clear";
    assert!(taken_out.contains(told), "{taken_out}");
    for (path, text) in contents(&path) {
        assert!(!text.contains(SHORT) && !text.contains("message="), "{path}: {text}");
    }
}

#[test]
fn bundle_without_names_has_stand_ins_and_no_messages() {
    let folder = tempfile::tempdir().unwrap();
    let (path, bundle, _) = failed(folder.path(), &["--bundle-without-names"]);
    assert!(bundle.recording.exchanges.is_empty());
    for (path, text) in contents(&path) {
        for name in ["MyUserCert", "10.0.0.64", "10.0.0.1", "DUT0", "gateway", "Musterwerk"] {
            assert!(!text.contains(name) && !path.contains(name), "`{name}` in {path}:\n{text}");
        }
    }
    let explanation = &bundle.file(FileKind::Explanation).unwrap().text;
    assert!(explanation.contains("name-1") && explanation.contains("address-1"), "{explanation}");
    let again = run_in(folder.path(), &["replay", "b/a"]);
    assert_eq!(again.code, Some(4), "{}", again.transcript());
    assert!(again.stdout.contains("now:       there are no messages to judge"), "{}", again.stdout);
}

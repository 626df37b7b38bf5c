//! The outputs and reports of `sceplab run` and `check`.

use std::fs;

use tempfile::TempDir;

use super::{ADMIN, KEYRING, ONE_TIME, STATIC, TYPED, silent_run};

/// A sealed value of one cipher block; its key is not known.
pub(super) const SEALED: &str = "U2FsdGVkX19P8MYjQLXrIvBEOMDHUJ1TWkNFRAs31/g=";

fn lab(challenge: &str) -> String {
    format!(
        "devices:
  DUT0:
    interfaces: {{eth0: 10.0.0.0/24}}
    keyring: {{{SEALED}: {KEYRING}}}
hosts:
  gateway: {{addresses: [10.0.0.1/24], runs: ca}}
pki:
  ca: {{personality: ndes, port: 80, challenge: {challenge}, admin: {{user: x, password: {ADMIN}}}}}
"
    )
}

/// A scenario with a device that enrols with this line of configuration, and a check of its table.
fn scenario(password: &str, check: &str) -> String {
    format!(
        "title: T
lab: labs/lab.yaml
steps:
  - configure:
      set: |
        set interfaces ethernet eth0 address 10.0.0.64/24
        set system certificate scep csr CSR cgi-path CertSrv/mscep/mscep.dll
        set system certificate scep csr CSR distinguished-names CN=a
        set system certificate scep csr CSR {password}
        set system certificate scep csr CSR url http://10.0.0.1
  - run: {{command: pki scep show CSR, {check}}}
  - run: {{command: show running}}
"
    )
}

fn files(challenge: &str, scenario: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("labs")).unwrap();
    fs::write(folder.path().join("labs/lab.yaml"), lab(challenge)).unwrap();
    fs::write(folder.path().join("a.yaml"), scenario).unwrap();
    folder
}

const VERBOSE: [&str; 7] = ["run", ".", "-v", "--report", "junit=r.xml", "--report", "json=r.json"];
const REPORTS: [&str; 2] = ["r.xml", "r.json"];
const VALID: &str = r"matches: ['usercert\s+Valid']";

#[test]
fn passing_run_shows_no_password() {
    for (challenge, line) in [
        (format!("{{static: {TYPED}}}"), format!("password {TYPED}")),
        (format!("{{static: {TYPED}}}"), format!("password '{TYPED}'")),
        (format!("{{static: {TYPED}}}"), format!("pass {TYPED}")),
        (format!("{{static: '{TYPED}x'}}"), format!("'pa' {TYPED}\\x")),
        (format!("{{one-time: [{ONE_TIME}, {STATIC}]}}"), format!("password {ONE_TIME}")),
        (format!("{{static: {KEYRING}}}"), format!("encrypted-password {SEALED}")),
    ] {
        let folder = files(&challenge, &scenario(&line, VALID));
        let ended = silent_run(folder.path(), &VERBOSE, &REPORTS);
        assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    }
}

#[test]
fn failing_run_shows_no_password() {
    for (challenge, line) in [
        (format!("{{static: {STATIC}}}"), format!("password {TYPED}")),
        (format!("{{one-time: [{ONE_TIME}]}}"), format!("password {TYPED}")),
        (format!("{{one-time: [{ONE_TIME}]}}"), format!("encrypted-password {SEALED}")),
    ] {
        let check = r"matches: ['usercert\s+Valid'], within: 1s";
        let folder = files(&challenge, &scenario(&line, check));
        let ended = silent_run(folder.path(), &VERBOSE, &REPORTS);
        assert_eq!(ended.code, Some(4), "{}{}", ended.stdout, ended.stderr);
    }
}

#[test]
fn check_for_a_password_does_not_show_it() {
    let check = format!("contains: [{TYPED}], within: 0s");
    let folder =
        files(&format!("{{static: {TYPED}}}"), &scenario(&format!("password {TYPED}"), &check));
    let ended = silent_run(folder.path(), &VERBOSE, &REPORTS);
    assert_eq!(ended.code, Some(4), "{}", ended.stdout);
}

#[test]
fn refused_configuration_shows_no_password() {
    for line in [
        format!("password {TYPED} {STATIC}"),
        format!(
            "password '{TYPED} {STATIC}'\n        set system certificate scep csr CSR cipher rot13"
        ),
        format!("pasword {TYPED}"),
        format!("pw {TYPED}"),
        format!("p '{TYPED} {STATIC}'"),
        format!(
            "pass '{TYPED} {STATIC}'\n        set system certificate scep csr CSR cipher rot13"
        ),
        format!("password {TYPED}\n        set system certificate scep csr CSR cipher rot13"),
    ] {
        let folder = files("none", &scenario(&line, VALID));
        let ended = silent_run(folder.path(), &VERBOSE, &REPORTS);
        assert_eq!(ended.code, Some(4), "{}{}", ended.stdout, ended.stderr);
    }
}

#[test]
fn configuration_command_shows_no_password() {
    let csr = "set system certificate scep csr";
    for command in [
        format!("{csr} C2 password {TYPED}"),
        format!("{csr} C2 pass '{TYPED} {STATIC}'"),
        format!("se sys cert sc c C2 pas {TYPED}"),
        format!("{csr} C2 pw {TYPED}"),
        format!("sett system certificate scep csr C2 pasword {TYPED}"),
    ] {
        let right = scenario("port 80", "matches: [.], within: 0s");
        let steps =
            format!("  - run: {{command: configure}}\n  - run:\n      command: \"{command}\"\n");
        let folder = files("none", &format!("{right}{steps}  - run: {{command: nonsense}}\n"));
        let ended = silent_run(folder.path(), &VERBOSE, &REPORTS);
        assert!(ended.stdout.contains(" C2 "), "{}", ended.stdout);
        assert_eq!(ended.code, Some(4), "{}{}", ended.stdout, ended.stderr);
    }
}

#[test]
fn invalid_file_shows_no_password() {
    let right = scenario(&format!("password {TYPED}"), VALID);
    for (challenge, scenario) in [
        (format!("{{statik: {STATIC}}}"), right.clone()),
        (format!("{{static: [{STATIC}]}}"), right.clone()),
        (format!("{{one-time: {{{ONE_TIME}: x}}}}"), right.clone()),
        (format!("{{one-time: [{ONE_TIME}], x: y}}"), right.clone()),
        (format!("{{static: {STATIC}"), right.clone()),
        (STATIC.to_owned(), right.clone()),
        ("none".to_owned(), right.replace("set: |", "sets: |")),
        ("none".to_owned(), right.replace("      set: |", "      set: |\n      - x")),
        ("none".to_owned(), format!("{right}  - configure: {{set: sett x password {TYPED}}}\n")),
        ("none".to_owned(), format!("{right}  - configure: {{set: system x pass {TYPED}}}\n")),
        ("none".to_owned(), scenario(&format!("password\n        {TYPED}"), VALID)),
        ("none".to_owned(), scenario(&format!("pass \\\n        {TYPED} {STATIC}"), VALID)),
        ("none".to_owned(), format!("{right}  - configure: {{set: set x pa {TYPED}\n")),
    ] {
        let folder = files(&challenge, &scenario);
        for command in ["check", "run"] {
            let ended = silent_run(folder.path(), &[command, "a.yaml"], &[]);
            assert_eq!(ended.code, Some(2), "{challenge}\n{}", ended.stdout);
        }
    }
}

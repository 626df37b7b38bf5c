//! Further outputs that show no form of a password: of a scenario's own checks, of the control port, of bugs, of a kept state. A table
//! in the documentation says which test has which output.
#![cfg(unix)]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use report::Format;
use serde_json::{Value, json};

use super::scenarios::SEALED;
use crate::suite::sceplab::{command, finish, run, run_in, workspace};
use crate::suite::serve::client::{enrol, settings};
use crate::suite::serve::control::{answer_to, controlled};
use crate::suite::serve::{LINUX, NDES, Server};
use crate::support::secret_forms::{
    Form, Found, SECRET, add, add_all, assert_nothing_found, forms, reports, sinks,
};

/// Forms in one run. More would make a text that is cut.
const AT_ONCE: usize = 12;

pub(super) fn lab() -> String {
    format!(
        "devices:
  DUT0: {{interfaces: {{eth0: 10.0.0.0/24}}, keyring: {{{SEALED}: x}}}}
hosts:
  gateway: {{addresses: [10.0.0.1/24], runs: ca}}
pki:
  ca: {{personality: linux, port: 8080, challenge: {{static: '{SECRET}'}}}}
"
    )
}

/// A folder with a scenario whose last step asks for some forms in an output that has none of them, as `field`.
fn folder(some: &[Form], field: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("labs")).unwrap();
    fs::write(folder.path().join("labs/lab.yaml"), lab()).unwrap();
    let asked: Vec<&str> = some.iter().map(|form| form.text.as_str()).collect();
    let scenario = format!(
        "title: T
tags: [matrix]
lab: labs/lab.yaml
steps:
  - configure: {{set: set interfaces ethernet eth0 address 10.0.0.64/24}}
  - run:
      command: show running
      within: 0s
      {field}: {}
",
        json!(asked)
    );
    fs::write(folder.path().join("a.yaml"), scenario).unwrap();
    folder
}

/// Runs a command on the scenario with each form; returns which output shows which.
#[track_caller]
pub(super) fn found_of(arguments: &[&str], field: &str, code: i32, expected: usize) -> Found {
    let mut found = Found::new();
    for some in forms(SECRET).chunks(AT_ONCE) {
        let folder = folder(some, field);
        let ended = run_in(folder.path(), arguments);
        assert_eq!(ended.code, Some(code), "{}", ended.transcript());
        let sinks = sinks(&ended, folder.path());
        assert_eq!(sinks.len(), expected, "{}", ended.transcript());
        add_all(&mut found, some, &sinks);
    }
    found
}

#[test]
fn run_and_its_reports_show_no_form_of_a_password_in_a_check() {
    let arguments = [&["run", ".", "-v"][..], &reports()].concat();
    assert_nothing_found(&found_of(&arguments, "contains", 4, 5));
}

#[test]
fn matrix_and_its_reports_show_no_form_of_a_password_in_a_check() {
    let virtual_lab = ["matrix", ".", "--driver", "virtual", "--client", "builtin"];
    let arguments = [&virtual_lab[..], &reports()].concat();
    assert_nothing_found(&found_of(&arguments, "contains", 4, 5));
}

#[test]
fn check_and_list_show_no_form_of_a_password_in_a_check() {
    assert_nothing_found(&found_of(&["check", "a.yaml"], "contains", 0, 2));
    assert_nothing_found(&found_of(&["list", "a.yaml"], "contains", 0, 2));
}

/// Messages are saved on request, as they are: the page has the password, and the login that of the administrator.
#[test]
fn messages_are_saved_with_their_secrets_for_their_user_alone_and_nothing_else_shows_them() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("admin"), SECRET).unwrap();
    let file = folder.path().join("admin");
    let admin = ["--admin-user", "boss", "--admin-password-file", file.to_str().unwrap()];
    let server = Server::start(&[&["ndes"][..], &admin].concat());
    let (url, page) = (server.url(NDES), server.url("/CertSrv/mscep_admin/"));
    let client = ["enrol", &url, "--ndes-admin", &page, "--save-messages", "m"];
    let ended = run_in(folder.path(), &[&client[..], &admin].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());

    let saved = folder.path().join("m");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&saved), 0o700);
    let mut heads = String::new();
    let mut passwords = Vec::new();
    for entry in fs::read_dir(&saved).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        let bytes = fs::read(&path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if name.ends_with("-request.http") {
            heads.push_str(&String::from_utf8(bytes).unwrap());
        } else if name.contains("mscep_admin-reply") {
            // Windows writes UTF-16.
            let text = bytes.into_iter().filter(|byte| *byte != 0).map(char::from);
            let text: String = text.collect();
            let words = text.split(|char: char| !char.is_ascii_hexdigit());
            let words =
                words.filter(|word| word.len() >= 16 && text.contains("challenge password"));
            passwords.extend(words.map(str::to_owned));
        }
    }
    assert!(heads.contains("Authorization: ") || heads.contains("authorization: "), "{heads}");
    assert!(!passwords.is_empty(), "the page with the password is saved");

    // Nothing else has them, and nothing else was written.
    let written = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(written, 2, "the folder and the file with the password");
    let (_, stdout, stderr) = server.interrupt();
    let sinks = [
        ("stdout", ended.stdout),
        ("stderr", ended.stderr),
        ("serve", stdout),
        ("serve, stderr", stderr),
    ];
    let mut found = Found::new();
    add_all(&mut found, &forms(SECRET), &sinks);
    assert_nothing_found(&found);
    for password in passwords {
        assert!(sinks.iter().all(|(_, text)| !text.contains(&password)), "{sinks:?}");
    }
}

#[test]
fn commands_show_no_password_of_a_url() {
    for arguments in [
        &["health", "http://admin:Kohlrabi-7Xq@127.0.0.1:1/scep"][..],
        &["enrol", "http://admin:Kohlrabi-7Xq@127.0.0.1:1/scep"],
        &["inspect", "http://admin:Kohlrabi-7Xq@127.0.0.1:1/scep"],
        &["conform", "http://admin:Kohlrabi-7Xq@127.0.0.1:1/scep"],
    ] {
        let ended = run(arguments);
        assert_ne!(ended.code, Some(0), "{}", ended.transcript());
        super::assert_ended_silently(&ended);
    }
}

#[tokio::test]
async fn control_port_shows_no_form_of_a_password() {
    let (server, control) = controlled(&["linux", "--challenge", SECRET]);
    let mut found = Found::new();
    for (number, form) in forms(SECRET).into_iter().enumerate() {
        // Each third form is a subject, too, if it can be one.
        let subject = format!("CN={}", form.text);
        if number % 3 == 0 && scep::name::parse(&subject).is_ok() {
            let _ = enrol(&server.authority, LINUX, settings(&subject, Some(SECRET))).await;
        }
        let fault = json!({"fault": form.text});
        let (status, refused) = answer_to(&control, "/faults", &fault);
        assert_eq!(status, 400, "{refused}");
        let serial = answer_to(&control, "/revoke", &json!({"serial": form.text})).1;
        let sinks = [("/faults", refused.to_string()), ("/revoke", serial.to_string())];
        add(&mut found, &form, &sinks);
    }
    for path in ["/issued", "/requests", "/log", "/pending"] {
        let (status, shown) = answer_to(&control, path, &Value::Null);
        assert_eq!(status, 200, "{shown}");
        assert!(path != "/log" || shown.to_string().contains("****"), "{shown}");
        add_all(&mut found, &forms(SECRET), &[(path, shown.to_string())]);
    }
    let (_, stdout, stderr) = server.interrupt();
    for form in forms(SECRET) {
        add(&mut found, &form, &[("stdout", stdout.clone()), ("stderr", stderr.clone())]);
    }
    assert_nothing_found(&found);
}

/// The message of a panic may quote any text; the names of its forms come from the variable.
#[test]
fn bug_report_shows_no_form_of_a_password() {
    let mut found = Found::new();
    // No variable has a NUL.
    let all: Vec<Form> = forms(SECRET).into_iter().filter(|it| !it.text.contains('\0')).collect();
    for backtrace in ["0", "1"] {
        for some in all.chunks(AT_ONCE) {
            let texts: Vec<&str> = some.iter().map(|form| form.text.as_str()).collect();
            let folder = folder(&all[..1], "contains");
            let mut run = command(folder.path(), &[&["run", "a.yaml"][..], &reports()].concat());
            run.env("SCEPLAB_PANIC_IN", format!("step\n{}", texts.join("\n--\n")));
            run.env("RUST_BACKTRACE", backtrace);
            let ended = finish(run);
            assert_eq!(ended.code, Some(1), "{}", ended.transcript());
            assert!(ended.stderr.contains("injected in step"), "{}", ended.transcript());
            assert!(ended.stderr.contains("--"), "{}", ended.transcript());
            let sinks = sinks(&ended, folder.path());
            add_all(&mut found, some, &sinks);
        }
    }
    assert_nothing_found(&found);
}

#[tokio::test]
async fn state_and_enrolled_files_have_no_form_of_a_password() {
    let folder = tempfile::tempdir().unwrap();
    let (state, out) = (folder.path().join("state"), folder.path().join("out"));
    let arguments = ["linux", "--challenge", SECRET, "--state", state.to_str().unwrap()];
    let server = Server::start(&arguments);
    let url = server.url(LINUX);
    let ended = run(&["enrol", &url, "--challenge", SECRET, "--out", out.to_str().unwrap()]);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    server.interrupt();
    let files = files_below(folder.path());
    assert!(files.len() > 4, "{files:?}");
    let mut found = Found::new();
    for form in forms(SECRET) {
        for (path, text) in &files {
            add(&mut found, &form, &[(path.as_str(), text.clone())]);
        }
    }
    assert_nothing_found(&found);
}

/// The texts of all files below a folder; of other bytes only what can be read.
fn files_below(folder: &Path) -> Vec<(String, String)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            // The halves of UTF-16.
            let bytes = fs::read(&path).unwrap().into_iter().filter(|byte| *byte != 0);
            let bytes: Vec<u8> = bytes.collect();
            let is_shown = |byte: &u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace();
            let words = bytes.split(|byte| !is_shown(byte)).filter(|word| word.len() > 5);
            let text = words.map(String::from_utf8_lossy).collect::<Vec<_>>().join("\n");
            files.push((path.display().to_string(), text));
        }
    }
    files
}

/// The rows of the table of outputs and their tests.
fn table() -> Vec<(String, String)> {
    let page = fs::read_to_string(workspace().join("docs/reference/secrets.md")).unwrap();
    let (_, section) = page.split_once("## Outputs that are tested").expect("a section");
    let rows = section.lines().filter(|line| line.starts_with("| ")).skip(2);
    let cells = rows.filter_map(|row| row.trim_matches('|').split_once(" | "));
    cells.map(|(output, test)| (output.to_owned(), test.to_owned())).collect()
}

/// The words in backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// A new command, driver or format of reports needs a row in the table, and a test.
#[test]
fn every_output_has_a_test() {
    let table = table();
    let known: BTreeSet<&str> = table.iter().flat_map(|(output, _)| quoted(output)).collect();
    let help = run(&["help"]).stdout;
    let (_, commands) = help.split_once("Commands:\n").unwrap();
    let commands = commands.lines().take_while(|line| line.starts_with("  "));
    let commands: Vec<&str> = commands
        .filter_map(|line| line.get(2..)?.split(' ').next())
        .filter(|it| !it.is_empty())
        .collect();
    assert!(commands.len() > 10, "{help}");
    let formats = Format::ALL.iter().map(|(name, _)| *name);
    let drivers = testbed::DriverName::NAMED.iter().map(|(name, _)| *name);
    let missing: Vec<&str> = commands
        .into_iter()
        .chain(formats)
        .chain(drivers)
        .filter(|it| !known.contains(it))
        .collect();
    assert!(missing.is_empty(), "no row of the table has {missing:?}");
}

#[test]
fn every_test_of_the_table_exists() {
    let mut sources = String::new();
    for folder in ["tests", "harness/process/src"] {
        let files = files_below(&workspace().join(folder)).into_iter();
        sources.extend(
            files
                .filter(|(path, _)| Path::new(path).extension().is_some_and(|it| it == "rs"))
                .map(|(_, text)| text),
        );
    }
    let table = table();
    assert!(table.len() > 10, "{table:?}");
    for (output, test) in table {
        let tests: Vec<&str> = quoted(&test).collect();
        assert!(!tests.is_empty() || test.contains("no secret"), "{output}: {test}");
        for name in tests {
            assert!(
                sources.contains(&format!("fn {name}(")),
                "{output}: there is no test `{name}`"
            );
        }
    }
}

//! Files with mistakes, whose excerpts show no form of a password that is known from this file, another one or an option.
#![cfg(unix)]

use std::fs;
use std::path::Path;

use serde_json::json;

use super::sinks::{found_of, lab};
use crate::suite::sceplab::{command, finish, run_in};
use crate::support::secret_forms::{
    Form, Found, SECRET, add_all, assert_nothing_found, forms, sinks,
};

/// A scenario with the lab `labs/lab.yaml` and this line at its end.
fn scenario(line: &str) -> String {
    format!(
        "title: T
tags: [matrix]
lab: labs/lab.yaml
steps:
  - configure: {{set: set interfaces ethernet eth0 address 10.0.0.64/24}}
{line}
"
    )
}

/// Runs a command in a folder with these files and a valid lab. A line with `FORM` is repeated with each form and a field of its own; if
/// it is no YAML, only the first mistake would be shown, so that some forms are tried one by one.
#[track_caller]
fn found_in(arguments: &[&str], files: &[(&str, String)]) -> Found {
    let is_yaml = |text: &str| !text.contains("[FORM\n");
    let (step, at_once) =
        if files.iter().all(|(_, text)| is_yaml(text)) { (1, 80) } else { (6, 1) };
    let mut found = Found::new();
    let all: Vec<Form> = forms(SECRET).into_iter().step_by(step).collect();
    for some in all.chunks(at_once) {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "labs/lab.yaml", &lab());
        for (path, text) in files {
            let lines: Vec<String> = text.lines().flat_map(|line| repeated(line, some)).collect();
            write(folder.path(), path, &(lines.join("\n") + "\n").replace("SECRET", SECRET));
        }
        let mut command = command(folder.path(), arguments);
        command.env("PKI_PASSWORD", SECRET);
        let ended = finish(command);
        assert_eq!(ended.code, Some(2), "{}", ended.transcript());
        for number in 0..some.len() {
            // The names of fields are shown.
            assert!(ended.stderr.contains(&format!("contians{number}")), "{}", ended.transcript());
        }
        assert!(ended.stderr.matches("****").count() >= some.len(), "{}", ended.transcript());
        add_all(&mut found, some, &sinks(&ended, folder.path()));
    }
    found
}

fn repeated(line: &str, some: &[Form]) -> Vec<String> {
    if !line.contains("FORM") {
        return vec![line.to_owned()];
    }
    let with = |(number, form): (usize, &Form)| {
        let quoted = json!(form.text).to_string();
        line.replace("contians", &format!("contians{number}")).replace("FORM", &quoted)
    };
    some.iter().enumerate().map(with).collect()
}

fn write(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

const UNKNOWN_FIELD: &str = "  - run: {command: x, contians: FORM}";
const NO_YAML: &str = "  - run: {command: x, contians: [FORM";

#[test]
fn failed_load_shows_no_form_of_a_password_of_the_lab() {
    for command in ["check", "run", "list"] {
        assert_nothing_found(&found_of(&[command, "a.yaml"], "contians", 2, 2));
    }
    assert_nothing_found(&found_of(&["matrix", "."], "contians", 2, 2));
}

#[test]
fn failed_load_shows_no_form_of_a_password_in_any_file_that_it_reads() {
    let other = |lab: &str| lab.replace("static", "statik");
    for files in [
        vec![("a.yaml", scenario(UNKNOWN_FIELD))],
        // No tree exists; the line `lab:` still names the lab.
        vec![("a.yaml", scenario(NO_YAML))],
        // The lab has mistakes, too.
        vec![("a.yaml", scenario(UNKNOWN_FIELD)), ("labs/lab.yaml", other(&lab()))],
        vec![("a.yaml", scenario(UNKNOWN_FIELD)), ("labs/lab.yaml", format!("{}\n  x: [", lab()))],
        // The password is in the scenario.
        vec![("a.yaml", scenario(&format!("  - configure: {{set: set system certificate scep csr C password 'SECRET'}}\n{UNKNOWN_FIELD}")).replace("labs/lab", "labs/none"))],
        vec![("a.yaml", scenario(&format!("x-challenge: 'SECRET'\n{NO_YAML}")).replace("labs/lab", "labs/none"))],
    ] {
        assert_nothing_found(&found_in(&["check", "a.yaml"], &files));
    }
}

/// Labs of real devices and PKIs, which have their passwords from a file or a variable.
const LABS_BY_SOURCE: [&str; 6] = [
    "devices: {DUT0: {ssh: a@127.0.0.1}}\npki: {ca: {url: 'http://127.0.0.1:1/scep', challenge: {file: ../pw}}}\n",
    "devices: {DUT0: {ssh: a@127.0.0.1}}\npki: {ca: {url: 'http://127.0.0.1:1/scep', challenge: {env: PKI_PASSWORD}}}\n",
    "devices: {DUT0: {ssh: a@127.0.0.1}}\npki: {ca: {url: 'http://127.0.0.1:1/scep', ndes-admin: {url: 'http://127.0.0.1:1/', user: a, password-file: ../pw}}}\n",
    "devices: {DUT0: {ssh: a@127.0.0.1}}\npki: {ca: {url: 'http://127.0.0.1:1/scep', ndes-admin: {url: 'http://127.0.0.1:1/', user: a, password-env: PKI_PASSWORD}}}\n",
    "devices: {DUT0: {ssh: a@127.0.0.1, password-file: ../pw}}\n",
    "devices: {DUT0: {ssh: a@127.0.0.1, password-env: PKI_PASSWORD}}\n",
];

#[test]
fn failed_load_shows_no_form_of_a_password_that_a_lab_has_from_elsewhere() {
    let run = "title: T\nlab: labs/real.yaml\nsteps:\n";
    let in_place =
        |lab: &str| format!("title: T\nlab: {{{}}}\nsteps:\n", lab.trim().replace('\n', ", "));
    let passwords = ("pw", format!("{SECRET}\n"));
    for (number, lab) in LABS_BY_SOURCE.into_iter().enumerate() {
        let misspelt = lab.replace("file:", "fiel:").replace("env:", "evn:");
        let mut tried = vec![
            (format!("{run}{UNKNOWN_FIELD}\n"), lab.to_owned()),
            (format!("{run}{UNKNOWN_FIELD}\n"), format!("{lab}x: [\n")),
            (format!("{run}{NO_YAML}\n"), lab.to_owned()),
            (format!("{run}{UNKNOWN_FIELD}\n"), misspelt),
        ];
        if number % 2 == 0 {
            let lab = lab.replace("../pw", "pw");
            tried.push((format!("{}{UNKNOWN_FIELD}\n", in_place(&lab)), String::new()));
        }
        for (scenario, lab) in tried {
            let files = [("a.yaml", scenario), ("labs/real.yaml", lab), passwords.clone()];
            assert_nothing_found(&found_in(&["check", "a.yaml"], &files));
        }
    }
    // A lab of the command line replaces the scenario's own.
    let scenario = scenario(UNKNOWN_FIELD);
    let files = [("a.yaml", scenario), ("labs/real.yaml", LABS_BY_SOURCE[0].to_owned()), passwords];
    for command in ["check", "run"] {
        assert_nothing_found(&found_in(&[command, "a.yaml", "--lab", "labs/real.yaml"], &files));
    }
}

#[test]
fn mistakes_in_labs_show_no_form_of_a_password() {
    for mistake in ["contians: FORM\n", "contians: [FORM\n"] {
        let text = format!("{}{mistake}", lab());
        let files = [("a.yaml", scenario("")), ("labs/other.yaml", text)];
        for arguments in [
            &["check", "labs/other.yaml"][..],
            &["check", "a.yaml", "--lab", "labs/other.yaml"],
            &["run", "a.yaml", "--lab", "labs/other.yaml"],
            &["dut", "--lab", "labs/other.yaml"],
            &["matrix", "."],
        ] {
            assert_nothing_found(&found_in(arguments, &files));
        }
    }
}

#[test]
fn mistakes_in_other_files_show_no_form_of_a_known_password() {
    let mistake = "title: T\ncontians: FORM\n".to_owned();
    for (arguments, path) in [
        (
            &["conform", "http://127.0.0.1:1", "--target", "t.yaml", "--challenge", SECRET][..],
            "t.yaml",
        ),
        (
            &["conform", "http://127.0.0.1:1", "--target", "t.yaml", "--challenge-file", "c"],
            "t.yaml",
        ),
        (&["conform-client", "--target", "t.yaml", "--", "true", "--challenge", SECRET], "t.yaml"),
        (&["check", "."], "targets/t.yaml"),
        (&["run", "b.yaml", "--driver", "live", "--challenge", SECRET], "b.yaml"),
        (&["check", "targets/t.yaml", "labs/lab.yaml"], "targets/t.yaml"),
        (&["matrix", ".", "--ledger", "l.yaml"], "l.yaml"),
        (&["check", "a.yaml", "l.yaml"], "l.yaml"),
    ] {
        let text = if path == "l.yaml" {
            "contians: FORM\nexpected-failures: []\n".to_owned()
        } else {
            mistake.clone()
        };
        let right = scenario("  - run: {command: show running}");
        let files = [("a.yaml", right), ("c", format!("{SECRET}\n")), (path, text)];
        assert_nothing_found(&found_in(arguments, &files));
    }
}

#[test]
fn mistyped_names_in_a_failed_load_are_shown() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "labs/lab.yaml", &lab());
    let line = "  - configure: {sett: 'set system certificate scep csr C password {{chalenge}}'}";
    write(folder.path(), "a.yaml", &scenario(line));
    let ended = run_in(folder.path(), &["check", "a.yaml"]);
    assert_eq!(ended.code, Some(2), "{}", ended.transcript());
    assert!(ended.stderr.contains("password {{chalenge}}"), "{}", ended.transcript());
    assert!(ended.stderr.contains("unknown field `sett`"), "{}", ended.transcript());
}

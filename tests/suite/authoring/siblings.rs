//! Further mistakes of the same kinds.

mod files; // names of files, labs and faults
mod runs; // what a failed step says
mod texts; // YAML, names of fields, lines for the device

use std::fs;

use super::folder_of;
use crate::suite::sceplab::run_in;

/// The lines of a right configuration.
const LINES: &str = "set interfaces ethernet eth0 address 10.215.168.64/24
set system certificate scep csr CSR cgi-path /scep
set system certificate scep csr CSR distinguished-names CN=A
set system certificate scep csr CSR password scep-challenge
set system certificate scep csr CSR port 8080
set system certificate scep csr CSR url http://gateway";

const RUN: &str = "  - run: {command: pki scep show CSR, matches: ['usercert\\s+Valid']}\n";

/// A scenario with a step `configure` of these lines, and further steps.
fn scenario(lines: &str, steps: &str) -> String {
    let lines = lines.replace('\n', "\n        ");
    format!(
        "title: T\nlab: labs/linux-pki.yaml\nsteps:\n  - configure:\n      set: |\n        {lines}\n{steps}"
    )
}

/// What a command says about a file with this text.
fn output_of(command: &str, text: &str) -> String {
    let folder = folder_of("m00-good");
    fs::write(folder.path().join("a.yaml"), text).unwrap();
    let ended = run_in(folder.path(), &[command, "a.yaml"]);
    ended.assert_orderly();
    ended.transcript()
}

#[track_caller]
fn assert_says(command: &str, text: &str, expected: &[&str]) {
    let output = output_of(command, text);
    for words in expected {
        assert!(output.contains(words), "`{words}` is not in\n{output}\n{text}");
    }
}

#[track_caller]
fn assert_refused(text: &str, expected: &[&str]) {
    let output = output_of("check", text);
    assert!(output.starts_with("exit code: 2\n"), "{output}\n{text}");
    assert_says("check", text, expected);
}

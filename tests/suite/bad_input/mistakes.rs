//! Common mistakes: each is reported with its place and a suggestion.

use std::fs;

use super::{Files, LAB};

#[test]
fn all_mistakes_of_a_file_are_reported_at_once() {
    let files = Files::with(
        "titel: T
lab: labs/lab.yaml
steps:
  - rum: {command: x}
  - run: {comand: pki scep show CSR, device: DUT9}
  - run: {command: x, mathces: ['a(b']}
  - ping: {address: 10.0.0.1, timeout: 5}
",
    );
    let told = files.refused();
    for expected in [
        "did you mean `title`?",
        "a.yaml:4:5",
        "unknown step `rum`",
        "did you mean `run`?",
        "did you mean `command`?",
        "unknown device `DUT9`",
        "did you mean `DUT0`?",
        "did you mean `matches`?",
        "a.yaml:7:",
    ] {
        assert!(told.contains(expected), "{expected} is not in\n{told}");
    }
}

#[test]
fn invalid_regex_is_reported_with_its_place() {
    let told = Files::with_steps("  - run:\n      command: x\n      matches:\n        - 'ab(c'\n")
        .refused();
    assert!(told.contains("a.yaml:7:"), "{told}");
    assert!(told.contains("not a regular expression: unclosed group"), "{told}");
    // The caret is below the parenthesis.
    let lines: Vec<&str> = told.lines().collect();
    let caret = lines.iter().position(|line| line.contains('^')).unwrap();
    let column = lines[caret].find('^').unwrap();
    assert_eq!(&lines[caret - 1][column..=column], "(", "{told}");
}

#[test]
fn too_large_regex_is_rejected() {
    let told = Files::with_steps("  - run: {command: x, matches: ['(a{1000}){1000}']}\n").refused();
    assert!(told.contains("a.yaml:4:"), "{told}");
}

#[test]
fn missing_lab_is_reported_where_it_is_named() {
    let told = Files::with("title: T\nlab: labs/lba.yaml\nsteps: [approve: {}]\n").refused();
    assert!(told.contains("a.yaml:2:6") && told.contains("lba.yaml"), "{told}");
    let told = Files::with("title: T\nsteps: [approve: {}]\n").refused();
    assert!(told.contains("lab"), "{told}");
}

#[test]
fn unknown_pki_is_reported_with_a_suggestion() {
    let told = Files::with_steps("  - approve: {pki: cs}\n").refused();
    assert!(told.contains("unknown PKI `cs`") && told.contains("did you mean `ca`?"), "{told}");
}

#[test]
fn password_in_the_url_of_a_pki_is_refused_and_not_shown() {
    let lab = "{pki: {x: {url: \"http://user:hunter22@h/scep\"}}}";
    let told = Files::with(format!("title: T\nlab: {lab}\nsteps: [approve: {{}}]\n")).refused();
    assert!(told.contains("leave out the user and the password"), "{told}");
    assert!(!told.contains("hunter22"), "{told}");
}

#[test]
fn duplicate_key_is_reported() {
    let told =
        Files::with("title: T\ntitle: U\nlab: labs/lab.yaml\nsteps: [approve: {}]\n").refused();
    assert!(told.contains("a.yaml:2:1") && told.contains("title"), "{told}");
    let told = Files::with_steps("  - run: {command: x, command: y}\n").refused();
    assert!(told.contains("command"), "{told}");
}

#[test]
fn value_of_wrong_type_is_reported() {
    for (steps, place) in [
        ("  - run: {command: [x]}\n", "a.yaml:4:"),
        ("  - run: x\n", "a.yaml:4:"),
        ("  - ping: {address: 10.0.0.1, count: many}\n", "a.yaml:4:"),
        ("  - ping: {address: 10.0.0.1, size: -1}\n", "a.yaml:4:"),
        ("  - issued: {count: 99999999999999999999999}\n", "a.yaml:4:"),
        ("  - run: {command: x, matches: {a: b}}\n", "a.yaml:4:"),
        ("  - run: {command: x, contains: y, within: 3 fortnights}\n", "a.yaml:4:"),
        ("  - run: {command: x, contains: y, within: 99999999999999h}\n", "a.yaml:4:"),
        ("  - run: {command: x, expect: maybe}\n", "a.yaml:4:"),
        ("  configure: {}\n", "a.yaml:4:"),
        ("  - 5\n", "a.yaml:4:"),
    ] {
        let told = Files::with_steps(steps).refused();
        assert!(told.contains(place), "{steps}{told}");
    }
}

#[test]
fn mistakes_in_a_lab_are_reported_in_the_lab_file() {
    for (right, wrong, expected) in [
        ("personality: linux", "personality: unix", "linux"),
        ("10.0.0.1/24", "10.0.0.300/24", "10.0.0.300"),
        ("10.0.0.1/24", "10.0.0.1/64", "10.0.0.1/64"),
        ("runs: ca", "runs: cs", "did you mean `ca`?"),
        ("interfaces", "interface", "did you mean `interfaces`?"),
        ("hosts:", "host:", "did you mean `hosts`?"),
        ("challenge", "chalenge", "did you mean `challenge`?"),
        ("{static: lab-secret-word}", "{statik: lab-secret-word}", "did you mean `static`?"),
        ("{static: lab-secret-word}", "lab-secret-word", "challenge"),
    ] {
        let told = Files::with_lab(LAB.replace(right, wrong)).refused();
        assert!(told.contains("lab.yaml:") && told.contains(expected), "{wrong}\n{told}");
    }
}

#[test]
fn all_files_of_a_folder_are_checked() {
    let files = Files::with("title: T\n");
    fs::write(files.path("b.yaml"), "steps: {}\n").unwrap();
    fs::write(files.path("c.yaml"), "").unwrap();
    let told = files.refused_at(".");
    for name in ["a.yaml", "b.yaml", "c.yaml"] {
        assert!(told.contains(name), "{told}");
    }
    assert!(told.trim_end().ends_with("errors"), "{told}");
}

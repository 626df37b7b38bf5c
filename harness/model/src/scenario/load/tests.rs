//! Right and wrong scenario files.

mod orders;

use std::time::Duration;

use super::*;
use crate::scenario::{Action, Expect, Goal};
use results::requirement::{Basis, Level};

const LAB: &str = "lab:
  devices: {DUT0: {interfaces: {eth0: 10.0.0.0/24}}}
  hosts: {gateway: {addresses: [10.0.0.1/24], runs: ca}}
  pki: {ca: {personality: linux, challenge: {static: hunter2}}}
";

fn read(text: &str) -> Result<Scenario, LoadErrors> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.yaml");
    std::fs::write(&path, text).unwrap();
    load(&Found { id: "a".to_owned(), path }, None)
}

fn steps(steps: &str) -> Result<Scenario, LoadErrors> {
    read(&format!("title: T\n{LAB}steps:\n{steps}"))
}

fn messages(result: Result<Scenario, LoadErrors>) -> Vec<String> {
    let errors = result.unwrap_err();
    errors.diagnostics().iter().map(|error| error.message.clone()).collect()
}

#[test]
fn all_kinds_of_steps_are_read() {
    let scenario = steps(
        "- configure:
    set: |
      # a comment
      set interfaces ethernet eth0 address 10.0.0.64/24
- modify: {device: DUT0, lines: delete system, expect: failure}
- ping: {address: 10.0.0.1, count: 3, size: 100, timeout: 2s}
- ping: {address: gateway, expect: failure}
- run: {command: pki scep show CSR, matches: ['ca\\s+Valid'], within: 500ms, name: shown}
- approve:
- deny: {pki: ca, within: 1s}
- issued: {count: 1}
",
    )
    .unwrap();
    let kinds: Vec<&str> = scenario.steps.iter().map(|step| step.action.kind()).collect();
    assert_eq!(kinds, ["configure", "modify", "ping", "ping", "run", "approve", "deny", "issued"]);
    let Action::Ping(ping) = &scenario.steps[2].action else { panic!() };
    assert_eq!(ping.command(), "ping 10.0.0.1 count 3 size 100 timeout 2");
    let Action::Ping(refused) = &scenario.steps[3].action else { panic!() };
    assert_eq!((refused.within, scenario.steps[3].expect), (Duration::ZERO, Expect::Failure));
    let Action::Run(run) = &scenario.steps[4].action else { panic!() };
    assert_eq!((run.device.as_str(), run.within), ("DUT0", Duration::from_millis(500)));
    assert_eq!(scenario.steps[4].title(), "shown");
    let Action::Configure(configuration) = &scenario.steps[0].action else { panic!() };
    assert_eq!(configuration.lines.value.lines().next(), Some(""));
    assert!(configuration.place_of(2).text().starts_with("set interfaces"));
}

#[test]
fn all_mistakes_are_reported_at_once() {
    let found = messages(steps(
        "- rum: {command: x}
- run: {device: DUT1, comand: x, matches: ['a(']}
- ping: {address: 10.0.0.1, count: 0, timeout: 500ms, within: 5}
- configure: {set: \"sett a\"}
  name: wrong place
- run: {command: x, within: 1s}
- issued: {pki: cb}
- run
- configure: {set: a}
  modify: {lines: set a}
",
    ));
    assert_eq!(
        found,
        [
            "unknown step `rum`",
            "a run step lacks the field `command`",
            "unknown device `DUT1`",
            "unknown field `comand` in a run step",
            "not a regular expression: unclosed group",
            "expected a count from 1 to 65535, found `0`",
            "expected whole seconds, as the device's `ping` takes them, found `500ms`",
            "expected a duration with its unit, such as `500ms`, `2s` or `1m`, found `5`",
            "a line begins with `set`, not `sett`",
            "unknown step `name`",
            "`within` waits for a check, but the step has none",
            "unknown PKI `cb`",
            "a step is a map, found `run`",
            "a line begins with `set`, not `a`",
            "`modify` is a second kind in one step",
        ]
    );
}

/// A scenario in a lab whose clock begins in 2026.
fn in_2026(steps: &str) -> Result<Scenario, LoadErrors> {
    let lab = LAB.replace("lab:\n", "lab:\n  clock: 2026-01-01T00:00Z\n");
    read(&format!("title: T\n{lab}steps:\n{steps}"))
}

#[test]
fn advances_are_read() {
    let steps = "- advance: {by: 330d}\n- advance: {to: 2026-12-01T00:00Z}\n";
    let scenario = in_2026(steps).unwrap();
    let goals: Vec<Goal> = scenario
        .steps
        .iter()
        .map(|step| {
            let Action::Advance(step) = &step.action else { panic!() };
            step.goal
        })
        .collect();
    let december = scep::clock::moment("2026-12-01T00:00Z").unwrap();
    assert_eq!(goals, [Goal::By(Duration::from_secs(330 * 86_400)), Goal::To(december)]);
    let titles: Vec<String> = scenario.steps.iter().map(Step::title).collect();
    let december = "advance the clock to 2026-12-01T00:00:00Z";
    assert_eq!(titles, ["advance the clock by 330d", december]);
}

#[test]
fn each_wrong_advance_is_told_at_its_place() {
    const DURATION: &str = "expected a duration with its unit, such as `12h`, `330d` or `1y`";
    for (step, message, column) in [
        ("{}", "`by` or `to` is required", 12),
        ("{by: 1d, to: 2026-12-01T00:00Z}", "an `advance` step has either `by` or `to`", 25),
        ("{by: -1d}", "the clock of a lab only goes forward", 17),
        ("{by: 0d}", "expected a duration longer than `0s`, found `0d`", 17),
        ("{by: 30}", &format!("{DURATION}, found `30`"), 17),
        ("{by: 101y}", &format!("{DURATION}, found `101y`"), 17),
        (
            "{to: 2025-12-31T23:59Z}",
            "the clock of a lab only goes forward: here it shows 2026-01-01T00:00:00Z or later",
            17,
        ),
        (
            "{to: 2126-12-01T00:00Z}",
            "one step advances by a century at most; here the clock shows 2026-01-01T00:00:00Z",
            17,
        ),
        (
            "{to: 1949-01-01T00:00Z}",
            "`1949-01-01T00:00Z` is no moment of a clock: a clock begins in 1970: no certificate, log or message of SCEP is older",
            17,
        ),
        (
            "{to: 10000-01-01T00:00Z}",
            "`10000-01-01T00:00Z` is no moment of a clock: a clock ends with the year 9999, the last that a certificate can name (RFC 5280 §4.1.2.5)",
            17,
        ),
        (
            "{to: 2026-12-31T23:59:60Z}",
            "`2026-12-31T23:59:60Z` is no moment of a clock: the second `:60` is a leap second, which no certificate can name (RFC 5280 §4.1.2.5)",
            17,
        ),
        (
            "{to: 2026-12-01T00:00}",
            "`2026-12-01T00:00` is no moment of a clock: a moment needs its time zone; write `Z` for UTC at its end, as in `2026-01-01T00:00Z`",
            17,
        ),
        (
            "{to: 2026-02-30T00:00Z}",
            "`2026-02-30T00:00Z` is no moment of a clock: there is no such date or time",
            17,
        ),
    ] {
        let errors = in_2026(&format!("- advance: {step}\n")).unwrap_err();
        let [error] = errors.diagnostics() else { panic!("{step}: {errors}") };
        assert_eq!(error.message, message, "{step}");
        let shown = errors.to_string();
        assert!(shown.contains(&format!("a.yaml:8:{column}")), "{step}: {shown}");
    }
    let shown = in_2026("- advance: {bye: 1d}\n").unwrap_err().to_string();
    assert!(shown.contains("unknown field `bye` in an advance step"), "{shown}");
    assert!(shown.contains("did you mean `by`?"), "{shown}");
    let shown = in_2026("- advnce: {by: 1d}\n").unwrap_err().to_string();
    assert!(shown.contains("did you mean `advance`?"), "{shown}");
    let shown = in_2026("- advance: {by: 30}\n").unwrap_err().to_string();
    assert!(shown.contains("did you mean `30s`?"), "{shown}");
    let shown = in_2026("- advance: 330d\n").unwrap_err().to_string();
    assert!(shown.contains("write `advance: {by: 330d}`"), "{shown}");
}

#[test]
fn advances_add_up() {
    let wrong = "- advance: {by: 330d}\n- advance: {to: 2026-11-01T00:00Z}\n";
    let found = messages(in_2026(wrong));
    let wanted =
        "the clock of a lab only goes forward: here it shows 2026-11-27T00:00:00Z or later";
    assert_eq!(found, [wanted]);
    let lab = LAB.replace("lab:\n", "lab:\n  clock: 9998-01-01T00:00Z\n");
    let found = messages(read(&format!("title: T\n{lab}steps:\n- advance: {{by: 3y}}\n")));
    assert_eq!(found, [scep::clock::BeyondRange.to_string()]);
    // Without the time of the beginning, only the run can tell.
    steps("- advance: {to: 2000-01-01T00:00Z}\n").unwrap();
}

#[test]
fn within_of_zero_needs_no_check() {
    steps("- run: {command: x, within: 0s}\n").unwrap();
}

#[test]
fn a_misspelling_suggests_the_right_name() {
    let shown = steps("- run: {device: dut0, command: x, mathces: a}\n").unwrap_err().to_string();
    assert!(shown.contains("^^^^^^^ did you mean `matches`?"), "{shown}");
    assert!(shown.contains("^^^^ did you mean `DUT0`?"), "{shown}");
    assert!(shown.contains("a.yaml:7:35"), "{shown}");
}

#[test]
fn a_missing_lab_file_is_reported_at_its_name() {
    let shown =
        read("title: T\nlab: labs/none.yaml\nsteps: [approve: {}]\n").unwrap_err().to_string();
    assert!(shown.contains("none.yaml` cannot be read: there is no such file"), "{shown}");
    assert!(shown.contains("a.yaml:2:6"), "{shown}");
}

#[test]
fn mistakes_in_a_scenario_do_not_show_its_secrets() {
    let shown = steps("- configure: {set: set a password geheim, sets: 1}\n").unwrap_err();
    assert!(!shown.to_string().contains("geheim"), "{shown}");
    let shown =
        read(&format!("{}steps: [", LAB.replace("{static: hunter2}", "{static: hunter2, x: 1}")));
    assert!(!shown.unwrap_err().to_string().contains("hunter2"));
}

#[test]
fn odd_yaml_is_no_panic() {
    let whole =
        format!("title: T\n{LAB}steps:\n- run: {{command: 'x', matches: [\"a\\tb\", 'ü(']}}\n");
    for end in (0..whole.len()).filter(|end| whole.is_char_boundary(*end)) {
        let _ = read(&whole[..end]);
        let _ = read(&whole[end..]);
    }
    for odd in
        ["- - -\n", "? {a: b}\n: c\n", "steps: *x\n", "{}: {}\n", "\u{0}", "---\n...\n", "!!map {}"]
    {
        assert!(read(odd).is_err(), "{odd}");
    }
}

#[test]
fn an_empty_step_is_rejected() {
    assert_eq!(messages(steps("- {}\n")), ["a step must have a kind"]);
}

#[test]
fn mistakes_in_a_scep_step_are_reported() {
    let scenario = steps(
        "- scep:
    send: PKCSReq
    method: get
    wrong: [unpadded-base64, no-sender-nonce]
    accept: [{http: 400..599}, {status: FAILURE, fail-info: [badRequest, badMessageCheck]}]
    save: {id: transaction-id}
- scep: {send: operation=GetCACapz, accept: [{http: not 200}]}
",
    );
    assert_eq!(scenario.unwrap().steps.len(), 2);
    let found = messages(steps(
        "- scep: {send: GetCaCaps, accept: []}
- scep: {send: GetCACaps, subject: CN=x, wrong: truncated, accept: [{http: 200}]}
- scep: {send: PKCSReq, wrong: url-safe-base64, accept: [{statuss: SUCCESS}, {status: OK}]}
- scep: {send: CertPoll, wrong: bad-proof-of-possession, accept: [{body: /(/}]}
- scep: {send: PKCSReq, key-type: rsa:512, alternative-names: [IP:192.0.2.300], accept: [{http: 200}]}
- scep: {send: PKCSReq, key-type: p256, key-bits: 2048, purposes: clientauth, accept: [{http: 200}]}
",
    ));
    for expected in [
        "unknown operation `GetCaCaps`",
        "`subject` is for a message, and GetCACaps carries none",
        "mutation `truncated` does not apply to this request",
        "mutation `url-safe-base64` does not apply to this request",
        "unknown field `statuss` in an acceptable outcome",
        "`status` is never `OK`",
        "mutation `bad-proof-of-possession` does not apply to this request",
        "`rsa:512` is not a usable kind of key",
        "`IP:192.0.2.300` is not a usable alternative name",
        "a key of the kind `p256` has no length to choose",
        "`clientauth` is not a usable purpose",
    ] {
        let times = found.iter().filter(|message| *message == expected).count();
        assert_eq!(times, 1, "{expected}: {found:?}");
    }
    assert!(found.iter().any(|message| message.starts_with("not a regular expression")));
}

#[test]
fn a_name_that_no_earlier_step_saved_is_rejected() {
    let granted =
        "- scep: {send: PKCSReq, accept: [{status: SUCCESS}], save: {serial: issued-serial}}\n";
    let with = |step: &str| steps(&format!("{granted}{step}\n"));
    let right =
        "- scep: {send: GetCert, serial: '{{serial}}', accept: [{status: 'not {{serial}}'}]}";
    assert_eq!(with(right).unwrap().steps.len(), 2);
    // Braces in a regular expression are no name.
    with("- scep: {send: GetCert, accept: [{body: '/[{{]x[}}]/', note: '{{what}}'}]}").unwrap();

    let errors =
        with("- scep:\n    send: GetCert\n    serial: '{{serail}}'\n    accept: [{http: 200}]\n");
    let shown = errors.unwrap_err().to_string();
    for expected in ["no earlier step saved `serail`", ":10:13", "did you mean `serial`?"] {
        assert!(shown.contains(expected), "{expected}: {shown}");
    }
    let subject = "- scep: {send: PKCSReq, subject: 'CN={{a}}-{{b}}', accept: [{status: '{{c}}'}]}";
    let expected = ["a", "b", "c"].map(|it| format!("no earlier step saved `{it}`"));
    assert_eq!(messages(with(subject)), expected);
    // A step cannot use what it saves itself.
    let own = "- scep: {send: GetCACaps, accept: [{http: '{{it}}'}], save: {it: http}}";
    assert_eq!(messages(with(own)), ["no earlier step saved `it`"]);
    let elsewhere = "- seen: {on: PKCSReq, accept: [{subject: '{{serial}}'}]}";
    assert_eq!(messages(with(elsewhere)), ["only `scep` steps can use `{{serial}}`"]);
    // A step that cannot be read may have saved anything.
    let unread = steps(
        "- scep: {send: PKCSRek, save: {a: http}}\n- scep: {send: GetCert, serial: '{{a}}', accept: [{http: 200}]}\n",
    );
    assert_eq!(messages(unread), ["unknown operation `PKCSRek`"]);
}

#[test]
fn unknown_requirement_and_wrong_end_are_rejected() {
    let with = |block: &str| read(&format!("title: T\n{block}\n{LAB}steps:\n- approve:\n"));
    let scenario = with("conformance: {requirement: R31, end: server}").unwrap();
    assert_eq!(scenario.conformance.unwrap().basis.section(), "§3.2.1.5");
    let unknown = messages(with("conformance: {requirement: R99, end: server}"));
    assert_eq!(unknown, ["unknown requirement `R99`"]);
    let not_theirs = messages(with("conformance: {requirement: R01, end: client}"));
    assert_eq!(not_theirs, ["R01 is no requirement of a client"]);
}

#[test]
fn advice_has_a_reason_and_no_sentence() {
    let with = |block: &str| read(&format!("title: T\n{block}\n{LAB}steps:\n- approve:\n"));
    let advice = "requirement: R01, end: client, level: advice";
    let scenario = with(&format!("conformance: {{{advice}, reason: sensible, was: a/b}}")).unwrap();
    let conformance = scenario.conformance.unwrap();
    assert_eq!(conformance.level, Level::Advice);
    assert_eq!(conformance.basis, Basis::Advice { reason: "sensible".to_owned() });
    assert_eq!(conformance.former_ids, ["a/b"]);
    let bare = messages(with(&format!("conformance: {{{advice}}}")));
    assert_eq!(bare, ["a conformance block lacks the field `reason`"]);
    let quoting = messages(with(&format!("conformance: {{{advice}, reason: a, sentence: b}}")));
    let expected = "an `advice` has a `reason` and no `sentence`, because no sentence demands it";
    assert_eq!(quoting, [expected]);
    let reasoned = messages(with("conformance: {requirement: R01, end: server, reason: a}"));
    assert_eq!(reasoned, ["only a case of the level `advice` has a `reason`"]);
}

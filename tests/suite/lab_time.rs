//! Labs with a time of their own, as `sceplab run` has them.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use super::sceplab::{Ended, run_in};

/// A lab that begins with the year 2026; devices, and the CA, may have more fields.
pub(super) fn scenario(device: &str, ca: &str, steps: &str) -> String {
    format!(
        "title: Time
lab:
  clock: 2026-01-01T00:00Z
  devices: {{DUT0: {{interfaces: {{eth0: 10.0.0.0/24}}{device}}}}}
  hosts: {{gateway: {{addresses: [10.0.0.1/24], runs: ca}}}}
  pki: {{ca: {{personality: linux, port: 8080{ca}}}}}
steps:
{steps}"
    )
}

/// A step that makes the device enrol at this port.
pub(super) fn enrols(port: u16) -> String {
    format!(
        "  - configure:
      set: |
        set interfaces ethernet eth0 address 10.0.0.64/24
        set system certificate scep csr CSR cgi-path /scep
        set system certificate scep csr CSR distinguished-names CN=a
        set system certificate scep csr CSR port {port}
        set system certificate scep csr CSR url http://10.0.0.1
"
    )
}

/// The result of a run, and its report in JSON.
pub(super) fn run(text: &str) -> (Ended, Value) {
    let folder: TempDir = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("time.yaml"), text).unwrap();
    let ended = run_in(folder.path(), &["run", "time.yaml", "-v", "--report", "json=report.json"]);
    let report = fs::read(folder.path().join("report.json")).unwrap_or_default();
    (ended, serde_json::from_slice(&report).unwrap_or_default())
}

/// The output of a step, counted from 1.
pub(super) fn output(report: &Value, step: usize) -> &str {
    let output = &report["scenarios"][0]["steps"][step - 1]["output"];
    output.as_str().unwrap_or_else(|| panic!("{report:#}"))
}

#[track_caller]
pub(super) fn passed(text: &str) -> Value {
    let (ended, report) = run(text);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    report
}

#[test]
fn certificate_expires_when_the_clock_moves_and_the_step_says_so() {
    let steps = enrols(8080)
        + "  - run: {command: pki scep show CSR, matches: ['usercert\\s+Valid'], within: 1s}
  - advance: {by: 364d}
  - run: {command: pki scep show CSR, matches: ['usercert\\s+Valid'], within: 0s}
  - advance: {by: 2d}
  - run: {command: pki scep show CSR, matches: ['usercert\\s+Expired'], within: 0s}
  - run: {command: show date, contains: ['02 Jan 2027'], within: 0s}
";
    let report = passed(&scenario("", "", &steps));
    let quiet = output(&report, 3);
    assert!(quiet.ends_with("2026-12-31T00:00:00Z: nothing happened"), "{quiet}");
    let expired = output(&report, 5);
    assert!(expired.contains(": 1 event\n2027-01-01T00:00:00Z  ca: certificate 02"), "{expired}");
    assert!(expired.ends_with("`CN = a`, expired"), "{expired}");
    let sent = &report["scenarios"][0]["steps"][2]["sent"];
    assert_eq!((&sent["kind"], &sent["goal"]), (&"clock".into(), &"by 364d".into()));
}

#[test]
fn retries_happen_in_their_order_at_their_moments() {
    let steps = enrols(9)
        + "  - advance: {by: 2m}
  - advance: {to: 2026-01-01T00:10Z}
";
    let report = passed(&scenario("", "", &steps));
    let first = output(&report, 2);
    let moments: Vec<&str> =
        first.lines().skip(1).filter_map(|line| line.split(' ').next()).collect();
    let wanted =
        ["00:00:00", "00:00:01", "00:00:03", "00:00:07", "00:00:15", "00:00:31", "00:01:03"];
    assert_eq!(moments, wanted.map(|time| format!("2026-01-01T{time}Z")), "{first}");
    assert!(first.contains("connection refused by 10.0.0.1:9, next try in 1 s"), "{first}");
    // From then on the device tries once a minute.
    let second = output(&report, 3);
    assert!(second.ends_with("next try in 60 s"), "{second}");
    assert_eq!(second.lines().count(), 9, "{second}");
}

#[test]
fn device_and_pki_have_clocks_of_their_own() {
    let steps = enrols(8080)
        + "  - run: {command: show date, contains: ['02 Jan 2021'], within: 0s}
  - run: {command: pki scep show CSR, matches: ['ca\\s+Not yet valid'], within: 5s}
  - advance: {by: 1d}
  - run: {command: show date, contains: ['03 Jan 2021'], within: 0s}
";
    passed(&scenario(", clock: -5y", ", clock: +1d", &steps));
}

#[test]
fn time_limits_count_lab_time_and_cost_none() {
    let steps = enrols(9)
        + "  - run: {command: pki scep show CSR, matches: ['usercert\\s+Valid'], within: 1h}\n";
    let (ended, report) = run(&scenario("", "", &steps));
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    assert!(ended.stdout.contains("in 3600.0 s of lab time, "), "{}", ended.transcript());
    let one = &report["scenarios"][0];
    let (of_step, of_scenario) = (&one["steps"][1]["elapsed_seconds"], &one["elapsed_seconds"]);
    assert!(of_step.as_f64().unwrap() >= 3600.0, "{one:#}");
    assert!(of_scenario.as_f64().unwrap() < 3600.0, "{one:#}");
}

#[test]
fn wait_for_what_nobody_will_do_is_told() {
    let never = "nothing in this lab will change any more";
    let check =
        "  - run: {command: pki scep show CSR, matches: ['usercert\\s+Expired'], within: 2s}\n";
    let (ended, _) = run(&scenario("", "", &(enrols(8080) + check)));
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    assert!(ended.stdout.contains(never), "{}", ended.transcript());
    // A device that goes on trying may still succeed.
    let (ended, _) = run(&scenario("", "", &(enrols(9) + check)));
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    assert!(!ended.stdout.contains(never), "{}", ended.transcript());
}

#[test]
fn long_wait_for_what_comes_in_years_costs_few_tries_and_is_told() {
    let steps = "  - configure: {set: set interfaces ethernet eth0 address 10.0.0.64/24}
  - issued: {count: 1, within: 1d}
";
    let (ended, report) = run(&scenario("", ", next-ca: {from: 2036-01-01T00:00Z}", steps));
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    let told =
        "nothing in this lab changes before 2036-01-01T00:00:00Z: an `advance` moves its clock";
    assert!(ended.stdout.contains(told), "{}", ended.transcript());
    assert!(ended.stdout.contains("0 issued in 86400.0 s of lab time"), "{}", ended.transcript());
    let tries = report["scenarios"][0]["steps"][1]["tries"].as_u64().unwrap();
    assert!(tries < 2_000, "{tries}");
}

/// A certificate of twenty years that is renewed after sixteen: something will change, however late.
#[test]
fn renewal_in_many_years_is_a_change() {
    let renewing = enrols(8080).replace(
        "csr CSR port",
        "csr CSR renew-at 80\n        set system certificate scep csr CSR port",
    );
    let check =
        "  - run: {command: pki scep show CSR, matches: ['usercert\\s+Revoked'], within: 2s}\n";
    let (ended, _) =
        run(&scenario("", ", valid-for: 20y, ca: {valid-for: 30y}", &(renewing + check)));
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    let never = "nothing in this lab will change any more";
    assert!(!ended.stdout.contains(never), "{}", ended.transcript());
}

#[test]
fn certificates_of_seconds_end_a_long_advance() {
    let renewing = enrols(8080).replace(
        "csr CSR port",
        "csr CSR renew-at 50\n        set system certificate scep csr CSR port",
    );
    let steps = renewing + "  - advance: {by: 330d}\n";
    let (ended, _) = run(&scenario("", ", valid-for: 4s", &steps));
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    for told in [
        "the lab does not come to rest",
        " certificates in ",
        "certificates live so short that they are renewed all the time: compare `valid-for` of the PKI",
    ] {
        assert!(ended.stdout.contains(told), "{told}: {}", ended.transcript());
    }
}

#[test]
fn gap_between_the_lives_of_two_cas_gets_a_hint() {
    let ca = ", personality: rfc8894, ca: {valid-for: 30d}, next-ca: {from: 2026-03-01T00:00Z}";
    let steps = "  - advance: {to: 2026-02-10T00:00Z}\n".to_owned()
        + &enrols(8080)
        + "  - certificate: {csr: CSR, is: {validity: valid}, within: 1m}\n";
    let (ended, _) = run(&scenario("", ca, &steps).replace("personality: linux, ", ""));
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    let hint = "there must be no gap";
    assert!(ended.stdout.contains(hint), "{}", ended.transcript());
}

#[test]
fn goal_that_only_the_run_can_judge_is_refused() {
    let steps = "  - advance: {by: 1d}\n";
    let late = scenario("", "", &format!("{steps}  - advance: {{to: 2000-01-01T00:00Z}}\n"));
    let (ended, _) = run(&late.replace("  clock: 2026-01-01T00:00Z\n", ""));
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    for told in ["the clock cannot be moved like this", "already, and only goes forward"] {
        assert!(ended.stdout.contains(told), "{told}: {}", ended.transcript());
    }
}

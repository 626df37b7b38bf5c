//! Scenarios on a testbed with a fake device and a fake PKI.

mod limits;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;

use super::*;
use model::scenario::{Found, load};
use results::{Breakage, Failure};
use testbed::device::{Change, Device, DeviceError};
use testbed::lab_time;
use testbed::pki::{Decision, IssuedCertificate, Pki, PkiError};

const LAB: &str = "title: T
lab:
  devices: {DUT0: {interfaces: {eth0: 10.0.0.0/24}, keyring: {sealed: hunter2}}}
  hosts: {gateway: {addresses: [10.0.0.1/24], runs: ca}}
  pki: {ca: {personality: linux, approval: manual, challenge: {static: hunter2}}}
steps:
";

/// Answers with its texts in order and repeats the last one.
struct FakeDevice {
    outputs: Vec<Result<&'static str, DeviceError>>,
    calls: AtomicUsize,
    configured: Mutex<Vec<String>>,
}

#[async_trait]
impl Device for FakeDevice {
    async fn configure(&self, change: Change<'_>) -> Result<(), DeviceError> {
        for (index, line) in change.lines().lines().enumerate() {
            if line.contains("bad") {
                return Err(DeviceError::ConfigurationRefused {
                    line: index + 1,
                    text: line.to_owned(),
                    message: "\n  Set failed for hunter2\n".to_owned(),
                });
            }
        }
        self.configured.lock().unwrap().push(change.lines().to_owned());
        Ok(())
    }

    async fn execute(&self, _: &str) -> Result<String, DeviceError> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        self.outputs[call.min(self.outputs.len() - 1)].clone().map(str::to_owned)
    }

    async fn protocol_log(&self) -> Vec<String> {
        vec!["answered FAILURE, badMessageCheck: wrong challenge password `hunter2`".to_owned()]
    }
}

#[derive(Default)]
struct FakePki {
    calls: AtomicUsize,
}

#[async_trait]
impl Pki for FakePki {
    async fn approve(&self) -> Result<Decision, PkiError> {
        match self.calls.fetch_add(1, Ordering::SeqCst) {
            0..3 => Ok(Decision::NothingPending),
            _ => Ok(Decision::Decided { subject: "CN = a".to_owned() }),
        }
    }

    async fn issued(&self) -> Result<Vec<IssuedCertificate>, PkiError> {
        Ok(vec![IssuedCertificate {
            serial: "2".to_owned(),
            subject: "CN = a".to_owned(),
            not_after: None,
            der: None,
            revoked: None,
        }])
    }
}

/// PKI that is known to be broken only after its log was requested.
#[derive(Default)]
struct FrozenPki {
    asked: AtomicBool,
}

#[async_trait]
impl Pki for FrozenPki {
    async fn log(&self) -> Vec<String> {
        self.asked.store(true, Ordering::SeqCst);
        vec!["no answer".to_owned()]
    }

    async fn broken(&self) -> String {
        if self.asked.load(Ordering::SeqCst) {
            return "no answer in 30 s".to_owned();
        }
        std::future::pending().await
    }
}

async fn run(outputs: Vec<Result<&'static str, DeviceError>>, steps: &str) -> ScenarioOutcome {
    run_at(Arc::new(FakePki::default()), outputs, steps).await
}

async fn run_at(
    pki: Arc<dyn Pki>,
    outputs: Vec<Result<&'static str, DeviceError>>,
    steps: &str,
) -> ScenarioOutcome {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.yaml");
    std::fs::write(&path, format!("{LAB}{steps}")).unwrap();
    let scenario = load(&Found { id: "a".to_owned(), path }, None).unwrap();
    let device = FakeDevice { outputs, calls: AtomicUsize::new(0), configured: Mutex::default() };
    let mut testbed = Testbed::default();
    testbed.devices.insert("DUT0".to_owned(), Arc::new(device));
    testbed.pkis.insert("ca".to_owned(), pki);
    run_on(&scenario, &testbed).await
}

fn failure(outcome: &ScenarioOutcome) -> &Failure {
    match &outcome.verdict {
        Verdict::Failed(failure) => failure,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn check_is_repeated_until_it_holds() {
    let outputs = vec![Ok("ca Pending"), Ok("ca Pending"), Ok("ca  Valid")];
    let outcome = run(outputs, "- run: {command: show, matches: ['ca\\s+Valid']}\n").await;
    assert_eq!(outcome.verdict, Verdict::Passed);
    let step = &outcome.steps[0];
    assert_eq!((step.tries, step.elapsed), (3, Duration::from_millis(500)));
}

#[tokio::test(start_paused = true)]
async fn failed_check_reports_findings_closest_line_and_hint() {
    let outputs = vec![Ok("none"), Ok("ca  Failed hunter2\nx\n")];
    let steps = "- run: {command: show, matches: ['ca\\s+Valid', x], contains: [y]}\n";
    let outcome = run(outputs, steps).await;
    let failure = failure(&outcome);
    assert_eq!((failure.tries, failure.step), (81, 1));
    let labels: Vec<(&str, &str)> = failure
        .findings
        .iter()
        .map(|finding| (finding.label.as_str(), finding.closest.as_deref().unwrap_or("")))
        .collect();
    assert_eq!(
        labels,
        [
            ("not found in 20.0 s, 81 tries", "ca  Failed ****"),
            ("not found in 20.0 s, 81 tries", ""),
        ]
    );
    assert_eq!(failure.first_output.as_deref(), Some("none"));
    assert!(failure.hint.as_deref().unwrap().contains("another challenge password"));
    assert!(!format!("{outcome:?}").contains("hunter2"));
}

#[tokio::test(start_paused = true)]
async fn all_checks_must_hold_at_the_same_try() {
    let outputs = vec![Ok("Valid Failed"), Ok("other"), Ok("Valid")];
    let steps = "- run: {command: show, contains: Valid, contains_not: Failed}\n";
    assert_eq!(run(outputs, steps).await.steps[0].tries, 3);
}

#[tokio::test(start_paused = true)]
async fn expected_failure_passes_after_the_time_limit() {
    let steps = "- run: {command: show, contains: Valid, within: 2s, expect: failure}\n";
    let outcome = run(vec![Ok("Failed")], steps).await;
    assert_eq!(outcome.verdict, Verdict::Passed);
    assert_eq!(outcome.steps[0].elapsed, Duration::from_secs(2));
}

#[tokio::test]
async fn clock_of_a_device_that_goes_by_the_systems_cannot_be_moved() {
    let outcome = run(vec![Ok("")], "- advance: {by: 330d}\n").await;
    let Verdict::Skipped(skip) = &outcome.verdict else { panic!("{outcome:?}") };
    assert_eq!(skip.because, SkipCause::NotSupported);
    assert_eq!(
        skip.reason,
        "`DUT0`: the device does not support that its time is moved; a lab of the driver `virtual` has its own time"
    );
}

#[tokio::test]
async fn wait_in_a_lab_with_a_time_of_its_own_says_so_and_if_nothing_is_due() {
    let steps = "- advance: {by: 330d}\n- run: {command: show, contains: y}\n";
    let outcome = lab_time::run(|| run(vec![Ok("none")], steps)).await;
    assert_eq!(outcome.steps[0].elapsed, Duration::from_secs(330 * 86_400));
    assert!(outcome.steps[0].output.ends_with(": nothing happened"), "{outcome:?}");
    let failure = failure(&outcome);
    assert_eq!(failure.findings[0].label, "not found in 20.0 s of lab time, 81 tries");
}

#[tokio::test(start_paused = true)]
async fn late_success_of_an_expected_failure_fails() {
    let steps = "- run: {command: show, contains: Valid, expect: failure}\n";
    let outcome = run(vec![Ok("Failed"), Ok("Valid")], steps).await;
    let failure = failure(&outcome);
    assert_eq!(failure.message, "the step succeeded but was expected to fail");
    assert_eq!(failure.findings[0].label, "succeeded in 0.2 s, 2 tries");
    assert_eq!(failure.hint, None);
}

#[tokio::test(start_paused = true)]
async fn refused_configuration_line_is_shown_at_its_place() {
    let steps = "- configure:\n    set: |\n      set a\n      set bad\n- run: {command: x}\n";
    let outcome = run(vec![Ok("")], steps).await;
    let failure = failure(&outcome);
    assert_eq!(failure.findings[0].excerpt.text.trim(), "set bad");
    assert_eq!(failure.findings[0].label, "Set failed for ****");
    assert_eq!(outcome.steps.len(), 1);
    let refused = steps.replace("set: |", "expect: failure\n    set: |");
    assert_eq!(run(vec![Ok("")], &refused).await.verdict, Verdict::Passed);
}

#[tokio::test(start_paused = true)]
async fn ping_passes_when_all_replies_are_received() {
    let all = Ok("2 packets transmitted, 2 received, 0% packet loss, time 0ms");
    let some = Ok("2 packets transmitted, 1 received, 50% packet loss, time 0ms");
    let steps = "- ping: {address: 10.0.0.1, count: 2}\n";
    assert_eq!(run(vec![some.clone(), all], steps).await.verdict, Verdict::Passed);
    let outcome = run(vec![some.clone()], steps).await;
    assert_eq!(failure(&outcome).findings[0].label, "1 of 2 answered in 20.0 s, 81 tries");
    let refused = steps.replace("count: 2", "count: 2, expect: failure");
    assert_eq!(run(vec![some], &refused).await.steps[0].tries, 1);
}

#[tokio::test(start_paused = true)]
async fn command_without_checks_runs_once_and_must_be_accepted() {
    let refused = || vec![Err(DeviceError::CommandRefused { output: "CLI Error".to_owned() })];
    let outcome = run(refused(), "- run: {command: x}\n").await;
    assert_eq!((failure(&outcome).output.as_str(), failure(&outcome).tries), ("CLI Error", 1));
    let expected = "- run: {command: x, expect: failure}\n- run: {command: x, contains: Error}\n";
    assert_eq!(run(refused(), expected).await.verdict, Verdict::Passed);
}

#[tokio::test(start_paused = true)]
async fn unsupported_step_is_skipped_and_broken_device_breaks_the_lab() {
    let unable = DeviceError::NotSupported { what: "x".to_owned() };
    let broken = DeviceError::Broken { reason: "no power".to_owned() };
    let steps = "- run: {command: x}\n";
    let skipped = |reason: &str, step: &str| {
        let skip = Skip::new(SkipCause::NotSupported, reason);
        Verdict::Skipped(Skip { evidence: vec![step.to_owned()], ..skip })
    };
    let expected = skipped("`DUT0`: the device does not support x", "step 1: run `x` at DUT0");
    assert_eq!(run(vec![Err(unable)], steps).await.verdict, expected);
    let reason = Breakage { step: Some(1), ..Breakage::new("`DUT0`: the device broke: no power") };
    assert_eq!(run(vec![Err(broken)], steps).await.verdict, Verdict::LabBroke { reason });
    let steps = "- deny: {}\n";
    let reason = "`ca`: the PKI does not support denying requests";
    let expected = skipped(reason, "step 1: deny a request at ca");
    assert_eq!(run(vec![Ok("")], steps).await.verdict, expected);
}

#[tokio::test(start_paused = true)]
async fn failed_check_in_a_broken_lab_is_a_broken_lab() {
    let steps = "- run: {command: x, contains: Valid}\n";
    let outcome = run_at(Arc::new(FrozenPki::default()), vec![Ok("Pending")], steps).await;
    let reason = Breakage { step: Some(1), ..Breakage::new("pki `ca`: no answer in 30 s") };
    assert_eq!(outcome.verdict, Verdict::LabBroke { reason });
}

#[tokio::test(start_paused = true)]
async fn decision_waits_for_a_request_and_issued_certificates_are_counted() {
    let steps = "- approve: {}\n- issued: {count: 1, contains: CN = a}\n- issued: {}\n";
    let outcome = run(vec![Ok("")], steps).await;
    assert_eq!(outcome.verdict, Verdict::Passed);
    assert_eq!(outcome.steps[0].tries, 4);
    let outcome = run(vec![Ok("")], "- issued: {count: 2, within: 0s}\n").await;
    assert_eq!(failure(&outcome).findings[0].label, "1 issued");
    assert_eq!(failure(&outcome).output, "2  CN = a\n");
}

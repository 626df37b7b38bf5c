//! The steps that a PKI takes.

use std::time::Duration;

use super::{Answer, Attempted, Miss, Stop, bounded};
use crate::wait::wait;
use model::scenario::{Issued, Step, Verdict};
use results::Sent;
use testbed::Bench;
use testbed::pki::{Decision, IssuedCertificate, Pki, PkiError};

/// The first pause between two tries; a PKI does not tell when it changed, so that pauses grow.
const FIRST_PAUSE: Duration = Duration::from_millis(5);

/// Approves or denies the oldest pending request, once there is one.
pub(super) async fn decide(
    step: &Step,
    verdict: &Verdict,
    approve: bool,
    bench: &Bench,
) -> Result<Attempted, Stop> {
    let (name, pki) = (verdict.pki.as_str(), pki(bench, &verdict.pki)?);
    let request = if approve { "approve the oldest request" } else { "deny the oldest request" };
    let decide = || async move {
        let decision = bounded(name, if approve { pki.approve() } else { pki.deny() }).await?;
        Ok(match decision.map_err(|error| stop(name, &error))? {
            Decision::Decided { subject } => Answer { output: subject, ..Answer::default() },
            Decision::NothingPending => Answer {
                message: "there was nothing to decide",
                misses: vec![Miss::at(&step.place, "no request was pending")],
                ..Answer::default()
            },
        })
    };
    attempted(step, name, request, verdict.within, decide).await
}

/// Lists the issued certificates until they are as expected.
pub(super) async fn issued(step: &Step, issued: &Issued, bench: &Bench) -> Result<Attempted, Stop> {
    let (name, pki) = (issued.pki.as_str(), pki(bench, &issued.pki)?);
    let list = || async move {
        let listed = bounded(name, pki.issued()).await?;
        Ok(listed_as_expected(step, issued, &listed.map_err(|error| stop(name, &error))?))
    };
    attempted(step, name, "list the issued certificates", issued.within, list).await
}

fn listed_as_expected(step: &Step, issued: &Issued, certificates: &[IssuedCertificate]) -> Answer {
    let mut answer = Answer::checked(list(certificates), &issued.checks);
    if let Some(miss) = miscounted(step, issued, certificates.len()) {
        answer.message = "the PKI did not issue what it should";
        answer.misses.insert(0, miss);
    }
    answer
}

fn miscounted(step: &Step, issued: &Issued, count: usize) -> Option<Miss> {
    match &issued.count {
        Some(wanted) if wanted.value != count => {
            Some(Miss::at(&wanted.place, format!("{count} issued")))
        }
        None if issued.checks.is_empty() && count == 0 => {
            Some(Miss::at(&step.place, "nothing issued"))
        }
        _ => None,
    }
}

fn list(certificates: &[IssuedCertificate]) -> String {
    let line = |certificate: &IssuedCertificate| {
        certificate.serial.clone() + "  " + &certificate.subject + "\n"
    };
    certificates.iter().map(line).collect()
}

async fn attempted<A: Future<Output = Result<Answer, Stop>>>(
    step: &Step,
    name: &str,
    request: &str,
    within: Duration,
    attempt: impl FnMut() -> A,
) -> Result<Attempted, Stop> {
    let mut next_pause = FIRST_PAUSE;
    let pause = |longest: Duration| {
        let pause = next_pause.min(longest);
        next_pause = next_pause.saturating_mul(2);
        tokio::time::sleep(pause)
    };
    let answers = wait(within, attempt, pause, Answer::met).await?;
    let sent = Sent::Request { pki: name.to_owned(), request: request.to_owned() };
    let (expect, place) = (step.expect, step.place.clone());
    Ok(Attempted { sent, answers, within, expect, concerns_scep: true, place })
}

pub(super) fn pki<'a>(bench: &'a Bench, name: &str) -> Result<&'a dyn Pki, Stop> {
    bench
        .pkis
        .get(name)
        .map(AsRef::as_ref)
        .ok_or_else(|| Stop::Broken(format!("the lab was built without the PKI `{name}`")))
}

pub(super) fn stop(name: &str, error: &PkiError) -> Stop {
    let reason = format!("`{name}`: {error}");
    match error {
        PkiError::NotSupported { .. } => Stop::NotSupported(reason),
        PkiError::Broken { .. } => Stop::Broken(reason),
    }
}

//! The steps that a PKI takes.

use std::time::Duration;

use async_trait::async_trait;

use super::{Answer, Attempted, Miss, Stop, bounded};
use crate::wait::{Attempt, wait};
use model::outcome::Sent;
use model::scenario::{Issued, Step, Verdict};
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
    let ask = if approve { Ask::Approve } else { Ask::Deny };
    let request = if approve { "approve the oldest request" } else { "deny the oldest request" };
    attempted(step, &verdict.pki, ask, request, verdict.within, bench).await
}

/// Lists the issued certificates until they are as expected.
pub(super) async fn issued(step: &Step, issued: &Issued, bench: &Bench) -> Result<Attempted, Stop> {
    let request = "list the issued certificates";
    attempted(step, &issued.pki, Ask::List(issued), request, issued.within, bench).await
}

#[derive(Clone, Copy)]
enum Ask<'a> {
    Approve,
    Deny,
    List(&'a Issued),
}

struct Asking<'a> {
    name: &'a str,
    pki: &'a dyn Pki,
    ask: Ask<'a>,
    step: &'a Step,
    next_pause: Duration,
}

#[async_trait]
impl Attempt for Asking<'_> {
    type Yield = Answer;
    type Error = Stop;

    async fn attempt(&mut self) -> Result<Answer, Stop> {
        match self.ask {
            Ask::Approve => self.decided(bounded(self.name, self.pki.approve()).await?),
            Ask::Deny => self.decided(bounded(self.name, self.pki.deny()).await?),
            Ask::List(issued) => {
                let listed = bounded(self.name, self.pki.issued()).await?;
                Ok(self.listed(issued, &listed.map_err(|error| stop(self.name, &error))?))
            }
        }
    }

    async fn pause(&mut self, longest: Duration) {
        tokio::time::sleep(self.next_pause.min(longest)).await;
        self.next_pause = self.next_pause.saturating_mul(2);
    }

    fn is_done(&self, answer: &Answer) -> bool {
        answer.met()
    }
}

impl Asking<'_> {
    fn decided(&self, decision: Result<Decision, PkiError>) -> Result<Answer, Stop> {
        let (output, misses) = match decision.map_err(|error| stop(self.name, &error))? {
            Decision::Decided { subject } => (subject, Vec::new()),
            Decision::NothingPending => {
                (String::new(), vec![Miss::at(&self.step.place, "no request was pending")])
            }
        };
        let message = "there was nothing to decide";
        Ok(Answer { output, message, misses, notes: Vec::new() })
    }

    fn listed(&self, issued: &Issued, certificates: &[IssuedCertificate]) -> Answer {
        let mut answer = Answer::checked(list(certificates), &issued.checks);
        if let Some(miss) = miscounted(self.step, issued, certificates.len()) {
            answer.message = "the PKI did not issue what it should";
            answer.misses.insert(0, miss);
        }
        answer
    }
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

async fn attempted(
    step: &Step,
    name: &str,
    ask: Ask<'_>,
    request: &str,
    within: Duration,
    bench: &Bench,
) -> Result<Attempted, Stop> {
    let pki = pki(bench, name)?;
    let answers = wait(Asking { name, pki, ask, step, next_pause: FIRST_PAUSE }, within).await?;
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

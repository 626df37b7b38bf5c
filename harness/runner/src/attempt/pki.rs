//! The steps that a PKI carries out, that send requests to it, or that inspect the requests it received.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::{Answer, Attempt, Attempted, Env, Miss, Stop, bounded};
use crate::conversation::{Conversation, RequestError};
use model::scenario::scep::{FactName, Scep};
use model::scenario::seen::{Seen, SeenFact};
use model::scenario::{DecisionStep, Issued, Step};
use results::Sent;
use testbed::Testbed;
use testbed::pki::{Decision, IssuedCertificate, Pki, PkiError, ScepService, SeenRequest};

/// The first pause between two tries. A PKI does not report changes, so the pauses grow.
const FIRST_PAUSE: Duration = Duration::from_millis(5);

/// The SCEP conversation of a scenario with each PKI, by the PKI's name.
pub(crate) type Conversations = BTreeMap<String, Conversation>;

impl Attempt for DecisionStep {
    /// Approves or denies the oldest pending request, once there is one.
    async fn attempt(&self, Env { step, testbed, .. }: Env<'_>) -> Result<Attempted, Stop> {
        let pki = pki(testbed, &self.pki)?;
        let verb = if self.approves { "approve" } else { "deny" };
        let decide = || async move {
            let decision = if self.approves { pki.approve() } else { pki.deny() };
            Ok(match ask(&self.pki, decision).await? {
                Decision::Decided { subject } => Answer { output: subject, ..Answer::default() },
                Decision::NothingPending => Answer {
                    message: "there was nothing to decide",
                    misses: vec![Miss::at(&step.place, "no request was pending")],
                    ..Answer::default()
                },
            })
        };
        retry(step, &self.pki, format!("{verb} the oldest request"), self.within, decide).await
    }
}

impl Attempt for Issued {
    /// Lists the issued certificates until they are as expected.
    async fn attempt(&self, Env { step, testbed, .. }: Env<'_>) -> Result<Attempted, Stop> {
        let pki = pki(testbed, &self.pki)?;
        let list = || async move {
            let listed = ask(&self.pki, pki.issued()).await?;
            Ok(listed_as_expected(step, self, &listed))
        };
        let request = "list the issued certificates".to_owned();
        retry(step, &self.pki, request, self.within, list).await
    }
}

impl Attempt for Scep {
    /// Sends the request and compares the response with the acceptable outcomes.
    async fn attempt(&self, Env { step, testbed, state }: Env<'_>) -> Result<Attempted, Stop> {
        let start = Instant::now();
        let pki = scep(testbed, &self.pki)?;
        let fresh =
            || Conversation::new(testbed.keys, testbed.subject.clone(), testbed.received.clone());
        let conversation = state.conversations.entry(self.pki.clone()).or_insert_with(fresh);
        let exchange = conversation.exchange(pki, &self.request, !self.may_be_granted());
        let exchange = bounded(&self.pki, exchange).await?.map_err(|error| match error {
            RequestError::NotPossible(reason) => Stop::NotSupported(reason),
            RequestError::Pki(error) => stop(&self.pki, &error),
            RequestError::Unbuilt(_) => Stop::Broken(format!("`{}`: {error}", self.pki)),
        })?;
        let seen = &exchange.observation;
        let mut answer = Answer::judged(
            &self.acceptable,
            seen.lines().join("\n"),
            |fact| seen.value(fact),
            |text| conversation.filled(text),
        )?;
        answer.pki_status.clone_from(&seen.pki_status);
        for (name, fact) in &self.save {
            conversation.save(name, seen.value(*fact));
        }
        Ok(Attempted::once(step, &self.pki, exchange.sent.join("\n"), answer, start.elapsed()))
    }
}

impl Attempt for Seen {
    /// Compares each selected request with the acceptable outcomes.
    async fn attempt(&self, Env { step, testbed, .. }: Env<'_>) -> Result<Attempted, Stop> {
        let start = Instant::now();
        let mut selected = ask(&self.pki, pki(testbed, &self.pki)?.seen()).await?;
        selected.retain(|one| {
            self.on.takes(one.value(SeenFact::Operation), one.value(SeenFact::MessageType))
        });
        if selected.is_empty() {
            selected.push(SeenRequest::default());
        }
        let answer = all_acceptable(self, &selected)?;
        let request = format!("list each {} that was received", self.on.name());
        Ok(Attempted::once(step, &self.pki, request, answer, start.elapsed()))
    }
}

fn listed_as_expected(step: &Step, issued: &Issued, certificates: &[IssuedCertificate]) -> Answer {
    let mut answer = Answer::checked(list(certificates), &issued.checks);
    if let Some(miss) = miscounted(step, issued, certificates.len()) {
        answer.message = "the issued certificates are not as expected";
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
            Some(Miss::at(&step.place, "no certificate issued"))
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

/// The answer for the first request that is not acceptable, or the notes on all requests.
fn all_acceptable(it: &Seen, selected: &[SeenRequest]) -> Result<Answer, Stop> {
    let mut notes = Vec::new();
    for one in selected {
        let output = description(it, one);
        let mut answer =
            Answer::judged(&it.acceptable, output, |fact| one.value(fact), str::to_owned)?;
        if !answer.met() {
            answer.message = "a request matches none of the acceptable outcomes";
            return Ok(answer);
        }
        notes.append(&mut answer.notes);
    }
    notes.dedup();
    let output = selected.iter().map(|one| description(it, one)).collect::<Vec<_>>().join("\n\n");
    Ok(Answer { output, notes, ..Answer::default() })
}

fn description(it: &Seen, one: &SeenRequest) -> String {
    if one.facts.is_empty() {
        return format!("no {} was received", it.on.name());
    }
    let line = |fact: &SeenFact| Some(format!("{}: {}", fact.name(), one.facts.get(fact)?));
    SeenFact::ALL.iter().filter_map(line).collect::<Vec<_>>().join("\n")
}

async fn retry<A: Future<Output = Result<Answer, Stop>>>(
    step: &Step,
    pki: &str,
    request: String,
    within: Duration,
    attempt: impl FnMut() -> A,
) -> Result<Attempted, Stop> {
    let mut next_pause = FIRST_PAUSE;
    let pause = |longest: Duration| {
        let pause = next_pause.min(longest);
        next_pause = next_pause.saturating_mul(2);
        tokio::time::sleep(pause)
    };
    let sent = Sent::Request { pki: pki.to_owned(), request };
    Attempted::retry(step, sent, within, attempt, pause).await
}

pub(super) fn pki<'a>(testbed: &'a Testbed, name: &str) -> Result<&'a dyn Pki, Stop> {
    testbed
        .pkis
        .get(name)
        .map(AsRef::as_ref)
        .ok_or_else(|| Stop::Broken(format!("the lab was built without the PKI `{name}`")))
}

/// The SCEP service of a PKI of the testbed.
pub(super) fn scep<'a>(testbed: &'a Testbed, name: &str) -> Result<&'a dyn ScepService, Stop> {
    pki(testbed, name)?.scep().map_err(|error| stop(name, &error))
}

/// Waits for an answer of a PKI; an error stops the scenario.
pub(super) async fn ask<T>(
    name: &str,
    answer: impl Future<Output = Result<T, PkiError>>,
) -> Result<T, Stop> {
    bounded(name, answer).await?.map_err(|error| stop(name, &error))
}

fn stop(name: &str, error: &PkiError) -> Stop {
    let reason = format!("`{name}`: {error}");
    match error {
        PkiError::NotSupported { .. } => Stop::NotSupported(reason),
        PkiError::Broken { .. } => Stop::Broken(reason),
    }
}

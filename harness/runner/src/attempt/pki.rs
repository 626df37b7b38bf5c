//! The steps that a PKI carries out, or that inspect the requests it received.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::{Answer, Attempt, Attempted, Env, Miss, Stop, bounded};
use crate::conversation::Conversation;
use model::scenario::scep::FactName;
use model::scenario::seen::{Seen, SeenFact};
use model::scenario::{DecisionStep, Issued, Step};
use results::{Breakage, Sent, SkipCause};
use testbed::pki::{Decision, IssuedCertificate, Pki, PkiError, ScepService, SeenRequest};
use testbed::{NoAnswer, Testbed};

/// The first pause between two tries. A PKI does not report changes, so the pauses grow.
const FIRST_PAUSE: Duration = Duration::from_millis(5);

/// The reason why nothing is ever pending at a PKI.
const AUTOMATIC: &str =
    "this PKI decides by itself: `approval: manual` in the lab lets requests wait for a decision";

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
                    is_final: self.is_automatic,
                    hint: self.is_automatic.then(|| AUTOMATIC.to_owned()),
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

impl Attempt for Seen {
    /// Compares each selected request with the acceptable outcomes.
    async fn attempt(&self, Env { step, testbed, .. }: Env<'_>) -> Result<Attempted, Stop> {
        let start = Instant::now();
        let mut selected = ask(&self.pki, pki(testbed, &self.pki)?.seen()).await?;
        selected.retain(|one| {
            let value = |fact| one.value(fact).unwrap_or_default();
            self.on.takes(value(SeenFact::Operation), value(SeenFact::MessageType))
        });
        let answer =
            if selected.is_empty() { none_came(self) } else { all_acceptable(self, &selected) };
        let request = format!("list each {} that was received", self.on.name());
        Ok(Attempted::once(step, &self.pki, request, answer, start.elapsed()))
    }
}

fn listed_as_expected(step: &Step, issued: &Issued, certificates: &[IssuedCertificate]) -> Answer {
    let mut answer = Answer::checked(list(certificates), &issued.checks);
    if let Some(miss) = miscounted(step, issued, certificates.len()) {
        answer.message = "the issued certificates are not as expected";
        answer.misses.insert(0, miss);
        // A PKI lists a certificate for ever.
        answer.is_final =
            issued.count.as_ref().is_some_and(|wanted| certificates.len() > wanted.value);
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

/// The answer if no such request came, which an outcome must accept explicitly.
fn none_came(it: &Seen) -> Answer {
    let output = format!("no {} was received", it.on.name());
    let mut answer = Answer::judged(&it.acceptable, output, |_| None, |text| Some(text.to_owned()));
    if !answer.met() {
        answer.message = "the request that the step is about never came";
        for miss in &mut answer.misses {
            miss.what.clone_from(&answer.output);
        }
    }
    answer
}

/// The answer for the first request that is not acceptable, or the notes on all requests.
fn all_acceptable(it: &Seen, selected: &[SeenRequest]) -> Answer {
    let (mut notes, mut inconclusive) = (Vec::new(), None);
    for one in selected {
        let output = description(one);
        let filled = |text: &str| Some(text.to_owned());
        let mut answer = Answer::judged(&it.acceptable, output, |fact| one.value(fact), filled);
        // A request that proves nothing does not excuse another that is wrong.
        if answer.inconclusive.is_some() {
            inconclusive.get_or_insert(answer);
            continue;
        }
        if !answer.met() {
            answer.message = "a request came that this step does not accept";
            return answer;
        }
        notes.append(&mut answer.notes);
    }
    if let Some(answer) = inconclusive {
        return answer;
    }
    notes.dedup();
    let output = selected.iter().map(description).collect::<Vec<_>>().join("\n\n");
    Answer { output, notes, ..Answer::default() }
}

fn description(one: &SeenRequest) -> String {
    let line = |fact: &SeenFact| Some(format!("{}: {}", fact.name(), one.facts.get(fact)?));
    SeenFact::ALL.iter().filter_map(line).collect::<Vec<_>>().join("\n")
}

/// Tries a step at a PKI as [`Attempted::retry`] does, with growing pauses.
pub(super) async fn retry<A: Future<Output = Result<Answer, Stop>>>(
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
        .ok_or_else(|| Stop::Broken(format!("the lab was built without the PKI `{name}`").into()))
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

pub(super) fn stop(name: &str, error: &PkiError) -> Stop {
    let because = format!("`{name}`: {error}");
    match error {
        PkiError::NotSupported { .. } => Stop::Skip(SkipCause::NotSupported, because),
        PkiError::Refused { .. } => Stop::Broken(because.into()),
        PkiError::NoPassword { .. } => Stop::Skip(SkipCause::NoPassword, because),
        PkiError::NotServed { reason } => Stop::Broken(Breakage {
            is_untried: matches!(reason, NoAnswer::Gone(_)),
            ..Breakage::new(reason.to_string())
        }),
        PkiError::Broken { reason } => Stop::Broken(Breakage {
            part: Some(format!("`{name}`: the PKI broke")),
            ..Breakage::new(reason)
        }),
    }
}

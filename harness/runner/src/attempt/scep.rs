//! The step that speaks SCEP itself.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::acceptable::judged;
use super::{Attempted, Stop, bounded};
use crate::conversation::{Conversation, SpeechError};
use crate::wait::Waited;
use model::outcome::Sent;
use model::scenario::Step;
use model::scenario::scep::Scep;
use testbed::Bench;
use testbed::pki::PkiError;

/// What a scenario has said to each PKI so far.
pub(crate) type Conversations = BTreeMap<String, Conversation>;

/// Sends the request and holds what comes against the outcomes that are acceptable.
pub(super) async fn speak(
    step: &Step,
    speech: &Scep,
    bench: &Bench,
    conversations: &mut Conversations,
) -> Result<Attempted, Stop> {
    let start = Instant::now();
    let pki = super::pki::pki(bench, &speech.pki)?;
    let fresh = || Conversation::new(bench.keys, bench.subject.clone(), bench.ledger.clone());
    let conversation = conversations.entry(speech.pki.clone()).or_insert_with(fresh);
    let spoken =
        bounded(&speech.pki, conversation.speak(pki, &speech.request, !speech.may_be_granted()))
            .await?;
    let spoken = spoken.map_err(|error| stop(&speech.pki, error))?;
    let seen = &spoken.observation;
    let answer = judged(
        &speech.acceptable,
        seen.lines().join("\n"),
        |fact| seen.value(fact),
        |text| conversation.filled(text),
    )?;
    for (name, fact) in &speech.save {
        conversation.save(name, spoken.observation.value(*fact));
    }
    Ok(Attempted {
        sent: Sent::Request { pki: speech.pki.clone(), request: spoken.sent.join("\n") },
        answers: Waited { first: None, last: answer, tries: 1, elapsed: start.elapsed() },
        within: Duration::ZERO,
        expect: step.expect,
        concerns_scep: true,
        place: step.place.clone(),
    })
}

fn stop(name: &str, error: SpeechError) -> Stop {
    match error {
        SpeechError::NotPossible(reason) => Stop::NotSupported(reason),
        SpeechError::Pki(PkiError::NotSupported { what }) => {
            Stop::NotSupported(format!("`{name}`: the PKI does not support {what}"))
        }
        SpeechError::Pki(error @ PkiError::Broken { .. }) => {
            Stop::Broken(format!("`{name}`: {error}"))
        }
        SpeechError::Unbuilt(_) => Stop::Broken(format!("`{name}`: {error}")),
    }
}

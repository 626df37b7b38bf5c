//! The step that speaks SCEP itself.

use std::collections::BTreeMap;
use std::time::Instant;

use super::acceptable::judged;
use super::{Attempted, Stop, bounded};
use crate::conversation::{Conversation, SpeechError};
use model::scenario::Step;
use model::scenario::scep::Scep;
use testbed::Bench;

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
    let fresh = || Conversation::new(bench.keys, bench.subject.clone(), bench.received.clone());
    let conversation = conversations.entry(speech.pki.clone()).or_insert_with(fresh);
    let spoken =
        bounded(&speech.pki, conversation.speak(pki, &speech.request, !speech.may_be_granted()))
            .await?;
    let spoken = spoken.map_err(|error| stop(&speech.pki, error))?;
    let seen = &spoken.observation;
    let mut answer = judged(
        &speech.acceptable,
        seen.lines().join("\n"),
        |fact| seen.value(fact),
        |text| conversation.filled(text),
    )?;
    answer.pki_status.clone_from(&seen.pki_status);
    for (name, fact) in &speech.save {
        conversation.save(name, seen.value(*fact));
    }
    let sent = spoken.sent.join("\n");
    Ok(Attempted::once(step, &speech.pki, sent, answer, start.elapsed()))
}

fn stop(name: &str, error: SpeechError) -> Stop {
    match error {
        SpeechError::NotPossible(reason) => Stop::NotSupported(reason),
        SpeechError::Pki(error) => super::pki::stop(name, &error),
        SpeechError::Unbuilt(_) => Stop::Broken(format!("`{name}`: {error}")),
    }
}

//! The step that speaks SCEP itself.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::{Answer, Attempted, Miss, Stop, bounded};
use crate::conversation::{Conversation, Observation, SpeechError, Spoken};
use crate::outcome::Sent;
use crate::pki::PkiError;
use crate::run::Bench;
use crate::run::wait::Waited;
use crate::scenario::Step;
use crate::scenario::scep::{Acceptable, Condition, Scep};

/// What a scenario has said to each PKI so far.
pub(in crate::run) type Conversations = BTreeMap<String, Conversation>;

/// Sends the request and holds what comes against the outcomes that are acceptable.
pub(super) async fn speak(
    step: &Step,
    speech: &Scep,
    bench: &Bench,
    conversations: &mut Conversations,
) -> Result<Attempted, Stop> {
    let start = Instant::now();
    let pki = super::pki::pki(bench, &speech.pki)?;
    let fresh = || Conversation::new(bench.keys);
    let conversation = conversations.entry(speech.pki.clone()).or_insert_with(fresh);
    let spoken = bounded(&speech.pki, conversation.speak(pki, &speech.request)).await?;
    let spoken = spoken.map_err(|error| stop(&speech.pki, error))?;
    let answer = judged(speech, &spoken, conversation)?;
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

fn judged(speech: &Scep, spoken: &Spoken, conversation: &Conversation) -> Result<Answer, Stop> {
    let seen = &spoken.observation;
    let output = seen.lines().join("\n");
    let fits = |acceptable: &&Acceptable| miss(acceptable, seen, conversation).is_none();
    if let Some(fitting) = speech.acceptable.iter().find(fits) {
        if let Some(reason) = &fitting.skip {
            return Err(Stop::NotSupported(reason.clone()));
        }
        let notes = fitting.note.iter().cloned().collect();
        return Ok(Answer { output, message: "", misses: Vec::new(), notes });
    }
    let misses = speech.acceptable.iter().filter_map(|one| miss(one, seen, conversation)).collect();
    Ok(Answer {
        output,
        message: "none of the acceptable outcomes came",
        misses,
        notes: Vec::new(),
    })
}

/// What keeps an outcome from being this one: the conditions that do not hold, at the place of the first.
fn miss(acceptable: &Acceptable, seen: &Observation, conversation: &Conversation) -> Option<Miss> {
    let failing: Vec<&Condition> = acceptable
        .conditions
        .iter()
        .filter(|condition| {
            !condition.holds(seen.value(condition.fact), |text| conversation.filled(text))
        })
        .collect();
    let first = failing.first()?;
    let is = |condition: &&Condition| {
        format!("{} is {}", condition.fact.name(), seen.value(condition.fact))
    };
    let label = failing.iter().map(is).collect::<Vec<_>>().join(", ");
    Some(Miss::at(&first.place, label))
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

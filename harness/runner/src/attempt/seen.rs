//! The step that checks what clients sent.

use std::time::Instant;

use super::acceptable::judged;
use super::pki::{pki, stop};
use super::{Answer, Attempted, Stop, bounded};
use model::scenario::Step;
use model::scenario::scep::FactName;
use model::scenario::seen::{Seen, SeenFact};
use testbed::Bench;
use testbed::pki::SeenRequest;

/// Holds each request that is meant against what is acceptable.
pub(super) async fn check(step: &Step, it: &Seen, bench: &Bench) -> Result<Attempted, Stop> {
    let start = Instant::now();
    let seen = bounded(&it.pki, pki(bench, &it.pki)?.seen()).await?;
    let mut meant = seen.map_err(|error| stop(&it.pki, &error))?;
    meant.retain(|one| {
        it.on.takes(one.value(SeenFact::Operation), one.value(SeenFact::MessageType))
    });
    if meant.is_empty() {
        meant.push(SeenRequest::default());
    }
    let answer = all(it, &meant)?;
    let request = format!("tell each {} that came", it.on.name());
    Ok(Attempted::once(step, &it.pki, request, answer, start.elapsed()))
}

/// The first request that is not acceptable, or the notes on all that are.
fn all(it: &Seen, meant: &[SeenRequest]) -> Result<Answer, Stop> {
    let mut notes = Vec::new();
    for one in meant {
        let output = words(it, one);
        let mut answer = judged(&it.acceptable, output, |fact| one.value(fact), str::to_owned)?;
        if !answer.met() {
            answer.message = "a request is none of those that are acceptable";
            return Ok(answer);
        }
        notes.append(&mut answer.notes);
    }
    notes.dedup();
    let output = meant.iter().map(|one| words(it, one)).collect::<Vec<_>>().join("\n\n");
    Ok(Answer { output, notes, ..Answer::default() })
}

fn words(it: &Seen, one: &SeenRequest) -> String {
    if one.facts.is_empty() {
        return format!("no {} came", it.on.name());
    }
    let line = |fact: &SeenFact| Some(format!("{}: {}", fact.name(), one.facts.get(fact)?));
    SeenFact::ALL.iter().filter_map(line).collect::<Vec<_>>().join("\n")
}

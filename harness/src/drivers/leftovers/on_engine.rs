//! What an engine has of labs.

use super::{Found, Leftover, Removal, State, Thing};
use crate::drivers::docker::engine::Engine;
use crate::drivers::docker::leftovers::{self as labelled, Life};

/// Something on an engine.
#[derive(Debug)]
pub(super) struct OnEngine {
    engine: Engine,
    thing: labelled::Thing,
}

/// All that bears our labels.
pub(super) async fn find() -> Found {
    if Engine::is_absent() {
        let why = "there is no Docker engine here, and so no container";
        return Found { nothing_there: Some(why.to_owned()), ..Found::default() };
    }
    let unseen = |error: crate::testbed::BenchError| Found {
        unseen: Some(error.to_string()),
        ..Found::default()
    };
    let engine = match Engine::connect().await {
        Ok(engine) => engine,
        Err(error) => return unseen(error),
    };
    match labelled::everything(&engine).await {
        Ok(things) => {
            let leftovers = things.into_iter().map(|thing| leftover(&engine, thing)).collect();
            Found { leftovers, ..Found::default() }
        }
        Err(error) => unseen(error),
    }
}

fn leftover(engine: &Engine, thing: labelled::Thing) -> Leftover {
    let state = match thing.life() {
        Life::Living => State::Living,
        Life::Dead => State::Dead,
        Life::Elsewhere => State::Elsewhere,
    };
    let thing = OnEngine { engine: engine.clone(), thing };
    Leftover { what: thing.told(), state, thing: Thing::OnEngine(Box::new(thing)) }
}

impl OnEngine {
    pub(super) async fn remove(&self) -> Result<Removal, String> {
        self.thing.remove(&self.engine).await.map_err(|error| error.to_string())
    }

    fn told(&self) -> String {
        let labelled::Thing { kind, name, lab, owner, .. } = &self.thing;
        let lab = if lab.is_empty() { String::new() } else { format!(" of {lab}") };
        let made = owner.as_ref().map_or_else(String::new, |owner| {
            format!(", made by process {} on {}", owner.process(), owner.host())
        });
        format!("{kind} `{name}`{lab}{made}")
    }
}

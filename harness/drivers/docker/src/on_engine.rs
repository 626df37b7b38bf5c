//! What an engine has of labs.

use async_trait::async_trait;
use testbed::leftovers::{Found, Leftover, Removal, State, Thing};

use crate::engine::Engine;
use crate::leftovers::{self as labelled, Life};

/// Something on an engine.
struct OnEngine {
    engine: Engine,
    thing: labelled::Thing,
}

/// All that bears our labels.
pub async fn leftovers() -> Found {
    if Engine::is_absent() {
        let why = "there is no Docker engine here, and so no container";
        return Found { nothing_there: Some(why.to_owned()), ..Found::default() };
    }
    let unseen =
        |error: testbed::BenchError| Found { unseen: Some(error.to_string()), ..Found::default() };
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
    Leftover { what: thing.told(), state, thing: Box::new(thing) }
}

#[async_trait]
impl Thing for OnEngine {
    async fn remove(&self) -> Result<Removal, String> {
        self.thing.remove(&self.engine).await.map_err(|error| error.to_string())
    }
}

impl OnEngine {
    fn told(&self) -> String {
        let labelled::Thing { kind, name, lab, owner, .. } = &self.thing;
        let lab = if lab.is_empty() { String::new() } else { format!(" of {lab}") };
        let made = owner.as_ref().map_or_else(String::new, |owner| {
            format!(", made by process {} on {}", owner.process(), owner.host())
        });
        format!("{kind} `{name}`{lab}{made}")
    }
}

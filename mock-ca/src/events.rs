//! What happens at the CA without a request: decisions that fall due, and certificates of its own that take the place of others.

use std::{collections::VecDeque, time::SystemTime};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::wire;

/// The number of events that are kept.
const KEPT: usize = 1_000;

/// Something that happened without a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CaEvent {
    /// Its number, counted from 1.
    #[serde(default)]
    pub number: u64,
    /// The moment, by the CA's clock.
    #[serde(with = "wire::seconds")]
    pub at: SystemTime,
    /// What happened, in words.
    pub what: String,
}

/// The newest events.
#[derive(Default)]
pub(crate) struct Events {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    count: u64,
    kept: VecDeque<CaEvent>,
}

impl Events {
    pub(crate) fn add(&self, at: SystemTime, what: String) {
        let mut state = self.state.lock();
        state.count += 1;
        let number = state.count;
        state.kept.push_back(CaEvent { number, at, what });
        if state.kept.len() > KEPT {
            state.kept.pop_front();
        }
    }

    /// The number of all events so far, and those after the first `seen`, as far as they are kept.
    pub(crate) fn after(&self, seen: u64) -> (u64, Vec<CaEvent>) {
        let state = self.state.lock();
        let new = usize::try_from(state.count.saturating_sub(seen)).unwrap_or(usize::MAX);
        let skipped = state.kept.len().saturating_sub(new);
        (state.count, state.kept.iter().skip(skipped).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn only_new_events_are_told() {
        let events = Events::default();
        let words = |seen| {
            let (count, new) = events.after(seen);
            (count, new.into_iter().map(|event| event.what).collect::<Vec<_>>())
        };
        assert_eq!(words(0), (0, Vec::new()));
        events.add(UNIX_EPOCH, "a".to_owned());
        events.add(UNIX_EPOCH, "b".to_owned());
        assert_eq!(words(1), (2, vec!["b".to_owned()]));
        assert_eq!(words(2), (2, Vec::new()));
        assert_eq!(words(u64::MAX), (2, Vec::new()));
        (0..KEPT).for_each(|number| events.add(UNIX_EPOCH, number.to_string()));
        assert_eq!(words(0).1.len(), KEPT);
    }
}

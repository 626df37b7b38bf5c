//! The rules in force, and how often the fault of each has happened.

use std::{cell::Cell, collections::HashMap, convert::Infallible};

use parking_lot::Mutex;
use scep::attribute::TransactionId;

use super::{Fault, FaultCount, FaultRule, Trigger};

/// The rules of a server.
#[derive(Default)]
pub(crate) struct Faults {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    rules: Vec<Counter>,
    /// The number of further times that a transaction is answered with PENDING, by transaction and index of the rule.
    postponed: HashMap<(TransactionId, usize), u32>,
}

struct Counter {
    count: FaultCount,
    /// The number of requests so far that the rule applies to.
    met: u32,
}

/// The number of transactions that may wait because of a fault; beyond it, they are all forgotten.
const MAX_POSTPONED: usize = 4096;

impl Faults {
    pub(crate) fn new(rules: &[FaultRule]) -> Self {
        let faults = Self::default();
        for rule in rules {
            faults.add(*rule);
        }
        faults
    }

    pub(crate) fn add(&self, rule: FaultRule) {
        self.state.lock().rules.push(Counter { count: FaultCount { rule, fired: 0 }, met: 0 });
    }

    /// Each rule, with the number of requests at which its fault happened.
    pub(crate) fn counts(&self) -> Vec<FaultCount> {
        self.state.lock().rules.iter().map(|counter| counter.count).collect()
    }

    /// True if there is a rule with this fault.
    pub(crate) fn has(&self, fault: Fault) -> bool {
        self.state.lock().rules.iter().any(|counter| counter.count.rule.fault == fault)
    }

    /// Counts a request, and returns the faults that must happen to it.
    pub(crate) fn strike(&self, met: &[Trigger]) -> Strikes<'_> {
        let mut state = self.state.lock();
        let mut due = Vec::new();
        for (place, counter) in state.rules.iter_mut().enumerate() {
            let rule = counter.count.rule;
            if met.contains(&rule.on) {
                counter.met += 1;
                if rule.nth.is_none_or(|nth| nth.get() == counter.met) {
                    due.push(Due { place, fault: rule.fault, fired: Cell::new(false) });
                }
            }
        }
        drop(state);
        Strikes { faults: self, due }
    }

    /// True if a transaction is or was answered with PENDING only because of a fault.
    pub(crate) fn postponed(&self, id: &TransactionId) -> bool {
        self.state.lock().postponed.keys().any(|(known, _)| known == id)
    }
}

/// The faults that must happen to one request.
pub(crate) struct Strikes<'a> {
    faults: &'a Faults,
    due: Vec<Due>,
}

struct Due {
    place: usize,
    fault: Fault,
    fired: Cell<bool>,
}

impl Strikes<'_> {
    /// Calls `happen` with each fault that is due; if it returns true, the fault changed something and is counted.
    pub(crate) fn each(&self, mut happen: impl FnMut(Fault) -> bool) {
        let Ok(()) = self.try_each(|fault| Ok::<_, Infallible>(happen(fault)));
    }

    /// The same with a fallible function, whose first error ends it.
    pub(crate) fn try_each<E>(
        &self,
        mut happen: impl FnMut(Fault) -> Result<bool, E>,
    ) -> Result<(), E> {
        for due in &self.due {
            if happen(due.fault)? && !due.fired.replace(true) {
                self.faults.state.lock().rules[due.place].count.fired += 1;
            }
        }
        Ok(())
    }

    /// True if a fault answers in place of the CA, as a proxy would, so that the request is not decided.
    pub(crate) fn preempt(&self) -> bool {
        let answers = |fault| matches!(fault, Fault::HttpStatus(_) | Fault::HtmlPage);
        self.due.iter().any(|due| answers(due.fault))
    }

    /// True if this fault is due; it is then counted.
    pub(crate) fn fire(&self, fault: Fault) -> bool {
        let mut is_due = false;
        self.each(|due| {
            is_due |= due == fault;
            due == fault
        });
        is_due
    }

    /// True if an issued certificate must still be answered with PENDING.
    pub(crate) fn postpones(&self, id: &TransactionId) -> bool {
        let mut state = self.faults.state.lock();
        for due in &self.due {
            if let Fault::Pending(times) = due.fault {
                let known = (id.clone(), due.place);
                if state.postponed.len() >= MAX_POSTPONED && !state.postponed.contains_key(&known) {
                    state.postponed.clear();
                }
                state.postponed.entry(known).or_insert(times);
            }
        }
        let mut of_this = state.postponed.iter_mut().filter(|((known, _), _)| known == id);
        let Some(((_, place), left)) = of_this.find(|(_, left)| **left > 0) else { return false };
        *left -= 1;
        let place = *place;
        state.rules[place].count.fired += 1;
        if let Some(due) = self.due.iter().find(|due| due.place == place) {
            due.fired.set(true);
        }
        true
    }

    /// The faults that happened.
    pub(crate) fn fired(&self) -> Vec<Fault> {
        self.due.iter().filter(|due| due.fired.get()).map(|due| due.fault).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(rules: &[&str]) -> Faults {
        Faults::new(&rules.iter().map(|rule| rule.parse().unwrap()).collect::<Vec<_>>())
    }

    #[test]
    fn rule_with_nth_counts_only_its_own_requests() {
        let faults = faults(&["on: PKCSReq, nth: 2, do: empty-body"]);
        let requests = [
            [Trigger::PkiOperation, Trigger::PkcsReq],
            [Trigger::PkiOperation, Trigger::CertPoll],
            [Trigger::PkiOperation, Trigger::PkcsReq],
            [Trigger::PkiOperation, Trigger::PkcsReq],
        ];
        let struck = requests.map(|met| faults.strike(&met).fire(Fault::EmptyBody));
        assert_eq!(struck, [false, false, true, false]);
        assert_eq!(faults.counts()[0].fired, 1);
    }

    #[test]
    fn fault_that_changes_nothing_is_not_counted() {
        let faults = faults(&["on: PKIOperation, do: no-fail-info"]);
        let strikes = faults.strike(&[Trigger::PkiOperation]);
        strikes.each(|_| false);
        assert_eq!((faults.counts()[0].fired, strikes.fired()), (0, vec![]));
        strikes.each(|_| true);
        strikes.each(|_| true);
        assert_eq!((faults.counts()[0].fired, strikes.fired()), (1, vec![Fault::NoFailInfo]));
    }

    #[test]
    fn pending_fault_counts_per_transaction() {
        let faults = faults(&["on: PKCSReq, nth: 1, do: pending 2"]);
        let (one, other) = (TransactionId::new("1"), TransactionId::new("2"));
        assert!(faults.strike(&[Trigger::PkcsReq]).postpones(&one));
        assert!(!faults.strike(&[Trigger::PkcsReq]).postpones(&other));
        assert!(faults.strike(&[Trigger::CertPoll]).postpones(&one));
        assert!(!faults.strike(&[Trigger::CertPoll]).postpones(&one));
        assert!(faults.postponed(&one) && !faults.postponed(&other));
        assert_eq!(faults.counts()[0].fired, 2);
    }
}

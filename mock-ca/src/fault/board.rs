//! The rules in force, and how often each came true.

use std::{cell::Cell, collections::HashMap, convert::Infallible};

use parking_lot::Mutex;
use scep::attribute::TransactionId;

use super::{Fault, FaultCount, FaultRule, Trigger};

/// The rules of a server.
#[derive(Default)]
pub(crate) struct Faults {
    armed: Mutex<Armed>,
}

#[derive(Default)]
struct Armed {
    rules: Vec<Counted>,
    /// How many more times a transaction is answered with PENDING, by the place of the rule that says so.
    postponed: HashMap<(TransactionId, usize), u32>,
}

struct Counted {
    count: FaultCount,
    /// The requests that its rule waits for, so far.
    met: u32,
}

/// So many transactions are remembered that wait for no reason but a fault.
const POSTPONED: usize = 4096;

impl Faults {
    pub(crate) fn new(rules: &[FaultRule]) -> Self {
        let faults = Self::default();
        for rule in rules {
            faults.add(*rule);
        }
        faults
    }

    pub(crate) fn add(&self, rule: FaultRule) {
        self.armed.lock().rules.push(Counted { count: FaultCount { rule, fired: 0 }, met: 0 });
    }

    /// Each rule, and at how many requests it came true.
    pub(crate) fn counts(&self) -> Vec<FaultCount> {
        self.armed.lock().rules.iter().map(|counted| counted.count).collect()
    }

    /// Whether there is a rule with this fault.
    pub(crate) fn has(&self, fault: Fault) -> bool {
        self.armed.lock().rules.iter().any(|counted| counted.count.rule.fault == fault)
    }

    /// Counts a request, and gives the faults that are to happen to it.
    pub(crate) fn strike(&self, met: &[Trigger]) -> Strikes<'_> {
        let mut armed = self.armed.lock();
        let mut due = Vec::new();
        for (place, counted) in armed.rules.iter_mut().enumerate() {
            let rule = counted.count.rule;
            if met.contains(&rule.on) {
                counted.met += 1;
                if rule.nth.is_none_or(|nth| nth.get() == counted.met) {
                    due.push(Due { place, fault: rule.fault, fired: Cell::new(false) });
                }
            }
        }
        drop(armed);
        Strikes { faults: self, due }
    }

    /// Whether a transaction is, or was, answered with PENDING by a fault alone.
    pub(crate) fn postponed(&self, id: &TransactionId) -> bool {
        self.armed.lock().postponed.keys().any(|(known, _)| known == id)
    }
}

/// The faults that are to happen to one request.
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
    /// Lets each fault that is due happen: `happen` says whether it made a difference, which is then counted.
    pub(crate) fn each(&self, mut happen: impl FnMut(Fault) -> bool) {
        let Ok(()) = self.try_each(|fault| Ok::<_, Infallible>(happen(fault)));
    }

    /// The same for what can go wrong by itself, which ends it.
    pub(crate) fn try_each<E>(
        &self,
        mut happen: impl FnMut(Fault) -> Result<bool, E>,
    ) -> Result<(), E> {
        for due in &self.due {
            if happen(due.fault)? && !due.fired.replace(true) {
                self.faults.armed.lock().rules[due.place].count.fired += 1;
            }
        }
        Ok(())
    }

    /// Whether somebody else answers, such as a proxy, and the request never comes to a decision.
    pub(crate) fn preempt(&self) -> bool {
        let answers = |fault| matches!(fault, Fault::HttpStatus(_) | Fault::HtmlPage);
        self.due.iter().any(|due| answers(due.fault))
    }

    /// Whether this fault is due, which makes a difference and is counted.
    pub(crate) fn fire(&self, fault: Fault) -> bool {
        let mut is_due = false;
        self.each(|due| {
            is_due |= due == fault;
            due == fault
        });
        is_due
    }

    /// Whether a certificate is still answered with PENDING.
    pub(crate) fn postpones(&self, id: &TransactionId) -> bool {
        let mut armed = self.faults.armed.lock();
        for due in &self.due {
            if let Fault::Pending(times) = due.fault {
                let known = (id.clone(), due.place);
                if armed.postponed.len() >= POSTPONED && !armed.postponed.contains_key(&known) {
                    armed.postponed.clear();
                }
                armed.postponed.entry(known).or_insert(times);
            }
        }
        let mut of_this = armed.postponed.iter_mut().filter(|((known, _), _)| known == id);
        let Some(((_, place), left)) = of_this.find(|(_, left)| **left > 0) else { return false };
        *left -= 1;
        let place = *place;
        armed.rules[place].count.fired += 1;
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
    fn the_nth_of_its_own_requests_is_struck() {
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
    fn what_makes_no_difference_is_not_counted() {
        let faults = faults(&["on: PKIOperation, do: no-fail-info"]);
        let strikes = faults.strike(&[Trigger::PkiOperation]);
        strikes.each(|_| false);
        assert_eq!((faults.counts()[0].fired, strikes.fired()), (0, vec![]));
        strikes.each(|_| true);
        strikes.each(|_| true);
        assert_eq!((faults.counts()[0].fired, strikes.fired()), (1, vec![Fault::NoFailInfo]));
    }

    #[test]
    fn each_transaction_waits_so_many_times() {
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

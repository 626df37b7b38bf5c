//! A faulty server fails exactly the cases that name its fault.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::sync::{Arc, LazyLock};

use driver_virtual::Virtual;
use mock_ca::{Fault, FaultRule, PersonalityName, Trigger};
use model::scenario::Scenario;
use results::{Outcome, Verdict};
use runner::run_all;
use testbed::Driver;

use super::{cases, short, sorted};

/// A rule for a fault: on its own operation if it has one, or else on any message.
fn rule(fault: Fault) -> FaultRule {
    let triggers =
        [Trigger::PkiOperation, Trigger::GetCaCaps, Trigger::GetCaCert, Trigger::GetNextCaCert];
    let trigger = triggers.into_iter().find(|trigger| fault.fits(*trigger)).unwrap();
    FaultRule::new(trigger, None, fault).unwrap()
}

/// The cases at a PKI with this personality and this fault.
fn at(cases: &[Scenario], personality: PersonalityName, fault: Option<FaultRule>) -> Vec<Scenario> {
    let mut cases = cases.to_vec();
    for pki in cases.iter_mut().flat_map(|case| case.lab.pkis.values_mut()) {
        if personality == PersonalityName::Ndes {
            pki.personality = personality;
        }
        pki.faults = fault.into_iter().collect();
    }
    cases
}

async fn run(cases: Vec<Scenario>) -> Outcome {
    // One for all runs, because each driver makes keys.
    static DRIVER: LazyLock<Virtual> = LazyLock::new(Virtual::default);
    let jobs = NonZeroUsize::new(8).unwrap();
    let driver: Arc<dyn Driver> = Arc::new(DRIVER.clone());
    run_all(&driver, cases, jobs, std::future::pending(), |_| {}).await
}

fn failed(outcome: &Outcome) -> BTreeSet<String> {
    let failed = outcome.scenarios.iter().filter(|case| match &case.verdict {
        // Every case runs with every fault, and most cases do not send the request that triggers it.
        Verdict::Failed(failure) => !failure.is_unproved,
        Verdict::Passed | Verdict::Skipped(_) => false,
        other => panic!("{}: {other:?}", case.id),
    });
    sorted(failed.map(|case| short(&case.id)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_fault_fails_exactly_the_cases_that_name_it() {
    let cases = cases("server");
    let named = |fault: Fault| {
        let names = |case: &&Scenario| {
            case.conformance
                .as_ref()
                .is_some_and(|it| it.catches.iter().any(|name| name == fault.name()))
        };
        sorted(cases.iter().filter(names).map(|case| short(&case.id)))
    };
    let sound = run(at(&cases, PersonalityName::Rfc8894, None)).await;
    assert_eq!(failed(&sound), BTreeSet::new(), "without a fault nothing fails");
    let at_ndes = failed(&run(at(&cases, PersonalityName::Ndes, None)).await);
    let mut wrong = BTreeMap::new();
    // Cases for servers see nothing of the handshake.
    for fault in Fault::ALL.iter().copied().filter(|fault| !fault.fits(Trigger::Handshake)) {
        let is_ndes = !fault.suits(PersonalityName::Rfc8894);
        let personality = if is_ndes { PersonalityName::Ndes } else { PersonalityName::Rfc8894 };
        let outcome = run(at(&cases, personality, Some(rule(fault)))).await;
        let mut found = failed(&outcome);
        if is_ndes {
            found = found.difference(&at_ndes).cloned().collect();
        }
        let named = named(fault);
        let missing: Vec<_> = found.difference(&named).cloned().collect();
        let idle: Vec<_> = named.difference(&found).cloned().collect();
        if !missing.is_empty() || !idle.is_empty() {
            wrong.insert(fault.name(), (missing, idle));
        }
    }
    let told: Vec<String> = wrong
        .iter()
        .map(|(fault, (missing, idle))| {
            format!("{fault}\n  fails these cases, which do not name it: {missing:?}\n  does not fail these cases, which name it: {idle:?}")
        })
        .collect();
    assert!(wrong.is_empty(), "{}", told.join("\n"));
}

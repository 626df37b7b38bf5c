//! Coverage is complete: every requirement, every mutation and every fault has a case.

use std::collections::BTreeSet;

use conformance::coverage;
use mock_ca::{Fault, Trigger};
use model::scenario::Action;
use model::scenario::scep::Mutation;
use results::requirement::End;

use super::cases;
use crate::suite::sceplab::run;

#[test]
fn every_requirement_has_a_case_or_a_reason() {
    let cases = cases("");
    let missing: Vec<_> = coverage(&cases)
        .into_iter()
        .filter(|covered| !covered.missing().is_empty())
        .map(|covered| (covered.requirement.id, covered.missing()))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_case_names_its_requirement() {
    for (folder, end, least) in [("server", End::Server, 70), ("client", End::Client, 40)] {
        let cases = cases(folder);
        assert!(cases.len() >= least, "{folder}: {}", cases.len());
        for case in cases {
            assert_eq!(case.conformance.map(|it| it.end), Some(end), "{}", case.id);
        }
    }
}

#[test]
fn every_mutation_is_sent_by_a_case() {
    let cases = cases("server");
    let sent: BTreeSet<Mutation> = cases
        .iter()
        .flat_map(|case| &case.steps)
        .filter_map(|step| match &step.action {
            Action::Scep(speech) => Some(speech.request.mutations.clone()),
            _ => None,
        })
        .flatten()
        .collect();
    let idle: Vec<_> = Mutation::ALL
        .iter()
        .filter(|wrong| !sent.contains(wrong))
        .map(|wrong| wrong.as_str())
        .collect();
    assert!(idle.is_empty(), "{idle:?}");
}

#[test]
fn every_fault_has_a_case_and_cases_name_known_faults() {
    let (servers, clients) = (cases("server"), cases("client"));
    let caught: BTreeSet<String> = servers
        .iter()
        .filter_map(|case| case.conformance.as_ref())
        .flat_map(|it| it.catches.iter().cloned())
        .collect();
    let known: BTreeSet<&str> = Fault::ALL.iter().map(|fault| fault.name()).collect();
    let strangers: Vec<_> = caught.iter().filter(|name| !known.contains(name.as_str())).collect();
    assert!(strangers.is_empty(), "{strangers:?}");
    let met = |fault: &Fault| {
        clients
            .iter()
            .flat_map(|case| case.lab.pkis.values())
            .flat_map(|pki| &pki.faults)
            .any(|rule| rule.fault.name() == fault.name())
    };
    let alone: Vec<_> = Fault::ALL
        .iter()
        // RFC 8894 asks for no TLS; the tests of the mock CA hold its faults.
        .filter(|fault| !fault.fits(Trigger::Handshake))
        .filter(|fault| !caught.contains(fault.name()) && !met(fault))
        .map(|fault| fault.name())
        .collect();
    assert!(alone.is_empty(), "no case is about {alone:?}");
}

#[test]
fn list_and_coverage_are_made_from_the_cases() {
    let listed = run(&["conform", "--list"]);
    assert_eq!(listed.code, Some(0));
    assert_eq!(listed.stdout.lines().count(), cases("server").len());
    let table = run(&["conform", "--coverage"]);
    assert_eq!(table.code, Some(0));
    let summary = table.stdout.lines().last().unwrap();
    assert!(
        summary.starts_with("85 requirements, ") && summary.ends_with(", 0 missing"),
        "{summary}"
    );
}

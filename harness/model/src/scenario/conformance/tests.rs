//! The catalogue of cases, compared with all that a request can have, and with the text of RFC 8894.

mod quotations;

use std::collections::BTreeSet;
use std::path::Path;

use crate::scenario::scep::{
    ChallengeChoice, Mutation, Operation, RecipientChoice, Request, SignerChoice,
};
use crate::scenario::{Action, Scenario, discover, load};

/// The cases for servers.
fn catalogue() -> Vec<Scenario> {
    cases("server")
}

/// The cases below this folder; all of them if its name is empty.
fn cases(folder: &str) -> Vec<Scenario> {
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/conformance");
    let folder = all.join(folder);
    let found = discover(&[folder]).unwrap();
    found.iter().map(|found| load(found, None).unwrap()).collect()
}

fn requests(cases: &[Scenario]) -> Vec<&Request> {
    let steps = cases.iter().flat_map(|case| &case.steps);
    let requests = steps.filter_map(|step| match &step.action {
        Action::Scep(step) => Some(&step.request),
        _ => None,
    });
    requests.collect()
}

#[test]
fn former_ids_name_one_case_and_no_present_one() {
    let cases = cases("");
    let ids: Vec<&String> = cases.iter().map(|case| &case.id).collect();
    let former: Vec<&String> = cases.iter().flat_map(Scenario::former_ids).collect();
    let all: BTreeSet<&String> = ids.iter().chain(&former).copied().collect();
    assert_eq!(all.len(), ids.len() + former.len(), "{former:?}");
}

#[test]
fn case_that_counts_for_another_is_as_strict_and_counts_itself() {
    let cases = cases("");
    let mut named = 0;
    for case in &cases {
        let conformance = case.conformance.as_ref().unwrap();
        let Some(id) = &conformance.same_cause_as else { continue };
        let other = cases.iter().find(|other| other.id == *id);
        let other = other.unwrap_or_else(|| panic!("{}: no case {id}", case.id));
        let other = other.conformance.as_ref().unwrap();
        assert_eq!(other.end, conformance.end, "{}", case.id);
        assert!(other.level <= conformance.level, "{}", case.id);
        assert_eq!(other.same_cause_as, None, "{}", case.id);
        named += 1;
    }
    assert!(named > 10, "{named}");
}

#[test]
fn cases_have_unique_titles_and_requirements() {
    let cases = catalogue();
    let titles: BTreeSet<&str> = cases.iter().map(|case| case.title.as_str()).collect();
    assert_eq!(titles.len(), cases.len());
    for case in &cases {
        assert!(case.conformance.is_some(), "{}", case.id);
        assert!(case.id.starts_with("conformance/server/"), "{}", case.id);
    }
}

#[test]
fn a_case_uses_each_choice_about_a_request() {
    use ChallengeChoice::{Again, Always, Empty, Wrong as WrongPassword};
    let cases = catalogue();
    let requests = requests(&cases);
    let has = |what: &dyn Fn(&Request) -> bool| requests.iter().any(|request| what(request));
    for (name, operation) in Operation::KNOWN {
        assert!(has(&|request| request.operation == operation), "{name}");
    }
    for choice in [Always, WrongPassword, Empty, ChallengeChoice::None, Again] {
        assert!(has(&|request| request.message.challenge == choice), "{choice:?}");
    }
    for choice in [
        SignerChoice::SelfSigned,
        SignerChoice::OtherSubject,
        SignerChoice::NoKeyUsage,
        SignerChoice::Expired,
        SignerChoice::OtherKey,
        SignerChoice::Issued,
        SignerChoice::Stranger,
    ] {
        assert!(has(&|request| request.message.signer == Some(choice)), "{choice:?}");
    }
    for choice in [RecipientChoice::Everybody, RecipientChoice::Stranger] {
        assert!(has(&|request| request.message.recipient == choice), "{choice:?}");
    }
}

#[test]
fn disruptive_cases_are_marked() {
    for case in catalogue() {
        let disturbs = requests(std::slice::from_ref(&case)).iter().any(|request| {
            let noise = [Mutation::Noise, Mutation::DeeplyNested, Mutation::NoiseAsEnvelope];
            let is_long = request.message.nonce_bytes.is_some_and(|bytes| bytes > 64);
            is_long || noise.iter().any(|wrong| request.mutations.contains(wrong))
        });
        let is_marked = case.conformance.is_some_and(|it| it.is_disruptive);
        assert_eq!(is_marked, disturbs, "{}", case.id);
    }
}

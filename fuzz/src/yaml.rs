//! The files that users write: scenarios, labs, target files and ledgers.

use std::sync::{Arc, LazyLock};

use conformance::Target;
use diagnostics::{Diagnostic, Location, Source};
use matrix::Ledger;
use model::{
    lab::Lab,
    scenario::{Found, parse},
};

use crate::{MAX_INPUT_BYTES, fixtures::CHALLENGE, text};

/// The lab of those scenarios that name one: there are no other files here.
static LAB: LazyLock<Lab> = LazyLock::new(|| {
    let file = include_str!("../../scenarios/labs/linux-pki.yaml");
    Lab::parse(&Source::new("linux-pki.yaml", file.to_owned())).expect("a lab file")
});

/// Reads the data as each kind of file.
///
/// # Panics
/// If a diagnostic is empty, steers a terminal, points outside the file or shows a challenge password, or if a lab is another one once
/// it was sent to another process.
pub fn yaml(data: &[u8]) {
    if data.len() > MAX_INPUT_BYTES {
        return;
    }
    let Ok(file) = std::str::from_utf8(data) else { return };
    let source = Source::new("fuzz.yaml", file.to_owned());
    let found = Found { id: "fuzz".to_owned(), path: "/nowhere/fuzz.yaml".into() };
    for lab in [None, Some(&*LAB)] {
        if let Err(errors) = parse(&source, &found, lab) {
            check(&source, errors.diagnostics());
        }
    }
    match Lab::parse(&source) {
        Ok(lab) => check_lab(&lab),
        Err(errors) => check(&source, &errors),
    }
    Target::parse(&source).map_or_else(|errors| check(&source, &errors), drop);
    Ledger::parse(&source).map_or_else(|errors| check(&source, &errors), drop);
}

fn check_lab(lab: &Lab) {
    let sent = serde_json::to_string(lab).expect("a lab can be sent");
    assert_eq!(serde_json::from_str::<Lab>(&sent).ok().as_ref(), Some(lab));
}

fn check(source: &Arc<Source>, errors: &[Diagnostic]) {
    assert!(!errors.is_empty(), "a file is refused without a reason");
    let file = source.text();
    for error in errors {
        let shown = error.to_string();
        assert!(!error.message.is_empty(), "{shown}");
        text::check(&shown);
        if let Location::Excerpt(excerpt) = &error.location {
            assert!((1..=file.lines().count() + 1).contains(&excerpt.line), "{shown}");
        }
        assert!(!shows_challenge(file, &shown), "the challenge password is shown:\n{shown}");
    }
}

/// Whether a password is shown that the file has where passwords belong, and nowhere else.
fn shows_challenge(file: &str, shown: &str) -> bool {
    let mut places = file.match_indices(CHALLENGE);
    let is_password = |at: usize| file[..at].ends_with("\n    challenge: {static: ");
    shown.contains(CHALLENGE) && places.all(|(at, _)| is_password(at))
}

//! What a SCEP server or client was found to do, requirement by requirement.

use std::time::Duration;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::requirement::{End, Level};
use crate::{Received, Results, ScenarioOutcome, Standing, Status, Unfinished, seconds};

/// What a target was found to do.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ConformanceReport {
    /// Each requirement with the worst of what became of its cases.
    pub requirements: Vec<RequirementResult>,
    /// What was tested: a URL, or a command.
    pub target: String,
    /// Which end of the protocol it is.
    pub end: End,
    /// What it says of itself, a line each.
    pub discovered: Vec<String>,
    /// The cases, by id.
    pub cases: Vec<Case>,
    /// Those that an interrupted run did not finish.
    pub unfinished: Vec<Unfinished>,
    /// Whether SHOULD counts as MUST.
    pub strict: bool,
    /// Whether the run was ended before its time.
    pub interrupted: bool,
    /// Why the run was ended before its time, if that was the peer's doing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub given_up: Option<String>,
    /// The certificates that were issued.
    pub issued: Vec<Received>,
    /// How many challenge passwords were used.
    pub challenges: usize,
    /// How long it took.
    #[serde(rename = "elapsed_seconds", serialize_with = "seconds")]
    pub elapsed: Duration,
}

/// What became of a case.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Case {
    /// Its id.
    pub id: String,
    /// What a conforming peer does.
    pub title: String,
    /// The requirement's number.
    pub requirement: String,
    /// The section of RFC 8894.
    pub section: String,
    /// How strongly it is required.
    pub level: Level,
    /// What is required, in the RFC's words.
    pub sentence: String,
    /// What was seen of it in the wild.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen: Option<String>,
    /// How it stands with it.
    #[serde(rename = "verdict", serialize_with = "verdict")]
    pub standing: Standing,
    /// What happened.
    pub scenario: ScenarioOutcome,
}

/// What became of the cases of one requirement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RequirementResult {
    /// The requirement's number.
    pub requirement: String,
    /// The worst of what became of its cases, in the words of [`Status::of_peer`].
    pub verdict: &'static str,
    /// How many cases it has.
    pub cases: usize,
    /// The ids of those with that verdict, if it is none of the good ones.
    pub of: Vec<String>,
}

impl RequirementResult {
    /// Requirement by requirement, the worst of what became of its cases.
    pub fn of_all(cases: &[Case]) -> Vec<Self> {
        let mut ids: Vec<&str> = cases.iter().map(|case| case.requirement.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        let about = |id: &str| {
            let cases: Vec<&Case> = cases.iter().filter(|case| case.requirement == id).collect();
            let worst = cases.iter().map(|case| case.standing.status()).max()?;
            let is_same = |case: &&&Case| case.standing.status().of_peer() == worst.of_peer();
            let same = cases.iter().filter(|_| worst > Status::Passed).filter(is_same);
            Some(Self {
                requirement: id.to_owned(),
                verdict: worst.of_peer(),
                cases: cases.len(),
                of: same.map(|case| case.id.clone()).collect(),
            })
        };
        ids.into_iter().filter_map(about).collect()
    }
}

impl Status {
    /// What a peer does about a requirement, in one word or two.
    pub fn of_peer(self) -> &'static str {
        self.kind_and_words().1
    }

    /// The kind of a case's verdict in JSON, and the same for people.
    fn kind_and_words(self) -> (&'static str, &'static str) {
        match self {
            Self::Passed => ("conforms", "conforms"),
            Self::Noted => ("noted", "conforms, with a note"),
            Self::Failed => ("fails", "fails"),
            Self::ExpectedFailure => ("known", "known deviation"),
            Self::Vanished | Self::UnexpectedPass => ("vanished", "deviation gone"),
            Self::Skipped => ("skipped", "skipped"),
            Self::LabBroke | Self::Panicked | Self::Unfinished => ("broke", "not tried"),
        }
    }
}

impl Standing {
    /// Why a case stands so, if that is to be said in a line.
    pub fn reason(&self) -> Option<String> {
        match self {
            Self::Passed | Self::Failed { expected: None, .. } | Self::Unfinished => None,
            Self::Noted { notes } => Some(notes.join("; ")),
            Self::Failed { expected: Some(known), .. } => Some(known.no_longer_excused()),
            Self::ExpectedFailure { expected, .. }
            | Self::Vanished { expected }
            | Self::UnexpectedPass { expected } => Some(expected.to_string()),
            Self::Skipped { reason } | Self::LabBroke { reason } => Some(reason.clone()),
            Self::Panicked { message } => Some(format!("internal error: {message}")),
        }
    }
}

impl Results for ConformanceReport {
    fn statuses(&self) -> impl Iterator<Item = Status> {
        let finished = self.cases.iter().map(|case| case.standing.status());
        finished.chain(self.unfinished.iter().map(|_| Status::Unfinished))
    }

    fn elapsed(&self) -> Duration {
        self.elapsed
    }

    fn is_interrupted(&self) -> bool {
        self.interrupted
    }
}

fn verdict<S: Serializer>(standing: &Standing, serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    map.serialize_entry("kind", standing.status().kind_and_words().0)?;
    match standing {
        Standing::Passed | Standing::Unfinished => {}
        Standing::Noted { notes } => map.serialize_entry("notes", notes)?,
        Standing::Failed { .. } => map.serialize_entry("expired", &standing.reason())?,
        _ => map.serialize_entry("reason", &standing.reason())?,
    }
    map.end()
}

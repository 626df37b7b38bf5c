//! Results of testing a SCEP server or client, requirement by requirement.

use std::time::Duration;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::requirement::{End, Level};
use crate::{Assessment, Received, Results, ScenarioOutcome, Status, Unfinished, seconds};

/// The results of testing one peer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ConformanceReport {
    /// Each requirement with the worst verdict of its cases.
    pub requirements: Vec<RequirementResult>,
    /// The tested peer: a URL, or a command.
    pub target: String,
    /// The end of the protocol that it implements.
    pub end: End,
    /// Facts that it reports about itself, one per line.
    pub discovered: Vec<String>,
    /// Cases by id.
    pub cases: Vec<Case>,
    /// Cases that an interrupted run did not finish.
    pub unfinished: Vec<Unfinished>,
    /// True if SHOULD counts as MUST.
    pub strict: bool,
    /// True if the run was interrupted.
    pub interrupted: bool,
    /// Reason, if the run was interrupted because of the peer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub given_up: Option<String>,
    /// Certificates issued to cases.
    pub issued: Vec<Received>,
    /// Number of challenge passwords used.
    pub challenges: usize,
    /// Duration of the run.
    #[serde(rename = "elapsed_seconds", serialize_with = "seconds")]
    pub elapsed: Duration,
}

/// The result of a case.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Case {
    /// Id.
    pub id: String,
    /// The behaviour of a conforming peer.
    pub title: String,
    /// Number of the requirement.
    pub requirement: String,
    /// Section of RFC 8894.
    pub section: String,
    /// Level of the requirement.
    pub level: Level,
    /// Sentence of the RFC.
    pub sentence: String,
    /// Observations in real products.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen: Option<String>,
    /// The result, compared with what is required and known.
    #[serde(rename = "verdict", serialize_with = "verdict")]
    pub assessment: Assessment,
    /// The underlying scenario.
    pub scenario: ScenarioOutcome,
}

/// The result of all cases of a requirement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RequirementResult {
    /// Number of the requirement.
    pub requirement: String,
    /// The worst verdict of its cases, in the words of [`Status::peer_verdict`].
    pub verdict: &'static str,
    /// Number of its cases.
    pub cases: usize,
    /// Ids of the cases with that verdict, if it is not a good one.
    pub of: Vec<String>,
}

impl RequirementResult {
    /// The worst verdict for each requirement.
    pub fn of_all(cases: &[Case]) -> Vec<Self> {
        let mut ids: Vec<&str> = cases.iter().map(|case| case.requirement.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        let about = |id: &str| {
            let cases: Vec<&Case> = cases.iter().filter(|case| case.requirement == id).collect();
            let worst = cases.iter().map(|case| case.assessment.status()).max()?;
            let is_same =
                |case: &&&Case| case.assessment.status().peer_verdict() == worst.peer_verdict();
            let same = cases.iter().filter(|_| worst > Status::Passed).filter(is_same);
            Some(Self {
                requirement: id.to_owned(),
                verdict: worst.peer_verdict(),
                cases: cases.len(),
                of: same.map(|case| case.id.clone()).collect(),
            })
        };
        ids.into_iter().filter_map(about).collect()
    }
}

impl Status {
    /// The verdict on a peer, in a few words.
    pub fn peer_verdict(self) -> &'static str {
        self.kind_and_words().1
    }

    /// The verdict in JSON, and in reports for people.
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

impl Assessment {
    /// The reason in one line, if there is one.
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
        let finished = self.cases.iter().map(|case| case.assessment.status());
        finished.chain(self.unfinished.iter().map(|_| Status::Unfinished))
    }

    fn elapsed(&self) -> Duration {
        self.elapsed
    }

    fn is_interrupted(&self) -> bool {
        self.interrupted
    }
}

fn verdict<S: Serializer>(assessment: &Assessment, serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    map.serialize_entry("kind", assessment.status().kind_and_words().0)?;
    match assessment {
        Assessment::Passed | Assessment::Unfinished => {}
        Assessment::Noted { notes } => map.serialize_entry("notes", notes)?,
        Assessment::Failed { .. } => map.serialize_entry("expired", &assessment.reason())?,
        _ => map.serialize_entry("reason", &assessment.reason())?,
    }
    map.end()
}

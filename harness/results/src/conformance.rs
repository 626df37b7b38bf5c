//! Results of testing a SCEP server or client, requirement by requirement.

use std::time::Duration;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::requirement::{Basis, End, Level};
use crate::{
    Assessment, Received, RequirementResult, Results, ScenarioOutcome, Status, Unfinished, Verdict,
    seconds,
};

/// The results of testing one peer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ConformanceReport {
    /// Each requirement of the cases, with its verdict.
    pub requirements: Vec<RequirementResult>,
    /// The tested peer: a URL, or a command.
    pub target: String,
    /// The end of the protocol that it implements.
    pub end: End,
    /// Facts that it reports about itself, one per line.
    pub discovered: Vec<String>,
    /// Cases by id.
    pub cases: Vec<Case>,
    /// Cases that were not finished, because the run was interrupted or a bug ended it.
    pub unfinished: Vec<Unfinished>,
    /// True if SHOULD counts as MUST.
    pub strict: bool,
    /// True if the run was interrupted.
    pub interrupted: bool,
    /// Reason, if the peer ended the run: it stopped answering, or was gone after a request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub given_up: Option<String>,
    /// A warning about the whole run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caution: Option<String>,
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
    /// Level of the case.
    pub level: Level,
    /// The sentence of RFC 8894 that demands the behaviour, or the reason of an advice.
    #[serde(flatten)]
    pub basis: Basis,
    /// Observations in real products.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen: Option<String>,
    /// The result, compared with what is required and known.
    #[serde(rename = "verdict", serialize_with = "verdict")]
    pub assessment: Assessment,
    /// The underlying scenario.
    pub scenario: ScenarioOutcome,
}

impl Case {
    /// True if the server did not serve after a request of this case. Then the case fails, whatever its level; what its requirement
    /// demands was not found out.
    pub fn ended_server(&self) -> bool {
        matches!(&self.scenario.verdict, Verdict::Failed(failure) if failure.ended_server.is_some())
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
            Self::Unmet => ("unmet", "not met, but no MUST"),
            Self::Failed => ("fails", "fails"),
            Self::ExpectedFailure => ("known", "known deviation"),
            Self::Vanished | Self::UnexpectedPass => ("vanished", "deviation gone"),
            Self::Skipped => ("skipped", "skipped"),
            Self::Untried | Self::Unfinished => ("broke", "not tried"),
            Self::LabBroke | Self::Panicked => ("broke", "broke off"),
        }
    }
}

impl Assessment {
    /// The reason in one line, if there is one.
    pub fn reason(&self) -> Option<String> {
        match self {
            Self::Passed | Self::Failed { expected: None, .. } | Self::Unfinished => None,
            Self::Noted { notes } | Self::Unmet { notes } => Some(notes.join("; ")),
            Self::Failed { expected: Some(known), .. } => Some(known.no_longer_excused()),
            Self::ExpectedFailure { expected, .. }
            | Self::Vanished { expected }
            | Self::UnexpectedPass { expected } => Some(expected.to_string()),
            Self::Skipped(skip) => Some(skip.to_string()),
            Self::LabBroke { reason } => Some(reason.to_string()),
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

    fn caution(&self) -> Option<&str> {
        self.caution.as_deref()
    }
}

fn verdict<S: Serializer>(assessment: &Assessment, serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    map.serialize_entry("kind", assessment.status().kind_and_words().0)?;
    match assessment {
        Assessment::Passed | Assessment::Unfinished => {}
        Assessment::Noted { notes } | Assessment::Unmet { notes } => {
            map.serialize_entry("notes", notes)?;
        }
        Assessment::Failed { .. } => map.serialize_entry("expired", &assessment.reason())?,
        Assessment::Skipped(skip) => {
            map.serialize_entry("because", &skip.because)?;
            map.serialize_entry("reason", &skip.reason)?;
            map.serialize_entry("evidence", &skip.evidence().collect::<Vec<_>>())?;
        }
        _ => map.serialize_entry("reason", &assessment.reason())?,
    }
    map.end()
}

//! Conformance: what became of each case of the catalogue, held against its level and what is known of the target.

#![forbid(unsafe_code)]

mod books;
mod judge;
mod one_pki;
mod plan;
mod target;

use std::time::Duration;

use serde::Serialize;

pub use self::books::{Coverage, coverage};
pub use self::judge::judge;
pub use self::one_pki::OnePki;
pub use self::plan::{Budget, Plan, Planned};
pub use self::target::{Date, Deviation, Target};
use model::outcome::{Received, ScenarioOutcome, Unfinished};
use model::requirement::{End, Level};

/// What a target was found to do.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Who was tried: a URL, or a command.
    pub target: String,
    /// Which end of the protocol it is.
    pub end: End,
    /// What it says of itself, a line each.
    pub discovered: Vec<String>,
    /// The cases, by id.
    pub cases: Vec<CaseReport>,
    /// Those that an interrupted run did not finish.
    pub unfinished: Vec<Unfinished>,
    /// Whether SHOULD counts as MUST.
    pub strict: bool,
    /// Whether the run was ended before its time.
    pub interrupted: bool,
    /// Why the run was ended before its time, where that was the peer's doing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub given_up: Option<String>,
    /// The certificates that were issued.
    pub issued: Vec<Received>,
    /// How many challenge passwords were used.
    pub challenges: usize,
    /// How long it took.
    #[serde(rename = "elapsed_seconds", serialize_with = "model::outcome::seconds")]
    pub elapsed: Duration,
}

/// What became of a case.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CaseReport {
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
    /// What became of it.
    pub verdict: Verdict,
    /// What happened.
    pub scenario: ScenarioOutcome,
}

impl CaseReport {
    /// Whether the program itself is at fault that nothing was found out.
    pub fn is_our_fault(&self) -> bool {
        matches!(self.scenario.verdict, model::outcome::Verdict::Panicked { .. })
    }
}

/// What became of a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Verdict {
    /// The peer does as required.
    Conforms,
    /// The peer does as required, and there is something to know; or it does not, and need not.
    Noted {
        /// What there is to know.
        notes: Vec<String>,
    },
    /// The peer does not do what it must.
    Fails {
        /// The deviation that was known until its date, where there was one.
        expired: Option<String>,
    },
    /// The peer does not do what it must, as is known of it.
    Known {
        /// Why, and how that is known.
        reason: String,
    },
    /// The peer does as required, and was known not to.
    Vanished {
        /// Why it did not.
        reason: String,
    },
    /// Nothing was found out.
    Skipped {
        /// Why.
        reason: String,
    },
    /// The case could not be tried, or not to its end.
    Broke {
        /// Why.
        reason: String,
    },
}

/// How many cases ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// The peer does as required.
    pub conforms: usize,
    /// The same, with something to know.
    pub noted: usize,
    /// The peer does not do what it must.
    pub fails: usize,
    /// As is known of it.
    pub known: usize,
    /// It was known not to, and does.
    pub vanished: usize,
    /// Nothing was found out.
    pub skipped: usize,
    /// The case could not be tried.
    pub broke: usize,
}

impl Report {
    /// How many cases ended how.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for case in &self.cases {
            *match case.verdict {
                Verdict::Conforms => &mut counts.conforms,
                Verdict::Noted { .. } => &mut counts.noted,
                Verdict::Fails { .. } => &mut counts.fails,
                Verdict::Known { .. } => &mut counts.known,
                Verdict::Vanished { .. } => &mut counts.vanished,
                Verdict::Skipped { .. } => &mut counts.skipped,
                Verdict::Broke { .. } => &mut counts.broke,
            } += 1;
        }
        counts
    }
}

/// What became of the cases of one requirement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RequirementReport {
    /// The requirement's number.
    pub requirement: String,
    /// The worst of what became of its cases, in the words of [`Verdict::word`].
    pub verdict: &'static str,
    /// How many cases it has.
    pub cases: usize,
    /// The ids of those with that verdict, where it is none of the good ones.
    pub of: Vec<String>,
}

impl Report {
    /// Requirement by requirement, the worst of what became of its cases.
    pub fn by_requirement(&self) -> Vec<RequirementReport> {
        let mut ids: Vec<&str> = self.cases.iter().map(|case| case.requirement.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        let about = |id: &str| {
            let cases: Vec<&CaseReport> =
                self.cases.iter().filter(|case| case.requirement == id).collect();
            let worst = cases.iter().map(|case| &case.verdict).max_by_key(|it| it.gravity())?;
            let told = worst.gravity() > Verdict::Conforms.gravity();
            let same = cases.iter().filter(|case| told && case.verdict.word() == worst.word());
            Some(RequirementReport {
                requirement: id.to_owned(),
                verdict: worst.word(),
                cases: cases.len(),
                of: same.map(|case| case.id.clone()).collect(),
            })
        };
        ids.into_iter().filter_map(about).collect()
    }
}

impl Verdict {
    /// How much it weighs among those of one requirement: a skip says least, a failure most.
    fn gravity(&self) -> u8 {
        match self {
            Self::Skipped { .. } => 0,
            Self::Conforms => 1,
            Self::Vanished { .. } => 2,
            Self::Noted { .. } => 3,
            Self::Known { .. } => 4,
            Self::Broke { .. } => 5,
            Self::Fails { .. } => 6,
        }
    }

    /// In one word, or two.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Conforms => "conforms",
            Self::Noted { .. } => "conforms, with a note",
            Self::Fails { .. } => "fails",
            Self::Known { .. } => "known deviation",
            Self::Vanished { .. } => "deviation gone",
            Self::Skipped { .. } => "skipped",
            Self::Broke { .. } => "not tried",
        }
    }

    /// Why, where that is to be told in a line.
    pub fn reason(&self) -> Option<String> {
        match self {
            Self::Conforms => None,
            Self::Noted { notes } => Some(notes.join("; ")),
            Self::Fails { expired } => expired.clone(),
            Self::Known { reason }
            | Self::Vanished { reason }
            | Self::Skipped { reason }
            | Self::Broke { reason } => Some(reason.clone()),
        }
    }
}

//! The verdict on each requirement, from the verdicts of its cases.

use serde::Serialize;

use crate::requirement::Level;
use crate::{Assessment, Case, SkipCause, Status};

/// The result of all cases of a requirement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RequirementResult {
    /// Number of the requirement.
    pub requirement: String,
    /// The verdict in words, such as `partly, 3 of 16`.
    pub verdict: String,
    /// The verdict for programs.
    pub kind: RequirementVerdict,
    /// Number of its cases in this run.
    pub cases: usize,
    /// Number of its cases that exist.
    pub known: usize,
    /// Number of those that ran to a verdict.
    pub ran: usize,
    /// Level of the cases that prove it: MUST, or the strictest level that it has.
    pub level: Level,
    /// Number of its cases of that level, including those that were not selected.
    pub proving: usize,
    /// Number of those that held.
    pub held: usize,
    /// Cases that found nothing out.
    pub skipped: Vec<SkippedCase>,
    /// Number of cases that failed because the server did not serve after their request, which says nothing about the requirement.
    #[serde(skip_serializing_if = "crate::outcome::is_zero")]
    pub ended_server: usize,
    /// Number of cases that could not be tried.
    #[serde(skip_serializing_if = "crate::outcome::is_zero")]
    pub untried: usize,
    /// Ids of the cases with the worst verdict, if it is not a good one.
    pub of: Vec<String>,
}

/// A case that found nothing out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SkippedCase {
    /// Id.
    pub case: String,
    /// The kind of the reason.
    pub because: SkipCause,
    /// The reason in a few words.
    pub reason: String,
}

scep::named! {
    /// The verdict on a requirement. The greatest that applies counts.
    #[derive(PartialOrd, Ord)]
    RequirementVerdict, "verdict" {
        /// No case that proves it held.
        NotProved = "not-proved";
        /// Some of the cases that prove it held, and the others found nothing out.
        Partly = "partly";
        /// All cases that prove it held.
        Conforms = "conforms";
        /// All cases that prove it held, and a case was known to fail.
        Vanished = "vanished";
        /// All cases that prove it held, and a case has a remark.
        Noted = "noted";
        /// A case failed that is no MUST.
        Unmet = "unmet";
        /// A case failed as known.
        Known = "known";
        /// No case found anything out, and one could not be tried.
        Broke = "broke";
        /// A case failed.
        Fails = "fails";
    }
}

impl RequirementResult {
    /// The verdict on each requirement of `cases`. `catalogue` has requirement and level of every case that exists, because a
    /// requirement is not proved by a selection. Advice proves no requirement.
    pub fn of_all(cases: &[Case], catalogue: &[(&str, Level)]) -> Vec<Self> {
        let all = cases;
        let cases = || all.iter().filter(|case| case.level != Level::Advice);
        let mut ids: Vec<&str> = cases().map(|case| case.requirement.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        let about = |id: &str| {
            let own: Vec<&Case> = cases().filter(|case| case.requirement == id).collect();
            let levels = catalogue.iter().filter(|(of, _)| *of == id).map(|(_, level)| *level);
            let mut result =
                Self::of_one(id, &own, levels.filter(|level| *level != Level::Advice).collect())?;
            // Advice proves nothing, but it was tried.
            let has_run =
                |case: &Case| case.requirement == id && case.assessment.status().has_run();
            if result.kind == RequirementVerdict::Broke && all.iter().any(has_run) {
                result.kind = RequirementVerdict::NotProved;
                result.verdict = words(result.kind, result.held, result.proving);
            }
            Some(result)
        };
        ids.into_iter().filter_map(about).collect()
    }

    fn of_one(id: &str, cases: &[&Case], mut levels: Vec<Level>) -> Option<Self> {
        if levels.is_empty() {
            levels = cases.iter().map(|case| case.level).collect();
        }
        let level = *levels.iter().min()?;
        let proving = levels.iter().filter(|one| **one == level).count();
        let is_held = |case: &&&Case| case.level == level && holds(&case.assessment);
        let held = cases.iter().filter(is_held).count();
        let worst = worst(cases)?;
        let kind = kind(worst, held, proving);
        let is_bad =
            |case: &&&Case| (worst > Status::Passed && proof(case) == worst) || is_in_doubt(case);
        Some(Self {
            requirement: id.to_owned(),
            verdict: words(kind, held, proving),
            kind,
            cases: cases.len(),
            known: levels.len(),
            ran: cases.iter().filter(|case| case.assessment.status().has_run()).count(),
            level,
            proving,
            held,
            skipped: cases.iter().filter_map(|case| SkippedCase::of(case)).collect(),
            ended_server: cases.iter().filter(|case| is_in_doubt(case)).count(),
            untried: cases.iter().filter(|case| case.assessment.status().is_untried()).count(),
            of: cases.iter().filter(is_bad).map(|case| case.id.clone()).collect(),
        })
    }

    /// Number of cases that found nothing out, with each kind of reason, the most frequent first.
    pub fn skipped_by_cause(&self) -> Vec<(SkipCause, usize)> {
        let count = |cause| self.skipped.iter().filter(|skipped| skipped.because == cause).count();
        let counts = SkipCause::ALL.iter().map(|cause| (*cause, count(*cause)));
        let mut counts: Vec<_> = counts.collect();
        counts.retain(|(_, count)| *count > 0);
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        counts
    }
}

impl SkippedCase {
    fn of(case: &Case) -> Option<Self> {
        let Assessment::Skipped(skip) = &case.assessment else { return None };
        let (because, reason) = (skip.because, skip.reason.clone());
        Some(Self { case: case.id.clone(), because, reason })
    }
}

impl RequirementVerdict {
    /// The verdict in reports for people, without numbers.
    pub fn words(self) -> &'static str {
        match self {
            Self::NotProved => "not proved",
            Self::Partly => "partly",
            Self::Conforms => "conforms",
            Self::Vanished => "deviation gone",
            Self::Noted => "conforms, with a note",
            Self::Unmet => "a SHOULD or MAY is not met",
            Self::Known => "known deviation",
            Self::Broke => "not tried",
            Self::Fails => "fails",
        }
    }
}

/// What a case says about its requirement.
fn proof(case: &Case) -> Status {
    if is_in_doubt(case) { Status::Skipped } else { case.assessment.status() }
}

/// The greatest status of the cases that ran to a verdict, because a case that could not be tried takes nothing back. If none did, that
/// of all.
fn worst(cases: &[&Case]) -> Option<Status> {
    let all = || cases.iter().map(|case| proof(case));
    let tried = |status: &Status| !status.is_untried();
    if cases.iter().any(|case| case.assessment.status().has_run()) {
        return all().filter(tried).max();
    }
    all().max()
}

/// True if the case failed because the server did not serve after its request, which may have another reason than the request.
fn is_in_doubt(case: &Case) -> bool {
    case.ended_server() && case.assessment.status() == Status::Failed
}

/// True if the peer did what the case asks for.
fn holds(assessment: &Assessment) -> bool {
    matches!(assessment.status(), Status::Passed | Status::Noted | Status::Vanished)
}

fn kind(worst: Status, held: usize, proving: usize) -> RequirementVerdict {
    match worst {
        Status::Failed | Status::UnexpectedPass => RequirementVerdict::Fails,
        Status::ExpectedFailure => RequirementVerdict::Known,
        Status::Unmet => RequirementVerdict::Unmet,
        status if status.is_untried() => RequirementVerdict::Broke,
        _ if held == 0 => RequirementVerdict::NotProved,
        _ if held < proving => RequirementVerdict::Partly,
        Status::Noted => RequirementVerdict::Noted,
        Status::Vanished => RequirementVerdict::Vanished,
        _ => RequirementVerdict::Conforms,
    }
}

fn words(kind: RequirementVerdict, held: usize, proving: usize) -> String {
    match kind {
        RequirementVerdict::Partly => format!("{}, {held} of {proving}", kind.words()),
        _ => kind.words().to_owned(),
    }
}

impl Status {
    /// True if the entry ran to a verdict.
    fn has_run(self) -> bool {
        self != Self::Skipped && !self.is_untried()
    }

    /// True if the entry could not be tried, or not to its end.
    fn is_untried(self) -> bool {
        matches!(self, Self::Untried | Self::LabBroke | Self::Panicked | Self::Unfinished)
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::requirement::Basis;
    use crate::{Breakage, Reason, ScenarioOutcome, Skip, Verdict};

    fn case(level: Level, assessment: Assessment) -> Case {
        let scenario = ScenarioOutcome {
            id: "a/b".to_owned(),
            title: String::new(),
            path: PathBuf::new(),
            tags: Vec::new(),
            started: SystemTime::UNIX_EPOCH,
            elapsed: Duration::ZERO,
            verdict: Verdict::Passed,
            steps: Vec::new(),
            step_count: 1,
            notes: Vec::new(),
            received: Vec::new(),
            challenges: 0,
            has_enrolled: false,
        };
        Case {
            id: "a/b".to_owned(),
            title: String::new(),
            requirement: "R01".to_owned(),
            level,
            basis: Basis::Advice { reason: String::new() },
            seen: None,
            assessment,
            scenario,
        }
    }

    fn skipped() -> Assessment {
        Assessment::Skipped(Skip::new(SkipCause::Pending, "the request is pending"))
    }

    fn failed() -> Assessment {
        let reason = Reason { stage: "step 1".to_owned(), text: "no".to_owned() };
        Assessment::Failed { reason, expected: None }
    }

    /// The verdict on a requirement with these cases, of which `others` MUST cases were not selected.
    fn verdict(cases: &[Case], others: usize) -> String {
        let own = cases.iter().map(|case| ("R01", case.level));
        let catalogue: Vec<_> = own.chain(vec![("R01", Level::Must); others]).collect();
        RequirementResult::of_all(cases, &catalogue).remove(0).verdict
    }

    #[test]
    fn requirement_conforms_if_all_its_must_cases_held() {
        let held = || case(Level::Must, Assessment::Passed);
        assert_eq!(verdict(&[held(), held()], 0), "conforms");
        assert_eq!(verdict(&[held(), case(Level::May, skipped())], 0), "conforms");
        assert_eq!(verdict(&[held(), case(Level::Must, skipped())], 0), "partly, 1 of 2");
        assert_eq!(verdict(&[held()], 3), "partly, 1 of 4");
    }

    #[test]
    fn requirement_is_not_proved_by_cases_that_may_hold() {
        let held = || case(Level::May, Assessment::Passed);
        assert_eq!(verdict(&[held(), case(Level::Must, skipped())], 0), "not proved");
        assert_eq!(verdict(&[held()], 1), "not proved");
        assert_eq!(verdict(&[held()], 0), "conforms");
        assert_eq!(verdict(&[case(Level::Must, skipped())], 0), "not proved");
    }

    #[test]
    fn failure_decides_and_notes_are_kept() {
        let assessment = Assessment::Noted { notes: vec!["n".to_owned()] };
        let noted = case(Level::Should, assessment);
        let held = case(Level::Must, Assessment::Passed);
        assert_eq!(verdict(&[held.clone(), noted.clone()], 0), "conforms, with a note");
        assert_eq!(verdict(&[held, noted, case(Level::Must, failed())], 5), "fails");
    }

    #[test]
    fn advice_proves_no_requirement() {
        let advice = case(Level::Advice, Assessment::Passed);
        let held = case(Level::Must, Assessment::Passed);
        assert_eq!(verdict(&[held, advice.clone()], 0), "conforms");
        let skipped = case(Level::Must, skipped());
        assert_eq!(verdict(&[skipped, advice.clone()], 0), "not proved");
        assert_eq!(RequirementResult::of_all(&[advice], &[]), []);
    }

    #[test]
    fn requirement_is_not_called_untried_if_a_case_of_it_ran() {
        let untried = || case(Level::Must, Assessment::LabBroke { reason: Breakage::new("gone") });
        let held = |level| case(level, Assessment::Passed);
        assert_eq!(verdict(&[untried(), untried()], 0), "not tried");
        assert_eq!(verdict(&[untried(), case(Level::Must, skipped())], 0), "not tried");
        assert_eq!(verdict(&[untried(), held(Level::Must)], 0), "partly, 1 of 2");
        assert_eq!(verdict(&[untried(), held(Level::Should)], 0), "not proved");
        assert_eq!(verdict(&[untried(), held(Level::Advice)], 0), "not proved");
        let unmet = case(Level::Should, Assessment::Unmet { notes: vec!["n".to_owned()] });
        assert_eq!(verdict(&[untried(), unmet], 0), "a SHOULD or MAY is not met");
        assert_eq!(verdict(&[untried(), case(Level::Must, failed())], 0), "fails");
        let result = RequirementResult::of_all(&[untried(), held(Level::Must)], &[]).remove(0);
        assert_eq!((result.ran, result.untried, result.of), (1, 1, Vec::new()));
    }

    #[test]
    fn result_has_the_skipped_cases_with_their_causes() {
        let cases = [case(Level::Must, skipped()), case(Level::Must, Assessment::Passed)];
        let result = RequirementResult::of_all(&cases, &[]).remove(0);
        assert_eq!((result.cases, result.ran, result.held, result.proving), (2, 1, 1, 2));
        assert_eq!(result.skipped_by_cause(), [(SkipCause::Pending, 1)]);
        assert_eq!(result.skipped[0].reason, "the request is pending");
    }
}

//! The meaning of the words and codes in a report: verdicts, causes of skips, and numbers of requirements.

use diagnostics::visible;
use results::requirement::{Level, Requirement};
use results::{
    Assessment, Case, ConformanceReport, RequirementResult, RequirementVerdict, SkipCause, Status,
};

/// A word or a code, and its meaning.
pub(super) type Entry = (String, String);

/// The words at the beginning of lines that do not explain themselves.
const VERDICTS: [(Status, &str, &str); 6] = [
    (Status::Noted, "note", "RFC 8894 allows what came, but you may want to know it"),
    (Status::Unmet, "unmet", "a SHOULD or a MAY is not met, or advice is not followed"),
    (Status::ExpectedFailure, "known", "it fails, as the target file says"),
    (Status::Vanished, "gone", "it passes, although the target file says that it fails"),
    (Status::Skipped, "skip", "nothing was found out, for the reason in the line"),
    (Status::LabBroke, "broke", "it could not be tried to its end, and has no verdict"),
];

/// The words about requirements that do not explain themselves.
const OF_REQUIREMENTS: [(RequirementVerdict, &str); 2] = [
    (
        RequirementVerdict::Partly,
        "some of the cases that prove the requirement held; none failed, and the others found nothing out",
    ),
    (RequirementVerdict::NotProved, "no case that proves the requirement held, and none failed"),
];

/// The causes of skips that the roll-up of the requirements names.
pub(super) fn causes(report: &ConformanceReport) -> Vec<Entry> {
    let is_named = |cause: &&SkipCause| {
        let mut skipped = report.requirements.iter().flat_map(|one| &one.skipped);
        skipped.any(|one| one.because == **cause)
    };
    let entry = |cause: &SkipCause| (cause.to_string(), cause.meaning().to_owned());
    SkipCause::ALL.iter().filter(is_named).map(entry).collect()
}

/// The requirements that these results are about, each with its sentence.
pub(super) fn requirements<'a>(
    results: impl IntoIterator<Item = &'a RequirementResult>,
) -> Vec<Entry> {
    let entry = |result: &RequirementResult| {
        let known = Requirement::of_id(&result.requirement)?;
        let meaning = format!("{} §{}: {}", known.level, known.section, known.sentence);
        Some((known.id.to_owned(), meaning))
    };
    results.into_iter().filter_map(entry).collect()
}

/// The legend below the results on a terminal: the words of the lines, and the requirements of those with a remark or a known deviation,
/// each with the sentence that the case is about. A failure has its sentence in its own explanation.
pub fn legend(report: &ConformanceReport) -> Option<String> {
    let mut entries = words(report);
    entries.append(&mut causes(report));
    for case in report.cases.iter().filter(|case| is_remark(&case.assessment)) {
        let entry = (case.requirement.clone(), format!("{} {}", case.level, case.basis));
        if !entries.contains(&entry) {
            entries.push(entry);
        }
    }
    if entries.is_empty() {
        return None;
    }
    let width = entries.iter().map(|(code, _)| code.len()).max().unwrap_or_default();
    let line =
        |(code, meaning): &Entry| format!("  {:<width$}  {}", visible(code), visible(meaning));
    let heading = "what the words and codes mean (R: a requirement of RFC 8894; `sceplab conform --coverage` lists all):".to_owned();
    let lines: Vec<String> = std::iter::once(heading).chain(entries.iter().map(line)).collect();
    Some(lines.join("\n"))
}

/// The words that stand in this report.
fn words(report: &ConformanceReport) -> Vec<Entry> {
    let has = |status: Status| report.cases.iter().any(|case| case.assessment.status() == status);
    let verdicts = VERDICTS.iter().filter(|(status, ..)| has(*status));
    let verdicts = verdicts.map(|(_, word, meaning)| (*word, *meaning));
    let is_advice = |case: &Case| case.level == Level::Advice;
    let advice = report.cases.iter().any(is_advice);
    let advice = advice.then_some(("advice", "no sentence of RFC 8894 demands it"));
    let has = |kind| report.requirements.iter().any(|one| one.kind == kind);
    let kinds = OF_REQUIREMENTS.iter().filter(|(kind, _)| has(*kind));
    let kinds = kinds.map(|(kind, meaning)| (kind.words(), *meaning));
    let all = verdicts.chain(advice).chain(kinds);
    all.map(|(word, meaning)| (word.to_owned(), meaning.to_owned())).collect()
}

fn is_remark(assessment: &Assessment) -> bool {
    matches!(
        assessment.status(),
        Status::Noted | Status::ExpectedFailure | Status::Vanished | Status::UnexpectedPass
    )
}

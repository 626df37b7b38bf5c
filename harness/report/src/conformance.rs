//! Results of testing a peer, laid out for the formats.

mod by_requirement;
mod cause;
mod legend;
mod sheet;

pub use self::by_requirement::requirements;
pub use self::legend::legend;

use self::cause::{Told, grouped, is_failure, reason, shared_reasons, untried_once};
use super::{Entry, Part, Reported, Tone, terminal, why_unfinished};
use diagnostics::{Palette, counted, visible};
use results::requirement::End;
use results::{
    Assessment, Case, ConformanceReport, Received, ReceivedState, Status, Unfinished, Verdict,
};

impl Reported for ConformanceReport {
    const SUMMARY: &'static [Part] = &[
        (&[Status::Passed], "conform", Tone::Good),
        (&[Status::Noted], "with a note", Tone::Doubtful),
        (&[Status::Unmet], "not met, but no MUST", Tone::Doubtful),
        (&[Status::Failed], "fail", Tone::Bad),
        (&[Status::ExpectedFailure], "known deviations", Tone::Doubtful),
        (&[Status::Vanished], "deviations gone", Tone::Doubtful),
        (&[Status::LabBroke, Status::Panicked], "broke off", Tone::Bad),
        (&[Status::Untried], "not tried", Tone::Bad),
        (&[Status::Skipped], "skipped", Tone::Doubtful),
        (&[Status::Unfinished], "not finished", Tone::Plain),
    ];

    /// One group per requirement.
    fn entries(&self) -> Vec<Entry<'_>> {
        let mut entries: Vec<_> = self.cases.iter().map(entry).collect();
        entries.sort_by(|a, b| a.group.cmp(&b.group));
        let why = self.given_up.as_deref();
        let why = why.unwrap_or(why_unfinished(self));
        let unfinished = |one: &Unfinished| Entry::unfinished("not finished", &one.id, why, None);
        entries.extend(self.unfinished.iter().map(unfinished));
        entries
    }

    /// Findings, issued certificates, and tables of all requirements and cases.
    fn markdown(&self) -> String {
        sheet::markdown(self)
    }
}

fn entry(case: &Case) -> Entry<'_> {
    let requirement = format!("{}: {}", case.level, case.title);
    let reason = match &case.assessment {
        Assessment::Skipped(skip) => Some(format!("{}: {skip}", skip.because)),
        other => other.reason(),
    };
    Entry {
        status: case.assessment.status(),
        message: Some(reason.unwrap_or(requirement)),
        explanation: explanation(case, false, Palette::plain()),
        ..Entry::of(&case.requirement, &case.id, &case.scenario)
    }
}

/// A line for each case: verdict, requirement, level, id, and the reason if it is short; then the reasons that several cases
/// share, numbered. Unless `verbose`, several cases that could not be tried for one reason have one line together, after the others.
pub fn case_lines(report: &ConformanceReport, verbose: bool, palette: Palette) -> Vec<String> {
    let shown = if verbose {
        report.cases.iter().map(|case| (case, 0)).collect()
    } else {
        untried_once(report)
    };
    let shared = shared_reasons(report, shown.iter().map(|(case, _)| *case));
    // A case that sent nothing is named in the long list only.
    let is_alone = |case: &Case, further: usize| {
        further == 0 && (verbose || case.assessment.status() != Status::Untried)
    };
    let line = |(case, further): &(&Case, usize)| {
        let reason = shown_reason(report, case, &shared).unwrap_or_default();
        if is_alone(case, *further) {
            case_line(case, &reason, palette)
        } else {
            cases_line(case.assessment.status(), 1 + further, &reason, palette)
        }
    };
    let (alone, together): (Vec<_>, Vec<_>) =
        shown.iter().partition(|(case, further)| is_alone(case, *further));
    let mut lines: Vec<String> = alone.into_iter().chain(together).map(line).collect();
    let numbered = shared.iter().zip(1..);
    let notes = numbered.map(|(reason, number)| format!("[{number}] {}", visible(reason)));
    lines.extend(notes.enumerate().map(|(index, note)| {
        let gap = if index == 0 { "\n" } else { "" };
        [gap, &palette.faint(&note)].concat()
    }));
    lines
}

/// The reason of a verdict beside a case: itself, the number of a shared one, or where it is told.
fn shown_reason(report: &ConformanceReport, case: &Case, shared: &[String]) -> Option<String> {
    let own = match reason(report, case) {
        Some(Told::AsTheEnd) => return Some(": for the reason at the end".to_owned()),
        Some(Told::Here(own)) => own,
        None => return case.assessment.reason().map(|reason| format!(": {}", visible(&reason))),
    };
    if let Some(index) = shared.iter().position(|known| *known == own) {
        return Some(format!(": [{}]", index + 1));
    }
    let full = match &case.assessment {
        // A server is the only part of the lab.
        Assessment::LabBroke { reason } if report.end == End::Server => Some(reason.reason.clone()),
        Assessment::LabBroke { .. } => Some(own),
        other => other.reason(),
    };
    full.map(|reason| format!(": {}", visible(&reason)))
}

/// A line for several cases that could not be tried for one reason. It names none of them, because nothing was found out about any.
fn cases_line(status: Status, count: usize, reason: &str, palette: Palette) -> String {
    let (cases, faint) = (counted(count, "case"), palette.faint(reason));
    if status == Status::Untried {
        let told = Tone::Bad.paint(palette, &format!("{cases} not tried"));
        return format!("{told}{faint} (-v lists them)");
    }
    let (word, tone) = word(status);
    format!("{}  {cases}{faint} (-v lists them)", tone.paint(palette, word))
}

fn case_line(case: &Case, reason: &str, palette: Palette) -> String {
    let (word, tone) = word(case.assessment.status());
    format!(
        "{}  {} {:<6} {}{}",
        tone.paint(palette, word),
        visible(&case.requirement),
        case.level.to_string(),
        visible(&case.id),
        palette.faint(reason)
    )
}

/// The word at the beginning of a line, by the verdict.
fn word(status: Status) -> (&'static str, Tone) {
    match status {
        Status::Passed => ("ok   ", Tone::Good),
        Status::Noted => ("note ", Tone::Doubtful),
        Status::Unmet => ("unmet", Tone::Doubtful),
        Status::Failed => ("FAIL ", Tone::Bad),
        Status::ExpectedFailure => ("known", Tone::Doubtful),
        Status::Vanished | Status::UnexpectedPass => ("gone ", Tone::Doubtful),
        Status::Skipped => ("skip ", Tone::Doubtful),
        Status::LabBroke | Status::Panicked => ("broke", Tone::Bad),
        Status::Untried | Status::Unfinished => ("not tried", Tone::Bad),
    }
}

/// Explains the failures; those with the same cause once.
pub fn explanations(report: &ConformanceReport, verbose: bool, palette: Palette) -> Vec<String> {
    let wanted = report.cases.iter().filter(|case| is_explained(case, verbose));
    let explain = |group: cause::Group<'_>| {
        let text = explanation(group.first, verbose, palette)?;
        if group.others.is_empty() {
            return Some(text);
        }
        let heading = format!("the same came in {}:", counted(group.others.len(), "further case"));
        let line = |case: &&Case| {
            let (requirement, id) = (visible(&case.requirement), visible(&case.id));
            let skipped =
                if case.assessment.status() == Status::Skipped { " (skipped)" } else { "" };
            format!("  {requirement} {:<6} {id}{skipped}", case.level.to_string())
        };
        let lines = std::iter::once(heading).chain(group.others.iter().map(line));
        Some([text, lines.collect::<Vec<_>>().join("\n")].join("\n"))
    };
    grouped(wanted).into_iter().filter_map(explain).collect()
}

/// True if a case is explained. A case without a verdict is explained by its reason.
fn is_explained(case: &Case, verbose: bool) -> bool {
    let is_failed = matches!(case.scenario.verdict, Verdict::Failed(_));
    is_failure(case) || is_failed && verbose
}

/// Explains a failure: the requirement, the request, the reply, and the acceptable outcomes. If `verbose`, known deviations
/// and failures that prove nothing are explained as well.
fn explanation(case: &Case, verbose: bool, palette: Palette) -> Option<String> {
    if !is_explained(case, verbose) {
        return None;
    }
    let heading = palette.strong(&visible(&format!("{}  {}", case.id, case.title)));
    let required = visible(&if case.ended_server() {
        format!(
            "{} {}; a server must serve after any request, so the case fails whatever its level, and what {} demands was not found out",
            case.requirement, case.level, case.requirement
        )
    } else {
        format!("{} {}, {}", case.requirement, case.level, case.basis)
    });
    let skipped = match &case.assessment {
        Assessment::Skipped(skip) => visible(&format!("\nthis case is skipped: {skip}")),
        _ => String::new(),
    };
    let seen = case.seen.as_ref().map(|seen| format!("\nseen in the wild: {}", visible(seen)));
    let what = terminal::explanation_in_words(&case.scenario, verbose, palette).unwrap_or_default();
    Some(format!("{heading}\n{required}{skipped}{}\n{what}", seen.unwrap_or_default()))
}

/// The certificates that were issued, one per line, so that they can be revoked.
pub fn issued(report: &ConformanceReport) -> Vec<String> {
    if report.issued.is_empty() && report.challenges == 0 {
        return Vec::new();
    }
    let count =
        |state: ReceivedState| report.issued.iter().filter(|one| one.state == state).count();
    let heading = format!(
        "{} issued, {} {}{}",
        counted(count(ReceivedState::Issued), "certificate"),
        counted(report.challenges, "challenge password"),
        // A password of a request that was refused is perhaps still valid.
        if report.issued.is_empty() { "sent" } else { "used" },
        if report.issued.is_empty() { "" } else { "; serial number and subject of each:" }
    );
    let line = |one: &Received| {
        let serial = match (one.state, one.serial.as_deref()) {
            (ReceivedState::Issued, Some(serial)) => serial,
            (ReceivedState::Issued, None) => "(issued, with an unknown serial number)",
            (ReceivedState::Pending, _) => "(pending: must be denied)",
            (ReceivedState::Unknown, _) => "(no readable reply: may have been issued)",
        };
        format!("  {}  {}", visible(serial), visible(&one.subject))
    };
    std::iter::once(heading).chain(report.issued.iter().map(line)).collect()
}

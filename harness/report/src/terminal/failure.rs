//! The explanation of a failure.

use super::{OUTPUT_LINES, mark, sent};
use diagnostics::{Frame, Palette, counted};
use results::{FailedMessage, Failure, Finding, ScenarioOutcome, Sent};

/// Limit of lines of the first output in a failure.
const FIRST_OUTPUT_LINES: usize = 12;

/// How an explanation shows the expectations that were not met.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Expectations {
    /// As lines of the file, for its author.
    OfFile,
    /// In words, for readers who do not know the file.
    InWords,
}

/// The explanation of a failure.
pub(super) fn text(
    scenario: &ScenarioOutcome,
    failure: &Failure,
    expectations: Expectations,
    verbose: bool,
    palette: Palette,
) -> String {
    let lines = failure.findings.iter().map(|finding| finding.excerpt.line);
    let mut frame = Frame::new("error", &failure.message, lines.max().unwrap_or(1), palette);
    let has_words = failure.findings.iter().any(|finding| finding.expected.is_some());
    // No line of the file asks for a server that serves; what came is in the output.
    let needs_no_words = failure.ended_server.is_some();
    if expectations == Expectations::InWords && (has_words || needs_no_words) {
        in_words(&mut frame, &failure.findings);
    } else {
        excerpts(&mut frame, &failure.findings);
    }
    frame.note(&format!(
        "{}\n{}",
        prompt(scenario, failure),
        shortened(&failure.output, OUTPUT_LINES)
    ));
    for closest in closest(failure) {
        frame.note(&format!("closest: {closest}"));
    }
    if let Some(first) = &failure.first_output {
        frame.note(&format!("at first:\n{}", shortened(first, FIRST_OUTPUT_LINES)));
    }
    for line in &failure.log {
        frame.note(&format!("{}: {}", line.source, line.line));
    }
    for lines in messages(failure, verbose) {
        frame.note(&lines.join("\n"));
    }
    frame.note(&position(scenario, failure));
    if let Some(hint) = &failure.hint {
        frame.note(&format!("help: {hint}"));
    }
    frame.finish()
}

/// The messages of the last exchange with a PKI, each as lines: in short, unless the request and the output of the step tell as much, or the
/// failure is one of a device whose request was granted.
fn messages(failure: &Failure, verbose: bool) -> Vec<Vec<String>> {
    let messages = failure.messages.iter();
    let is_of_device = matches!(failure.sent, Sent::Command { .. });
    if verbose {
        messages.map(FailedMessage::long_lines).collect()
    } else if failure.reply.is_some() || is_of_device && failure.was_granted() {
        Vec::new()
    } else {
        messages.map(FailedMessage::lines).collect()
    }
}

fn excerpts(frame: &mut Frame, findings: &[Finding]) {
    let mut file = None;
    for finding in findings {
        let path = finding.excerpt.path.as_str();
        if file.replace(path) == Some(path) {
            frame.further_excerpt(&finding.excerpt, &finding.label);
        } else {
            frame.excerpt(&finding.excerpt, &finding.label);
        }
    }
}

/// The expectations of which one should have been met, what came instead, and what the facts in them mean.
fn in_words(frame: &mut Frame, findings: &[Finding]) {
    if let Some(first) = findings.first() {
        frame.file(&format!("{}:{}", first.excerpt.path, first.excerpt.line));
    }
    let told = findings.iter().filter_map(|one| Some((one.expected.as_ref()?, &one.label)));
    for (index, (expected, label)) in told.enumerate() {
        let what = if index == 0 { "expected" } else { "or" };
        frame.note(&format!("{what}: {expected}; but {label}"));
    }
    let mut facts: Vec<&str> = Vec::new();
    let passing = findings.iter().filter(|one| one.expected.is_some());
    for fact in passing.flat_map(|one| &one.facts) {
        if !facts.contains(&fact.as_str()) {
            facts.push(fact);
        }
    }
    for fact in facts {
        frame.note(fact);
    }
}

fn position(scenario: &ScenarioOutcome, failure: &Failure) -> String {
    let step = scenario.steps.iter().find(|step| step.number == failure.step);
    let title = step.map(|step| format!(": {}", step.title)).unwrap_or_default();
    format!("in step {} of {}{title}", failure.step, scenario.step_count)
}

/// The closest lines; none if the output is so short that they are easy to see.
fn closest(failure: &Failure) -> Vec<&str> {
    if failure.output.lines().count() <= 5 {
        return Vec::new();
    }
    let mut lines: Vec<&str> =
        failure.findings.iter().filter_map(|finding| finding.closest.as_deref()).collect();
    lines.dedup();
    lines
}

/// The request; of a configuration, only the rejected line.
fn prompt(scenario: &ScenarioOutcome, failure: &Failure) -> String {
    match &failure.sent {
        Sent::Configuration { device, lines } => format!("{device}# {}", refused(failure, lines)),
        other => sent(other, "", mark(scenario, other, failure.step)),
    }
}

/// The rejected line, or the commit if all lines were accepted.
fn refused<'a>(failure: &Failure, lines: &'a str) -> &'a str {
    let Some(number) = failure.refused_line else { return "commit" };
    let line = number.checked_sub(1).and_then(|index| lines.lines().nth(index));
    line.map_or("...", str::trim)
}

fn shortened(output: &str, limit: usize) -> String {
    let output = output.trim_matches('\n');
    if output.trim().is_empty() {
        return "(no output)".to_owned();
    }
    let count = output.lines().count();
    if count <= limit {
        return output.to_owned();
    }
    let shown: Vec<&str> = output.lines().take(limit).collect();
    format!("{}\n[{}]", shown.join("\n"), counted(count - limit, "more line"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::samples;

    #[test]
    fn a_rejected_configuration_line_is_found_by_its_number() {
        let lines = "set a\n  set b".to_owned();
        let sent = Sent::Configuration { device: "DUT0".to_owned(), lines };
        let shown = |refused_line| {
            let failure = Failure { sent: sent.clone(), refused_line, ..samples::failure() };
            prompt(&samples::outcome().scenarios[0], &failure)
        };
        let expected = ["DUT0# set b", "DUT0# commit", "DUT0# ..."];
        assert_eq!([Some(2), None, Some(0)].map(shown), expected);
    }
}

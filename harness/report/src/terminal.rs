//! Results for people at a terminal.

mod failure;

use std::time::Duration;

use self::failure::Expectations;
use super::{Part, Reported, Tone};
use diagnostics::{Frame, Palette, visible};
use results::{ScenarioOutcome, Sent, StepOutcome, Verdict};

/// Limit of lines of an output in a failure.
const OUTPUT_LINES: usize = 40;

/// A line about a scenario: verdict, id, duration.
pub fn line(scenario: &ScenarioOutcome, palette: Palette) -> String {
    let time = palette.faint(&seconds(scenario.elapsed));
    let first_line = |reason: &str| format!(" ({})", reason.lines().next().unwrap_or_default());
    let (tone, word, rest) = match &scenario.verdict {
        Verdict::Passed => (Tone::Good, "pass", String::new()),
        Verdict::Failed(failure) => {
            let step = format!(" (step {} of {})", failure.step, scenario.step_count);
            (Tone::Bad, "fail", step)
        }
        Verdict::Skipped(skip) => (Tone::Doubtful, "skip", format!(" ({skip})")),
        Verdict::LabBroke { reason } => (Tone::Bad, "lab ", first_line(&reason.to_string())),
        Verdict::Panicked { message } => (Tone::Bad, "bug ", format!(" ({message})")),
    };
    let word = tone.paint(palette, word);
    format!("{word}  {}{}  {time}", visible(&scenario.id), visible(&rest))
}

/// A line about a case of conformance before its verdict, which the judge gives from all cases: id, the step that was not as expected,
/// duration.
pub fn unjudged_line(case: &ScenarioOutcome, palette: Palette) -> String {
    let time = palette.faint(&seconds(case.elapsed));
    let end = match &case.verdict {
        Verdict::Failed(failure) => {
            format!(" (not as expected in step {} of {})", failure.step, case.step_count)
        }
        Verdict::Passed | Verdict::Skipped(_) => String::new(),
        Verdict::LabBroke { .. } | Verdict::Panicked { .. } => return line(case, palette),
    };
    format!("case  {}{}  {time}", visible(&case.id), visible(&end))
}

/// Remarks about the devices' SCEP clients, one per line.
pub fn notes(scenario: &ScenarioOutcome, palette: Palette) -> Vec<String> {
    let note = |note: &String| palette.faint(&format!("      note: {}", visible(note)));
    scenario.notes.iter().map(note).collect()
}

/// Full explanation of a failure, with the lines of the file that were not met; none if there is no failure. If `verbose`, the messages
/// are shown layer by layer.
pub fn explanation(scenario: &ScenarioOutcome, verbose: bool, palette: Palette) -> Option<String> {
    explained(scenario, Expectations::OfFile, verbose, palette)
}

/// The same for readers who do not know the file: expectations about facts are told in words.
pub fn explanation_in_words(
    scenario: &ScenarioOutcome,
    verbose: bool,
    palette: Palette,
) -> Option<String> {
    explained(scenario, Expectations::InWords, verbose, palette)
}

fn explained(
    scenario: &ScenarioOutcome,
    expectations: Expectations,
    verbose: bool,
    palette: Palette,
) -> Option<String> {
    let (message, note) = match &scenario.verdict {
        Verdict::Passed | Verdict::Skipped(_) => return None,
        Verdict::Failed(failure) => {
            return Some(failure::text(scenario, failure, expectations, verbose, palette));
        }
        Verdict::LabBroke { reason } => {
            (format!("the lab of `{}` broke", scenario.id), reason.to_string())
        }
        Verdict::Panicked { message } => {
            let note = format!("{message}\nthis is a bug in sceplab; please report it");
            (format!("`{}` ended in an internal error", scenario.id), note)
        }
    };
    let mut frame = Frame::new("error", &message, 1, palette);
    frame.file(&scenario.path.display().to_string());
    frame.note(&note);
    Some(frame.finish())
}

/// Requests and answers step by step, as the documentation shows them.
pub fn transcript(scenario: &ScenarioOutcome, palette: Palette) -> String {
    steps(scenario, palette, |_| false)
}

/// The [`transcript`], without the parts of a failed step that its [`explanation`] shows.
pub fn transcript_before_explanation(scenario: &ScenarioOutcome, palette: Palette) -> String {
    steps(scenario, palette, |step| match &scenario.verdict {
        Verdict::Failed(failure) => {
            failure.step == step.number
                && failure.output == step.output
                && step.output.lines().count() <= OUTPUT_LINES
        }
        _ => false,
    })
}

fn steps(
    scenario: &ScenarioOutcome,
    palette: Palette,
    is_shown_later: impl Fn(&StepOutcome) -> bool,
) -> String {
    let mut text = String::new();
    for step in &scenario.steps {
        let heading = format!("Step {}: {}", step.number, visible(&step.title));
        let effort = match step.tries {
            1 => seconds(step.elapsed),
            tries => format!("{}, {tries} tries", seconds(step.elapsed)),
        };
        text += &[palette.strong(&heading), palette.faint(&effort)].join("  ");
        text.push('\n');
        let is_shown_later = is_shown_later(step);
        if !(is_shown_later && matches!(step.sent, Sent::Request { .. })) {
            text += &block(&sent(&step.sent, "admin@", mark(scenario, &step.sent, step.number)));
        }
        text += &if is_shown_later {
            palette.faint("(shown with the failure below)") + "\n"
        } else {
            block(&step.output)
        };
    }
    text
}

/// The summary: number of entries with each status (of passed ones even if zero), the duration, and the warning about all of it.
pub fn summary<R: Reported>(results: &R, palette: Palette) -> String {
    let part = |(statuses, words, tone): &Part| match (results.count(statuses), *tone) {
        (0, _) if *words != "passed" => None,
        (0, _) => Some(format!("0 {words}")),
        (1, tone) => {
            Some(tone.paint(palette, &format!("1 {}", words.replace("deviations", "deviation"))))
        }
        (count, tone) => Some(tone.paint(palette, &format!("{count} {words}"))),
    };
    let parts: Vec<String> = R::SUMMARY.iter().filter_map(part).collect();
    let end = if results.is_interrupted() { ", interrupted after" } else { " in" };
    let caution = results.caution().map(|caution| format!("\nwarning: {caution}"));
    let caution = caution.unwrap_or_default();
    format!("{}{end} {}{caution}", parts.join(", "), seconds(results.elapsed()))
}

fn sent(sent: &Sent, user: &str, mark: char) -> String {
    match sent {
        Sent::Configuration { lines, .. } => lines.clone(),
        Sent::Command { device, command } => format!("{user}{device}{mark} {command}"),
        Sent::Request { pki, request } => format!("{pki}: {request}"),
        Sent::Clock { goal } => format!("clock: {goal}"),
        Sent::Order { part, order } => format!("{part}: {order}"),
    }
}

/// Last character of the prompt in this step: `#` in configuration mode, judging by earlier commands.
fn mark(scenario: &ScenarioOutcome, sent: &Sent, number: usize) -> char {
    let earlier = scenario.steps.iter().take_while(|step| step.number < number);
    let configures = earlier.fold(false, |configures, step| match (&step.sent, sent) {
        (Sent::Command { device, command }, Sent::Command { device: asked, .. })
            if device == asked =>
        {
            let verb = command.split_whitespace().next().unwrap_or_default();
            if configures { !leaves(verb, step) } else { is_short_for(verb, "configure", 4) }
        }
        _ => configures,
    });
    if configures { '#' } else { '$' }
}

/// True if the command leaves configuration mode; a device that does not leave prints the reason.
fn leaves(verb: &str, step: &StepOutcome) -> bool {
    is_short_for(verb, "exit", 2) && step.output.trim().is_empty()
}

fn is_short_for(verb: &str, whole: &str, shortest: usize) -> bool {
    verb.len() >= shortest && whole.starts_with(verb)
}

/// Text that is empty or ends with exactly one line feed.
fn block(text: &str) -> String {
    text.trim_matches('\n').lines().map(|line| visible(line) + "\n").collect()
}

fn seconds(elapsed: Duration) -> String {
    format!("{:.2} s", elapsed.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::samples;

    #[test]
    fn a_failure_shows_expectation_output_and_log() {
        let outcome = samples::outcome();
        let shown = explanation(&outcome.scenarios[0], false, Palette::plain()).unwrap();
        assert_eq!(
            shown,
            r"error: output does not match
  --> scenarios/scep/linux-pki.yaml:27:11
   |
27 |         - usercert\s+Valid
   |           ^^^^^^^^^^^^^^^^ not found in 20.0 s, 81 tries
   = DUT0$ pki scep show CSR
     Certificate  Status
     usercert     Failed
   = at first:
     Certificate  Status
   = scep: PKIOperation (PKCSReq) was answered FAILURE, badMessageCheck
   = linux-pki: wrong challenge password
   = in step 3 of 5
   = help: compare the passwords"
        );
    }

    #[test]
    fn lines_and_summary_show_verdicts() {
        let outcome = samples::outcome();
        let lines: Vec<String> =
            outcome.scenarios.iter().map(|scenario| line(scenario, Palette::plain())).collect();
        assert_eq!(
            lines,
            [
                "fail  scep/linux-pki (step 3 of 5)  20.50 s",
                "pass  scep/windows-pki  0.25 s",
                "skip  top (the device does not support x)  0.00 s",
            ]
        );
        assert_eq!(summary(&outcome, Palette::plain()), "1 passed, 1 failed, 1 skipped in 20.50 s");
    }

    #[test]
    fn case_before_its_verdict_is_not_called_failed() {
        let shown = |scenario| unjudged_line(scenario, Palette::plain());
        let lines: Vec<String> = samples::outcome().scenarios.iter().map(shown).collect();
        assert_eq!(
            lines,
            [
                "case  scep/linux-pki (not as expected in step 3 of 5)  20.50 s",
                "case  scep/windows-pki  0.25 s",
                "case  top  0.00 s",
            ]
        );
    }

    #[test]
    fn summary_of_an_interrupted_run_has_no_colour_of_success() {
        let mut outcome = samples::outcome();
        outcome.scenarios.clear();
        (outcome.unfinished, outcome.selected) = (samples::unfinished(), 2);
        outcome.interrupted = true;
        let shown = summary(&outcome, Palette::coloured());
        assert_eq!(shown, "0 passed, 2 not finished, interrupted after 20.50 s");
    }

    #[test]
    fn a_transcript_looks_like_the_documentation() {
        let shown = transcript(&samples::outcome().scenarios[1], Palette::plain());
        assert_eq!(
            shown,
            "Step 1: ping 10.0.0.1 from DUT0  0.01 s\nadmin@DUT0$ ping 10.0.0.1 count 1 size 56 timeout 1\nPING 10.0.0.1\n"
        );
    }

    #[test]
    fn a_coloured_explanation_has_the_same_text() {
        let scenario = &samples::outcome().scenarios[0];
        let coloured = explanation(scenario, false, Palette::coloured()).unwrap();
        let stripped =
            regex::Regex::new("\x1b\\[[0-9;]*m").unwrap().replace_all(&coloured, "").into_owned();
        assert_eq!(Some(stripped), explanation(scenario, false, Palette::plain()));
        let step = &samples::outcome().scenarios[1];
        assert!(transcript(step, Palette::coloured()).starts_with("\x1b[1mStep 1: "));
    }

    #[test]
    fn commands_in_configuration_mode_have_its_prompt() {
        let mut scenario = samples::outcome().scenarios.remove(1);
        let commands = ["configure", "set x", "exit", "show date"];
        let step = scenario.steps.remove(0);
        scenario.steps.extend(commands.iter().zip(1..).map(|(command, number)| {
            let command = (*command).to_owned();
            let sent = Sent::Command { device: "DUT0".to_owned(), command };
            StepOutcome { number, sent, output: String::new(), ..step.clone() }
        }));
        let shown = transcript(&scenario, Palette::plain());
        let prompts: Vec<&str> = shown.lines().filter(|line| line.starts_with("admin")).collect();
        let configuring = ["admin@DUT0# set x", "admin@DUT0# exit"];
        assert_eq!(prompts[0], "admin@DUT0$ configure");
        assert_eq!(prompts[1..3], configuring);
        assert_eq!(prompts[3], "admin@DUT0$ show date");
    }
}

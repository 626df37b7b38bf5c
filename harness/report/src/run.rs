//! Results of a scenario run, laid out for the formats.

use std::borrow::Cow;

use super::markdown::{escaped, row};
use super::{Entry, Part, Reported, Tone, terminal};
use diagnostics::Palette;
use results::{Outcome, ScenarioOutcome, Status, Unfinished, Verdict};

impl Reported for Outcome {
    const SUMMARY: &'static [Part] = &[
        (&[Status::Passed], "passed", Tone::Good),
        (&[Status::Failed], "failed", Tone::Bad),
        (&[Status::Untried, Status::LabBroke], "with a broken lab", Tone::Bad),
        (&[Status::Panicked], "with an internal error", Tone::Bad),
        (&[Status::Skipped], "skipped", Tone::Doubtful),
        (&[Status::Unfinished], "not finished", Tone::Plain),
    ];

    /// One group per folder.
    fn entries(&self) -> Vec<Entry<'_>> {
        let finished = self.scenarios.iter().map(|scenario| {
            let (folder, name) = folder_and_name(&scenario.id);
            Entry::of(folder, name, scenario)
        });
        let unfinished = self.unfinished.iter().map(|one| unfinished(one, self.interrupted));
        let mut entries: Vec<_> = finished.chain(unfinished).collect();
        entries.sort_by(|a, b| a.group.cmp(&b.group));
        entries
    }

    /// One row per scenario.
    fn markdown(&self) -> String {
        let mut lines = vec![row(&["scenario", "result", "time"]), row(&["---", "---", "---:"])];
        lines.extend(self.scenarios.iter().map(line));
        let unfinished = self.unfinished.iter();
        lines.extend(unfinished.map(|one| row(&[&escaped(&one.id), "**not finished**", ""])));
        lines.push(String::new());
        lines.push(terminal::summary(self, Palette::plain()));
        lines.join("\n") + "\n"
    }
}

fn folder_and_name(id: &str) -> (&str, &str) {
    id.rsplit_once('/').unwrap_or(("scenarios", id))
}

fn unfinished(scenario: &Unfinished, interrupted: bool) -> Entry<'_> {
    let (folder, name) = folder_and_name(&scenario.id);
    let message = match (interrupted, scenario.begun) {
        (true, true) => "the run was interrupted while this was under way",
        (true, false) => "the run was interrupted before this began",
        (false, true) => "an internal error ended the run while this was under way",
        (false, false) => "an internal error ended the run before this began",
    };
    Entry::unfinished(folder, name, message, Some(&scenario.path))
}

fn line(scenario: &ScenarioOutcome) -> String {
    let word = match &scenario.verdict {
        Verdict::Passed => "pass".to_owned(),
        Verdict::Failed(failure) => format!("**fail** in step {}", failure.step),
        Verdict::Skipped(_) => "skip".to_owned(),
        Verdict::LabBroke { .. } => "**lab**".to_owned(),
        Verdict::Panicked { .. } => "**bug**".to_owned(),
    };
    let reason = match &scenario.verdict {
        Verdict::Skipped(skip) => Some(skip.to_string()),
        other => other.reason().map(Cow::into_owned),
    };
    let reason = reason.map(|reason| format!(": {}", escaped(&reason)));
    let time = format!("{:.2} s", scenario.elapsed.as_secs_f64());
    row(&[escaped(&scenario.id), word + &reason.unwrap_or_default(), time])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::samples;

    #[test]
    fn each_scenario_is_a_row() {
        let mut outcome = samples::outcome();
        outcome.unfinished = samples::unfinished();
        assert_eq!(
            outcome.markdown(),
            "\
| scenario | result | time |
| --- | --- | ---: |
| scep/linux-pki | **fail** in step 3: output does not match | 20.50 s |
| scep/windows-pki | pass | 0.25 s |
| top | skip: the device does not support x | 0.00 s |
| scep/under-way | **not finished** |  |
| waiting | **not finished** |  |

1 passed, 1 failed, 1 skipped, 2 not finished in 20.50 s
"
        );
    }
}

//! The outcome as a Markdown table, for the summary of a CI run.

use super::terminal;
use diagnostics::{Palette, visible};
use model::outcome::{Outcome, ScenarioOutcome, Verdict};

pub(super) fn text(outcome: &Outcome) -> String {
    let head = ["scenario", "result", "time"].map(str::to_owned);
    let mut lines = vec![row(&head), row(&["---", "---", "---:"].map(str::to_owned))];
    lines.extend(outcome.scenarios.iter().map(line));
    lines.extend(outcome.unfinished.iter().map(|scenario| {
        row(&[escaped(&scenario.id), "**not finished**".to_owned(), String::new()])
    }));
    lines.push(String::new());
    lines.push(terminal::summary(outcome, Palette::plain()));
    lines.join("\n") + "\n"
}

fn line(scenario: &ScenarioOutcome) -> String {
    let result = match &scenario.verdict {
        Verdict::Passed => "pass".to_owned(),
        Verdict::Failed(failure) => {
            format!("**fail** in step {}: {}", failure.step, escaped(&failure.message))
        }
        Verdict::Skipped { reason } => format!("skip: {}", escaped(reason)),
        Verdict::LabBroke { reason } => format!("**lab**: {}", escaped(reason)),
        Verdict::Panicked { message } => format!("**bug**: {}", escaped(message)),
    };
    row(&[escaped(&scenario.id), result, format!("{:.2} s", scenario.elapsed.as_secs_f64())])
}

/// A row of a table.
pub(super) fn row(cells: &[String]) -> String {
    format!("| {} |", cells.join(" | "))
}

/// Text that is no markup, in one line.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in visible(&text.replace('\n', " ")).chars() {
        if "\\`*_[]<>|#".contains(character) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn each_scenario_is_a_row() {
        let mut outcome = samples::outcome();
        outcome.unfinished = samples::unfinished();
        assert_eq!(
            text(&outcome),
            "\
| scenario | result | time |
| --- | --- | ---: |
| scep/linux-pki | **fail** in step 3: output does not match | 20.50 s |
| scep/windows-pki | pass | 0.25 s |
| top | skip: the device does not support x | 0.00 s |
| scep/under-way | **not finished** |  |
| waiting | **not finished** |  |

1 passed, 1 failed, 1 skipped in 20.50 s
"
        );
    }

    #[test]
    fn text_is_no_markup() {
        assert_eq!(escaped("a|b *c*\n`d`"), r"a\|b \*c\* \`d\`");
    }
}

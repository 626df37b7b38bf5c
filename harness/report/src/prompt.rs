//! The prompt that a command was typed at.

use results::{ScenarioOutcome, Sent, StepOutcome};

/// What ends the prompt in that step: `#` in configuration mode, going by what was typed before.
pub(super) fn mark(scenario: &ScenarioOutcome, sent: &Sent, number: usize) -> char {
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

/// Whether configuration mode is left; a device that refuses to says why.
fn leaves(verb: &str, step: &StepOutcome) -> bool {
    is_short_for(verb, "exit", 2) && step.output.trim().is_empty()
}

fn is_short_for(verb: &str, whole: &str, shortest: usize) -> bool {
    verb.len() >= shortest && whole.starts_with(verb)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal::transcript;
    use crate::tests::samples;
    use diagnostics::Palette;

    #[test]
    fn commands_in_configuration_mode_stand_at_its_prompt() {
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

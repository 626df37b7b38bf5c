//! Commands that a device refuses: whether another try can help, and what to do.

use std::sync::LazyLock;

use regex::Regex;

use super::{Answer, DeviceHistory};
use diagnostics::{did_you_mean, suggestions};
use model::scenario::{command_mistake, suggestion};

/// A refusal by the command line, which knows no such command or no such node.
static OF_LINE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let beginnings = r"(?m)^\s*(?:CLI Error: )?(?:Invalid|Incomplete|Ambiguous) command\b";
    let ends = r"^\s*(?:Set|Delete) failed\s*$";
    Regex::new(&format!("{beginnings}|{ends}")).ok()
});

/// A refusal because of a certificate request that is not configured, with the names of those that are.
static NO_REQUEST: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"no certificate request `([^`]*)`; (?:none is configured|configured: (.*))").ok()
});

/// A device's refusal of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The command line knows no such command; with the suggestion of another, if there is one.
    OfLine(Option<String>),
    /// The configuration has no such certificate request; with the question for the one that is meant.
    NoRequest(Option<String>),
    /// Anything else, which may change.
    Other,
}

impl Refusal {
    /// The kind of a refusal, by the output of the device.
    pub(super) fn of(command: &str, output: &str) -> Self {
        let mistake = command_mistake(command);
        let is_certain = mistake.as_ref().is_some_and(|it| it.message == output.trim());
        if is_certain || OF_LINE.as_ref().is_some_and(|it| it.is_match(output)) {
            return Self::OfLine(mistake.as_ref().and_then(suggestion));
        }
        let Some(found) = NO_REQUEST.as_ref().and_then(|it| it.captures(output)) else {
            return Self::Other;
        };
        let names = found.get(2).map(|names| names.as_str()).unwrap_or_default();
        let names: Vec<&str> = names.split(", ").map(str::trim).collect();
        Self::NoRequest(did_you_mean(&suggestions(&found[1], &names)))
    }

    /// True if the command line refused the line as such.
    pub(super) fn is_of_line(&self) -> bool {
        matches!(self, Self::OfLine(_))
    }

    /// The answer with what the refusal means.
    pub(super) fn explain(self, history: DeviceHistory, answer: Answer) -> Answer {
        let hint = match self {
            Self::Other => return answer,
            Self::OfLine(suggestion) => suggestion,
            Self::NoRequest(Some(question)) => Some(question),
            Self::NoRequest(None) => Some(without_request(history).to_owned()),
        };
        // A simulated device asks the same question itself.
        let said = answer.output.to_lowercase();
        let hint = hint.or(answer.hint).filter(|hint| !said.contains(&hint.to_lowercase()));
        Answer { is_final: true, hint, ..answer }
    }
}

fn without_request(history: DeviceHistory) -> &'static str {
    if history.is_restarted {
        "a restarted device has the configuration that was saved: save it before, by the commands `configure`, `save` and \
         `exit`"
    } else if history.is_configured {
        "the `configure` step before this one has no such certificate request"
    } else {
        "a `configure` step with this certificate request comes first"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_of_the_command_line_are_final() {
        for (command, output) in [
            ("pki scep shw CSR", "Invalid command: pki scep [shw]"),
            ("pki scep", "  Incomplete command: pki scep\n"),
            ("p x", "Ambiguous command: [p]\nPossible completions:"),
            ("set system x", "Configuration path: system [x] is not valid\nSet failed"),
            ("show 'x", "CLI Error: the quote `'` is not closed"),
        ] {
            assert!(Refusal::of(command, output).is_of_line(), "{command}");
        }
        let meant = Refusal::of("pki scep shw CSR", "Invalid command: pki scep [shw]");
        assert_eq!(meant, Refusal::OfLine(Some("did you mean `show`?".to_owned())));
    }

    #[test]
    fn missing_request_is_final_and_missing_file_is_not() {
        let missing = "CLI Error: no certificate request `CSRR`; configured: CSR, OTHER";
        let question = Some("did you mean `CSR`?".to_owned());
        assert_eq!(Refusal::of("pki scep show CSRR", missing), Refusal::NoRequest(question));
        let missing = "CLI Error: no certificate request `CSR`; none is configured";
        assert_eq!(Refusal::of("pki scep show CSR", missing), Refusal::NoRequest(None));
        for output in ["CLI Error: no file `x`; `CSR` has no files yet", "CLI Error: busy", ""] {
            assert_eq!(Refusal::of("pki show certificate x", output), Refusal::Other, "{output}");
        }
    }

    #[test]
    fn lost_configuration_is_explained_by_the_history() {
        let history = |is_configured, is_restarted| DeviceHistory { is_configured, is_restarted };
        for (history, words) in [
            (history(true, true), "that was saved"),
            (history(true, false), "has no such certificate request"),
            (history(false, false), "comes first"),
        ] {
            let answer = Refusal::NoRequest(None).explain(history, Answer::default());
            assert!(answer.is_final && answer.hint.unwrap().contains(words));
        }
    }
}

//! Recognises a device's refusals of commands by their text.
//!
//! OSDx documents `CLI Error:` alone; the other texts are those of Vyatta and systems derived from it.

use std::sync::LazyLock;

use regex::RegexSet;

/// The patterns of lines that refuse any command.
const OF_ANY: &[&str] = &[
    r"^CLI Error:",
    r"^Invalid command:?( |$)",
    r"^Ambiguous command:?( |$)",
    r"^Incomplete command:?( |$)",
    r"command not found$",
    r"^Unknown command",
    r"^Insufficient privileges",
    r"^Permission denied",
];

/// The patterns of lines that refuse lines of configuration.
const OF_CONFIGURATION: &[&str] = &[
    r"^(Set|Delete|Commit|Load) failed",
    r"failed to set\b",
    r"^Configuration path: .*(is not valid|is ambiguous|requires a value|takes one value|cannot be set itself)$",
    r"^Need to specify the config node to",
    r"^Value validation failed",
    r"^Invalid value",
    r"^\[\[.*\]\] failed",
    r"^(delete )?\[ .* \] failed",
    r"^Failed to generate committed config",
    r"^Cannot exit: configuration modified",
    r"is no configuration line",
];

/// Texts while another session commits, in lower case.
const LOCKED: [&str; 3] =
    ["locked due to another commit", "another commit in progress", "another commit is in progress"];

/// Texts of `ping` if there were no replies.
const NOTHING_RECEIVED: [&str; 2] =
    [" packets transmitted, 0 received", " packets transmitted, 0 packets received"];

/// The patterns for any command, and for configuration; `None` if one is invalid, which a test would show.
static WORDS: LazyLock<Option<[RegexSet; 2]>> =
    LazyLock::new(|| Some([RegexSet::new(OF_ANY).ok()?, RegexSet::new(OF_CONFIGURATION).ok()?]));

/// True if a command was refused, or is a ping without replies.
///
/// Only the first line that is not empty counts, because later lines may be a log that contains other refusals.
pub(super) fn of_command(command: &str, output: &str) -> bool {
    let Some([any, _]) = WORDS.as_ref() else { return false };
    let first = output.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let is_ping = command.split_whitespace().next().is_some_and(|word| "ping".starts_with(word));
    let is_lost = || NOTHING_RECEIVED.iter().any(|words| output.contains(words));
    any.is_match(first) || is_ping && (first.starts_with("ping: ") || is_lost())
}

/// True if a line of configuration, or a commit, was refused.
pub(super) fn of_configuration(output: &str) -> bool {
    let Some(words) = WORDS.as_ref() else { return false };
    let mut lines = output.lines().map(str::trim);
    lines.any(|line| words.iter().any(|words| words.is_match(line)))
}

/// True if another session is changing the configuration at the moment.
pub(super) fn is_locked(output: &str) -> bool {
    let output = output.to_lowercase();
    LOCKED.iter().any(|words| output.contains(words))
}

/// The first path in the message of a refused commit, as in `[ system host-name ]`.
pub(super) fn place(output: &str) -> Option<Vec<String>> {
    let line = output.lines().map(str::trim).find(|line| line.starts_with('['))?;
    let path = line.trim_start_matches('[').split(']').next()?;
    let words: Vec<String> = path.split_whitespace().map(str::to_owned).collect();
    (!words.is_empty()).then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_of_related_systems_are_recognised() {
        for output in [
            "CLI Error: Insufficient privileges",
            "Invalid command: [frobnicate]",
            "Ambiguous command: [p]\nPossible completions:\n  ping  x",
            "Incomplete command: pki scep",
            "-vbash: frobnicate: command not found",
        ] {
            assert!(of_command("show", output) && of_configuration(output), "{output}");
        }
        for output in [
            "\n  Configuration path: system certificate [spec] is not valid\n  Set failed\n",
            "Configuration path: [system host-name] requires a value\nSet failed",
            "\"x\" is not a valid value\nValue validation failed",
            "[ system certificate scep csr A ]\nno url\n\n[[system certificate scep csr A]] failed\nCommit failed",
            "Delete failed",
            "Need to specify the config node to set",
        ] {
            assert!(of_configuration(output), "{output}");
        }
    }

    #[test]
    fn successful_or_unnecessary_changes_are_not_refusals() {
        for output in [
            "",
            "[edit]",
            "Configuration path: [system host-name] already exists",
            "Nothing to delete (the specified node does not exist)",
            "No configuration changes to commit",
            "Warning: configuration changes have not been saved.",
            "Nov 25 02:00:59 osdx kernel: eth0: link is up",
        ] {
            assert!(!of_configuration(output), "{output}");
        }
        assert!(!of_command("system journal show", "Nov 25 osdx: x\nCLI Error: of somebody else"));
        assert!(!of_command("pki scep show CSR", "usercert  Failed"));
    }

    #[test]
    fn ping_without_replies_has_failed() {
        let lost = "PING 10.0.0.1\n\n1 packets transmitted, 0 received, 100% packet loss, time 0ms";
        assert!(of_command("ping 10.0.0.1 count 1", lost));
        assert!(!of_command("file show running://ping.txt", lost));
        assert!(!of_command(
            "ping 10.0.0.1",
            "10 packets transmitted, 10 received, 0% packet loss"
        ));
        assert!(of_command("ping nowhere", "ping: nowhere: Name or service not known"));
    }

    #[test]
    fn lock_is_recognised_and_refused_commit_names_its_path() {
        let locked = "Configuration system temporarily locked due to another commit in progress";
        assert!(is_locked(locked) && !is_locked("Commit failed"));
        let path = place("[ system certificate scep csr A ]\nno url").unwrap();
        assert_eq!(path.join(" "), "system certificate scep csr A");
        assert_eq!(place("Commit failed"), None);
    }
}

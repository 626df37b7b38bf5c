//! Advice about names that other programs' files have, and scenario files do not.

/// Names of fields of a scenario, with the advice for each.
const FIELDS: [(&[&str], &str); 6] = [
    (
        &["vars", "variables", "env", "parameters", "params", "defaults", "define", "with"],
        "scenario files have no variables: below a key that begins with `x-`, a YAML anchor holds what several steps need",
    ),
    (
        &["include", "includes", "import", "imports", "extends", "uses", "templates"],
        "a scenario file includes no other file, except for its `lab`",
    ),
    (
        &["setup", "teardown", "before", "after", "cleanup", "finally"],
        "each scenario has a new lab, so that nothing is cleaned up; all its steps are in `steps`",
    ),
    (&["timeout", "retries", "retry"], "each step waits for its own checks: see `within`"),
    (
        &["skip", "disabled", "enabled", "only", "requires", "needs", "when", "if"],
        "`--tag` selects scenarios by their `tags`; one whose lab cannot be built is skipped by itself",
    ),
    (
        &["author", "owner", "notes", "comment", "summary"],
        "write this in `description`, or in a comment: `# …`",
    ),
];

/// Names of fields of a step, with the advice for each.
const STEP_FIELDS: [(&[&str], &str); 8] = [
    (&["cmd", "exec", "shell"], "the command of a `run` step is its field `command`"),
    (&["host", "ip", "target", "destination"], "a `ping` step has its goal in `address`"),
    (
        &["lines", "set", "config"],
        "a `configure` step has its lines in `set`, a `modify` step in `lines`",
    ),
    (
        &["equals", "regex", "regexp", "pattern", "output", "stdout", "assert", "expect_output"],
        "`contains` finds a text, `matches` a regular expression",
    ),
    (&["save", "register", "capture", "store", "set_fact", "vars", "var", "env"], VARIABLES),
    (
        &["timeout", "wait", "retries", "retry", "delay", "until", "for"],
        "`within` says how long a step is tried again",
    ),
    (
        &["when", "if", "unless", "only", "skip"],
        "a step has no condition: the first one that is not as expected ends its scenario",
    ),
    (
        &["ignore_errors", "ignore-errors", "fails", "should_fail", "negate", "not"],
        "`expect: failure` is for a step that must fail",
    ),
];

const VARIABLES: &str = "scenario files have no variables; only a `scep` step saves facts of an answer, by its field `save`";

/// Kinds of steps, with the advice for each.
const STEPS: [(&[&str], &str); 7] = [
    (
        &["sleep", "wait", "pause", "delay", "clock", "time", "date"],
        "no step only waits: the checks of a step are repeated until they hold, for as long as its `within` says; `advance: {by: 330d}` moves the clock of the lab",
    ),
    (
        &["include", "import", "call", "use"],
        "a scenario file includes no other file, except for its `lab`",
    ),
    (&["set", "vars", "let", "register", "save", "capture"], VARIABLES),
    (
        &["show", "commit", "renew", "shell", "exec", "cmd"],
        "a command of the device is a step `run: {command: …}`",
    ),
    (
        &["rollover", "roll-over", "revoke", "stop", "start"],
        "a PKI is stopped, started or changed by a step `pki: {do: …}`",
    ),
    (
        &["restart", "power-cut", "power_cut", "poweroff"],
        "a device restarts by a step `reboot: {}`; `power-cut: true` in it leaves it no time",
    ),
    (
        &["save_config", "save-configuration"],
        "a step `save-config: {}` keeps the configuration of a device",
    ),
];

/// Advice about an unknown field of a scenario.
pub(super) fn on_field(name: &str) -> Option<&'static str> {
    of(&FIELDS, name)
}

/// Advice about an unknown field of a step.
pub(super) fn on_step_field(name: &str) -> Option<&'static str> {
    of(&STEP_FIELDS, name)
}

/// Advice about an unknown kind of step.
pub(super) fn on_step(name: &str) -> Option<&'static str> {
    of(&STEPS, name)
}

fn of(table: &[(&[&str], &'static str)], name: &str) -> Option<&'static str> {
    table.iter().find(|(names, _)| names.contains(&name)).map(|(_, advice)| *advice)
}

//! Compares the output of the binary with snapshots.

/// Patterns of values that change with every run, and their placeholders in snapshots.
const REDACTIONS: [(&str, &str); 12] = [
    (r"[A-Z][a-z]{2} \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} \+00:00", "<date>"),
    // A password of one digit is masked where it is the day, too.
    (r"[A-Z][a-z]{2} (?:[ \d]\d| \*{4}) \d{2}:\d{2}:\d{2} \d{4} GMT", "<date>"),
    (r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}[.\d]*(Z|\+00:00)", "<timestamp>"),
    (r"encrypted-password U2FsdGVkX1[0-9A-Za-z+/=]+", "encrypted-password <sealed>"),
    (r"time=\d+(\.\d+)? ms", "time=<milliseconds> ms"),
    (r"= \d+\.\d+/\d+\.\d+/\d+\.\d+/\d+\.\d+ ms", "= <milliseconds> ms"),
    (r"packet loss, time \d+ms", "packet loss, time <milliseconds>ms"),
    (r"\b\d+\.\d+ s\b", "<seconds> s"),
    (r"\b\d+ tries\b", "<number> tries"),
    (r#"time="\d+\.\d+""#, r#"time="<seconds>""#),
    (r"\b[0-9A-Fa-f]{40}\b", "<transaction id>"),
    (r"sceplab \d+\.\d+\.\d+", "sceplab <version>"),
];

/// Compares the output of the binary with the snapshot of that name.
#[track_caller]
pub(crate) fn assert_output(name: &str, told: &str) {
    assert_output_of("../suite/cli/snapshots", name, told);
}

/// Compares the output of the binary with the snapshot of that name in a folder.
#[track_caller]
pub(crate) fn assert_output_of(folder: &str, name: &str, told: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_snapshot_path(folder);
    for (pattern, name) in REDACTIONS {
        settings.add_filter(pattern, name);
    }
    settings.bind(|| insta::assert_snapshot!(name, told));
}

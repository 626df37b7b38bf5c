//! Compares the output that a page shows with the real one. `...` in a page matches any lines, `[..]` any part of a line.

use std::sync::LazyLock;

use regex::Regex;
use snapbox::Assert;
use snapbox::assert::Action;

/// Patterns of values that change with every run, and their placeholders on both sides.
static CHANGING: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    [
        (r"\b\d+\.\d+ (m?s)\b", "0 $1"),
        (r"\b\d+ tries\b", "N tries"),
        (r"time[=<]?\d*\.?\d+ ?ms", "time 0 ms"),
        (r"(?:\d+\.\d+/)+\d+\.\d+", "0/0"),
        (r"[A-Z][a-z]{2} +\d{1,2} \d\d:\d\d:\d\d \d{4} GMT", "DATE"),
        (r"\b[0-9a-f]{64}\b", "FINGERPRINT"),
        (r"\b[0-9A-F]{40}\b", "TRANSACTION"),
        (r"\bsceplab-[0-9a-f]{8}\b", "sceplab-n"),
        (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
    ]
    .map(|(pattern, stands_for)| (Regex::new(pattern).unwrap(), stands_for))
    .into()
});

/// # Errors
///
/// The difference, if `actual` is not as the page shows.
pub(crate) fn compare(shown: &str, actual: &str) -> Result<(), String> {
    let assert = Assert::new().action(Action::Verify).normalize_paths(false);
    let (shown, actual) = (comparable(shown), comparable(actual));
    assert.try_eq(None, actual.into(), shown.into()).map_err(|error| error.to_string())
}

fn comparable(text: &str) -> String {
    let lines = text.lines().map(str::trim_end).flat_map(|line| [line, "\n"]).collect::<String>();
    CHANGING.iter().fold(lines, |text, (pattern, stands_for)| {
        pattern.replace_all(&text, *stands_for).into_owned()
    })
}

//! Stage and reason of a cell's failure, in a line.

use std::sync::LazyLock;

use regex::Regex;

use results::{Failure, Reason};

/// The longest reason, in characters.
const LONGEST: usize = 400;

/// A line below the table of `pki scep show` with the reason why a certificate failed.
static REASON: LazyLock<Regex> = LazyLock::new(|| constant(r"(?m)^[\w-]+: (.+)$"));

/// The table of `pki scep show`.
static TABLE: LazyLock<Regex> = LazyLock::new(|| constant(r"(?m)^Certificate +Status +Usage"));

/// The exchange that a reason names (RFC 8894 §2.5, §3.3).
static EXCHANGE: LazyLock<Regex> = LazyLock::new(|| {
    constant(r"GetCACaps|GetCACert|PKCSReq|RenewalReq|CertPoll|GetCert|GetCRL|GetNextCACert")
});

/// HTTP status of a response that a client could not use.
static STATUS: LazyLock<Regex> = LazyLock::new(|| constant(r"was answered HTTP (\d{3})\b"));

/// A timestamp in a program's message, such as `ts=2026-11-24T17:30:11.4Z`, removed so that equal failures look equal.
static TIME: LazyLock<Regex> = LazyLock::new(|| {
    constant(r"\b(?:ts=|time=)?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?\s*")
});

/// The device's reason, or else the last line of its SCEP client, or else the failed check.
pub(super) fn reason(failure: &Failure) -> Reason {
    let text = shown_reason(failure).unwrap_or_else(|| check(failure));
    let stage = EXCHANGE.find(text).map(|found| found.as_str().to_owned());
    let stage = stage.unwrap_or_else(|| Reason::of_step(failure).stage);
    let text = match explained(text, failure) {
        Some(why) => format!("{text}; the PKI: {why}"),
        None => text.to_owned(),
    };
    Reason { stage, text: shortened(&text) }
}

fn shown_reason(failure: &Failure) -> Option<&str> {
    if !TABLE.is_match(&failure.output) {
        return None;
    }
    let shown = REASON.captures_iter(&failure.output).last();
    shown.and_then(|found| found.get(1)).map(|found| found.as_str()).or_else(|| last_done(failure))
}

/// The last log line of the device's SCEP client, without the name of the certificate.
fn last_done(failure: &Failure) -> Option<&str> {
    let line = failure.log.iter().rev().find(|line| line.is_of_client)?;
    Some(line.line.split_once(": ").map_or(line.line.as_str(), |(_, rest)| rest))
}

/// The PKI's log entry for a response, if the device only knows its status, as in `GetCACert 500: no keys`.
fn explained<'a>(text: &str, failure: &'a Failure) -> Option<&'a str> {
    let status = STATUS.captures(text)?.get(1)?.as_str();
    let mut of_pkis = failure.log.iter().rev().filter(|line| !line.is_of_client);
    of_pkis.find_map(|line| line.line.split_once(&format!(" {status}: "))).map(|(_, why)| why)
}

/// The output if it is a single line; otherwise the closest line or the message.
fn check(failure: &Failure) -> &str {
    let output = failure.output.trim();
    if !output.is_empty() && !output.contains('\n') {
        return output;
    }
    let closest = failure.findings.iter().find_map(|finding| finding.closest.as_deref());
    closest.unwrap_or(&failure.message)
}

fn shortened(text: &str) -> String {
    let line = TIME.replace_all(text.lines().next().unwrap_or_default(), "");
    if line.chars().count() <= LONGEST {
        return line.into_owned();
    }
    line.chars().take(LONGEST).chain("…".chars()).collect()
}

#[expect(clippy::expect_used, reason = "the expressions are constants, which the tests try")]
fn constant(text: &str) -> Regex {
    Regex::new(text).expect("a constant expression")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;
    use results::LogLine;

    const TABLE_TEXT: &str =
        "---\nCertificate  Status   Usage  NotBefore  NotAfter\n---\nca  Valid\n";

    #[test]
    fn timestamps_are_removed_from_reasons() {
        let shown =
            |time: &str| shortened(&format!("scepclient: ts={time} level=info msg=waiting"));
        assert_eq!(shown("2026-11-24T17:30:11.456886503Z"), "scepclient: level=info msg=waiting");
        assert_eq!(shown("2026-11-24T17:30:11+01:00"), shown("2026-11-23T12:32:22Z"));
    }

    fn reason(output: &str) -> (String, String) {
        let failure = Failure { output: output.to_owned(), ..samples::failure() };
        let Reason { stage, text } = super::reason(&failure);
        (stage, text)
    }

    #[test]
    fn the_reason_is_the_one_that_the_device_shows() {
        let output = format!(
            "{TABLE_TEXT}usercert  Failed\nusercert: PKIOperation (CertPoll) was answered FAILURE, badRequest\n"
        );
        let (stage, text) = reason(&output);
        assert_eq!(stage, "CertPoll");
        assert_eq!(text, "PKIOperation (CertPoll) was answered FAILURE, badRequest");
    }

    #[test]
    fn the_reason_is_the_last_log_line_if_the_device_shows_none() {
        let (stage, text) = reason(&format!("{TABLE_TEXT}usercert  Pending\n"));
        assert_eq!(stage, "PKCSReq");
        assert_eq!(text, "PKIOperation (PKCSReq) was answered FAILURE, badMessageCheck");
    }

    #[test]
    fn the_log_of_the_pki_explains_an_http_status() {
        let line = |line: &str| LogLine {
            source: "scep-ca".to_owned(),
            line: line.to_owned(),
            is_of_client: false,
        };
        let log = vec![
            line("10.0.0.64:32768 GetCACert 200"),
            line("10.0.0.64:32769 PKIOperation 500: the `message` is not base64: Invalid symbol"),
        ];
        let output = format!("{TABLE_TEXT}a: PKIOperation (PKCSReq) was answered HTTP 500\n");
        let reason = super::reason(&Failure { output, log, ..samples::failure() });
        assert_eq!(reason.stage, "PKCSReq");
        assert_eq!(
            reason.text,
            "PKIOperation (PKCSReq) was answered HTTP 500; the PKI: the `message` is not base64: \
             Invalid symbol"
        );
    }

    #[test]
    fn the_reason_of_another_check_is_the_closest_line() {
        let failure = Failure { output: "a: b\nc\n".to_owned(), ..samples::failure() };
        let Reason { stage, text } = super::reason(&failure);
        assert_eq!((stage.as_str(), text.as_str()), ("step 3", "usercert     Failed"));
        assert_eq!(reason("CLI Error: no such file\n").1, "CLI Error: no such file");
        assert_eq!(reason(&"x".repeat(1000)).1.chars().count(), LONGEST + 1);
    }
}

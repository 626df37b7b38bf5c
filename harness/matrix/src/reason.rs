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

/// A timestamp in a program's message, such as `ts=2026-11-24T17:30:11.4Z`, removed so that equal failures look equal.
static TIME: LazyLock<Regex> = LazyLock::new(|| {
    constant(r"\b(?:ts=|time=)?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?\s*")
});

/// The stage is the exchange that the PKI refused, by the PKI's own record, or else the step. The text is evidence: the device's
/// reason, or else the last line of its SCEP client, or else the failed check; and the PKI's reason if the client knows only an HTTP
/// status.
pub(super) fn reason(failure: &Failure) -> Reason {
    let text = shown_reason(failure).unwrap_or_else(|| check(failure));
    let refusal = failure.refusal.as_ref();
    let stage = refusal.map_or_else(|| Reason::of_step(failure).stage, |it| it.exchange.clone());
    let text = match refusal.filter(|it| it.fail_info.is_none() && !it.reason.is_empty()) {
        Some(refusal) => format!("{text}; the PKI: {}", refusal.reason),
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
    use results::RefusedExchange;
    use scep::attribute::FailInfo;

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

    /// The reason if the PKI refused an exchange.
    fn refused(output: &str, refusal: RefusedExchange) -> (String, String) {
        let output = format!("{TABLE_TEXT}{output}");
        let failure = Failure { output, refusal: Some(refusal), ..samples::failure() };
        let Reason { stage, text } = super::reason(&failure);
        (stage, text)
    }

    fn refusal(exchange: &str, http_status: u16, reason: &str) -> RefusedExchange {
        let fail_info = (http_status == 200).then_some(FailInfo::BadRequest);
        RefusedExchange {
            exchange: exchange.to_owned(),
            http_status,
            fail_info,
            reason: reason.to_owned(),
        }
    }

    #[test]
    fn stage_is_the_exchange_that_the_pki_refused() {
        let said = "PKIOperation (CertPoll) was answered FAILURE, badRequest";
        let shown = format!("usercert  Failed\nusercert: {said}\n");
        let (stage, text) = refused(&shown, refusal("CertPoll", 200, "denied"));
        assert_eq!((stage.as_str(), text.as_str()), ("CertPoll", said));
        // What a client says decides nothing.
        assert_eq!(reason(&format!("{TABLE_TEXT}{shown}")).0, "step 3");
    }

    #[test]
    fn the_reason_is_the_last_log_line_if_the_device_shows_none() {
        let (_, text) = reason(&format!("{TABLE_TEXT}usercert  Pending\n"));
        assert_eq!(text, "PKIOperation (PKCSReq) was answered FAILURE, badMessageCheck");
    }

    #[test]
    fn the_record_of_the_pki_explains_an_http_status() {
        let said = "PKIOperation (PKCSReq) was answered HTTP 500";
        let unreadable = refusal("PKIOperation", 500, "the `message` is not base64");
        let (stage, text) = refused(&format!("a: {said}\n"), unreadable);
        assert_eq!(stage, "PKIOperation");
        assert_eq!(text, format!("{said}; the PKI: the `message` is not base64"));
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

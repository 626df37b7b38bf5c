//! What the output and the exit status of a program say about its failure.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::LazyLock;

use regex::Regex;
use scep::client::Exchange;

use super::job::Run;
use super::{Error, refused};
use crate::enrolment::order::Failure;

/// The reasons of RFC 8894 §3.2.1.4.
const FAIL_INFOS: [&str; 5] = ["badAlg", "badMessageCheck", "badRequest", "badTime", "badCertId"];
/// The HTTP error status that a line names: `HTTP 404`, `status code: 503`, `returned error: 404`.
static HTTP_STATUS: LazyLock<Regex> = LazyLock::new(|| {
    constant(
        r"(?i)\b(?:HTTP(?:/\d(?:\.\d)?)?(?: error| status| code)*|(?:http )?status(?: ?code)?|response code|returned error)[:=]? ?([3-5]\d\d)\b",
    )
});
/// Texts about an unreachable server in the output of programs.
static UNREACHED: LazyLock<Regex> = LazyLock::new(|| {
    constant(
        r"(?i)connection (?:refused|reset|timed out)|(?:couldn't|failed to|cannot|unable to) connect|no route to host|network is unreachable|timeout was reached|i/o timeout|could ?n[o']t resolve|failed to resolve|name or service not known|no such host|unknown host|temporary failure in name resolution|\bHTTP 0\b",
    )
});
/// Number of the last lines of its standard error that tell why a program failed: many programs add a general one at the end.
const LINES_OF_REASON: usize = 2;

impl Run {
    /// Error of a failed run: the server was not reached, the CA refused, or the program failed for another reason.
    pub(crate) fn error(&self) -> Error {
        if let Some(fail_info) = self.lines.iter().rev().find_map(|line| fail_info(line)) {
            return refused(&self.exchange, fail_info);
        }
        if let Some(status) = self.lines.iter().rev().find_map(|line| http_status(line)) {
            return Error::Retry(format!("{} was answered HTTP {status}", self.exchange));
        }
        if let Some(line) = self.lines.iter().rev().find(|line| is_unreached(line)) {
            return Error::Unreached(self.exchange.clone(), line.clone());
        }
        self.exit_failure(&self.exchange).into()
    }

    /// Failure with the exchange, the exit status and the last lines of the program.
    pub(crate) fn exit_failure(&self, exchange: &Exchange) -> Failure {
        let said = match self.last_words() {
            Some(said) => format!(": {said}"),
            None => " and said nothing".to_owned(),
        };
        let status = describe_status(self.status);
        Failure::Ended(format!("{exchange}: `{}` {status}{said}", self.program))
    }

    /// The last lines of its standard error. Its standard output counts only if there are none, because programs write it late
    /// and with other texts.
    pub(crate) fn last_words(&self) -> Option<String> {
        let last = self.errors.len().saturating_sub(LINES_OF_REASON);
        let errors: Vec<&str> = self.errors[last..].iter().map(|line| line.trim()).collect();
        let printed = || self.lines.last().map(|line| line.trim().to_owned());
        if errors.is_empty() { printed() } else { Some(errors.join("; ")) }
    }

    /// Failure of a program that exited with success but whose result is not usable.
    pub(crate) fn bad_result(&self, what: &str) -> Failure {
        self.failure(&format!("ended with success, but {what}"))
    }

    /// Failure with a message about the program.
    pub(super) fn failure(&self, what: &str) -> Failure {
        Failure::Ended(format!("{}: `{}` {what}", self.exchange, self.program))
    }
}

fn describe_status(status: ExitStatus) -> String {
    if let Some(signal) = status.signal() {
        return format!("was killed by signal {signal}");
    }
    status.code().map_or_else(|| "ended".to_owned(), |code| format!("ended with status {code}"))
}

/// The standard failInfo that a line names.
fn fail_info(line: &str) -> Option<&'static str> {
    let named = line.split_once("failInfo").or_else(|| line.split_once("reason"))?.1;
    FAIL_INFOS.into_iter().find(|name| named.contains(name))
}

fn http_status(line: &str) -> Option<u16> {
    HTTP_STATUS.captures(line)?.get(1)?.as_str().parse().ok()
}

fn is_unreached(line: &str) -> bool {
    UNREACHED.is_match(line)
}

#[expect(clippy::expect_used, reason = "the expressions are constants, which the tests try")]
fn constant(text: &str) -> Regex {
    Regex::new(text).expect("a constant expression")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn program_output_is_parsed() {
        let refused = "failInfo:     badRequest - transaction not permitted or supported";
        assert_eq!(fail_info(refused), Some("badRequest"));
        let refused = "PKCSReq (19) request failed, failInfo: badMessageCheck (1)";
        assert_eq!(fail_info(refused), Some("badMessageCheck"));
        assert_eq!(fail_info("badRequest"), None);
        for said in [
            "did not receive a valid SCEP response: HTTP 404",
            "sscep: server response status code: 404, MIME header: text/html",
            "Got response code 404 from http://h/nope, not 200.",
            "The requested URL returned error: 404",
            "HTTP/1.1 404 Not Found",
            "http request failed with status 404 Not Found",
            "status=404",
            "HTTP error 404",
        ] {
            assert_eq!(http_status(said), Some(404), "{said}");
        }
        for said in [
            "did not receive a valid SCEP response: HTTP 0",
            "sscep: server response status code: 200, MIME header: text/plain",
            "ended with exit status 1",
            "pkistatus: 3",
            "wrote 404 bytes",
        ] {
            assert_eq!(http_status(said), None, "{said}");
        }
    }

    #[test]
    fn unreached_server_is_recognised() {
        for said in [
            "dial tcp 127.0.0.1:1: connect: connection refused",
            "Error 7 connecting to http://h/: Couldn't connect to server.",
            "cannot connect: Connection refused",
            "did not receive a valid SCEP response: HTTP 0",
            "failed to resolve remote host address nowhere (err=-2)",
            "dial tcp: lookup nowhere: no such host",
            "Error 6 connecting to http://nowhere/: Couldn't resolve host name.",
            "libcurl request failed [6]: Could not resolve host: nowhere",
        ] {
            assert!(is_unreached(said), "{said}");
        }
        for said in ["did not receive a valid SCEP response: HTTP 404", "unable to verify"] {
            assert!(!is_unreached(said), "{said}");
        }
    }
}

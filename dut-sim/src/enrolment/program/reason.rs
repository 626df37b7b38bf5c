//! Why a program brought nothing, in the words of the device's own client where they mean the same.

use std::process::ExitStatus;

use super::Trouble;
use super::job::{Ended, failure};
use crate::enrolment::order::Failure;

/// The reasons of RFC 8894 §3.2.1.4.
const FAIL_INFOS: [&str; 5] = ["badAlg", "badMessageCheck", "badRequest", "badTime", "badCertId"];
/// What stands before an HTTP status in what programs print.
const BEFORE_STATUS: [&str; 4] = ["HTTP ", "with status ", "response code ", "status code "];
/// What programs print of a server that they did not reach; in lower case.
const UNREACHED: [&str; 7] = [
    "connection refused",
    "couldn't connect",
    "failed to connect",
    "no route to host",
    "network is unreachable",
    "connection timed out",
    "timeout was reached",
];

impl Ended {
    /// What a run that failed comes to: the server was not reached, refused, or the program ended for a reason of its own.
    pub(crate) fn trouble(&self) -> Trouble {
        if let Some(fail_info) = self.lines.iter().rev().find_map(|line| fail_info(line)) {
            return refused(&self.exchange, fail_info);
        }
        if let Some(status) = self.lines.iter().rev().find_map(|line| http_status(line)) {
            return Trouble::Later(format!("{} was answered HTTP {status}", self.exchange));
        }
        if let Some(line) = self.lines.iter().rev().find(|line| is_unreached(line)) {
            return Trouble::Unreached(self.exchange.clone(), line.clone());
        }
        self.how(&self.exchange).into()
    }

    /// That the program ended in that exchange, how, and what it said last.
    pub(crate) fn how(&self, exchange: &str) -> Failure {
        let said = match self.lines.last() {
            Some(line) => format!(": {}", line.trim()),
            None => " and said nothing".to_owned(),
        };
        failure(exchange, self.program, &format!("{}{said}", how(self.status)))
    }

    /// That the program said it had succeeded, and what it left is not what it should be.
    pub(crate) fn useless(&self, what: &str) -> Failure {
        failure(&self.exchange, self.program, &format!("ended with success, but {what}"))
    }
}

/// That the CA said no.
pub(crate) fn refused(exchange: &str, fail_info: &str) -> Trouble {
    Failure::Ended(format!("{exchange} was answered FAILURE, {fail_info}")).into()
}

fn how(status: ExitStatus) -> String {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return format!("was killed by signal {signal}");
    }
    status.code().map_or_else(|| "ended".to_owned(), |code| format!("ended with status {code}"))
}

/// The reason of the standard that a line about failInfo names.
fn fail_info(line: &str) -> Option<&'static str> {
    let named = line.split_once("failInfo").or_else(|| line.split_once("reason"))?.1;
    FAIL_INFOS.into_iter().find(|name| named.contains(name))
}

/// The HTTP status that a line names, unless it is a good one; curl's 0 is none.
fn http_status(line: &str) -> Option<u16> {
    let after = BEFORE_STATUS.iter().find_map(|before| Some(line.split_once(before)?.1))?;
    let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok().filter(|status| (300..600).contains(status))
}

fn is_unreached(line: &str) -> bool {
    let line = line.to_lowercase();
    UNREACHED.iter().any(|words| line.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_programs_print_is_understood() {
        let refused = "failInfo:     badRequest - transaction not permitted or supported";
        assert_eq!(fail_info(refused), Some("badRequest"));
        let refused = "PKCSReq (19) request failed, failInfo: badMessageCheck (1)";
        assert_eq!(fail_info(refused), Some("badMessageCheck"));
        assert_eq!(fail_info("badRequest"), None);
        assert_eq!(http_status("did not receive a valid SCEP response: HTTP 404"), Some(404));
        assert_eq!(http_status("did not receive a valid SCEP response: HTTP 0"), None);
        assert_eq!(http_status("http request failed with status 503 Service"), Some(503));
        assert_eq!(http_status("Got response code 404 from http://h/nope, not 200."), Some(404));
        assert!(is_unreached("dial tcp 127.0.0.1:1: connect: connection refused"));
        assert!(is_unreached("Error 7 connecting to http://h/: Couldn't connect to server."));
    }
}

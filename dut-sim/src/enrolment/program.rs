//! An enrolment by a program of somebody else's: what all of them have in common.

pub(super) mod folder;
pub(super) mod job;

use std::env;
use std::ffi::OsStr;
use std::fmt::Display;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::Arc;

use async_trait::async_trait;
use openssl::x509::{X509, X509Ref};
use process::is_executable;
use scep::client::CaCertificates;

use self::folder::Folder;
use self::job::{Ended, Job};
use super::journal::Journal;
use super::order::{Failure, Missing, Order};

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

/// A program as a client: where it is, how it is used, and how it is understood.
pub(super) struct Adapter {
    /// The file's name.
    pub(super) file: &'static str,
    /// The program as people know it.
    pub(super) name: &'static str,
    /// Where it can be had.
    pub(super) origin: &'static str,
    /// Where it may be besides the path.
    pub(super) folders: &'static [&'static str],
    /// Whether a file of its name is it, and can enrol.
    pub(super) examine: fn(&Path) -> Result<(), Unfit>,
    /// Whether a renewal is for the key of the old certificate.
    pub(super) keeps_key: bool,
    /// Begins an enrolment.
    pub(super) begin: fn(&mut Job<'_>) -> Result<Box<dyn Program>, Failure>,
    /// Whether a printed line says that the CA has not decided, and the program will ask again.
    pub(super) is_pending: fn(&str) -> bool,
    /// Whether a printed line is of no interest, whatever happens.
    pub(super) is_noise: fn(&str) -> bool,
    /// Why a run of it failed.
    pub(super) trouble: fn(&Ended) -> Trouble,
}

/// A program that was found.
pub(super) struct Installed {
    pub(super) adapter: &'static Adapter,
    pub(super) program: PathBuf,
}

/// Why a file of the right name does not serve.
pub(super) enum Unfit {
    /// It is another program, as can be seen by this.
    Another(&'static str),
    /// It is the program, and lacks a part.
    Incomplete(Missing),
}

impl Adapter {
    /// A program of any version that takes any key, never polls, and says nothing that others do not say.
    pub(super) const fn of(
        file: &'static str,
        name: &'static str,
        origin: &'static str,
        begin: fn(&mut Job<'_>) -> Result<Box<dyn Program>, Failure>,
    ) -> Self {
        Self {
            file,
            name,
            origin,
            folders: &[],
            examine: |_| Ok(()),
            keeps_key: false,
            begin,
            is_pending: |_| false,
            is_noise: |_| false,
            trouble: Ended::trouble,
        }
    }

    /// The program on `path`, or where packages put it.
    pub(super) fn find(&'static self, path: Option<&OsStr>) -> Result<Installed, Missing> {
        let folders = path.into_iter().flat_map(env::split_paths);
        let folders = folders.chain(self.folders.iter().map(PathBuf::from));
        let mut another = None;
        for program in folders.map(|folder| folder.join(self.file)).filter(|it| is_executable(it)) {
            match (self.examine)(&program) {
                Ok(()) => return Ok(Installed { adapter: self, program }),
                Err(Unfit::Incomplete(missing)) => return Err(missing),
                Err(Unfit::Another(why)) => {
                    another.get_or_insert(format!(": `{}` {why}; this program", program.display()));
                }
            }
        }
        let program = format!("{}{}", self.name, another.unwrap_or_default());
        Err(Missing { program, origin: self.origin })
    }
}

/// What the device needs of a program: the CA's certificates, and one of its own.
#[async_trait]
pub(super) trait Program: Send {
    /// Fetches the CA's certificates; once it has, it is not called again.
    async fn ca_certificates(&mut self, job: &mut Job<'_>) -> Result<CaCertificates, Trouble>;

    /// Asks for the certificate; after [`Answer::Pending`] it is called again, to poll, and after [`Trouble::Later`] to ask
    /// again for what was not answered.
    async fn request(&mut self, job: &mut Job<'_>, ca: &CaCertificates) -> Result<Answer, Trouble>;
}

/// What came of a request.
pub(super) enum Answer {
    /// This certificate was issued.
    Issued(X509),
    /// The CA has not decided, in this exchange.
    Pending(String),
}

/// Why a run of a program brought nothing.
pub(super) enum Trouble {
    /// The server did not serve, for this reason: another try may go better.
    Later(String),
    /// The server was not reached in this exchange, as the program said in these words: another try may go better.
    Unreached(String, String),
    /// It is over.
    Over(Failure),
}

impl<E: Into<Failure>> From<E> for Trouble {
    fn from(failure: E) -> Self {
        Self::Over(failure.into())
    }
}

/// Enrols with the program, until there is a certificate or no hope of one.
pub(super) async fn enrol(
    installed: &Installed,
    order: &Order,
    journal: &mut Journal,
) -> Result<X509, Failure> {
    let mut job = Job { installed, folder: Folder::new()?, order, journal };
    let mut program = (installed.adapter.begin)(&mut job)?;
    let mut ca = None;
    loop {
        let surroundings = Arc::clone(&job.journal.surroundings);
        // Listens from before the try: a commit meanwhile may be what it lacked.
        let woken = surroundings.wake.notified();
        let reason = match attempt(&mut *program, &mut ca, &mut job).await {
            Ok(certificate) => return Ok(certificate),
            Err(Trouble::Over(failure)) => return Err(failure),
            Err(Trouble::Later(reason)) => reason,
            Err(Trouble::Unreached(exchange, line)) => job.unreached(&exchange, &line).await,
        };
        job.journal.retry_later(&reason, woken).await;
    }
}

/// Goes on where the last attempt ended: what the CA has been asked for it may be deciding, and a password may serve once.
async fn attempt(
    program: &mut dyn Program,
    ca: &mut Option<CaCertificates>,
    job: &mut Job<'_>,
) -> Result<X509, Trouble> {
    let ca = if let Some(known) = ca {
        known
    } else {
        let received = program.ca_certificates(job).await?;
        job.journal.served();
        job.journal.log_ca("GetCACert", &received);
        job.journal.keep_ca(Some(&received));
        ca.insert(received)
    };
    loop {
        match program.request(job, ca).await? {
            Answer::Issued(certificate) => {
                let certificate = ca.issued(&[certificate], &job.order.key)?;
                job.journal.served();
                job.journal.log_issued(&job.exchange(), &certificate);
                return Ok(certificate);
            }
            Answer::Pending(exchange) => {
                job.journal.served();
                job.journal.wait_for_decision(&exchange).await;
            }
        }
    }
}

/// The certificate that a reply is most likely to be signed with.
pub(super) fn signer(ca: &CaCertificates) -> &X509Ref {
    ca.signers().first().copied().unwrap_or_else(|| ca.issuer())
}

/// The name of an algorithm as programs take it: `sha256`.
pub(super) fn option_word(algorithm: impl Display) -> String {
    algorithm.to_string().replace('-', "").to_lowercase()
}

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
        let how = how(self.status);
        Failure::Ended(format!("{exchange}: `{}` {how}{said}", self.program))
    }

    /// That the program said it had succeeded, and what it left is not what it should be.
    pub(crate) fn useless(&self, what: &str) -> Failure {
        self.failure(&format!("ended with success, but {what}"))
    }

    /// That the program did or said this.
    fn failure(&self, what: &str) -> Failure {
        Failure::Ended(format!("{}: `{}` {what}", self.exchange, self.program))
    }
}

/// That the CA said no.
pub(super) fn refused(exchange: &str, fail_info: &str) -> Trouble {
    Failure::Ended(format!("{exchange} was answered FAILURE, {fail_info}")).into()
}

fn how(status: ExitStatus) -> String {
    if let Some(signal) = status.signal() {
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

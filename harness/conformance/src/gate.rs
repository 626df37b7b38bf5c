//! The gate: if the plain right exchange fails because of the set-up, nobody is judged.

use scep::attribute::{FailInfo, PkiStatus};

use diagnostics::Diagnostic;
use results::requirement::End;
use results::{Failure, Reply, ScenarioOutcome, Skip, SkipCause, Verdict};

/// What is known about the challenge password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Password {
    /// None is given.
    Missing,
    /// One is given, and it may be wrong, expired or used up.
    Given,
    /// One was fetched from the page that gives them out.
    Fetched,
}

/// The result of the plain right exchange.
#[derive(Debug)]
pub enum Gate {
    /// The request was granted, or a person must decide about it.
    Open,
    /// The server did not grant it, and that is a verdict on the server. The skip is for the cases that need a granted request.
    Judged {
        /// The reason and the reply.
        skip: Skip,
        /// True if no reply came.
        is_silent: bool,
    },
    /// The set-up is probably at fault.
    SetUp {
        /// The probable cause, and what to do.
        finding: SetUpFinding,
        /// The reason and the reply.
        skip: Skip,
    },
}

/// What is wrong with the set-up, probably.
#[derive(Debug)]
pub struct SetUpFinding {
    /// What happened.
    what: &'static str,
    /// The reply, the probable cause, and what to do.
    notes: Vec<String>,
}

impl SetUpFinding {
    /// The message if the run ends here. `may_go_on` says that the user can have it go on all the same.
    pub fn not_judged(&self, may_go_on: bool) -> Diagnostic {
        let diagnostic = self.because("the server is not judged");
        if may_go_on { diagnostic.note(NO_GATE) } else { diagnostic }
    }

    /// The message with this consequence.
    pub fn because(&self, consequence: &str) -> Diagnostic {
        let diagnostic = Diagnostic::general(format!("{}, so {consequence}", self.what));
        self.notes.iter().fold(diagnostic, |all, note| all.note(note.as_str()))
    }
}

impl Gate {
    /// What the outcome of the plain exchange means.
    pub fn of(outcome: &ScenarioOutcome, password: Password) -> Self {
        match &outcome.verdict {
            Verdict::Passed | Verdict::Panicked { .. } => Self::Open,
            Verdict::Skipped(skip) if skip.because == SkipCause::Pending => Self::Open,
            Verdict::Skipped(skip) if skip.because == SkipCause::NoPassword => {
                Self::broken(skip.to_string())
            }
            Verdict::LabBroke { reason } => Self::broken(reason.reason.clone()),
            Verdict::Skipped(skip) => {
                Self::Judged { skip: not_made(skip.to_string()), is_silent: true }
            }
            Verdict::Failed(failure) => Self::of_failure(failure, password),
        }
    }

    /// What the outcome of the plain exchange means that was granted before with the same password.
    pub fn of_repetition(outcome: &ScenarioOutcome, subject_varies: bool) -> Self {
        let Verdict::Failed(failure) = &outcome.verdict else { return Self::Open };
        let reply = failure.reply.clone().unwrap_or_default();
        let is_refused = match &reply.pki_status {
            Some(status) => *status == PkiStatus::Failure,
            None => reply.http_status.is_some_and(|status| status >= 400),
        };
        if !is_refused {
            return Self::Open;
        }
        let cause = if subject_varies { ONCE } else { SAME_NAME };
        let skip = no_plain_exchange(
            "the server grants the plain right request only once",
            answered(&reply),
        );
        Self::SetUp { finding: refused(&reply, cause), skip }
    }

    /// Why a peer that completed the plain exchange before does not complete it any more; `None` if it does, or if this cannot be
    /// said, because the exchange was not made.
    pub fn closed(outcome: &ScenarioOutcome, end: End) -> Option<Skip> {
        let Verdict::Failed(failure) = &outcome.verdict else { return None };
        if outcome.has_enrolled {
            return None;
        }
        let (reason, evidence) = match end {
            End::Server => (
                "the server does not grant the plain right request any more",
                answered(&failure.reply.clone().unwrap_or_default()),
            ),
            End::Client => (
                "the client does not complete the plain right exchange any more",
                format!(
                    "{}: {}",
                    failure.message,
                    failure.output.lines().next().unwrap_or_default()
                ),
            ),
        };
        Some(no_plain_exchange(reason, evidence))
    }

    fn of_failure(failure: &Failure, password: Password) -> Self {
        let reply = failure.reply.clone().unwrap_or_default();
        if reply.pki_status == Some(PkiStatus::Success) {
            return Self::Open;
        }
        let skip = not_granted(&reply);
        match cause(&reply, password).filter(|_| failure.ended_server.is_none()) {
            Some(cause) => Self::SetUp { finding: refused(&reply, cause), skip },
            None => Self::Judged { skip, is_silent: reply.http_status.is_none() },
        }
    }

    /// The exchange could not be made.
    fn broken(reason: String) -> Self {
        let what = "the plain exchange could not be made";
        let finding = SetUpFinding { what, notes: vec![reason.clone()] };
        Self::SetUp { finding, skip: not_made(reason) }
    }
}

/// How to go on all the same.
const NO_GATE: &str = "`--no-gate` judges all the same what does not depend on a granted request";

/// A probable cause outside the server, and what to do about it.
#[derive(Clone, Copy)]
struct Cause {
    message: &'static str,
    probably: &'static str,
    next: &'static str,
}

const MISSING: Cause = Cause {
    message: "the plain request is refused without a challenge password",
    probably: "probably this server wants a challenge password, and none is given",
    next: "give it with `--challenge-file FILE` or in `SCEPLAB_CHALLENGE`; an NDES gives it out on its page: `--ndes-admin URL`",
};

const DOUBTFUL: Cause = Cause {
    message: "the plain request is refused with the challenge password that is given",
    probably: "probably the password is wrong, expired or already used; or the server does not certify this subject",
    next: "compare the password with that of the server, or get a new one; give a subject that it certifies with `--subject`",
};

const FETCHED: Cause = Cause {
    message: "the plain request is refused with a challenge password from `mscep_admin`",
    probably: "probably the page belongs to another server, or the server does not certify this subject",
    next: "compare the URLs of `--ndes-admin` and of the server; its event log has the reason of the refusal",
};

const FORBIDDEN: Cause = Cause {
    message: "the server wants a login for its SCEP service",
    probably: "SCEP clients send no credentials in HTTP: probably the URL is that of another page, such as `mscep_admin`",
    next: "compare the path with the server's documentation",
};

const MOVED: Cause = Cause {
    message: "the server sends messages to another address",
    probably: "probably the SCEP service is there, or a login; SCEP clients follow no redirection",
    next: "give the address of the SCEP service itself, which begins with `http://` and needs no login",
};

const BUSY: Cause = Cause {
    message: "the server is busy or not ready",
    probably: "probably it limits the rate of requests, or has just been started",
    next: "try again later, with `--rate` if it limits the rate of requests",
};

const ONCE: Cause = Cause {
    message: "the plain request is granted, and refused when it is sent again with the same challenge password",
    probably: "probably each challenge password of this server is valid once, and the one that is given is used up now",
    next: "give several with `--challenge-file FILE`, one per line (`--dry-run` says how many), or the page of an NDES with `--ndes-admin URL`",
};

const SAME_NAME: Cause = Cause {
    message: "the plain request is granted, and refused when it is sent again",
    probably: "probably the server certifies no name twice, or each of its challenge passwords is valid once",
    next: "put `{n}` into `--subject`, which becomes a different number each time; give several passwords with `--challenge-file FILE`",
};

/// The probable cause of a refusal outside the server; `None` if it is a finding about the server.
fn cause(reply: &Reply, password: Password) -> Option<Cause> {
    let refused = match password {
        Password::Missing => MISSING,
        Password::Given => DOUBTFUL,
        Password::Fetched => FETCHED,
    };
    match (&reply.pki_status, reply.http_status?) {
        (None, 401 | 403) => Some(FORBIDDEN),
        (None, 301..=303 | 307 | 308) => Some(MOVED),
        (None, 429 | 503) => Some(BUSY),
        // The server does not serve what its capabilities announce.
        (None, 404 | 405 | 501) => None,
        (None, 400..=599) if password == Password::Missing || names_password(reply) => {
            Some(refused)
        }
        // No password causes these.
        (Some(PkiStatus::Failure), _)
            if matches!(
                reply.fail_info,
                Some(FailInfo::BadAlg | FailInfo::BadTime | FailInfo::BadCertId)
            ) =>
        {
            None
        }
        (Some(PkiStatus::Failure), _) => Some(refused),
        _ => None,
    }
}

/// Words with which servers speak of a wrong or missing password.
const PASSWORD_WORDS: [&str; 6] =
    ["challenge", "password", "passphrase", "secret", "credential", "unauthori"];

/// True if the server speaks of the password.
fn names_password(reply: &Reply) -> bool {
    let said = reply.details.join(" ").to_lowercase();
    PASSWORD_WORDS.iter().any(|word| said.contains(word))
}

/// The probable cause. The server's own words come first if they speak of something else.
fn probably(reply: &Reply, cause: Cause) -> String {
    let has_words = reply.details.iter().any(|detail| !detail.trim().is_empty());
    if reply.pki_status == Some(PkiStatus::Failure) && has_words && !names_password(reply) {
        format!("the server's own words may be the reason; otherwise {}", cause.probably)
    } else {
        cause.probably.to_owned()
    }
}

fn refused(reply: &Reply, cause: Cause) -> SetUpFinding {
    let notes = vec![answered(reply), probably(reply, cause), cause.next.to_owned()];
    SetUpFinding { what: cause.message, notes }
}

fn not_granted(reply: &Reply) -> Skip {
    let reason = match &reply.pki_status {
        Some(PkiStatus::Failure) => "the server refuses the plain right request as well",
        _ => "the server does not answer the plain right request with a certificate",
    };
    no_plain_exchange(reason, answered(reply))
}

/// What the plain request was answered.
fn answered(reply: &Reply) -> String {
    match reply.http_status {
        Some(_) => {
            format!("the plain request, a PKCSReq as every client sends it, was answered {reply}")
        }
        None => format!("the plain request was not answered: {}", reply.details.join("; ")),
    }
}

fn not_made(reason: String) -> Skip {
    no_plain_exchange("the plain right request could not be made", reason)
}

fn no_plain_exchange(reason: &str, evidence: String) -> Skip {
    let skip = Skip::new(SkipCause::NoPlainExchange, reason);
    Skip { evidence: vec![evidence], ..skip }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(http_status: u16, fail_info: Option<&str>, said: &str) -> Reply {
        Reply {
            http_status: Some(http_status),
            pki_status: fail_info.map(|_| PkiStatus::Failure),
            fail_info: fail_info.map(|name| name.parse().unwrap()),
            details: vec![said.to_owned()],
            ..Reply::default()
        }
    }

    #[test]
    fn refusal_points_at_the_password_unless_its_reason_is_another() {
        let message = |reply: Reply, password| cause(&reply, password).map(|cause| cause.message);
        let refused = reply(200, Some("badMessageCheck"), "");
        assert_eq!(message(refused.clone(), Password::Missing), Some(MISSING.message));
        assert_eq!(message(refused.clone(), Password::Given), Some(DOUBTFUL.message));
        assert_eq!(message(refused, Password::Fetched), Some(FETCHED.message));
        for other in ["badAlg", "badTime", "badCertId"] {
            assert_eq!(message(reply(200, Some(other), ""), Password::Missing), None, "{other}");
        }
    }

    #[test]
    fn finding_has_one_consequence_and_advises_to_go_on_only_if_that_is_possible() {
        let finding = refused(&reply(401, None, "log in"), FORBIDDEN);
        let wants_login = "the server wants a login for its SCEP service";
        let goes_on = finding.because("3 cases could not be judged");
        assert_eq!(goes_on.message, format!("{wants_login}, so 3 cases could not be judged"));
        let (ends, gone) = (finding.not_judged(true), finding.not_judged(false));
        assert_eq!(ends.message, format!("{wants_login}, so the server is not judged"));
        assert_eq!(ends.notes.last().map(String::as_str), Some(NO_GATE));
        assert_eq!((&gone.notes[..], &goes_on.notes[..]), (&ends.notes[..3], &ends.notes[..3]));
    }

    #[test]
    fn own_words_of_the_server_come_before_the_password() {
        let said = |said| probably(&reply(200, Some("badRequest"), said), MISSING);
        assert_eq!(said(""), MISSING.probably);
        assert_eq!(said("no challenge password in the request"), MISSING.probably);
        let expected =
            "the server's own words may be the reason; otherwise probably this server wants";
        assert!(said("the key is too short").starts_with(expected));
    }

    #[test]
    fn http_error_is_the_servers_unless_it_speaks_of_the_password() {
        let message = |status, said: &str, password| {
            cause(&reply(status, None, said), password).map(|cause| cause.message)
        };
        assert_eq!(message(500, "boom", Password::Given), None);
        assert_eq!(message(500, "wrong challenge", Password::Given), Some(DOUBTFUL.message));
        assert_eq!(message(500, "boom", Password::Missing), Some(MISSING.message));
        assert_eq!(message(403, "", Password::Given), Some(FORBIDDEN.message));
        assert_eq!(message(503, "", Password::Given), Some(BUSY.message));
        assert_eq!(message(302, "moved", Password::Given), Some(MOVED.message));
        assert_eq!(message(405, "", Password::Missing), None);
        assert_eq!(message(200, "a web page", Password::Missing), None);
    }
}

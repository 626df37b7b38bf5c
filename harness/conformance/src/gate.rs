//! The gate: if the plain right exchange fails because of the set-up, nobody is judged.

mod cause;

use scep::attribute::PkiStatus;

use self::cause::{Cause, ONCE, SAME_NAME, advice, cause};
use diagnostics::Diagnostic;
use results::requirement::End;
use results::{Failure, Reply, ScenarioOutcome, ServerState, Skip, SkipCause, Verdict};

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
        // A server that was away for a moment is asked again.
        let was_away = failure.ended_server == Some(ServerState::Back) && failure.tries < 2;
        if outcome.has_enrolled || was_away {
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

fn refused(reply: &Reply, cause: Cause) -> SetUpFinding {
    let [probably, next] = advice(reply, cause);
    let notes = vec![answered(reply), probably, next];
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
    use super::cause::FORBIDDEN;
    use super::*;

    #[test]
    fn finding_has_one_consequence_and_advises_to_go_on_only_if_that_is_possible() {
        let details = vec!["log in".to_owned()];
        let reply = Reply { http_status: Some(401), details, ..Reply::default() };
        let finding = refused(&reply, FORBIDDEN);
        let wants_login = "the server wants a login for its SCEP service";
        let goes_on = finding.because("3 cases could not be judged");
        assert_eq!(goes_on.message, format!("{wants_login}, so 3 cases could not be judged"));
        let (ends, gone) = (finding.not_judged(true), finding.not_judged(false));
        assert_eq!(ends.message, format!("{wants_login}, so the server is not judged"));
        assert_eq!(ends.notes.last().map(String::as_str), Some(NO_GATE));
        assert_eq!((&gone.notes[..], &goes_on.notes[..]), (&ends.notes[..3], &ends.notes[..3]));
    }
}

//! The step that sends a SCEP request to a PKI, and compares the reply with the acceptable outcomes.

use scep::attribute::PkiStatus;
use tokio::time::Instant;

use super::pki::{scep, stop};
use super::{Answer, Attempt, Attempted, Env, Inconclusive, Miss, Stop, bounded};
use crate::conversation::{Conversation, Ended, Exchange, Observation, RequestError};
use model::scenario::Step;
use model::scenario::scep::{ChallengeChoice, Fact, Operation, Request, Scep};
use results::SkipCause;
use testbed::Testbed;
use testbed::pki::{ScepService, ServerState};

impl Attempt for Scep {
    /// Sends the request and compares the response with the acceptable outcomes. If the case says so, a refused request is sent
    /// again with the challenge password.
    async fn attempt(&self, Env { step, testbed, state }: Env<'_>) -> Result<Attempted, Stop> {
        let start = Instant::now();
        let pki = scep(testbed, &self.pki)?;
        let fresh = || {
            let Testbed { keys, subject, received, clock, .. } = testbed;
            Conversation::new(keys.clone(), subject.clone(), received.clone(), clock.clone())
        };
        let conversation = state.conversations.entry(self.pki.clone()).or_insert_with(fresh);
        let mut sender = Sender { it: self, step, pki, conversation };
        let mut tried = sender.tried(&self.request).await?;
        if self.retry_with_challenge && tried.is_refused() {
            tried = sender.tried_with_challenge(tried).await?;
        }
        if tried.is_unexplained_renewal(&self.request)
            && let Some(inconclusive) = &mut tried.answer.inconclusive
        {
            inconclusive.seen.push(TOO_EARLY.to_owned());
        }
        for (name, fact) in &self.save {
            conversation.save(name, tried.exchange.observation.value(*fact));
        }
        let sent = tried.exchange.sent.join("\n");
        Ok(Attempted::once(step, &self.pki, sent, tried.answer, start.elapsed()))
    }
}

/// A possible reason of a refused renewal, for a server that gives none.
const TOO_EARLY: &str = "the server gives no reason; a known one is that a CA renews only in the last days of a certificate \
                         (micromdm's scepserver: `-allowrenew`, 14 days by default)";

/// An exchange and the judged answer.
struct Tried {
    exchange: Exchange,
    answer: Answer,
}

impl Tried {
    /// True if the request was granted.
    fn is_granted(&self) -> bool {
        self.exchange.observation.pki_status == Some(PkiStatus::Success)
    }

    /// True if the request was refused, and that is no acceptable outcome.
    fn is_refused(&self) -> bool {
        self.exchange.observation.pki_status == Some(PkiStatus::Failure)
            && (self.answer.inconclusive.is_some() || !self.answer.met())
    }

    /// True if a renewal was refused with badRequest alone.
    fn is_unexplained_renewal(&self, request: &Request) -> bool {
        let seen = &self.exchange.observation;
        request.operation == Operation::RenewalReq
            && self.is_refused()
            && seen.value(Fact::FailInfo) == Some("badRequest")
            && seen.details.is_empty()
    }
}

/// A step with the conversation in which its requests are sent.
struct Sender<'a> {
    it: &'a Scep,
    step: &'a Step,
    pki: &'a dyn ScepService,
    conversation: &'a mut Conversation,
}

impl Sender<'_> {
    async fn tried(&mut self, request: &Request) -> Result<Tried, Stop> {
        let name = &self.it.pki;
        let exchange = self.conversation.exchange(self.pki, request, !self.it.may_be_granted());
        let exchange = bounded(name, exchange).await?.map_err(|error| match error {
            RequestError::NotPossible(reason) => Stop::Skip(SkipCause::RequestNotPossible, reason),
            RequestError::NoPassword(reason) => Stop::Skip(SkipCause::NoPassword, reason),
            RequestError::Pki(error) => stop(name, &error),
            RequestError::NoRecipient(_) => Stop::Broken(error.to_string().into()),
            RequestError::Unbuilt(_) => Stop::Broken(format!("`{name}`: {error}").into()),
        })?;
        let answer = judged(self.it, self.step, self.conversation, &exchange);
        Ok(Tried { exchange, answer })
    }

    /// Sends the request again with the challenge password, because its absence may be the reason of the refusal.
    async fn tried_with_challenge(&mut self, first: Tried) -> Result<Tried, Stop> {
        let without = seen(&first).map(|line| format!("without the challenge password: {line}"));
        let asks = self.pki.asks_for_challenge().await;
        if !asks.map_err(|error| stop(&self.it.pki, &error))? {
            let unknown = "no challenge password is given, so it was not tried with one".to_owned();
            let seen = without.chain([unknown]).collect();
            return Ok(Tried { answer: with_evidence(first.answer, seen), ..first });
        }
        let without: Vec<String> = without.collect();
        let mut request = self.it.request.clone();
        request.message.challenge = ChallengeChoice::Always;
        let mut second = self.tried(&request).await?;
        if second.answer.inconclusive.is_some() {
            let with = seen(&second).map(|line| format!("with the challenge password: {line}"));
            let seen = without.into_iter().chain(with).collect();
            second.answer = with_evidence(second.answer, seen);
        } else if second.answer.met() && second.is_granted() {
            let note = "it is refused without the challenge password, and granted with it";
            second.answer.notes.push(note.to_owned());
        }
        let sent = std::mem::take(&mut second.exchange.sent);
        second.exchange.sent = first.exchange.sent.into_iter().chain(sent).collect();
        Ok(second)
    }
}

fn seen(tried: &Tried) -> impl Iterator<Item = String> {
    let inconclusive = tried.answer.inconclusive.clone();
    inconclusive.into_iter().flat_map(|it| it.seen).filter(|line| !line.is_empty())
}

fn with_evidence(mut answer: Answer, seen: Vec<String>) -> Answer {
    if let Some(inconclusive) = &mut answer.inconclusive {
        inconclusive.seen = seen;
    }
    answer
}

fn judged(it: &Scep, step: &Step, conversation: &Conversation, exchange: &Exchange) -> Answer {
    let seen = &exchange.observation;
    let output = seen.lines().join("\n");
    let mut answer = match &exchange.ended {
        Some(ended) => ended_server(step, output, ended),
        None => Answer::judged(
            &it.acceptable,
            output,
            |fact| seen.value(fact),
            |text| conversation.filled(text),
        ),
    };
    if let Some(note) = answer.notes.iter_mut().find(|note| is_about_names(it, note))
        && !seen.differences.is_empty()
    {
        *note = format!("{note}: {}", seen.differences.join("; "));
    }
    if answer.met() && answer.inconclusive.is_none() && is_of_another(it, seen) {
        answer = of_another(answer.output);
    }
    let is_refused = seen.pki_status == Some(PkiStatus::Failure);
    if is_refused && exchange.has_doubtful_challenge && it.may_be_granted() {
        answer = doubtful(answer.output);
    }
    if let Some(inconclusive) = &mut answer.inconclusive {
        // Details of other operations are parts of facts.
        if it.request.operation.has_message() || seen.is_unanswered() {
            inconclusive.seen.extend(seen.details.iter().cloned());
        }
        if seen.pki_status == Some(PkiStatus::Pending) {
            inconclusive.because = SkipCause::Pending;
        }
    }
    answer.reply = Some(seen.reply());
    answer
}

/// True if the note is that of an outcome about the names in the issued certificate.
fn is_about_names(it: &Scep, note: &str) -> bool {
    let about = [Fact::IssuedSubject, Fact::IssuedNames];
    it.acceptable.iter().any(|one| {
        let is_about = one.conditions.iter().any(|condition| about.contains(&condition.fact));
        is_about && one.note.as_deref() == Some(note)
    })
}

/// True if the reply returns neither the transactionID nor the senderNonce of the request, and the step does not ask about them.
fn is_of_another(it: &Scep, seen: &Observation) -> bool {
    let returned = [Fact::Transaction, Fact::RecipientNonce];
    let mut conditions = it.acceptable.iter().flat_map(|one| &one.conditions);
    let asks = conditions.any(|condition| returned.contains(&condition.fact));
    !asks && returned.iter().all(|fact| seen.value(*fact) == Some("other"))
}

/// The answer to a request to which the reply to another request came, as from a server that always says the same.
fn of_another(output: String) -> Answer {
    let inconclusive = Inconclusive {
        because: SkipCause::Inconclusive,
        reason: "the reply is not one to this request".to_owned(),
        seen: vec!["it returns neither the transactionID nor the senderNonce".to_owned()],
    };
    Answer { output, inconclusive: Some(inconclusive), ..Answer::default() }
}

/// The answer to a request after which the server was gone, whatever the acceptable outcomes.
fn ended_server(step: &Step, output: String, ended: &Ended) -> Answer {
    Answer {
        output,
        message: match ended.state {
            ServerState::Back => "the server was gone after this request, and came back",
            ServerState::Gone => "the server was gone after this request",
            ServerState::Hangs => "the server answers nothing any more after this request",
        },
        misses: vec![Miss::at(&step.place, ended.reason.to_string())],
        ended_server: Some(ended.state),
        ..Answer::default()
    }
}

/// A refusal that may be due to a password that is used up.
fn doubtful(output: String) -> Answer {
    let reason = "the request was refused with a challenge password that was sent before, and that the server may have used up; \
                  it gives out no further ones";
    let inconclusive = Inconclusive {
        because: SkipCause::NoPassword,
        reason: reason.to_owned(),
        seen: vec!["status is FAILURE".to_owned()],
    };
    Answer { output, inconclusive: Some(inconclusive), ..Answer::default() }
}

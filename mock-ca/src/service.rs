//! The SCEP operations (RFC 8894 §4).

mod certificates;
mod enrolment;
mod message;
mod reply;
mod website;

use std::{sync::Arc, time::SystemTime};

use openssl::x509::{X509, X509Crl};
use scep::{
    capabilities::{Capabilities, Capability},
    http::{HttpError, HttpRequest, Operation},
    message::Message,
};

use crate::{
    answer::Answer,
    authority::Authority,
    fault::{self, Faults, Strikes, Trigger},
    offer::Offer,
    passwords::PasswordCache,
    personality::Personality,
    refusal::Refusal,
    settings::Settings,
    store::Store,
    transaction::Transaction,
};

/// The SCEP service: everything that is needed to answer a request.
pub(crate) struct Service {
    pub(crate) settings: Settings,
    pub(crate) personality: &'static Personality,
    pub(crate) authority: Arc<Authority>,
    pub(crate) store: Store,
    pub(crate) faults: Faults,
    passwords: PasswordCache,
    offer: Offer,
}

/// The decision about a request that was not refused.
enum Verdict {
    Issued(X509),
    Pending,
    /// The certificate for a GetCert.
    Found(X509),
    /// The revocation list for a GetCRL.
    RevocationList(X509Crl),
}

impl Verdict {
    /// The verdict about a request or poll in a known transaction.
    fn of(transaction: &Transaction) -> Result<Self, Refusal> {
        match transaction {
            Transaction::Held(held) if held.denied => Err(Refusal::Denied),
            Transaction::Held(_) => Ok(Self::Pending),
            Transaction::Issued(issued) => Ok(Self::Issued(issued.certificate.clone())),
        }
    }
}

impl Service {
    /// The service of a CA with these settings.
    pub(crate) fn new(
        settings: Settings,
        authority: Arc<Authority>,
        store: Store,
        passwords: PasswordCache,
    ) -> Self {
        let personality = settings.personality.personality();
        Self {
            personality,
            offer: Offer::new(personality, &settings),
            faults: Faults::new(&settings.faults),
            settings,
            authority,
            store,
            passwords,
        }
    }

    /// Answers a SCEP request; `None` if it names no operation.
    pub(crate) fn answer_operation(
        &self,
        request: &HttpRequest,
        now: SystemTime,
    ) -> Option<Answer> {
        let operation = match Operation::from_http(request) {
            Err(HttpError::NoOperation) => return None,
            read => read,
        };
        let message = match &operation {
            Ok(Operation::PkiOperation(bytes)) => Some(Message::parse(bytes)),
            _ => None,
        };
        let triggers = triggers(&operation, message.as_ref().and_then(|it| it.as_ref().ok()));
        let strikes = self.faults.strike(&triggers);
        let mut answer = match (operation, message) {
            (_, Some(message)) => self.answer_message(message, now, &strikes),
            (Ok(operation), None) => self.answer_plain(&operation, now, &strikes),
            (Err(error), None) => self.bad_request(&error),
        };
        answer.note.operation = triggers.first().map(|operation| operation.as_str());
        Some(fault::distorted(answer, self.personality, &strikes))
    }

    /// Answers a request without a message.
    fn answer_plain(
        &self,
        operation: &Operation,
        now: SystemTime,
        strikes: &Strikes<'_>,
    ) -> Answer {
        match operation {
            Operation::GetCaCaps(_) => {
                let text = fault::capabilities(&self.offer.text, strikes);
                let offered = Capabilities::parse(&text);
                let mut answer = Answer::page("text/plain", text);
                answer.note.post_offered = Some(offered.has(Capability::PostPkiOperation));
                answer
            }
            Operation::GetCaCert(_) => self.answer_certificates(strikes),
            Operation::GetNextCaCert(_) => self.answer_next_ca(now, strikes),
            _ => self.not_implemented(),
        }
    }

    /// The answer of the real servers to an unknown operation.
    fn not_implemented(&self) -> Answer {
        self.bad_request(&"operation not implemented")
    }

    fn bad_request(&self, reason: &impl ToString) -> Answer {
        Answer::error(self.personality, self.personality.bad_request_status, reason)
    }

    fn server_error(&self, reason: &impl ToString) -> Answer {
        Answer::error(self.personality, 500, reason)
    }
}

/// The triggers of a request: its operation, then its message type.
fn triggers(operation: &Result<Operation, HttpError>, message: Option<&Message>) -> Vec<Trigger> {
    let operation = match operation {
        Ok(Operation::GetCaCaps(_)) => Trigger::GetCaCaps,
        Ok(Operation::GetCaCert(_)) => Trigger::GetCaCert,
        Ok(Operation::GetNextCaCert(_)) => Trigger::GetNextCaCert,
        // Only the message of a PKIOperation can be unreadable.
        Ok(Operation::PkiOperation(_)) | Err(_) => Trigger::PkiOperation,
        Ok(_) => return Vec::new(),
    };
    let message_type = message.and_then(|message| message.attributes().message_type().ok());
    let of_message = message_type.and_then(|message_type| Trigger::of_message(&message_type));
    [operation].into_iter().chain(of_message).collect()
}

//! The SCEP operations (RFC 8894 §4).

mod certificates;
mod enrolment;
mod message;
mod reply;

use std::{sync::Arc, time::SystemTime};

use hyper::body::Bytes;
use scep::{
    capabilities::{Capabilities, Capability},
    certs_only,
    http::{CA_CERTIFICATE, CA_RA_CERTIFICATES, HttpError, HttpRequest, Operation},
    message::Message,
};

use crate::{
    answer::Answer,
    authority::Authority,
    fault::{self, Faults, Strikes, Trigger},
    offer::Offer,
    personality::Personality,
    policy::{PasswordCache, Policies, Site},
    settings::{Approval, Settings},
    store::Store,
};

/// The SCEP service: from a request to its answer.
pub(crate) struct Service {
    pub(crate) personality: &'static Personality,
    pub(crate) site: Site,
    pub(crate) policies: Policies,
    pub(crate) offer: Offer,
    pub(crate) faults: Faults,
    approval: Approval,
    /// The answer to `GetCACert`: content type and body.
    certificates_answer: (&'static str, Bytes),
    opens_with_signing_key: bool,
}

impl Service {
    /// The service of a CA that is to be so.
    pub(crate) fn new(
        settings: &Settings,
        authority: Arc<Authority>,
        store: Store,
        passwords: &Arc<PasswordCache>,
    ) -> Result<Self, scep::Error> {
        let personality = settings.personality.personality();
        Ok(Self {
            personality,
            policies: Policies::new(settings, personality.unique_names, passwords),
            offer: Offer::new(personality, settings),
            faults: Faults::new(&settings.faults),
            approval: settings.approval,
            certificates_answer: certificates_answer(&authority)?,
            opens_with_signing_key: settings.windows.opens_with_signing_key,
            site: Site {
                authority,
                profiles: personality.user_profiles(settings.valid_days),
                store,
            },
        })
    }

    /// Answers a SCEP request; `None` when it names no operation.
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
        let answer = match (operation, message) {
            (_, Some(message)) => self.answer_message(message, now, &strikes),
            (Ok(operation), None) => self.answer_plain(&operation, now, &strikes),
            (Err(error), None) => self.bad_request(&error),
        };
        let answer = match triggers.first() {
            Some(operation) => answer.for_operation(operation.as_str()),
            None => answer,
        };
        Some(fault::distorted(answer, self.personality, &strikes))
    }

    /// Answers what comes without a message.
    fn answer_plain(
        &self,
        operation: &Operation,
        now: SystemTime,
        strikes: &Strikes<'_>,
    ) -> Answer {
        match operation {
            Operation::GetCaCaps { .. } => {
                let text = fault::capabilities(&self.offer.text(), strikes);
                let offered = Capabilities::parse(&text);
                let mut answer = Answer::page(self.personality.capabilities_content_type, text);
                answer.note.post_offered = Some(offered.has(Capability::PostPkiOperation));
                answer
            }
            Operation::GetCaCert { .. } => self.answer_certificates(strikes),
            Operation::GetNextCaCert { .. } => self.answer_next_ca(now, strikes),
            Operation::PkiOperation(_) | Operation::Other(_) => self.not_implemented(),
        }
    }

    /// What the model says to an operation it does not know.
    pub(crate) fn not_implemented(&self) -> Answer {
        self.bad_request(&"operation not implemented")
    }

    fn bad_request(&self, reason: &impl ToString) -> Answer {
        Answer::error(self.personality, self.personality.bad_request_status, reason)
    }

    fn server_error(&self, reason: &impl ToString) -> Answer {
        Answer::error(self.personality, 500, reason)
    }
}

/// The answer to `GetCACert`: a single certificate as it is, several in a certs-only message (RFC 8894 §4.2.1).
fn certificates_answer(authority: &Authority) -> Result<(&'static str, Bytes), scep::Error> {
    let certificates = authority.certificates();
    Ok(match certificates.as_slice() {
        [single] => (CA_CERTIFICATE, single.to_der()?.into()),
        several => (CA_RA_CERTIFICATES, certs_only::encode(several, &[])?.into()),
    })
}

/// What a request is to the faults, the operation first.
fn triggers(operation: &Result<Operation, HttpError>, message: Option<&Message>) -> Vec<Trigger> {
    let operation = match operation {
        Ok(Operation::GetCaCaps { .. }) => Trigger::GetCaCaps,
        Ok(Operation::GetCaCert { .. }) => Trigger::GetCaCert,
        Ok(Operation::GetNextCaCert { .. }) => Trigger::GetNextCaCert,
        // Only the message of a PKIOperation can be unreadable.
        Ok(Operation::PkiOperation(_)) | Err(_) => Trigger::PkiOperation,
        Ok(Operation::Other(_)) => return Vec::new(),
    };
    let message_type = message.and_then(|message| message.attributes().message_type().ok());
    let of_message = message_type.and_then(|message_type| Trigger::of_message(&message_type));
    [operation].into_iter().chain(of_message).collect()
}

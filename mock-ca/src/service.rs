//! The SCEP operations (RFC 8894 §4).

mod certificates;
mod enrolment;
mod message;
mod reply;

use std::time::SystemTime;

use scep::{
    capabilities::{Capabilities, Capability},
    http::{HttpError, HttpRequest, Operation},
    message::Message,
};

use crate::{
    answer::Answer,
    ca::Ca,
    fault::{self, Strikes, Trigger},
};

impl Ca {
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
                self.seen.note_offer(offered.has(Capability::PostPkiOperation));
                Answer::page(self.personality.capabilities_content_type, text)
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

//! PKIOperation: from a message to a decision (RFC 8894 §4.3).

use std::time::SystemTime;

use scep::{
    Error, PeerMisbehaved, envelope,
    message::Message,
    server::{self, Body, Request, RequestError},
};

use super::{Service, Verdict};
use crate::{
    answer::Answer,
    fault::{Fault, Strikes},
    refusal::Refusal,
    seen::SeenMessage,
};

impl Service {
    /// Answers a message, which may be unreadable.
    pub(super) fn answer_message(
        &self,
        message: Result<Message, Error>,
        now: SystemTime,
        strikes: &Strikes<'_>,
    ) -> Answer {
        let message = match message {
            Ok(message) => message,
            Err(error) => return self.bad_request(&error),
        };
        let opened = self.open_message(&message);
        let seen = SeenMessage::of(&message, opened.as_ref().ok());
        let header = match &opened {
            Ok(request) => Some(&request.header),
            Err(refused) => refused.header.as_deref(),
        };
        let message_type = header.map(|header| header.message_type.clone());
        let transaction_id = header.map(|header| header.transaction_id.clone());
        let mut answer = match opened {
            Ok(_) if strikes.preempt() => self.server_error(&"a fault answers in place of the CA"),
            Ok(request) => self.answer_request(&request, &message, now, strikes),
            Err(refused) => self.answer_unreadable(refused, now, strikes),
        };
        answer.note.message_type = message_type;
        answer.note.transaction_id = transaction_id;
        answer.note.message = Some(Box::new(seen));
        answer
    }

    fn open_message(&self, message: &Message) -> Result<Request, RequestError> {
        let authority = &self.authority;
        // A client that accepts certificates with swapped usages encrypts for the other one. It is answered all the same, so
        // that its reaction to a reply with the wrong signer can be observed.
        let opens_with_signing_key =
            self.settings.windows.opens_with_signing_key || self.faults.has(Fault::RaUsagesSwapped);
        match server::open(message, authority.recipient()) {
            Err(RequestError {
                error: Error::PeerMisbehaved(PeerMisbehaved::NotARecipient(_)),
                ..
            }) if opens_with_signing_key => server::open(message, authority.signer()),
            opened => opened,
        }
    }

    fn answer_unreadable(
        &self,
        refused: RequestError,
        now: SystemTime,
        strikes: &Strikes<'_>,
    ) -> Answer {
        let RequestError { error, header } = refused;
        match &header {
            Some(header) if self.personality.replies_to_unreadable => {
                self.reply(header, None, &Err(error.into()), now, strikes)
            }
            _ => self.bad_request(&error),
        }
    }

    fn answer_request(
        &self,
        request: &Request,
        message: &Message,
        now: SystemTime,
        strikes: &Strikes<'_>,
    ) -> Answer {
        let decided = match self.decide(request, message, now) {
            Err(
                refusal
                @ (Refusal::Unsupported(_) | Refusal::NotOffered(_) | Refusal::Forbidden(_)),
            ) if !self.personality.replies_to_unsupported => return self.server_error(&refusal),
            Ok(Verdict::Issued(_)) if strikes.postpones(&request.header.transaction_id) => {
                Ok(Verdict::Pending)
            }
            decided => decided,
        };
        self.reply(&request.header, Some(request), &decided, now, strikes)
    }

    fn decide(
        &self,
        request: &Request,
        message: &Message,
        now: SystemTime,
    ) -> Result<Verdict, Refusal> {
        self.offer.expect(request)?;
        self.expect_time(message, now)?;
        let serves_certificates = self.personality.serves_certificates;
        match &request.body {
            Body::PkcsReq(csr) | Body::RenewalReq(csr) => self.enrol(csr, request, now),
            Body::CertPoll(_) => self.poll(&request.header),
            Body::GetCert(wanted) if serves_certificates => {
                expect_recipient(request).and_then(|()| self.find(wanted))
            }
            Body::GetCrl(wanted) if serves_certificates => {
                expect_recipient(request).and_then(|()| self.revocation_list(wanted, now))
            }
            Body::GetCert(_) | Body::GetCrl(_) => {
                Err(Refusal::Unsupported(request.header.message_type.clone()))
            }
        }
    }

    /// Refuses a message with a signingTime too far from now, if the server checks it (RFC 8894 §3.2.1.4).
    fn expect_time(&self, message: &Message, now: SystemTime) -> Result<(), Refusal> {
        let Some(tolerance) = self.personality.clock_tolerance else { return Ok(()) };
        let Some(signed) = message.attributes().signing_time()? else { return Ok(()) };
        let apart = now.duration_since(signed).unwrap_or_else(|early| early.duration());
        if apart > tolerance {
            return Err(Refusal::WrongTime(tolerance.as_secs()));
        }
        Ok(())
    }
}

/// Refuses a signer whose key cannot receive a reply, before a certificate is issued in vain.
pub(super) fn expect_recipient(request: &Request) -> Result<(), Refusal> {
    envelope::expect_recipient(&request.header.signer, request.cipher, request.key_transport)
        .map_err(Refusal::UnusableSigner)
}

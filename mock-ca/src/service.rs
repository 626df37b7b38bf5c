//! The SCEP operations (RFC 8894 §4).

mod reply;

use std::time::SystemTime;

use hyper::body::Bytes;
use openssl::x509::X509Ref;
use scep::{
    Error, PeerMisbehaved,
    attribute::MessageType,
    http::{HttpError, HttpRequest, Operation},
    request::Csr,
    server::{self, Body, Header, Request, RequestError},
};

use crate::{
    answer::{Answer, Note},
    ca::Ca,
    personality::{Renewal, Unsupported},
    policy::{Enrolment, Verdict},
    refusal::Refusal,
    settings::Approval,
    store::{Transaction, requester_of},
};

impl Ca {
    /// Answers a SCEP request; `None` when it names no operation.
    pub(crate) fn answer_operation(
        &self,
        request: &HttpRequest,
        now: SystemTime,
    ) -> Option<Answer> {
        let personality = self.personality;
        Some(match Operation::from_http(request) {
            Ok(Operation::GetCaCaps { .. }) => {
                let body = Bytes::from_static(personality.capabilities.as_bytes());
                Answer::page(personality.capabilities_content_type, body).for_operation("GetCACaps")
            }
            Ok(Operation::GetCaCert { .. }) => {
                let (content_type, body) = &self.certificates_answer;
                Answer::page(content_type, body.clone()).for_operation("GetCACert")
            }
            Ok(Operation::PkiOperation(message)) => {
                self.answer_message(&message, now).for_operation("PKIOperation")
            }
            Ok(Operation::GetNextCaCert { .. }) => {
                self.not_implemented().for_operation("GetNextCACert")
            }
            Ok(Operation::Other(_)) => self.not_implemented(),
            Err(HttpError::NoOperation) => return None,
            Err(error) => Answer::error(personality, 500, &error).for_operation("PKIOperation"),
        })
    }

    /// What the model says to an operation it does not know.
    pub(crate) fn not_implemented(&self) -> Answer {
        Answer::error(self.personality, 500, &"operation not implemented")
    }

    fn answer_message(&self, message: &[u8], now: SystemTime) -> Answer {
        match self.open_message(message) {
            Ok(request) => self.answer_request(&request, now),
            Err(refused) => {
                let answer = Answer::error(self.personality, 500, &refused.error);
                with_header(answer, refused.header.as_deref())
            }
        }
    }

    fn open_message(&self, message: &[u8]) -> Result<Request, RequestError> {
        let authority = &self.site.authority;
        match server::open(message, authority.recipient()) {
            Err(RequestError {
                error: Error::PeerMisbehaved(PeerMisbehaved::NotARecipient(_)),
                ..
            }) if self.opens_with_signing_key => server::open(message, authority.signer()),
            opened => opened,
        }
    }

    fn answer_request(&self, request: &Request, now: SystemTime) -> Answer {
        let answer = match self.decide(request, now) {
            Err(refusal @ Refusal::Unsupported(_))
                if self.personality.unsupported == Unsupported::ServerError =>
            {
                Answer::error(self.personality, 500, &refusal)
            }
            decided => self
                .reply(request, &decided, now)
                .unwrap_or_else(|error| Answer::error(self.personality, 500, &error)),
        };
        with_header(answer, Some(&request.header))
    }

    fn decide(&self, request: &Request, now: SystemTime) -> Result<Verdict, Refusal> {
        match &request.body {
            Body::PkcsReq(csr) | Body::RenewalReq(csr) => self.enrol(csr, &request.header, now),
            Body::CertPoll(_) => self.poll(&request.header),
            Body::GetCert(_) | Body::GetCrl(_) => {
                Err(Refusal::Unsupported(request.header.message_type.clone()))
            }
        }
    }

    fn enrol(&self, csr: &Csr, header: &Header, now: SystemTime) -> Result<Verdict, Refusal> {
        if !csr.verify() {
            return Err(Refusal::BadProofOfPossession);
        }
        let requester = requester_of(&header.signer)?;
        if let Some(known) = self.repeated(csr, header, &requester) {
            return known;
        }
        let is_renewal = self.is_renewal(csr, &header.signer, now);
        let by_certificate = self.personality.renewal == Renewal::ByCertificate;
        if by_certificate && header.message_type == MessageType::RenewalReq && !is_renewal {
            return Err(Refusal::NotARenewal);
        }
        let enrolment = Enrolment {
            csr,
            transaction_id: &header.transaction_id,
            requester: &requester,
            is_renewal,
            now,
        };
        (self.enrol)(&self.site, &enrolment)
    }

    /// A request that waits, sent again: some clients poll so (RFC 8894 §5.2 has it, too, after a lost reply).
    fn repeated(
        &self,
        csr: &Csr,
        header: &Header,
        requester: &str,
    ) -> Option<Result<Verdict, Refusal>> {
        if self.approval == Approval::Automatic {
            return None;
        }
        let known = self.site.store.transaction(&header.transaction_id)?;
        let is_same = match &known {
            Transaction::Held(held) => held.csr.to_der() == csr.to_der(),
            Transaction::Issued(issued) => {
                let certified = issued.certificate.public_key();
                certified.is_ok_and(|key| key.public_eq(csr.public_key()))
            }
        };
        match (is_same, &known) {
            (true, _) => Some(outcome(known, requester)),
            // Another request would take its place.
            (false, Transaction::Held(held)) if !held.denied => Some(Err(Refusal::NotTheRequester)),
            (false, _) => None,
        }
    }

    fn poll(&self, header: &Header) -> Result<Verdict, Refusal> {
        let model_polls = self.personality.unsupported == Unsupported::BadRequest;
        if self.approval == Approval::Automatic && !model_polls {
            return Err(Refusal::Unsupported(MessageType::CertPoll));
        }
        let known = self.site.store.transaction(&header.transaction_id);
        let known = known.ok_or(Refusal::UnknownTransaction)?;
        outcome(known, &requester_of(&header.signer)?)
    }

    /// Whether the signer's certificate is one that this CA issued to the same name.
    fn is_renewal(&self, csr: &Csr, signer: &X509Ref, now: SystemTime) -> bool {
        let same_name = || {
            let order = signer.subject_name().try_cmp(csr.subject());
            order.is_ok_and(std::cmp::Ordering::is_eq)
        };
        self.personality.renewal == Renewal::ByCertificate
            && same_name()
            && self.site.authority.vouches_for(signer, now)
    }
}

/// What a client hears of its transaction, `requester` being the key that asks.
fn outcome(known: Transaction, requester: &str) -> Result<Verdict, Refusal> {
    match known {
        Transaction::Held(held) if held.requester != requester => Err(Refusal::NotTheRequester),
        Transaction::Held(held) if held.denied => Err(Refusal::Denied),
        Transaction::Held(_) => Ok(Verdict::Pending),
        Transaction::Issued(issued) if issued.requester != requester => {
            Err(Refusal::NotTheRequester)
        }
        Transaction::Issued(issued) => Ok(Verdict::Issued(issued.certificate.clone())),
    }
}

fn with_header(mut answer: Answer, header: Option<&Header>) -> Answer {
    if let Some(header) = header {
        answer.note = Note {
            message_type: Some(header.message_type.clone()),
            transaction_id: Some(header.transaction_id.clone()),
            ..answer.note
        };
    }
    answer
}

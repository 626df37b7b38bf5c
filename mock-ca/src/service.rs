//! The SCEP operations (RFC 8894 §4).

mod reply;

use std::time::SystemTime;

use openssl::{rand::rand_bytes, x509::X509Ref};
use scep::{
    Error, PeerMisbehaved,
    attribute::MessageType,
    envelope,
    http::{HttpError, HttpRequest, Operation},
    request::Csr,
    server::{self, Body, Header, Request, RequestError},
};

use crate::{
    answer::{Answer, Note},
    ca::Ca,
    origin::{Origin, requester_of},
    personality::{Renewal, Unsupported},
    policy::{Enrolment, Verdict},
    refusal::Refusal,
    settings::Approval,
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
                Answer::page(personality.capabilities_content_type, self.offer.text())
                    .for_operation("GetCACaps")
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
            Err(refusal @ (Refusal::Unsupported(_) | Refusal::NotOffered(_)))
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
        self.offer.expect(request)?;
        match &request.body {
            Body::PkcsReq(csr) | Body::RenewalReq(csr) => self.enrol(csr, request, now),
            Body::CertPoll(_) => self.poll(&request.header),
            Body::GetCert(_) | Body::GetCrl(_) => {
                Err(Refusal::Unsupported(request.header.message_type.clone()))
            }
        }
    }

    fn enrol(&self, csr: &Csr, request: &Request, now: SystemTime) -> Result<Verdict, Refusal> {
        let header = &request.header;
        if !csr.verify() {
            return Err(Refusal::BadProofOfPossession);
        }
        expect_recipient(request)?;
        let origin = Origin::of(csr, header, &self.site.authority)?;
        if let Some(known) = self.known(&origin, now) {
            return known;
        }
        let is_renewal = self.is_renewal(csr, &header.signer, now);
        let by_certificate = self.personality.renewal == Renewal::ByCertificate;
        if by_certificate && header.message_type == MessageType::RenewalReq && !is_renewal {
            return Err(Refusal::NotARenewal);
        }
        (self.policies.enrol)(&self.site, &Enrolment { csr, origin: &origin, is_renewal, now })
    }

    /// What a request hears whose transaction is known: its like, sent again, or somebody else's. `None` when it is to
    /// be judged.
    fn known(&self, origin: &Origin, now: SystemTime) -> Option<Result<Verdict, Refusal>> {
        if !self.serves_polls() {
            return None;
        }
        let known = self.site.store.transaction(&origin.transaction_id)?;
        let is_repeated = match self.approval {
            Approval::Automatic => known.expect_requester(&origin.requester).map(|()| false),
            Approval::Manual => known.is_repeated_by(origin, now),
        };
        match is_repeated {
            Ok(true) => Some(Verdict::of(&known)),
            Ok(false) => None,
            Err(refusal) => Some(Err(refusal)),
        }
    }

    fn poll(&self, header: &Header) -> Result<Verdict, Refusal> {
        if !self.serves_polls() {
            return Err(Refusal::Unsupported(MessageType::CertPoll));
        }
        let known = self.site.store.transaction(&header.transaction_id);
        let known = known.ok_or(Refusal::UnknownTransaction)?;
        known.expect_requester(&requester_of(&header.signer)?)?;
        Verdict::of(&known)
    }

    /// Whether a transaction can be asked about, which scepserver has no notion of.
    fn serves_polls(&self) -> bool {
        let model_polls = self.personality.unsupported == Unsupported::BadRequest;
        self.approval == Approval::Manual || model_polls
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

/// Refuses a signer to whom no certificate could be sent, before one is issued in vain: the key may be no RSA key, or
/// too short for the cipher's.
fn expect_recipient(request: &Request) -> Result<(), Refusal> {
    let signer = [request.header.signer.as_ref()];
    envelope::seal(&[], &signer, request.cipher, request.key_transport, &mut rand_bytes)
        .map(drop)
        .map_err(Refusal::UnusableSigner)
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

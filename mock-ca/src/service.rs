//! The SCEP operations (RFC 8894 §4).

mod reply;

use std::{cmp::Ordering, time::SystemTime};

use openssl::{bn::BigNum, rand::rand_bytes, x509::X509Ref};
use scep::{
    Error, PeerMisbehaved,
    algorithm::Digest,
    attribute::MessageType,
    body::IssuerAndSerial,
    certs_only, envelope,
    http::{HttpError, HttpRequest, Operation},
    message::{Message, MessageBuilder},
    request::Csr,
    server::{self, Body, Header, Request, RequestError},
};

use crate::{
    answer::{Answer, Note},
    ca::Ca,
    origin::{Origin, requester_of},
    personality::{Renewal, Unreadable, Unsupported},
    policy::{Enrolment, Verdict},
    profile,
    refusal::Refusal,
    settings::Approval,
};

use reply::Asked;

/// The content type of the next CA's certificates (RFC 8894 §4.7.1).
const NEXT_CA_CERTIFICATES: &str = "application/x-x509-next-ca-cert";

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
                self.answer_next_ca(now).for_operation("GetNextCACert")
            }
            Ok(Operation::Other(_)) => self.not_implemented(),
            Err(HttpError::NoOperation) => return None,
            Err(error) => self.bad_request(&error).for_operation("PKIOperation"),
        })
    }

    /// What the model says to an operation it does not know.
    pub(crate) fn not_implemented(&self) -> Answer {
        self.bad_request(&"operation not implemented")
    }

    fn bad_request(&self, reason: &impl ToString) -> Answer {
        Answer::error(self.personality, self.personality.bad_request_status, reason)
    }

    /// The certificate of the CA to follow, signed by the present one (RFC 8894 §4.7.1).
    fn answer_next_ca(&self, now: SystemTime) -> Answer {
        let Some(next_ca) =
            self.site.authority.next_ca.as_ref().filter(|_| self.offer.has_next_ca())
        else {
            return self.not_implemented();
        };
        let ca = &self.site.authority.ca;
        let certificates = [ca.certificate.clone()];
        let encode = || {
            let mut message = MessageBuilder::new(ca, Digest::Sha256);
            message.content =
                Some(certs_only::encode(std::slice::from_ref(&next_ca.certificate), &[])?);
            message.certificates = &certificates;
            message.signing_time = Some(now);
            message.encode()
        };
        encode().map_or_else(
            |error| Answer::error(self.personality, 500, &error),
            |message| Answer::page(NEXT_CA_CERTIFICATES, message),
        )
    }

    fn answer_message(&self, bytes: &[u8], now: SystemTime) -> Answer {
        let message = match Message::parse(bytes) {
            Ok(message) => message,
            Err(error) => return self.bad_request(&error),
        };
        match self.open_message(&message) {
            Ok(request) => self.answer_request(&request, &message, now),
            Err(refused) => self.answer_unreadable(refused, now),
        }
    }

    fn open_message(&self, message: &Message) -> Result<Request, RequestError> {
        let authority = &self.site.authority;
        match server::open_parsed(message, authority.recipient()) {
            Err(RequestError {
                error: Error::PeerMisbehaved(PeerMisbehaved::NotARecipient(_)),
                ..
            }) if self.opens_with_signing_key => server::open_parsed(message, authority.signer()),
            opened => opened,
        }
    }

    fn answer_unreadable(&self, refused: RequestError, now: SystemTime) -> Answer {
        let RequestError { error, header } = refused;
        let answer = match &header {
            Some(header) if self.personality.unreadable == Unreadable::CertRep => {
                self.reply(&Asked::unopened(header), &Err(error.into()), now)
            }
            _ => self.bad_request(&error),
        };
        with_header(answer, header.as_deref())
    }

    fn answer_request(&self, request: &Request, message: &Message, now: SystemTime) -> Answer {
        let answer = match self.decide(request, message, now) {
            Err(
                refusal
                @ (Refusal::Unsupported(_) | Refusal::NotOffered(_) | Refusal::Forbidden(_)),
            ) if self.personality.unsupported == Unsupported::ServerError => {
                Answer::error(self.personality, 500, &refusal)
            }
            decided => self.reply(&Asked::of(request), &decided, now),
        };
        with_header(answer, Some(&request.header))
    }

    fn decide(
        &self,
        request: &Request,
        message: &Message,
        now: SystemTime,
    ) -> Result<Verdict, Refusal> {
        self.personality.refused_algorithms.expect_none(request)?;
        self.offer.expect(request)?;
        self.expect_time(message, now)?;
        let serves_certificates = self.personality.serves_certificates;
        match &request.body {
            Body::PkcsReq(csr) | Body::RenewalReq(csr) => self.enrol(csr, request, now),
            Body::CertPoll(_) => self.poll(&request.header),
            Body::GetCert(wanted) if serves_certificates => {
                expect_recipient(request)?;
                self.find(wanted)
            }
            Body::GetCrl(wanted) if serves_certificates => {
                expect_recipient(request)?;
                self.revocation_list(wanted, now)
            }
            Body::GetCert(_) | Body::GetCrl(_) => {
                Err(Refusal::Unsupported(request.header.message_type.clone()))
            }
        }
    }

    /// Refuses a message signed at another time, where the server looks at it (RFC 8894 §3.2.1.4).
    fn expect_time(&self, message: &Message, now: SystemTime) -> Result<(), Refusal> {
        let Some(tolerance) = self.personality.clock_tolerance else { return Ok(()) };
        let Some(signed) = message.attributes().signing_time()? else { return Ok(()) };
        let apart = now.duration_since(signed).unwrap_or_else(|early| early.duration());
        if apart > tolerance {
            return Err(Refusal::WrongTime(tolerance.as_secs()));
        }
        Ok(())
    }

    /// The issued certificate with this serial number (RFC 8894 §3.3.4).
    fn find(&self, wanted: &IssuerAndSerial) -> Result<Verdict, Refusal> {
        self.expect_issuer(wanted)?;
        let mut issued = self.site.store.issued().into_iter();
        let found = issued.find(|record| has_serial(&record.certificate, &wanted.serial));
        let found = found.ok_or(Refusal::UnknownCertificate)?;
        Ok(Verdict::Found(found.certificate.clone()))
    }

    /// What is revoked; of the certificate asked about only its issuer matters (RFC 8894 §3.3.5).
    fn revocation_list(
        &self,
        wanted: &IssuerAndSerial,
        now: SystemTime,
    ) -> Result<Verdict, Refusal> {
        self.expect_issuer(wanted)?;
        let issued = self.site.store.issued();
        let revoked =
            issued.iter().filter_map(|record| Some((record.certificate.as_ref(), record.revoked?)));
        Ok(Verdict::RevocationList(profile::revocation_list(
            &self.site.authority.ca,
            revoked,
            now,
        )?))
    }

    fn expect_issuer(&self, wanted: &IssuerAndSerial) -> Result<(), Refusal> {
        let own = self.site.authority.ca.certificate.subject_name();
        let is_ours = wanted.issuer.try_cmp(own).is_ok_and(Ordering::is_eq);
        is_ours.then_some(()).ok_or(Refusal::UnknownCertificate)
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
        let is_renewal = self.is_renewal(csr, header, now);
        let by_certificate = self.personality.renewal != Renewal::NeedsChallenge;
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
        let judges_anew = self.approval == Approval::Automatic && !self.personality.repeats_answers;
        let is_repeated = if judges_anew {
            known.expect_requester(&origin.requester).map(|()| false)
        } else {
            known.is_repeated_by(origin, now)
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

    /// Whether the message is one that an existing certificate authorises: issued by this CA to the same name, valid and
    /// not revoked.
    fn is_renewal(&self, csr: &Csr, header: &Header, now: SystemTime) -> bool {
        let signer = &header.signer;
        let may_be = match self.personality.renewal {
            Renewal::NeedsChallenge => false,
            Renewal::ByCertificate => true,
            Renewal::ByMessageAndCertificate => header.message_type == MessageType::RenewalReq,
        };
        let same_name = || signer.subject_name().try_cmp(csr.subject()).is_ok_and(Ordering::is_eq);
        may_be
            && same_name()
            && self.site.authority.vouches_for(signer, now)
            && !self.is_revoked(signer)
    }

    fn is_revoked(&self, certificate: &X509Ref) -> bool {
        let serial = certificate.serial_number();
        let mut issued = self.site.store.issued().into_iter();
        issued.any(|one| one.revoked.is_some() && one.certificate.serial_number() == serial)
    }
}

/// Whether a certificate has the serial number that is the content of this DER `INTEGER`.
fn has_serial(certificate: &X509Ref, content: &[u8]) -> bool {
    let own = certificate.serial_number().to_bn();
    let wanted = BigNum::from_slice(content);
    matches!((own, wanted), (Ok(own), Ok(wanted)) if own == wanted)
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

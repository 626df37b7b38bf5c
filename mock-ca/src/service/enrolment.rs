//! Requests for a certificate, and polls (RFC 8894 §3.3.1 to §3.3.3).

use std::{
    cmp::Ordering,
    sync::Arc,
    time::{Duration, SystemTime},
};

use openssl::x509::{X509, X509Ref};
use scep::{
    attribute::{MessageType, TransactionId},
    name,
    request::Csr,
    secret::Secret,
    server::{Header, Request},
};
use time::OffsetDateTime;

use super::{Service, Verdict, message::expect_recipient};
use crate::{
    personality::Renewal,
    profile::calendar,
    record::{Origin, requester_of},
    refusal::Refusal,
    settings::{Approval, ChallengePolicy},
};

impl Service {
    pub(super) fn enrol(
        &self,
        csr: &Csr,
        request: &Request,
        now: SystemTime,
    ) -> Result<Verdict, Refusal> {
        let header = &request.header;
        if !csr.verify() {
            return Err(Refusal::BadProofOfPossession);
        }
        expect_recipient(request)?;
        let origin = Origin::of(csr, header, &self.authority)?;
        if let Some(known) = self.known(&origin, now) {
            return known;
        }
        let is_renewal = self.is_renewal(csr, header, now);
        let by_certificate = self.personality.renewal != Renewal::NeedsChallenge;
        if by_certificate && header.message_type == MessageType::RenewalReq && !is_renewal {
            return Err(Refusal::NotARenewal);
        }
        let password = if is_renewal { None } else { self.take_challenge(csr, now)? };
        let verdict = match self.settings.approval {
            Approval::Automatic => self.issue(csr, &origin, now).map(Verdict::Issued),
            Approval::Manual => self.hold(csr, &origin, now),
        };
        if let (Err(_), Some(password)) = (&verdict, password) {
            self.passwords.put_back(password);
        }
        verdict
    }

    /// Refuses a request without the right challenge password (RFC 8894 §2.4); returns a one-time password, which is used now.
    fn take_challenge<'a>(
        &self,
        csr: &'a Csr,
        now: SystemTime,
    ) -> Result<Option<&'a Secret>, Refusal> {
        let given =
            csr.challenge_password.as_ref().filter(|password| !password.expose().is_empty());
        let given = || given.ok_or(Refusal::NoChallenge);
        match &self.settings.challenge {
            ChallengePolicy::None => Ok(None),
            ChallengePolicy::Static(expected) if given()?.matches(expected) => Ok(None),
            ChallengePolicy::Static(_) => Err(Refusal::WrongChallenge),
            ChallengePolicy::OneTime { .. } => {
                let password = given()?;
                self.passwords.take(password, now).map(|()| Some(password))
            }
        }
    }

    /// Issues and stores the certificate, unless its subject may have only one and has or is about to get it.
    pub(crate) fn issue(
        &self,
        csr: &Csr,
        origin: &Origin,
        now: SystemTime,
    ) -> Result<X509, Refusal> {
        let name = csr.subject().to_der()?;
        // Held until the certificate is in the store.
        let claim = |until| self.store.claim_name(name, until).ok_or_else(|| duplicate_name(csr));
        let _claim = self.taken_until(now).map(claim).transpose()?;
        let profile = self.personality.user_profile(csr.key_usage(), self.settings.valid_days);
        let number = self.store.take_number()?;
        let certificate = self.authority.issue(&profile, csr, number, now)?;
        self.store.add_issued(number, origin, &certificate)?;
        Ok(certificate)
    }

    /// Lets a request wait for approval. Nothing is issued yet, so the subject is not claimed; otherwise a copy of the request
    /// would be refused.
    fn hold(&self, csr: &Csr, origin: &Origin, now: SystemTime) -> Result<Verdict, Refusal> {
        let name = csr.subject().to_der()?;
        if self.taken_until(now).is_some_and(|until| self.store.is_name_taken(&name, until)) {
            return Err(duplicate_name(csr));
        }
        let csr = Csr::from_der(&csr.der).map(Arc::new)?;
        Verdict::of(&self.store.hold(origin, csr, now)?)
    }

    /// The time until which a certificate must be valid to block its subject for others, as in scepserver's depot; `None` if a
    /// subject may have any number of certificates.
    fn taken_until(&self, now: SystemTime) -> Option<OffsetDateTime> {
        let window = self.settings.renewal_window;
        let is_unique = self.personality.unique_names && !self.settings.allow_duplicate_names;
        (is_unique && window > Duration::ZERO).then(|| calendar(now) + window)
    }

    /// The answer to a request in a known transaction, if it repeats the first request or comes from another requester. `None`
    /// if the request must be decided.
    fn known(&self, origin: &Origin, now: SystemTime) -> Option<Result<Verdict, Refusal>> {
        let id = &origin.transaction_id;
        if !self.serves_polls(id) {
            return None;
        }
        let known = self.store.transaction(id)?;
        let decides_again = self.settings.approval == Approval::Automatic
            && !self.personality.repeats_answers
            && !self.faults.postponed(id);
        let is_repeated = if decides_again {
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

    pub(super) fn poll(&self, header: &Header) -> Result<Verdict, Refusal> {
        if !self.serves_polls(&header.transaction_id) {
            return Err(Refusal::Unsupported(MessageType::CertPoll));
        }
        let known = self.store.transaction(&header.transaction_id);
        let known = known.ok_or(Refusal::UnknownTransaction)?;
        known.expect_requester(&requester_of(&header.signer)?)?;
        Verdict::of(&known)
    }

    /// True if polls for the transaction are answered; scepserver has no polls.
    fn serves_polls(&self, id: &TransactionId) -> bool {
        self.settings.approval == Approval::Manual
            || self.personality.replies_to_unsupported
            || self.faults.postponed(id)
    }

    /// True if an existing certificate authorises the message: issued by this CA to the same subject, valid and not revoked.
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
            && self.authority.has_signed_valid(signer, now)
            && !self.is_revoked(signer)
    }

    fn is_revoked(&self, certificate: &X509Ref) -> bool {
        let serial = certificate.serial_number();
        let mut issued = self.store.issued().into_iter();
        issued.any(|one| one.revoked.is_some() && one.certificate.serial_number() == serial)
    }
}

fn duplicate_name(csr: &Csr) -> Refusal {
    Refusal::DuplicateName(name::to_text(csr.subject()))
}

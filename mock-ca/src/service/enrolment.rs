//! Requests for a certificate, and polls (RFC 8894 §3.3.1 to §3.3.3).

use std::{
    cmp::Ordering,
    sync::Arc,
    time::{Duration, SystemTime},
};

use openssl::{
    nid::Nid,
    pkey::Id,
    x509::{X509, X509Ref},
};
use scep::{
    attribute::{MessageType, TransactionId},
    certificate::{invalidity, issuance},
    clock::moment_text,
    name,
    request::Csr,
    server::{Header, Request},
};

use super::{Service, Verdict};
use crate::{
    authority::{Authority, is_valid_at, serial_text},
    passwords::ChallengeClaim,
    personality::Renewal,
    profile::{calendar, unix_time},
    record::{Origin, requester_of},
    refusal::Refusal,
    settings::{Approval, ChallengePolicy, RenewalWindow},
    transaction::Transaction,
};

impl Service {
    pub(super) fn enrol(
        &self,
        csr: &Csr,
        request: &Request,
        authority: &Authority,
        now: SystemTime,
    ) -> Result<Verdict, Refusal> {
        let header = &request.header;
        // A request that waits is stored, and one that is read back from a state must verify.
        if self.personality.verifies_requests || self.settings.approval == Approval::Manual {
            if self.personality.takes_any_csr_version {
                csr.verify_signature()?;
            } else {
                csr.verify()?;
            }
        }
        if self.personality.certifies_rsa_alone && csr.public_key.id() != Id::RSA {
            return Err(Refusal::NotRsa);
        }
        self.expect_recipient(request)?;
        let origin = Origin::of(csr, header, &self.authorities)?;
        if let Some(known) = self.known(&origin, now)? {
            return Verdict::of(&known);
        }
        let is_renewal = self.is_renewal(csr, header, now)?;
        let by_certificate = self.personality.renewal != Renewal::NeedsChallenge;
        if by_certificate && header.message_type == MessageType::RenewalReq && !is_renewal {
            return Err(Refusal::NotARenewal(self.no_renewal(csr, header, now)));
        }
        if is_renewal {
            self.expect_window(&header.signer, now)?;
        }
        let claim = if is_renewal { None } else { self.claim_challenge(csr, now)? };
        let challenge = claim.as_ref().map(ChallengeClaim::digest);
        match self.settings.approval {
            Approval::Automatic => {
                self.issue(csr, &origin, authority, challenge, now).map(Verdict::Issued)
            }
            Approval::Manual => self.hold(csr, &origin, authority, challenge, now),
        }
    }

    /// Refuses a request without the right challenge password (RFC 8894 §2.4); claims a one-time password, which is used if the
    /// request is not refused for another reason.
    fn claim_challenge(
        &self,
        csr: &Csr,
        now: SystemTime,
    ) -> Result<Option<ChallengeClaim<'_>>, Refusal> {
        let given = || match &csr.challenge_password {
            Some(password) if password.expose().is_empty() => Err(Refusal::EmptyChallenge),
            Some(password) => Ok(password),
            None => Err(without_challenge(csr)),
        };
        match &self.settings.challenge {
            ChallengePolicy::None => Ok(None),
            ChallengePolicy::Static(expected) if given()?.matches(expected) => Ok(None),
            ChallengePolicy::Static(_) => Err(Refusal::WrongChallenge),
            ChallengePolicy::OneTime { .. } => self.passwords.claim(given()?, now).map(Some),
        }
    }

    /// Issues and stores the certificate of this authority, unless its subject may have only one and has or is about to get it. The challenge
    /// password with this digest is then used.
    pub(crate) fn issue(
        &self,
        csr: &Csr,
        origin: &Origin,
        authority: &Authority,
        challenge: Option<&str>,
        now: SystemTime,
    ) -> Result<X509, Refusal> {
        let name = name::to_text(csr.subject());
        // Held until the certificate is in the store.
        let claim = |window| {
            let claim = self.store.claim_name(name, window, calendar(now))?;
            claim.ok_or_else(|| duplicate_name(csr))
        };
        let _claim = self.unique_until().map(claim).transpose()?;
        let profile = self.personality.user_profile(csr.key_usage(), self.settings.valid_for);
        let number = self.store.take_number()?;
        let url = self.crl_url(authority);
        let place = self.crl_place(url.as_deref());
        let certificate = authority.issue(&profile, csr, number, place, now)?;
        self.store.add_issued(number, origin, &certificate, challenge, now)?;
        self.keep_reply_password(&origin.transaction_id, csr);
        Ok(certificate)
    }

    /// Lets a request wait for approval. Nothing is issued yet, so the subject is not claimed; otherwise a copy of the request
    /// would be refused.
    fn hold(
        &self,
        csr: &Csr,
        origin: &Origin,
        authority: &Authority,
        challenge: Option<&str>,
        now: SystemTime,
    ) -> Result<Verdict, Refusal> {
        let name = name::to_text(csr.subject());
        if let Some(window) = self.unique_until()
            && self.store.is_name_taken(&name, window, calendar(now))?
        {
            return Err(duplicate_name(csr));
        }
        let csr = Csr::from_der(&csr.der).map(Arc::new)?;
        Verdict::of(&self.store.hold(origin, csr, authority.number, challenge, now)?)
    }

    /// The time before the end of a certificate until which it blocks its subject for others, as in scepserver's depot; `None` if a
    /// subject may have any number of certificates.
    fn unique_until(&self) -> Option<RenewalWindow> {
        const BY_DEFAULT: RenewalWindow = RenewalWindow::Before(Duration::from_secs(14 * 86_400));
        let window = self.settings.renewal_window.unwrap_or(BY_DEFAULT);
        let is_unique = self.personality.unique_names && !self.settings.allow_duplicate_names;
        (is_unique && window != RenewalWindow::Before(Duration::ZERO)).then_some(window)
    }

    /// Refuses to renew a certificate before the window at the end of its life.
    fn expect_window(&self, existing: &X509Ref, now: SystemTime) -> Result<(), Refusal> {
        let Some(window) = self.settings.renewal_window else { return Ok(()) };
        let (from, until) = (existing.not_before(), existing.not_after());
        let begin = window.begin(unix_time(from)?, unix_time(until)?);
        if begin <= calendar(now) {
            return Ok(());
        }
        let begin = moment_text(begin.into());
        Err(Refusal::TooEarly { begin, until: until.to_string() })
    }

    /// The known transaction that a request repeats; `None` if the request must be decided. A request from another requester than
    /// the first is refused.
    fn known(&self, origin: &Origin, now: SystemTime) -> Result<Option<Transaction>, Refusal> {
        let id = &origin.transaction_id;
        if !self.serves_polls(id) {
            return Ok(None);
        }
        let Some(known) = self.store.transaction(id)? else { return Ok(None) };
        let decides_again = self.settings.approval == Approval::Automatic
            && !self.personality.repeats_answers
            && !self.faults.postponed(id);
        if decides_again {
            known.expect_requester(&origin.requester)?;
            return Ok(None);
        }
        Ok(known.is_repeated_by(origin, now)?.then_some(known))
    }

    pub(super) fn poll(&self, request: &Request) -> Result<Verdict, Refusal> {
        let header = &request.header;
        if !self.serves_polls(&header.transaction_id) {
            return Err(Refusal::Unsupported(MessageType::CertPoll));
        }
        let known = self.store.transaction(&header.transaction_id)?;
        let known = known.ok_or(Refusal::UnknownTransaction)?;
        known.expect_requester(&requester_of(&header.signer)?)?;
        let verdict = Verdict::of(&known)?;
        if matches!(verdict, Verdict::Issued(_)) {
            self.expect_recipient(request)?;
        }
        Ok(verdict)
    }

    /// True if polls for the transaction are answered; scepserver has no polls.
    fn serves_polls(&self, id: &TransactionId) -> bool {
        self.settings.approval == Approval::Manual
            || self.personality.replies_to_unsupported
            || self.faults.postponed(id)
    }

    /// True if an existing certificate authorises the message: issued by this CA to the same subject, valid and not revoked.
    fn is_renewal(&self, csr: &Csr, header: &Header, now: SystemTime) -> Result<bool, Refusal> {
        let signer = &header.signer;
        let may_be = match self.personality.renewal {
            Renewal::NeedsChallenge => false,
            Renewal::ByCertificate => true,
            Renewal::ByMessageAndCertificate => header.message_type == MessageType::RenewalReq,
        };
        let same_name = || signer.subject_name().try_cmp(csr.subject()).is_ok_and(Ordering::is_eq);
        let is_ours = may_be
            && same_name()
            && is_valid_at(signer, now)
            // Those of a former CA count until they end.
            && self.authorities.has_signed(signer);
        Ok(is_ours && !self.is_revoked(signer)?)
    }

    /// The reason why the signer's certificate authorises no renewal, in words.
    fn no_renewal(&self, csr: &Csr, header: &Header, now: SystemTime) -> String {
        let signer = &header.signer;
        let own = signer.subject_name();
        if !own.try_cmp(csr.subject()).is_ok_and(Ordering::is_eq) {
            let (own, asked) = (name::to_text(own), name::to_text(csr.subject()));
            return format!("the signer's subject is `{own}`, that of the request is `{asked}`");
        }
        let ca = &self.authority(now).ca.certificate;
        if !self.authorities.has_signed(signer)
            && let Err(reason) = issuance(signer, ca)
        {
            return format!("the signer's certificate is not one of this CA: {reason}");
        }
        if let Some(reason) = invalidity(signer, now) {
            return format!("the signer's certificate {reason}");
        }
        "the signer's certificate is revoked".to_owned()
    }

    fn is_revoked(&self, certificate: &X509Ref) -> Result<bool, Refusal> {
        let known = self.store.find(&serial_text(certificate))?;
        Ok(known.is_some_and(|record| record.revoked.is_some()))
    }
}

/// The refusal of a request without a challenge password at its place.
fn without_challenge(csr: &Csr) -> Refusal {
    if csr.challenge_among_extensions {
        return Refusal::MisplacedChallenge("among the extensions that it asks for");
    }
    let mut subject = csr.subject().entries();
    if subject.any(|entry| entry.object().nid() == Nid::PKCS9_CHALLENGEPASSWORD) {
        return Refusal::MisplacedChallenge("in its subject");
    }
    Refusal::NoChallenge
}

fn duplicate_name(csr: &Csr) -> Refusal {
    Refusal::DuplicateName(name::to_text(csr.subject()))
}

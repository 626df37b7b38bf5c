//! Requests for a certificate, and for what became of them (RFC 8894 §3.3.1 to §3.3.3).

use std::{cmp::Ordering, time::SystemTime};

use openssl::x509::X509Ref;
use scep::{
    attribute::{MessageType, TransactionId},
    request::Csr,
    server::{Header, Request},
};

use super::{Service, message::expect_recipient};
use crate::{
    origin::{Origin, requester_of},
    personality::{Renewal, Unsupported},
    policy::{Enrolment, Verdict},
    refusal::Refusal,
    settings::Approval,
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
        let id = &origin.transaction_id;
        if !self.serves_polls(id) {
            return None;
        }
        let known = self.site.store.transaction(id)?;
        let judges_anew = self.approval == Approval::Automatic
            && !self.personality.repeats_answers
            && !self.faults.postponed(id);
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

    pub(super) fn poll(&self, header: &Header) -> Result<Verdict, Refusal> {
        if !self.serves_polls(&header.transaction_id) {
            return Err(Refusal::Unsupported(MessageType::CertPoll));
        }
        let known = self.site.store.transaction(&header.transaction_id);
        let known = known.ok_or(Refusal::UnknownTransaction)?;
        known.expect_requester(&requester_of(&header.signer)?)?;
        Verdict::of(&known)
    }

    /// Whether a transaction can be asked about, which scepserver has no notion of.
    fn serves_polls(&self, id: &TransactionId) -> bool {
        let model_polls = self.personality.unsupported == Unsupported::BadRequest;
        self.approval == Approval::Manual || model_polls || self.faults.postponed(id)
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

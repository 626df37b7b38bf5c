//! Requests for certificates of the CA, issued certificates and revocation lists (RFC 8894 §4.2, §4.5 to §4.7).

use std::{cmp::Ordering, sync::Arc, time::SystemTime};

use openssl::{
    bn::BigNum,
    x509::{X509, X509Ref},
};
use scep::{
    Error, body::IssuerAndSerial, capabilities::Capability, certs_only, clock::moment_text,
    identity::Identity, message::MessageBuilder,
};

use super::{Service, Verdict};
use crate::{
    answer::Answer,
    authority::Authority,
    fault::{self, Fault, Strikes},
    refusal::Refusal,
};

/// The content type of the next CA's certificates (RFC 8894 §4.7.1).
const NEXT_CA_CERTIFICATES: &str = "application/x-x509-next-ca-cert";

/// The HTTP status if there is no next CA, or none yet. RFC 8894 has no words for it.
const NO_NEXT_CA: u16 = 404;

impl Service {
    /// The CA's certificates (RFC 8894 §4.2.1).
    pub(super) fn answer_certificates(
        &self,
        authority: &Authority,
        strikes: &Strikes<'_>,
    ) -> Answer {
        match fault::certificates_answer(authority, strikes) {
            Ok((content_type, body)) => Answer::page(content_type, body),
            Err(error) => self.internal_error(&error),
        }
    }

    /// The certificate of the next CA and of those above it, signed by the present one (RFC 8894 §4.7.1).
    pub(super) fn answer_next_ca(&self, now: SystemTime, strikes: &Strikes<'_>) -> Answer {
        if !self.serves_next_ca() {
            return self.not_implemented(&"GetNextCACert is not served");
        }
        let Some(next) = self.authorities.next_ca(now) else {
            return Answer::error(self.personality, NO_NEXT_CA, &"this CA has no next one");
        };
        if let Some(announced) = self.announced().filter(|announced| now < *announced) {
            let reason = format!("the next CA is announced at {}", moment_text(announced));
            return Answer::error(self.personality, NO_NEXT_CA, &reason);
        }
        let authority = self.authority(now);
        let is_foreign = strikes.fire(Fault::NextCaForeignSigner);
        let signer = if is_foreign { &fault::STRANGER } else { &authority.ca };
        let is_misplaced = strikes.fire(Fault::NextCaMisplaced);
        let certificates: Vec<X509> = next.chain().cloned().collect();
        match signed_next_ca(&certificates, signer, is_misplaced, now) {
            Ok(message) => Answer::page(NEXT_CA_CERTIFICATES, message),
            Err(error) => self.internal_error(&error),
        }
    }

    /// The next CA, if GetNextCACert answers with it at `now`.
    pub(super) fn announced_ca(&self, now: SystemTime) -> Option<Arc<Authority>> {
        let is_announced = self.serves_next_ca() && self.announced().is_none_or(|at| at <= now);
        is_announced.then(|| self.authorities.next_ca(now)).flatten()
    }

    fn serves_next_ca(&self) -> bool {
        self.personality.has_next_ca && self.offer.has(Capability::GetNextCaCert)
    }

    /// The moment from which the next CA is announced, if that is not always.
    fn announced(&self) -> Option<SystemTime> {
        self.settings.hierarchy.next_ca.as_ref().and_then(|next| next.announced)
    }

    /// The issued certificate with this serial number (RFC 8894 §3.3.4).
    pub(super) fn find(&self, wanted: &IssuerAndSerial) -> Result<Verdict, Refusal> {
        self.expect_issuer(wanted)?;
        let serial = BigNum::from_slice(&wanted.serial)?.to_hex_str()?;
        let found = self.store.find(&serial)?.filter(|found| is_by(&found.certificate, wanted));
        let found = found.ok_or(Refusal::UnknownCertificate)?;
        Ok(Verdict::Found(found.certificate))
    }

    /// The revocation list of the issuer of this certificate (RFC 8894 §3.3.5).
    pub(super) fn revocation_list(
        &self,
        wanted: &IssuerAndSerial,
        now: SystemTime,
    ) -> Result<Verdict, Refusal> {
        self.expect_issuer(wanted)?;
        let serial = BigNum::from_slice(&wanted.serial)?.to_hex_str()?;
        // The certificate tells apart CAs of the same name.
        let known = self.store.find(&serial)?;
        let signer = known.and_then(|known| self.authorities.signer_of(&known.certificate));
        let authority = signer.filter(|signer| is_named(&signer.ca.certificate, wanted));
        let named = || {
            let mut all = self.authorities.all().into_iter().filter(|one| one.begins <= now).rev();
            all.find(|one| is_named(&one.ca.certificate, wanted))
        };
        let authority = authority.or_else(named).ok_or(Refusal::UnknownCertificate)?;
        Ok(Verdict::RevocationList(self.revocation_list_of(&authority, now)?))
    }

    fn expect_issuer(&self, wanted: &IssuerAndSerial) -> Result<(), Refusal> {
        let all = self.authorities.all();
        let is_ours = all.iter().any(|one| is_named(&one.ca.certificate, wanted));
        is_ours.then_some(()).ok_or(Refusal::UnknownCertificate)
    }
}

/// True if the CA has the name of the wanted issuer.
fn is_named(ca: &X509Ref, wanted: &IssuerAndSerial) -> bool {
    wanted.issuer.try_cmp(ca.subject_name()).is_ok_and(Ordering::is_eq)
}

/// True if the certificate names the wanted issuer.
fn is_by(certificate: &X509Ref, wanted: &IssuerAndSerial) -> bool {
    wanted.issuer.try_cmp(certificate.issuer_name()).is_ok_and(Ordering::is_eq)
}

fn signed_next_ca(
    next_ca: &[X509],
    signer: &Identity,
    is_misplaced: bool,
    now: SystemTime,
) -> Result<Vec<u8>, Error> {
    let mut message = MessageBuilder {
        certificates: vec![signer.certificate.clone()],
        signing_time: Some(now),
        ..MessageBuilder::default()
    };
    if is_misplaced {
        message.certificates.extend_from_slice(next_ca);
    } else {
        message.content = Some(certs_only::encode(next_ca, &[])?);
    }
    message.encode(signer)
}

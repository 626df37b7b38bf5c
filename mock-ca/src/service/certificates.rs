//! Requests for certificates of the CA, issued certificates and revocation lists (RFC 8894 §4.2, §4.5 to §4.7).

use std::{cmp::Ordering, slice, time::SystemTime};

use openssl::bn::BigNum;
use scep::{
    Error, body::IssuerAndSerial, capabilities::Capability, certs_only, identity::Identity,
    message::MessageBuilder,
};

use super::{Service, Verdict};
use crate::{
    answer::Answer,
    fault::{self, Fault, Strikes},
    profile,
    refusal::Refusal,
};

/// The content type of the next CA's certificates (RFC 8894 §4.7.1).
const NEXT_CA_CERTIFICATES: &str = "application/x-x509-next-ca-cert";

impl Service {
    /// The CA's certificates (RFC 8894 §4.2.1).
    pub(super) fn answer_certificates(&self, strikes: &Strikes<'_>) -> Answer {
        match fault::certificates_answer(&self.authority, strikes) {
            Ok((content_type, body)) => Answer::page(content_type, body),
            Err(error) => self.internal_error(&error),
        }
    }

    /// The certificate of the next CA, signed by the present one (RFC 8894 §4.7.1).
    pub(super) fn answer_next_ca(&self, now: SystemTime, strikes: &Strikes<'_>) -> Answer {
        let authority = &self.authority;
        let Some(next_ca) =
            authority.next_ca.as_ref().filter(|_| self.offer.has(Capability::GetNextCaCert))
        else {
            return self.not_implemented(&"GetNextCACert is not served");
        };
        let is_foreign = strikes.fire(Fault::NextCaForeignSigner);
        let signer = if is_foreign { &fault::STRANGER } else { &authority.ca };
        let is_misplaced = strikes.fire(Fault::NextCaMisplaced);
        match signed_next_ca(next_ca, signer, is_misplaced, now) {
            Ok(message) => Answer::page(NEXT_CA_CERTIFICATES, message),
            Err(error) => self.internal_error(&error),
        }
    }

    /// The issued certificate with this serial number (RFC 8894 §3.3.4).
    pub(super) fn find(&self, wanted: &IssuerAndSerial) -> Result<Verdict, Refusal> {
        self.expect_issuer(wanted)?;
        let serial = BigNum::from_slice(&wanted.serial)?.to_hex_str()?;
        let found = self.store.find(&serial)?.ok_or(Refusal::UnknownCertificate)?;
        Ok(Verdict::Found(found.certificate))
    }

    /// The revocation list of the issuer of this certificate (RFC 8894 §3.3.5).
    pub(super) fn revocation_list(
        &self,
        wanted: &IssuerAndSerial,
        now: SystemTime,
    ) -> Result<Verdict, Refusal> {
        self.expect_issuer(wanted)?;
        let revoked = self.store.revoked()?;
        let revoked = revoked.iter().map(|(certificate, at)| (certificate.as_ref(), *at));
        let list = profile::revocation_list(&self.authority.ca, revoked, now)?;
        Ok(Verdict::RevocationList(list))
    }

    fn expect_issuer(&self, wanted: &IssuerAndSerial) -> Result<(), Refusal> {
        let own = self.authority.ca.certificate.subject_name();
        let is_ours = wanted.issuer.try_cmp(own).is_ok_and(Ordering::is_eq);
        is_ours.then_some(()).ok_or(Refusal::UnknownCertificate)
    }
}

fn signed_next_ca(
    next_ca: &Identity,
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
        message.certificates.push(next_ca.certificate.clone());
    } else {
        message.content = Some(certs_only::encode(slice::from_ref(&next_ca.certificate), &[])?);
    }
    message.encode(signer)
}

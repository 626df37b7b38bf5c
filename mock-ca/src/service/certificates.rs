//! Requests for certificates of the CA, issued certificates and revocation lists (RFC 8894 §4.2, §4.5 to §4.7).

use std::{cmp::Ordering, slice, time::SystemTime};

use openssl::{bn::BigNum, x509::X509Ref};
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
            Err(error) => self.server_error(&error),
        }
    }

    /// The certificate of the next CA, signed by the present one (RFC 8894 §4.7.1).
    pub(super) fn answer_next_ca(&self, now: SystemTime, strikes: &Strikes<'_>) -> Answer {
        let authority = &self.authority;
        let Some(next_ca) =
            authority.next_ca.as_ref().filter(|_| self.offer.has(Capability::GetNextCaCert))
        else {
            return self.not_implemented();
        };
        let is_foreign = strikes.fire(Fault::NextCaForeignSigner);
        let signer = if is_foreign { &fault::STRANGER } else { &authority.ca };
        match signed_next_ca(next_ca, signer, now) {
            Ok(message) => Answer::page(NEXT_CA_CERTIFICATES, message),
            Err(error) => self.server_error(&error),
        }
    }

    /// The issued certificate with this serial number (RFC 8894 §3.3.4).
    pub(super) fn find(&self, wanted: &IssuerAndSerial) -> Result<Verdict, Refusal> {
        self.expect_issuer(wanted)?;
        let mut issued = self.store.issued().into_iter();
        let found = issued.find(|record| has_serial(&record.certificate, &wanted.serial));
        let found = found.ok_or(Refusal::UnknownCertificate)?;
        Ok(Verdict::Found(found.certificate.clone()))
    }

    /// The revocation list of the issuer of this certificate (RFC 8894 §3.3.5).
    pub(super) fn revocation_list(
        &self,
        wanted: &IssuerAndSerial,
        now: SystemTime,
    ) -> Result<Verdict, Refusal> {
        self.expect_issuer(wanted)?;
        let issued = self.store.issued();
        let revoked =
            issued.iter().filter_map(|record| Some((record.certificate.as_ref(), record.revoked?)));
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
    now: SystemTime,
) -> Result<Vec<u8>, Error> {
    let message = MessageBuilder {
        content: Some(certs_only::encode(slice::from_ref(&next_ca.certificate), &[])?),
        certificates: vec![signer.certificate.clone()],
        signing_time: Some(now),
        ..MessageBuilder::default()
    };
    message.encode(signer)
}

/// True if the certificate's serial number has this content as a DER `INTEGER`.
fn has_serial(certificate: &X509Ref, content: &[u8]) -> bool {
    let own = certificate.serial_number().to_bn();
    let wanted = BigNum::from_slice(content);
    matches!((own, wanted), (Ok(own), Ok(wanted)) if own == wanted)
}

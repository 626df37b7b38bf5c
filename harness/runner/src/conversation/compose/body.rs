//! Content of the envelope.

use openssl::x509::X509Ref;
use scep::body::{IssuerAndSerial, IssuerAndSubject};
use scep::request::{CsrBuilder, dns_names};

use super::Parts;
use crate::conversation::{Conversation, RequestError, serial_of};
use model::scenario::scep::{Mutation, Operation, Request};

impl Conversation {
    /// Content of the envelope for the messageType, or a mutation of it.
    pub(super) fn body(&self, request: &Request, parts: &Parts) -> Result<Vec<u8>, RequestError> {
        if request.mutations.contains(&Mutation::NothingInEnvelope) {
            return Ok(Vec::new());
        }
        let issuer = self.authority()?.certificates.issuer();
        let is_other = request.mutations.contains(&Mutation::OtherBody);
        let names = || IssuerAndSubject::encode(issuer.subject_name(), &parts.requested.subject);
        Ok(match request.operation {
            _ if is_other && request.operation.enrols() => names()?,
            Operation::CertPoll if !is_other => {
                let polled = self.transaction.as_ref().and_then(|last| last.requested.as_ref());
                let polled = polled.filter(|_| request.message.subject.is_none());
                let subject = polled.map_or(&parts.requested.subject, |it| &it.subject);
                IssuerAndSubject::encode(issuer.subject_name(), subject)?
            }
            Operation::GetCert | Operation::GetCrl if !is_other => self.serial(request, issuer)?,
            _ => self.csr(request, parts)?,
        })
    }

    fn csr(&self, request: &Request, parts: &Parts) -> Result<Vec<u8>, RequestError> {
        let choice = &request.message;
        let has_names = !choice.dns_names.is_empty();
        let names = has_names.then(|| dns_names(&choice.dns_names));
        let extensions: Vec<_> = names.transpose()?.into_iter().collect();
        let builder = CsrBuilder {
            subject: &parts.requested.subject,
            key: &parts.requested.key,
            challenge_password: self.challenge.as_ref(),
            challenge_string: choice.challenge_string,
            extensions: &extensions,
            digest: parts.digest,
        };
        let mut csr = builder.encode()?;
        if request.mutations.contains(&Mutation::BadProofOfPossession)
            && let Some(last) = csr.last_mut()
        {
            *last ^= 1;
        }
        Ok(csr)
    }

    /// The issuer and serial number of a GetCert or GetCRL.
    fn serial(&self, request: &Request, issuer: &X509Ref) -> Result<Vec<u8>, RequestError> {
        if let Some(serial) = &request.message.serial {
            let digits = self.filled(serial);
            let octets = openssl::bn::BigNum::from_hex_str(&digits)?.to_vec();
            let first_is_high = octets.first().is_none_or(|first| first & 0x80 != 0);
            let octets = if first_is_high { [vec![0], octets].concat() } else { octets };
            return Ok(IssuerAndSerial::encode_parts(issuer.subject_name(), &octets)?);
        }
        let known = self.issued.as_ref().map_or(issuer, |last| &last.certificate);
        Ok(IssuerAndSerial::encode(known)?)
    }

    /// The serial number of a GetCert.
    pub(super) fn requested_serial(&self, request: &Request) -> Option<String> {
        if request.operation != Operation::GetCert {
            return None;
        }
        let chosen = request.message.serial.as_ref().map(|serial| self.filled(serial));
        chosen.or_else(|| self.issued.as_ref().map(|issued| serial_of(&issued.certificate)))
    }
}

//! Content of the envelope.

use openssl::bn::BigNum;
use openssl::x509::{X509Name, X509NameRef, X509Ref};
use scep::body::{IssuerAndSerial, IssuerAndSubject};
use scep::request::{ChallengeString, CsrBuilder};
use scep::secret::Secret;

use super::{Parts, parsed};
use crate::conversation::{Conversation, RequestError, serial_of};
use model::scenario::scep::{Mutation, Operation, Request};

impl Conversation {
    /// Content of the envelope for the messageType, or a mutation of it.
    pub(super) fn body(&self, request: &Request, parts: &Parts) -> Result<Vec<u8>, RequestError> {
        if request.mutations.contains(&Mutation::NothingInEnvelope) {
            return Ok(Vec::new());
        }
        let issuer = self.authority()?.certificates.issuer(self.clock.now());
        let issuer_name = self.issuer_name(request, issuer)?;
        let is_other = request.mutations.contains(&Mutation::OtherBody);
        let names = || IssuerAndSubject::encode(&issuer_name, &parts.requested.subject);
        Ok(match request.operation {
            _ if is_other && request.operation.enrols() => names()?,
            Operation::CertPoll if !is_other => {
                let polled = self.transaction.as_ref().and_then(|last| last.requested.as_ref());
                let polled = polled.filter(|_| request.message.subject.is_none());
                let subject = polled.map_or(&parts.requested.subject, |it| &it.subject);
                IssuerAndSubject::encode(&issuer_name, subject)?
            }
            Operation::GetCert | Operation::GetCrl if !is_other => {
                self.serial(request, issuer, &issuer_name)?
            }
            _ => self.csr(request, parts)?,
        })
    }

    fn csr(&self, request: &Request, parts: &Parts) -> Result<Vec<u8>, RequestError> {
        let choice = &request.message;
        self.expect_string(choice.challenge_string)?;
        let extensions = choice.extensions.encode()?;
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

    /// Refuses a string type that cannot hold the challenge password: another type in its place would prove nothing.
    fn expect_string(&self, string: ChallengeString) -> Result<(), RequestError> {
        let unfit = |password: &&Secret| !string.can_hold(password);
        match self.challenge.as_ref().filter(unfit) {
            None => Ok(()),
            Some(_) => Err(RequestError::NotPossible(format!(
                "the challenge password has a character that no {string} has, so it cannot be sent as one"
            ))),
        }
    }

    /// The name of the issuer that a CertPoll, GetCert or GetCRL gives.
    fn issuer_name(&self, request: &Request, ca: &X509Ref) -> Result<X509Name, RequestError> {
        if request.mutations.contains(&Mutation::OtherIssuer) {
            return parsed("CN=Another CA");
        }
        let known = self.issued.as_ref().filter(|_| request.message.serial.is_none());
        let is_lookup = matches!(request.operation, Operation::GetCert | Operation::GetCrl);
        Ok(match known.filter(|_| is_lookup) {
            Some(issued) => issued.certificate.issuer_name().to_owned()?,
            None => ca.subject_name().to_owned()?,
        })
    }

    /// The issuer and serial number of a GetCert or GetCRL.
    fn serial(
        &self,
        request: &Request,
        issuer: &X509Ref,
        issuer_name: &X509NameRef,
    ) -> Result<Vec<u8>, RequestError> {
        let known = self.issued.as_ref().map_or(issuer, |last| &last.certificate);
        let number = match &request.message.serial {
            Some(serial) => BigNum::from_hex_str(&self.filled_in(serial)?)?,
            None => known.serial_number().to_bn()?,
        };
        let octets = number.to_vec();
        let first_is_high = octets.first().is_none_or(|first| first & 0x80 != 0);
        let octets = if first_is_high { [vec![0], octets].concat() } else { octets };
        Ok(IssuerAndSerial::encode_parts(issuer_name, &octets)?)
    }

    /// The serial number of a GetCert.
    pub(super) fn requested_serial(&self, request: &Request) -> Option<String> {
        if request.operation != Operation::GetCert {
            return None;
        }
        let chosen = request.message.serial.as_ref().and_then(|serial| self.filled(serial));
        chosen.or_else(|| self.issued.as_ref().map(|issued| serial_of(&issued.certificate)))
    }
}

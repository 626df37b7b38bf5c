//! The content of a request that is made anew.

use openssl::{pkey::PKey, pkey::Private, rand::rand_bytes, x509::X509Ref};
use scep::{
    Error,
    attribute::MessageType,
    body::{IssuerAndSerial, IssuerAndSubject},
    danger::sealed_like,
    request::{ChallengeString, Csr, CsrBuilder},
    secret::Secret,
};

use super::Anew;
use crate::asked::Asked;

impl Anew {
    /// The content in the place of the recorded one; `None` if it stays as it was.
    pub(super) fn content(
        &self,
        index: usize,
        key: &PKey<Private>,
        notes: &mut Vec<String>,
    ) -> Result<Option<Vec<u8>>, String> {
        let step = &self.script.steps[index];
        let asked = step.asked.as_ref();
        let Some((asked, old)) = asked.and_then(|asked| Some((asked, asked.template.content()?)))
        else {
            return Ok(None);
        };
        let body = self.body(index, asked, key, notes).map_err(|error| error.to_string())?;
        let Some(body) = body else { return Ok(None) };
        let Some(outside) = &asked.outside else {
            // A request that nobody enciphered stays so; anything else is no request.
            return Ok(Csr::from_der(old).is_ok().then_some(body));
        };
        let none = "the server gave no certificate of a CA to encipher it to";
        let ca = self.ca.as_ref().ok_or(none)?;
        let now = self.clock.now();
        let was_to =
            |choose: fn(&scep::client::CaCertificates, std::time::SystemTime) -> &X509Ref| {
                let recorded = self.recorded_ca.as_ref().map(|ca| choose(ca, step.at(now)));
                recorded.is_some_and(|one| outside.is_addressed_to(one))
            };
        let is_to_recipient = was_to(|ca, at| ca.recipient(at));
        let is_to_issuer = !is_to_recipient && was_to(|ca, at| ca.issuer(at));
        if !is_to_recipient && !is_to_issuer {
            notes.push("it was enciphered to a certificate that the recording has not; now it is to the right one".to_owned());
        }
        let recipient = if is_to_issuer { ca.issuer(now) } else { ca.recipient(now) };
        let sealed = sealed_like(old, &body, &[recipient], &mut rand_bytes);
        sealed.map(Some).map_err(|error| error.to_string())
    }

    /// What is enciphered; `None` for a message of another type than those of clients.
    fn body(
        &self,
        index: usize,
        asked: &Asked,
        key: &PKey<Private>,
        notes: &mut Vec<String>,
    ) -> Result<Option<Vec<u8>>, Error> {
        let now = self.clock.now();
        let issuer = self.ca.as_ref().map(|ca| ca.issuer(now));
        Ok(match &asked.message_type {
            Some(MessageType::PkcsReq | MessageType::RenewalReq) => {
                Some(self.certification_request(asked, key, notes)?)
            }
            Some(MessageType::CertPoll) => {
                let enrolment = self.script.enrolment_of(index).unwrap_or(asked);
                let subject = enrolment.subject();
                match (issuer, subject) {
                    (Some(issuer), Some(subject)) => {
                        Some(IssuerAndSubject::encode(issuer.subject_name(), &subject)?)
                    }
                    _ => None,
                }
            }
            Some(MessageType::GetCert | MessageType::GetCrl) => {
                notes.push(
                    "it asks for the certificate that this run got last, or else that of the CA"
                        .to_owned(),
                );
                let obtained = self.obtained.as_ref().map(|it| &*it.certificate);
                obtained.or(issuer).map(IssuerAndSerial::encode).transpose()?
            }
            _ => None,
        })
    }

    fn certification_request(
        &self,
        asked: &Asked,
        key: &PKey<Private>,
        notes: &mut Vec<String>,
    ) -> Result<Vec<u8>, Error> {
        let recorded = asked.csr.as_ref();
        if recorded.is_none() {
            notes.push("no key of the recording opens it: its subject is that of its signer, and extensions are not known".to_owned());
        }
        let subject = asked.subject().ok_or(Error::Misuse("its subject is not known"))?;
        let given = self.challenge.as_ref();
        let challenge: Option<&Secret> = match recorded {
            Some(csr) => csr.challenge_password.as_ref().map(|own| given.unwrap_or(own)),
            None => given,
        };
        let builder = CsrBuilder {
            subject: &subject,
            key,
            challenge_password: challenge,
            challenge_string: ChallengeString::default(),
            extensions: recorded.map_or(&[], |csr| csr.extensions.as_slice()),
            digest: asked.template.digest().unwrap_or_default(),
        };
        builder.encode()
    }
}

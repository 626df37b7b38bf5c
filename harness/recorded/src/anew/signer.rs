//! Who signs a request that is made anew, and which key it asks for.

use openssl::pkey::{PKey, Private, Public};
use openssl::x509::X509;
use scep::{
    Error, algorithm::Digest, attribute::PkiStatus, certs_only, danger::Reissued, envelope,
    http::HttpResponse, identity::Identity, message::Message, name, request::self_signed,
};

use super::Anew;
use crate::authorities::new_key_like;

/// The subject of a signer of which nothing is known.
const SUBJECT: &str = "CN=sceplab";

impl Anew {
    /// The signer in the place of the recorded one: one with the same fields if that signed itself, or else the certificate that this run got
    /// last, because the recorded one is of the recorded server.
    pub(super) fn signer(&mut self, index: usize) -> Result<Identity, String> {
        let step = &self.script.steps[index];
        let recorded = step.asked.as_ref().and_then(|asked| asked.signer.clone());
        let Some(recorded) = recorded else {
            return self.unknown_signer().map_err(|error| error.to_string());
        };
        let fails = |error: Error| error.to_string();
        let der = recorded.to_der().map_err(|error| fails(error.into()))?;
        if let Some(known) = self.signers.get(&der) {
            return Ok(known.clone());
        }
        let public = recorded.public_key().map_err(|error| fails(error.into()))?;
        let identity = if recorded.verify(&public).unwrap_or(false) {
            let seconds = step.seconds_until(self.clock.now());
            let key = self.key_for(&public).map_err(fails)?;
            self_signed_like(&recorded, key, seconds).map_err(fails)?
        } else {
            let none =
                "it is signed with a certificate that a CA issued, and this run has got none yet";
            self.obtained.clone().ok_or_else(|| none.to_owned())?
        };
        self.signers.insert(der, identity.clone());
        Ok(identity)
    }

    fn unknown_signer(&mut self) -> Result<Identity, Error> {
        let rsa = openssl::rsa::Rsa::generate(2048)?;
        let key = PKey::from_rsa(rsa)?;
        let subject = name::parse(SUBJECT).map_err(|_| Error::Misuse("a constant is no name"))?;
        self_signed(&subject, &key, Digest::Sha256, self.clock.now())
    }

    /// The key that a request asks for: that of its signer, or another one if it was another one.
    pub(super) fn certified_key(
        &mut self,
        index: usize,
        signer: &Identity,
    ) -> Result<PKey<Private>, Error> {
        let asked = self.script.steps[index].asked.as_ref();
        let csr = asked.and_then(|asked| asked.csr.as_ref()).map(|csr| csr.public_key.clone());
        let of_signer = asked.and_then(|asked| asked.signer.as_ref()?.public_key().ok());
        match (csr, of_signer) {
            (Some(wanted), Some(own)) if !wanted.public_eq(&own) => self.key_for(&wanted),
            _ => Ok(signer.key.clone()),
        }
    }

    /// The new key in the place of a recorded one.
    fn key_for(&mut self, public: &PKey<Public>) -> Result<PKey<Private>, Error> {
        let der = public.public_key_to_der()?;
        if let Some(known) = self.keys.get(&der) {
            return Ok(known.clone());
        }
        let key = new_key_like(public)?;
        self.keys.insert(der, key.clone());
        Ok(key)
    }

    /// Keeps the certificate in an answer, if the last request got one, for requests that must be signed with it.
    pub(super) fn keep_certificate(&mut self, response: &HttpResponse) {
        let Some(sent) = &self.last else { return };
        let certificate = Message::parse(&response.body).ok().and_then(|reply| {
            if reply.attributes().pki_status().ok()? != PkiStatus::Success {
                return None;
            }
            let opened = envelope::open(reply.content()?, &sent.signer).ok()?;
            let granted = certs_only::decode(&opened.content).ok()?.certificates.into_iter();
            let has_key = |one: &X509| one.public_key().is_ok_and(|key| key.public_eq(&sent.key));
            granted.into_iter().find(has_key)
        });
        if let Some(certificate) = certificate {
            self.obtained = Some(Identity { certificate, key: sent.key.clone() });
        }
    }
}

/// A certificate with the fields of the recorded signer's, for a new key that signs it.
fn self_signed_like(recorded: &X509, key: PKey<Private>, seconds: i64) -> Result<Identity, Error> {
    let mut again = Reissued::of(recorded)?;
    again.set_identified_key(&key)?;
    again.move_dates(seconds)?;
    Ok(Identity { certificate: again.sign(&key)?, key })
}

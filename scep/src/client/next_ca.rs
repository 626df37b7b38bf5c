//! The certificates of the next CA, which the current one signs (RFC 8894 §4.7.1).

use std::time::SystemTime;

use openssl::x509::{X509, X509Ref};

use super::{CaCertificates, Exchange, Refusal, Stage, refusal::check_status};
use crate::{
    certificate::{Fingerprint, invalidity},
    certs_only,
    http::HttpResponse,
    message::Message,
    name::to_text,
};

impl CaCertificates {
    /// Reads the answer to a GetNextCACert. Nothing in it is trusted before the signature: it must be that of a CA here, with a certificate
    /// that is valid at `now`; one of an RA is not enough.
    ///
    /// # Errors
    /// If the server has no next CA (it answers with another status than 200), the answer is no such message, one of these CAs has not
    /// signed it, or it has no certificate of a CA.
    pub fn read_next(&self, response: &HttpResponse, now: SystemTime) -> Result<Self, Refusal> {
        const STAGE: Stage = Stage::GetNextCaCert;
        check_status(Exchange::GetNextCaCert, response)?;
        let message = Message::parse(&response.body).map_err(Refusal::at(STAGE))?;
        let known: Vec<&X509Ref> = self.ca.iter().map(AsRef::as_ref).collect();
        let signer = message.verify(&known).map_err(Refusal::at(STAGE))?;
        let subject = to_text(signer.subject_name());
        if !known.contains(&signer.as_ref()) {
            let text = format!(
                "the certificates of the next CA are signed by `{subject}`, which is not the current CA (RFC 8894 §4.7.1)"
            );
            return Err(Refusal::unacceptable(STAGE, text));
        }
        if let Some(reason) = invalidity(&signer, now) {
            let text = format!(
                "the certificates of the next CA are signed with the certificate `{subject}`, which {reason}"
            );
            return Err(Refusal::unacceptable(STAGE, text));
        }
        let content = message.content().filter(|content| !content.is_empty());
        let content = content.ok_or_else(|| {
            Refusal::unacceptable(
                STAGE,
                "the signed message has no content, which would be the certificates",
            )
        })?;
        let next = certs_only::decode(content).map_err(Refusal::at(STAGE))?.certificates;
        Self::sort(next).map_err(|refusal| Refusal {
            stage: STAGE,
            exchange: Exchange::GetNextCaCert,
            ..refusal
        })
    }

    /// The CA with this fingerprint, or else one that it has announced, as [`CaCertificates::trusted_by_fingerprint`] finds it.
    ///
    /// # Errors
    /// If there is none of them.
    pub fn trusted_or_announced(
        self,
        fingerprint: &[u8],
        announced: &[X509],
    ) -> Result<Self, Refusal> {
        let by_announcement = |one: &X509| {
            let fingerprint = Fingerprint::of(one).ok()?;
            self.clone().trusted_by_fingerprint(fingerprint.octets()).ok()
        };
        // The newest announcement is the last one.
        let trusted = announced.iter().rev().find_map(by_announcement);
        match self.clone().trusted_by_fingerprint(fingerprint) {
            Err(refusal) => trusted.ok_or(refusal),
            Ok(by_fingerprint) => {
                Ok(trusted.map_or(by_fingerprint.clone(), |it| it.joined(by_fingerprint)))
            }
        }
    }

    /// These certificates and those of the other that are not among them.
    fn joined(mut self, other: Self) -> Self {
        let missing = |mine: &[X509], theirs: Vec<X509>| -> Vec<X509> {
            theirs.into_iter().filter(|one| !mine.contains(one)).collect()
        };
        let (ca, ra) = (missing(&self.ca, other.ca), missing(&self.ra, other.ra));
        self.ca.extend(ca);
        self.ra.extend(ra);
        self
    }
}

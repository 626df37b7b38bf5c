//! The CertRep that answers a request (RFC 8894 §3.3.2), in the personality's shape.

use std::time::SystemTime;

use openssl::{
    rand::rand_bytes,
    x509::{X509, X509Ref},
};
use scep::{
    Error,
    algorithm::Digest,
    attribute::{FailInfo, Nonce, PkiStatus},
    http::PKI_MESSAGE,
    server::{ExtraAttribute, Outcome, Reply, Request},
};

use crate::{
    answer::Answer,
    ca::{Ca, serial_text},
    log::LogOutcome,
    policy::{Verdict, subject_of},
    refusal::Refusal,
};

/// `szOID_ENROLL_SCEP_ERROR`: an `HRESULT` in decimal.
const SCEP_ERROR: &str = "1.3.6.1.4.1.311.21.33";
/// `szOID_ENROLL_SCEP_SERVER_MESSAGE`.
const SCEP_SERVER_MESSAGE: &str = "1.3.6.1.4.1.311.21.38";

const PRINTABLE_STRING: u8 = 0x13;
const UTF8_STRING: u8 = 0x0c;

impl Ca {
    /// Encodes the answer to a request about which it was decided so.
    pub(super) fn reply(
        &self,
        request: &Request,
        decided: &Result<Verdict, Refusal>,
        now: SystemTime,
    ) -> Result<Answer, Error> {
        let (outcome, reason) = self.describe(decided);
        let message = self.encode(request, decided, now)?;
        let mut answer = Answer::page(PKI_MESSAGE, message);
        answer.outcome = outcome;
        answer.note.reason = reason;
        Ok(answer)
    }

    fn describe(&self, decided: &Result<Verdict, Refusal>) -> (LogOutcome, Option<String>) {
        let certificate_reply = |status| LogOutcome::CertRep(status, None);
        match decided {
            Ok(Verdict::Issued(certificate)) => {
                (certificate_reply(PkiStatus::Success), Some(issued_text(certificate)))
            }
            Ok(Verdict::Pending) => (certificate_reply(PkiStatus::Pending), None),
            Err(refusal) => {
                let fail_info = self.fail_info(refusal);
                let outcome = LogOutcome::CertRep(PkiStatus::Failure, Some(fail_info));
                (outcome, Some(refusal.to_string()))
            }
        }
    }

    fn encode(
        &self,
        request: &Request,
        decided: &Result<Verdict, Refusal>,
        now: SystemTime,
    ) -> Result<Vec<u8>, Error> {
        let style = &self.personality.reply;
        let issued = match decided {
            Ok(Verdict::Issued(certificate)) => std::slice::from_ref(certificate),
            _ => &[],
        };
        let certificates = if style.carries_certificates {
            [issued, std::slice::from_ref(&self.site.authority.ca.certificate)].concat()
        } else {
            Vec::new()
        };
        Reply {
            header: &request.header,
            outcome: self.outcome(decided, issued),
            sender_nonce: Nonce::generate(&mut rand_bytes)?,
            signer: self.site.authority.signer(),
            digest: self.reply_digest(request.header.digest, decided.is_err()),
            cipher: request.cipher,
            key_transport: request.key_transport,
            certificates: &certificates,
            signature_algorithm: style.signature_algorithm,
            signing_time: style.has_signing_time.then_some(now),
            content_without_envelope: style.content_without_envelope.map(<[u8]>::to_vec),
            extra_attributes: if style.has_windows_attributes {
                windows_attributes(decided)
            } else {
                Vec::new()
            },
        }
        .encode(&mut rand_bytes)
    }

    fn outcome<'a>(&self, decided: &Result<Verdict, Refusal>, issued: &'a [X509]) -> Outcome<'a> {
        match decided {
            Ok(Verdict::Issued(_)) => Outcome::Success { certificates: issued, crls: &[] },
            Ok(Verdict::Pending) => Outcome::Pending,
            Err(refusal) => Outcome::Failure { fail_info: self.fail_info(refusal), text: None },
        }
    }

    fn fail_info(&self, refusal: &Refusal) -> FailInfo {
        if self.personality.reply.tells_causes_apart {
            refusal.fail_info()
        } else {
            FailInfo::BadRequest
        }
    }

    /// The request's digest, but for MD5, which is verified and never made.
    fn reply_digest(&self, asked: Digest, is_failure: bool) -> Digest {
        let use_sha1 = is_failure && self.personality.reply.failures_use_sha1;
        if use_sha1 || asked == Digest::Md5 { Digest::Sha1 } else { asked }
    }
}

fn windows_attributes(decided: &Result<Verdict, Refusal>) -> Vec<ExtraAttribute> {
    match decided {
        Ok(Verdict::Issued(_)) => vec![text_attribute(SCEP_SERVER_MESSAGE, UTF8_STRING, "Issued")],
        Ok(Verdict::Pending) => Vec::new(),
        Err(refusal) => {
            let number = refusal.hresult().to_string();
            vec![text_attribute(SCEP_ERROR, PRINTABLE_STRING, &number)]
        }
    }
}

/// An attribute that is a short string, of less than 128 bytes.
fn text_attribute(oid: &str, tag: u8, text: &str) -> ExtraAttribute {
    let mut value_der = vec![tag, text.len().to_le_bytes()[0]];
    value_der.extend_from_slice(text.as_bytes());
    ExtraAttribute { oid: oid.to_owned(), value_der }
}

fn issued_text(certificate: &X509Ref) -> String {
    let serial = serial_text(certificate);
    format!("issued {serial} to `{}`", subject_of(certificate).escape_debug())
}

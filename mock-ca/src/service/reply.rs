//! The CertRep that answers a request (RFC 8894 §3.3.2), in the personality's shape.

use std::{slice, time::SystemTime};

use openssl::{
    rand::rand_bytes,
    x509::{X509, X509Ref},
};
use scep::{
    Error,
    algorithm::{Cipher, Digest, KeyTransport},
    attribute::{FailInfo, PkiStatus},
    danger,
    http::PKI_MESSAGE,
    message::{ExtraAttribute, MessageBuilder, Parameters},
    request::content_differences,
    server::{Body, Header, Outcome, Reply, Request},
};

use super::{Service, Verdict};
use crate::{
    answer::Answer,
    authority::{Authority, serial_text, subject_of},
    fault::{self, Fault, Strikes},
    log::LogOutcome,
    personality::Carried,
    profile::der::{printable_string, utf8_string},
    refusal::Refusal,
};

/// `szOID_ENROLL_SCEP_ERROR`: an `HRESULT` in decimal.
const SCEP_ERROR: &str = "1.3.6.1.4.1.311.21.33";
/// `szOID_ENROLL_SCEP_SERVER_MESSAGE`.
const SCEP_SERVER_MESSAGE: &str = "1.3.6.1.4.1.311.21.38";

impl Service {
    /// The answer of this authority with this decision about a request; `opened` is `None` if only the header could be read.
    pub(super) fn reply(
        &self,
        header: &Header,
        opened: Option<&Request>,
        decided: &Result<Verdict, Refusal>,
        authority: &Authority,
        now: SystemTime,
        strikes: &Strikes<'_>,
    ) -> Answer {
        let message = match self.encode(header, opened, decided, authority, now, strikes) {
            Ok(message) => message,
            Err(error) => return self.internal_error(&error),
        };
        let (outcome, reason) = self.describe(opened, decided);
        let mut answer = Answer::page(PKI_MESSAGE, message);
        answer.outcome = outcome;
        answer.note.reason = reason;
        answer.note.password = decided.as_ref().err().and_then(Refusal::password_problem);
        answer
    }

    fn describe(
        &self,
        opened: Option<&Request>,
        decided: &Result<Verdict, Refusal>,
    ) -> (LogOutcome, Option<String>) {
        let success = |reason| (LogOutcome::CertRep(PkiStatus::Success, None), Some(reason));
        match decided {
            Ok(Verdict::Issued(certificate)) => {
                let issued = summary("issued", "to", certificate);
                let dropped = dropped(opened, certificate);
                success([vec![issued], dropped].concat().join("; "))
            }
            Ok(Verdict::Found(certificate)) => success(summary("gave", "of", certificate)),
            Ok(Verdict::RevocationList(_)) => success("gave the revocation list".to_owned()),
            Ok(Verdict::Pending) => (LogOutcome::CertRep(PkiStatus::Pending, None), None),
            Err(refusal) => {
                let fail_info = self.fail_info(refusal);
                let outcome = LogOutcome::CertRep(PkiStatus::Failure, Some(fail_info));
                (outcome, Some(refusal.to_string()))
            }
        }
    }

    fn encode(
        &self,
        header: &Header,
        opened: Option<&Request>,
        decided: &Result<Verdict, Refusal>,
        authority: &Authority,
        now: SystemTime,
        strikes: &Strikes<'_>,
    ) -> Result<Vec<u8>, Error> {
        let mut granted = match decided {
            Ok(Verdict::Issued(certificate) | Verdict::Found(certificate)) => {
                vec![certificate.clone()]
            }
            _ => Vec::new(),
        };
        fault::distort_granted(&mut granted, authority, strikes)?;
        let text = decided.as_ref().err().map(Refusal::words_for_peer);
        let password = self.reply_password(header, opened);
        let mut reply = Reply {
            header,
            outcome: self.outcome(decided, &granted, text.as_deref()),
            digest: self.reply_digest(header.digest, decided.is_err()),
            // If nothing was opened, nothing is encrypted.
            cipher: opened.map_or(Cipher::Aes128, |request| request.cipher),
            key_transport: opened.map_or(KeyTransport::Pkcs1v15, |request| request.key_transport),
            password: password.as_ref(),
        };
        fault::distort_algorithms(&mut reply, strikes);
        let mut message = reply.message(&mut rand_bytes)?;
        self.shape(&mut message, decided, now);
        message.certificates = self.carried(authority, &reply.outcome, granted.first());
        fault::distort_content(&mut message, &reply, authority, strikes)?;
        let (signer, distortions) = fault::distort_message(&mut message, authority, strikes)?;
        self.shape_envelope(&mut message, strikes)?;
        let encoded = danger::encode(&message, &signer, &distortions)?;
        if strikes.fire(Fault::BerReply) { danger::stream(&encoded) } else { Ok(encoded) }
    }

    /// The certificates that the reply carries in the clear.
    fn carried(
        &self,
        authority: &Authority,
        outcome: &Outcome<'_>,
        issued: Option<&X509>,
    ) -> Vec<X509> {
        match self.personality.reply.carries {
            Carried::IssuedAndCa => {
                issued.into_iter().chain([&authority.ca.certificate]).cloned().collect()
            }
            Carried::SignerInSuccess if matches!(outcome, Outcome::Success { .. }) => {
                vec![authority.signer().certificate.clone()]
            }
            Carried::SignerInSuccess | Carried::Nothing => Vec::new(),
        }
    }

    /// Adds the parts that all replies of this personality have.
    fn shape(
        &self,
        message: &mut MessageBuilder,
        decided: &Result<Verdict, Refusal>,
        now: SystemTime,
    ) {
        let style = &self.personality.reply;
        message.signing_time = style.has_signing_time.then_some(now);
        message.transaction_string = style.transaction_string;
        message.parameters = style.parameters;
        if style.echoes_nonce {
            message.sender_nonce.clone_from(&message.recipient_nonce);
        }
        if message.content.is_none() {
            message.content = style.content_without_envelope.map(<[u8]>::to_vec);
        }
        if style.has_windows_attributes {
            message.extra_attributes = windows_attributes(decided);
        }
    }

    /// Encodes the envelope, if there is one, as this personality does.
    fn shape_envelope(
        &self,
        message: &mut MessageBuilder,
        strikes: &Strikes<'_>,
    ) -> Result<(), Error> {
        let style = &self.personality.reply;
        let is_envelope =
            |content: &mut Vec<u8>| Some(content.as_slice()) != style.content_without_envelope;
        let Some(mut envelope) = message.content.take_if(is_envelope) else { return Ok(()) };
        if message.parameters == Parameters::Absent {
            envelope = danger::without_parameters(&envelope)?;
        }
        let wraps_content = style.wraps_content && !self.settings.replies_in_der;
        message.content = Some(fault::distort_encoding(envelope, wraps_content, strikes)?);
        Ok(())
    }

    fn outcome<'a>(
        &self,
        decided: &'a Result<Verdict, Refusal>,
        granted: &'a [X509],
        text: Option<&'a str>,
    ) -> Outcome<'a> {
        match decided {
            Ok(Verdict::Issued(_) | Verdict::Found(_)) => {
                Outcome::Success { certificates: granted, crls: &[] }
            }
            Ok(Verdict::RevocationList(list)) => {
                Outcome::Success { certificates: &[], crls: slice::from_ref(list) }
            }
            Ok(Verdict::Pending) => Outcome::Pending,
            Err(refusal) => Outcome::Failure {
                fail_info: self.fail_info(refusal),
                text: text.filter(|_| self.personality.reply.has_fail_info_text),
            },
        }
    }

    fn fail_info(&self, refusal: &Refusal) -> FailInfo {
        if self.personality.reply.distinguishes_causes {
            refusal.fail_info()
        } else {
            FailInfo::BadRequest
        }
    }

    /// The digest that signs the reply: that of the request, but SHA-1 if that is MD5, because the CA verifies MD5 signatures and
    /// never makes them. SHA-1 also for a FAILURE, if the personality demands it.
    fn reply_digest(&self, asked: Digest, is_failure: bool) -> Digest {
        let use_sha1 = is_failure && self.personality.reply.failures_use_sha1;
        if use_sha1 || asked == Digest::Md5 { Digest::Sha1 } else { asked }
    }
}

/// What the certificate has otherwise than was asked for.
fn dropped(opened: Option<&Request>, certificate: &X509Ref) -> Vec<String> {
    let Some(Body::PkcsReq(csr) | Body::RenewalReq(csr)) = opened.map(|it| &it.body) else {
        return Vec::new();
    };
    let differences = content_differences(csr.subject(), &csr.extensions, certificate);
    differences.iter().map(|difference| difference.escape_debug().to_string()).collect()
}

fn windows_attributes(decided: &Result<Verdict, Refusal>) -> Vec<ExtraAttribute> {
    let (oid, value_der) = match decided {
        Ok(Verdict::Issued(_)) => (SCEP_SERVER_MESSAGE, utf8_string("Issued")),
        Ok(_) => return Vec::new(),
        Err(refusal) => (SCEP_ERROR, printable_string(&refusal.hresult().to_string())),
    };
    vec![ExtraAttribute { oid: oid.to_owned(), value_der }]
}

fn summary(what: &str, preposition: &str, certificate: &X509Ref) -> String {
    let serial = serial_text(certificate);
    format!("{what} {serial} {preposition} `{}`", subject_of(certificate).escape_debug())
}

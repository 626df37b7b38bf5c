//! Extracts facts from a response.

mod authority;
mod certificate;
mod message;

use std::collections::BTreeMap;
use std::fmt;

use redact::{Masker, visible};
use scep::Error;
use scep::attribute::{FailInfo, PkiStatus};
use scep::certs_only::{self, CertsOnly};
use scep::clock::Clock;
use scep::content::{Asn1, Content, text};
use scep::envelope;
use scep::http::HttpResponse;
use scep::identity::Identity;
use scep::message::Message;
use scep::request::content_differences;

use self::certificate::is_same;
use self::message::{attributes, content, encoding, is_der, is_envelope, signature};
use super::{Authority, Conversation, Transaction};
use model::scenario::scep::{Fact, FactName, Operation, Request};
use results::{Received, ReceivedState, Reply};
use testbed::pki::Exchanged;

/// Facts and details of a response.
#[derive(Debug, Default)]
pub(crate) struct Observation {
    pub(super) facts: BTreeMap<Fact, String>,
    /// HTTP status, if there was a response.
    http_status: Option<u16>,
    /// The pkiStatus, if the standard defines it.
    pub(crate) pki_status: Option<PkiStatus>,
    /// The failInfo.
    fail_info: Option<FailInfo>,
    /// True if the details begin with the HTTP status.
    has_status_in_details: bool,
    /// True if the received certificate is the one that was issued before.
    is_issued_again: bool,
    /// The clock by which certificates are valid.
    clock: Clock,
    /// Reasons, and texts of the server.
    pub details: Vec<String>,
    /// Names in the issued certificate that differ from those that were asked for.
    pub differences: Vec<String>,
}

impl Observation {
    fn set(&mut self, fact: Fact, value: impl fmt::Display) {
        self.facts.insert(fact, format!("{value}"));
    }

    /// Adds a detail as received; [`Self::mask`] masks, cuts and escapes it later.
    fn detail(&mut self, text: impl Into<String>) {
        const MOST: usize = 20;
        if self.details.len() < MOST {
            self.details.push(text.into());
        }
    }

    /// Adds the HTTP status, and what came with it, as the first detail.
    fn detail_of_status(&mut self, response: &HttpResponse) {
        self.has_status_in_details = self.details.is_empty();
        self.detail(response.answered());
    }

    /// True if no response came.
    pub(crate) fn is_unanswered(&self) -> bool {
        self.http_status.is_none()
    }

    /// The reply in short.
    pub(crate) fn reply(&self) -> Reply {
        Reply {
            http_status: self.http_status,
            pki_status: self.pki_status.clone(),
            fail_info: self.fail_info.clone(),
            has_status_in_details: self.has_status_in_details,
            details: self.details.clone(),
        }
    }

    /// One line for each fact and detail.
    pub(crate) fn lines(&self) -> Vec<String> {
        let facts = self.facts.iter().map(|(fact, value)| format!("{}: {value}", fact.name()));
        let details = self.details.iter().chain(&self.differences);
        facts.chain(details.map(|detail| format!("  {detail}"))).collect()
    }

    /// Masks the secrets, then shortens the peer's texts and escapes their control characters.
    pub(super) fn mask(&mut self, masker: &Masker) {
        const LONGEST: usize = 300;
        for (fact, value) in &mut self.facts {
            // A password may be one of our own words, such as `returned`, or a status: with a mask in its place no check would hold.
            let is_peers_text = *fact != Fact::Http && !fact.values().contains(&value.as_str());
            if is_peers_text {
                *value = visible(&masker.text(value));
            }
        }
        if let Some(FailInfo::Other(value)) = &mut self.fail_info {
            *value = masker.text(value);
        }
        for detail in self.details.iter_mut().chain(&mut self.differences) {
            let clean: String = masker.text(detail).chars().take(LONGEST).collect();
            *detail = visible(&clean);
        }
    }
}

impl Conversation {
    /// Facts of a response; an issued certificate is kept for later requests.
    pub(super) fn observe(&mut self, request: &Request, exchanged: &Exchanged) -> Observation {
        let mut seen = Observation { clock: self.clock.clone(), ..Observation::default() };
        let response = match exchanged {
            Exchanged::Unanswered(reason) | Exchanged::Ended { reason, .. } => {
                seen.set(Fact::Reply, "none");
                seen.detail(reason.to_string());
                return seen;
            }
            Exchanged::Answered(response) => response,
        };
        seen.set(Fact::Reply, "HTTP");
        seen.set(Fact::Http, response.status);
        seen.http_status = Some(response.status);
        if let Some(content_type) = &response.content_type {
            // Media types are compared without regard to case (RFC 9110 §8.3.1).
            let base = content_type.split(';').next().unwrap_or_default().trim();
            seen.set(Fact::ContentType, base.to_ascii_lowercase());
        }
        if response.body.is_empty() {
            seen.set(Fact::Body, "empty");
            if response.is_redirect() {
                seen.detail_of_status(response);
            }
            return seen;
        }
        match request.operation {
            Operation::GetCaCaps => authority::capabilities(&mut seen, response),
            Operation::GetCaCert => authority::certificates(&mut seen, response),
            Operation::GetNextCaCert => self.next_ca(&mut seen, response),
            Operation::Other(_) => other_body(&mut seen, response),
            _ => self.cert_rep(&mut seen, request, response),
        }
        seen
    }

    fn cert_rep(&mut self, seen: &mut Observation, request: &Request, response: &HttpResponse) {
        let message = match Message::parse(&response.body) {
            Ok(message) => message,
            Err(error) => {
                other_body(seen, response);
                if !matches!(error, Error::Foreign { .. }) {
                    seen.detail(format!("it is not a pkiMessage: {error}"));
                }
                return;
            }
        };
        let Some(transaction) = self.transaction.take() else { return };
        seen.set(Fact::Body, "CertRep");
        encoding(seen, "the message", is_der(&response.body));
        attributes(seen, &message, &transaction);
        if let Some(authority) = &self.authority {
            signature(seen, &message, &authority.certificates);
        }
        content(seen, message.content());
        if let Some(content) = message.content().filter(|content| is_envelope(content)) {
            encoding(seen, "the envelope", envelope::is_der(content));
            let requested = transaction.requested.as_ref();
            let password = requested.and_then(|requested| requested.challenge.as_ref());
            match envelope::open_reply(content, &transaction.signer, password) {
                Ok(opened) => {
                    seen.set(Fact::Envelope, "opens");
                    seen.set(Fact::Cipher, opened.cipher);
                    let kind = if opened.is_data { "data" } else { "other" };
                    seen.set(Fact::EnvelopeContent, kind);
                    seen.set(Fact::KeyTransport, opened.key_management);
                    self.contents(seen, request, &transaction, &opened.content);
                }
                Err(error) => {
                    seen.set(Fact::Envelope, "closed");
                    seen.detail(format!("the envelope: {error}"));
                }
            }
        }
        self.transaction = Some(transaction);
    }

    /// Logs that a certificate is about to be requested.
    pub(super) fn begin(&self, request: &Request, transaction: &Transaction) -> Option<usize> {
        let enrols = request.operation.enrols() || request.operation == Operation::CertPoll;
        let requested = transaction.requested.as_ref().filter(|_| enrols)?;
        let subject = scep::name::to_text(&requested.subject);
        let state = ReceivedState::Unknown;
        Some(self.log.begin(Received { state, serial: None, subject }))
    }

    /// Logs the result. A certificate that the PKI reports as issued counts even if it cannot be read.
    pub(super) fn note_received(&mut self, seen: &Observation, entry: usize) {
        // A proxy that got no answer knows nothing about the server behind it.
        let is_error = seen
            .http_status
            .is_some_and(|status| matches!(status, 400..=599) && !matches!(status, 502 | 504));
        let state = match seen.pki_status {
            Some(PkiStatus::Success) if seen.is_issued_again => None,
            Some(PkiStatus::Success) => Some(ReceivedState::Issued),
            Some(PkiStatus::Pending) => Some(ReceivedState::Pending),
            Some(PkiStatus::Failure) => None,
            _ if is_error => None,
            _ => Some(ReceivedState::Unknown),
        };
        let requested = self.transaction.as_ref().and_then(|it| it.requested.as_ref());
        let received = state.zip(requested).map(|(state, requested)| Received {
            state,
            serial: seen.facts.get(&Fact::IssuedSerial).cloned(),
            subject: scep::name::to_text(&requested.subject),
        });
        self.received.extend(received.clone());
        self.log.settle(entry, received);
    }

    fn contents(
        &mut self,
        seen: &mut Observation,
        request: &Request,
        transaction: &Transaction,
        content: &[u8],
    ) {
        let CertsOnly { certificates, crls, .. } = match certs_only::decode(content) {
            Ok(contents) => contents,
            Err(error) => {
                seen.detail(format!("the envelope contains no certs-only message: {error}"));
                return;
            }
        };
        encoding(seen, "the envelope's content", is_der(content));
        seen.set(Fact::Certificates, certificates.len());
        let found = certificate::issued(seen, &certificates, transaction, self.authority.as_ref());
        if let (Some(found), Some(requested)) = (&found, &transaction.requested) {
            let asked = request.message.extensions.encode().unwrap_or_default();
            seen.differences = content_differences(&requested.subject, &asked, found);
        }
        if let (Some(found), Some(requested)) = (found, &transaction.requested)
            && request.operation != Operation::GetCert
        {
            if let Some(before) = &self.issued {
                let is_again = is_same(&before.certificate, &found);
                seen.set(Fact::IssuedSameAsBefore, if is_again { "same" } else { "other" });
                seen.is_issued_again = is_again;
            }
            self.issued = Some(Identity { certificate: found, key: requested.key.clone() });
        }
        if request.operation == Operation::GetCrl {
            let issued = self.issued.as_ref().map(|issued| &issued.certificate);
            certificate::revocations(seen, &crls, issued, self.authority.as_ref());
        }
    }

    /// Facts of an answer to GetNextCACert, which the current CA signs (RFC 8894 §4.7.1).
    fn next_ca(&self, seen: &mut Observation, response: &HttpResponse) {
        let Ok(message) = Message::parse(&response.body) else {
            other_body(seen, response);
            return;
        };
        seen.set(Fact::Body, "SignedData");
        encoding(seen, "the message", is_der(&response.body));
        if let Some(Authority { certificates, .. }) = &self.authority {
            signature(seen, &message, certificates);
        }
        let contents = certs_only::decode(message.content().unwrap_or_default());
        let Ok(CertsOnly { certificates: next, .. }) = contents else {
            content(seen, message.content());
            return;
        };
        seen.set(Fact::Content, "certificates");
        encoding(seen, "the content", is_der(message.content().unwrap_or_default()));
        seen.set(Fact::Certificates, next.len());
        if let Some(Authority { certificates: today, .. }) = &self.authority {
            let is_known = next.iter().any(|one| today.ca.iter().any(|ca| is_same(one, ca)));
            seen.set(Fact::NextCaKey, if is_known { "same" } else { "new" });
        }
    }
}

/// Facts of a body that the operation does not define.
fn other_body(seen: &mut Observation, response: &HttpResponse) {
    let content = Content::of(&response.body);
    let kind = match &content {
        Content::Asn1(Asn1::CertsOnly(_)) => "certificates",
        Content::WebPage(_) => "HTML",
        _ if text(&response.body).is_some() => "text",
        _ => "other",
    };
    seen.set(Fact::Body, kind);
    if response.status == 200 {
        seen.detail(response.came());
    } else {
        seen.detail_of_status(response);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(body: Vec<u8>) -> String {
        let mut seen = Observation::default();
        let content_type = Some("text/html".to_owned());
        other_body(
            &mut seen,
            &HttpResponse { status: 200, content_type, body, ..HttpResponse::default() },
        );
        seen.value(Fact::Body).unwrap_or_default().to_owned()
    }

    #[test]
    fn html_is_recognised_in_utf_8_and_utf_16() {
        let utf16 =
            |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        assert_eq!(kind(b"<html>".to_vec()), "HTML");
        assert_eq!(kind(utf16("\u{feff}<HTML><Head>")), "HTML");
        assert_eq!(kind(utf16("<HTML><Head>")), "HTML");
        assert_eq!(kind(b"not found".to_vec()), "text");
        assert_eq!(kind(vec![0x30, 0x80, 0, 0]), "other");
    }
}

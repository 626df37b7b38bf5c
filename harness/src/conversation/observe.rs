//! From what came back to facts.

mod authority;
mod certificate;

use std::collections::BTreeMap;
use std::fmt;

use scep::algorithm::Digest;
use scep::attribute::PkiStatus;
use scep::certs_only::{self, CertsOnly};
use scep::client::CaCertificates;
use scep::http::HttpResponse;
use scep::identity::Identity;
use scep::message::Message;
use scep::{Error, PeerMisbehaved, ber, envelope};

use self::certificate::{is_same, validity};
use super::{Authority, Conversation, Transaction};
use crate::http;
use crate::outcome::{Received, ReceivedState};
use crate::pki::Exchanged;
use crate::scenario::scep::{Fact, FactName, Operation, Request};

/// The DER of the object identifier `id-data`.
const ID_DATA: [u8; 11] = [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1];
/// That of `id-envelopedData`.
const ID_ENVELOPED_DATA: [u8; 11] = [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 3];

/// What came back.
#[derive(Debug, Default)]
pub(crate) struct Observation {
    pub(super) facts: BTreeMap<Fact, String>,
    /// What facts do not tell: reasons, and what the server says in words.
    pub(crate) details: Vec<String>,
}

impl Observation {
    fn set(&mut self, fact: Fact, value: impl fmt::Display) {
        self.facts.insert(fact, format!("{value}"));
    }

    /// Keeps what facts do not tell, as it came: it is cut and escaped once its secrets are masked.
    fn detail(&mut self, text: impl Into<String>) {
        const MOST: usize = 20;
        if self.details.len() < MOST {
            self.details.push(text.into());
        }
    }

    /// Every fact, in a line each.
    pub(crate) fn lines(&self) -> Vec<String> {
        let facts = self.facts.iter().map(|(fact, value)| format!("{}: {value}", fact.name()));
        facts.chain(self.details.iter().map(|detail| format!("  {detail}"))).collect()
    }

    /// Masks what is secret, then cuts and escapes what a peer has said.
    pub(super) fn mask(&mut self, masked: impl Fn(&str) -> String) {
        const LONGEST: usize = 300;
        self.facts.values_mut().for_each(|value| *value = masked(value));
        for detail in &mut self.details {
            let clean: String = masked(detail).chars().take(LONGEST).collect();
            *detail = clean.escape_debug().to_string();
        }
    }
}

impl Conversation {
    /// What is to be said of an answer; a certificate in it is remembered.
    pub(super) fn observe(&mut self, request: &Request, exchanged: &Exchanged) -> Observation {
        let mut seen = Observation::default();
        let response = match exchanged {
            Exchanged::Unanswered(reason) => {
                seen.set(Fact::Reply, "none");
                seen.detail(reason);
                return seen;
            }
            Exchanged::Answered(response) => response,
        };
        seen.set(Fact::Reply, "HTTP");
        seen.set(Fact::Http, response.status);
        if let Some(content_type) = &response.content_type {
            // Media types are told apart without regard to case (RFC 9110 §8.3.1).
            let base = content_type.split(';').next().unwrap_or_default().trim();
            seen.set(Fact::ContentType, base.to_ascii_lowercase());
        }
        if response.body.is_empty() {
            seen.set(Fact::Body, "empty");
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
                seen.detail(format!("it is no pkiMessage: {error}"));
                return;
            }
        };
        let Some(transaction) = self.transaction.take() else { return };
        seen.set(Fact::Body, "CertRep");
        encoding(seen, &response.body);
        attributes(seen, &message, &transaction);
        if let Some(authority) = &self.authority {
            signature(seen, &message, &authority.certificates);
        }
        seen.set(Fact::Content, content_kind(message.content()));
        if let Some(content) = message.content().filter(|_| seen.value(Fact::Content) == "envelope")
        {
            match envelope::open(content, &transaction.signer) {
                Ok(opened) => {
                    seen.set(Fact::Envelope, "opens");
                    seen.set(Fact::Cipher, opened.cipher);
                    seen.set(Fact::KeyTransport, opened.key_transport);
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

    /// Notes that a certificate is about to be asked for.
    pub(super) fn begin(&self, request: &Request, transaction: &Transaction) -> Option<usize> {
        let enrols = request.operation.enrols() || request.operation == Operation::CertPoll;
        let requested = transaction.requested.as_ref().filter(|_| enrols)?;
        let subject = scep::name::to_text(&requested.subject);
        let state = ReceivedState::Unknown;
        Some(self.ledger.begin(Received { state, serial: None, subject }))
    }

    /// Notes what came of it: what a PKI says to have issued counts, whether it can be read or not.
    pub(super) fn note_received(&mut self, seen: &Observation, entry: usize) {
        let is_known = seen.value(Fact::IssuedSameAsBefore) == "same";
        let is_error = seen.value(Fact::Http).starts_with(['4', '5']);
        let state = match seen.value(Fact::Status) {
            "SUCCESS" if is_known => None,
            "SUCCESS" => Some(ReceivedState::Issued),
            "PENDING" => Some(ReceivedState::Pending),
            "FAILURE" => None,
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
        self.ledger.settle(entry, received);
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
                seen.detail(format!("in the envelope is no certs-only message: {error}"));
                return;
            }
        };
        seen.set(Fact::Certificates, certificates.len());
        let found = certificate::issued(seen, &certificates, transaction, self.authority.as_ref());
        if let (Some(found), Some(requested)) = (found, &transaction.requested)
            && request.operation != Operation::GetCert
        {
            if let Some(before) = &self.issued {
                let is_again = is_same(&before.certificate, &found);
                seen.set(Fact::IssuedSameAsBefore, if is_again { "same" } else { "other" });
            }
            self.issued = Some(Identity { certificate: found, key: requested.key.clone() });
        }
        if request.operation == Operation::GetCrl {
            let issued = self.issued.as_ref().map(|issued| &issued.certificate);
            certificate::revocations(seen, &crls, issued, self.authority.as_ref());
        }
    }

    /// The answer to GetNextCACert is signed by today's CA (RFC 8894 §4.7.1).
    fn next_ca(&self, seen: &mut Observation, response: &HttpResponse) {
        let Ok(message) = Message::parse(&response.body) else {
            other_body(seen, response);
            return;
        };
        seen.set(Fact::Body, "SignedData");
        encoding(seen, &response.body);
        if let Some(Authority { certificates, .. }) = &self.authority {
            signature(seen, &message, certificates);
        }
        let content = message.content().unwrap_or_default();
        let Ok(CertsOnly { certificates: next, .. }) = certs_only::decode(content) else {
            seen.set(Fact::Content, content_kind(message.content()));
            return;
        };
        seen.set(Fact::Content, "certificates");
        seen.set(Fact::Certificates, next.len());
        if let Some(Authority { certificates: today, .. }) = &self.authority {
            let is_known = next.iter().any(|one| today.ca.iter().any(|ca| is_same(one, ca)));
            seen.set(Fact::NextCaKey, if is_known { "same" } else { "new" });
        }
    }
}

/// A body that is none of those the operation has.
fn other_body(seen: &mut Observation, response: &HttpResponse) {
    let text = http::text(&response.body);
    let is_html = text.as_deref().is_some_and(|text| {
        let start: String = text.trim_start().chars().take(200).collect();
        let start = start.to_ascii_lowercase();
        start.starts_with("<!doctype") || start.contains("<html")
    });
    let kind = match &text {
        _ if certs_only::decode(&response.body).is_ok() => "certificates",
        Some(_) if is_html => "HTML",
        Some(_) => "text",
        None => "other",
    };
    seen.set(Fact::Body, kind);
    if let (Some(text), false) = (text, is_html) {
        seen.detail(text.lines().next().unwrap_or_default());
    }
}

fn encoding(seen: &mut Observation, message: &[u8]) {
    let is_der = ber::normalise(message).is_ok_and(|normal| normal == message);
    seen.set(Fact::Encoding, if is_der { "DER" } else { "BER" });
}

fn attributes(seen: &mut Observation, message: &Message, transaction: &Transaction) {
    let attributes = message.attributes();
    let digest: Digest = message.digest();
    seen.set(Fact::SignatureDigest, digest);
    if let Ok(message_type) = attributes.message_type() {
        seen.set(Fact::MessageType, message_type);
    }
    match attributes.pki_status() {
        Ok(PkiStatus::Other(other)) => {
            seen.set(Fact::Status, "other");
            seen.detail(format!("pkiStatus: {other}"));
        }
        Ok(status) => seen.set(Fact::Status, status),
        Err(Error::PeerMisbehaved(PeerMisbehaved::MissingAttribute(_))) => {}
        Err(error) => {
            seen.set(Fact::Status, "other");
            seen.detail(error.to_string());
        }
    }
    match attributes.fail_info() {
        Ok(fail_info) => seen.set(Fact::FailInfo, fail_info),
        Err(error) => missing(seen, Fact::FailInfo, &error),
    }
    match attributes.fail_info_text() {
        Ok(Some(text)) => {
            seen.set(Fact::FailInfoText, "present");
            seen.detail(format!("failInfoText: {text}"));
        }
        Ok(None) => {}
        Err(error) => missing(seen, Fact::FailInfoText, &error),
    }
    match attributes.transaction_id() {
        Ok(id) if id == transaction.id => seen.set(Fact::Transaction, "returned"),
        Ok(id) => {
            seen.set(Fact::Transaction, "other");
            seen.detail(format!("transactionID: {id}"));
        }
        Err(error) => missing(seen, Fact::Transaction, &error),
    }
    match attributes.sender_nonce() {
        Ok(nonce) => {
            let is_echoed = nonce == transaction.sender_nonce;
            seen.set(Fact::SenderNonce, if is_echoed { "echoed" } else { "fresh" });
            seen.set(Fact::SenderNonceBytes, nonce.as_bytes().len());
        }
        Err(error) => missing(seen, Fact::SenderNonce, &error),
    }
    match attributes.recipient_nonce() {
        Ok(nonce) if nonce == transaction.sender_nonce => {
            seen.set(Fact::RecipientNonce, "returned");
        }
        Ok(nonce) => {
            seen.set(Fact::RecipientNonce, "other");
            seen.detail(format!("recipientNonce: {nonce}"));
        }
        Err(error) => missing(seen, Fact::RecipientNonce, &error),
    }
    if let [value] = attributes.raw("1.2.840.113549.1.9.3").as_slice() {
        let kind = if *value == ID_DATA { "data" } else { "other" };
        seen.set(Fact::ContentTypeAttribute, kind);
    }
}

/// An attribute that is not there is absent; any other error is its malformation.
fn missing(seen: &mut Observation, fact: Fact, error: &Error) {
    if !matches!(error, Error::PeerMisbehaved(PeerMisbehaved::MissingAttribute(_))) {
        seen.set(fact, "malformed");
        seen.detail(error.to_string());
    }
}

fn signature(seen: &mut Observation, message: &Message, ca: &CaCertificates) {
    let signers = ca.signers();
    match message.verify(&signers) {
        Ok(signer) => {
            let is_known = signers.iter().any(|known| is_same(known, &signer));
            seen.set(Fact::Signature, if is_known { "valid" } else { "stranger" });
            seen.set(Fact::SignerValidity, validity(&signer));
        }
        Err(error) => {
            seen.set(Fact::Signature, "invalid");
            seen.detail(format!("the signature: {error}"));
        }
    }
}

fn content_kind(content: Option<&[u8]>) -> &'static str {
    match content {
        None => "absent",
        Some([]) => "empty",
        Some(content) => {
            let start = &content[..content.len().min(24)];
            let is_envelope = start.windows(11).any(|window| window == ID_ENVELOPED_DATA);
            if is_envelope { "envelope" } else { "other" }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(body: Vec<u8>) -> String {
        let mut seen = Observation::default();
        let content_type = Some("text/html".to_owned());
        other_body(&mut seen, &HttpResponse { status: 200, content_type, body });
        seen.value(Fact::Body).to_owned()
    }

    #[test]
    fn a_page_is_one_in_utf_16_too() {
        let utf16 =
            |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        assert_eq!(kind(b"<html>".to_vec()), "HTML");
        assert_eq!(kind(utf16("\u{feff}<HTML><Head>")), "HTML");
        assert_eq!(kind(utf16("<HTML><Head>")), "HTML");
        assert_eq!(kind(b"not found".to_vec()), "text");
        assert_eq!(kind(vec![0x30, 0x80, 0, 0]), "other");
    }
}

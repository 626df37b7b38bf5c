//! Facts of a signed message: encoding, attributes, signature.

use std::fmt::Display;

use scep::attribute::PkiStatus;
use scep::client::CaCertificates;
use scep::message::Message;
use scep::{Error, PeerMisbehaved, ber};

use super::Observation;
use super::certificate::{is_same, validity};
use crate::conversation::Transaction;
use model::scenario::scep::Fact;

/// The DER of the object identifier `id-data`.
const ID_DATA: [u8; 11] = [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1];
/// The DER of the object identifier `id-envelopedData`.
const ID_ENVELOPED_DATA: [u8; 11] = [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 3];

/// True if all lengths are definite and minimal, and every string is in one piece.
pub(super) fn is_der(bytes: &[u8]) -> bool {
    ber::normalise(bytes).is_ok_and(|normal| normal == bytes)
}

/// The encoding of a message, of the envelope in it, and of that envelope's content: BER if any of them is BER.
pub(super) fn encoding(seen: &mut Observation, part: &str, is_der: bool) {
    if is_der {
        if !seen.facts.contains_key(&Fact::Encoding) {
            seen.set(Fact::Encoding, "DER");
        }
        return;
    }
    seen.set(Fact::Encoding, "BER");
    seen.detail(format!("{part} is BER that is not DER"));
}

/// The digest, and the signed attributes compared with the request.
pub(super) fn attributes(seen: &mut Observation, message: &Message, transaction: &Transaction) {
    let attributes = message.attributes();
    seen.set(Fact::SignatureDigest, message.digest());
    if let Ok(message_type) = attributes.message_type() {
        seen.set(Fact::MessageType, message_type);
    }
    match attributes.pki_status() {
        Ok(PkiStatus::Other(other)) => {
            seen.set(Fact::Status, "other");
            seen.detail(format!("pkiStatus: {other}"));
        }
        Ok(status) => {
            seen.set(Fact::Status, &status);
            seen.pki_status = Some(status);
        }
        Err(Error::PeerMisbehaved(PeerMisbehaved::MissingAttribute(_))) => {}
        Err(error) => {
            seen.set(Fact::Status, "other");
            seen.detail(error.to_string());
        }
    }
    match attributes.fail_info() {
        Ok(fail_info) => {
            seen.set(Fact::FailInfo, &fail_info);
            seen.fail_info = Some(fail_info);
        }
        Err(error) => missing(seen, Fact::FailInfo, &error),
    }
    match attributes.fail_info_text() {
        Ok(Some(text)) => {
            seen.set(Fact::FailInfoText, "present");
            seen.detail(format!("the server says \"{text}\""));
        }
        Ok(None) => {}
        Err(error) => missing(seen, Fact::FailInfoText, &error),
    }
    if let Ok(denial) = attributes.denial() {
        let number = denial.hresult.map(|number| format!("error number of NDES: {number}"));
        let words = denial.server_message.map(|words| format!("message of NDES: {words}"));
        number.into_iter().chain(words).for_each(|detail| seen.detail(detail));
    }
    let id = attributes.transaction_id();
    returned(seen, Fact::Transaction, "transactionID", id, &transaction.id);
    match attributes.sender_nonce() {
        Ok(nonce) => {
            let is_echoed = nonce == transaction.sender_nonce;
            seen.set(Fact::SenderNonce, if is_echoed { "echoed" } else { "fresh" });
            seen.set(Fact::SenderNonceBytes, nonce.as_bytes().len());
        }
        Err(error) => missing(seen, Fact::SenderNonce, &error),
    }
    let nonce = attributes.recipient_nonce();
    returned(seen, Fact::RecipientNonce, "recipientNonce", nonce, &transaction.sender_nonce);
    if let [value] = attributes.raw("1.2.840.113549.1.9.3").as_slice() {
        let kind = if *value == ID_DATA { "data" } else { "other" };
        seen.set(Fact::ContentTypeAttribute, kind);
    }
}

/// Compares an attribute of the reply with the value that was sent.
fn returned<T: PartialEq + Display>(
    seen: &mut Observation,
    fact: Fact,
    name: &str,
    attribute: Result<T, Error>,
    sent: &T,
) {
    match attribute {
        Ok(value) if value == *sent => seen.set(fact, "returned"),
        Ok(value) => {
            seen.set(fact, "other");
            seen.detail(format!("{name}: {value}"));
        }
        Err(error) => missing(seen, fact, &error),
    }
}

/// A missing attribute is absent; any other error means that it is malformed.
fn missing(seen: &mut Observation, fact: Fact, error: &Error) {
    if !matches!(error, Error::PeerMisbehaved(PeerMisbehaved::MissingAttribute(_))) {
        seen.set(fact, "malformed");
        seen.detail(error.to_string());
    }
}

/// Whether the signature is valid, and whether the CA's certificates include the signer.
pub(super) fn signature(seen: &mut Observation, message: &Message, ca: &CaCertificates) {
    let signers = ca.signers();
    match message.verify(&signers) {
        Ok(signer) => {
            let is_known = signers.iter().any(|known| is_same(known, &signer));
            seen.set(Fact::Signature, if is_known { "valid" } else { "stranger" });
            seen.set(Fact::SignerValidity, validity(&signer, seen.clock.now()));
        }
        Err(error) => {
            seen.set(Fact::Signature, "invalid");
            seen.detail(format!("the signature: {error}"));
        }
    }
}

/// The kind of the message's content, if it has any.
pub(super) fn content(seen: &mut Observation, content: Option<&[u8]>) {
    let kind = match content {
        None => return,
        Some([]) => "empty",
        Some(content) if is_envelope(content) => "envelope",
        Some(_) => "other",
    };
    seen.set(Fact::Content, kind);
}

/// True if the content begins like an `EnvelopedData`.
pub(super) fn is_envelope(content: &[u8]) -> bool {
    let start = &content[..content.len().min(24)];
    start.windows(11).any(|window| window == ID_ENVELOPED_DATA)
}

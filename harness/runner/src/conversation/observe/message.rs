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

/// Whether the message is DER or BER.
pub(super) fn encoding(seen: &mut Observation, message: &[u8]) {
    let is_der = ber::normalise(message).is_ok_and(|normal| normal == message);
    seen.set(Fact::Encoding, if is_der { "DER" } else { "BER" });
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
            seen.set(Fact::SignerValidity, validity(&signer));
        }
        Err(error) => {
            seen.set(Fact::Signature, "invalid");
            seen.detail(format!("the signature: {error}"));
        }
    }
}

/// Kind of the message's content.
pub(super) fn content_kind(content: Option<&[u8]>) -> &'static str {
    match content {
        None => "absent",
        Some([]) => "empty",
        Some(content) if is_envelope(content) => "envelope",
        Some(_) => "other",
    }
}

/// True if the content begins like an `EnvelopedData`.
pub(super) fn is_envelope(content: &[u8]) -> bool {
    let start = &content[..content.len().min(24)];
    start.windows(11).any(|window| window == ID_ENVELOPED_DATA)
}

//! What is sent, in words; no challenge password is among them.

use scep::http::Method;
use scep::name;

use super::Parts;
use super::message::message_type;
use model::lab::MASK;
use model::scenario::scep::{KeyType, Request};

pub(super) fn words(
    request: &Request,
    parts: &Parts,
    has_challenge: bool,
    method: Method,
    length: usize,
) -> Vec<String> {
    let method = if method == Method::Get { "GET" } else { "POST" };
    let (id, nonce) = (&parts.transaction_id, &parts.sender_nonce);
    let signer = name::to_text(parts.signer.certificate.subject_name());
    let recipients: Vec<String> = parts
        .recipients
        .iter()
        .map(|one| format!("`{}`", name::to_text(one.subject_name())))
        .collect();
    let mut words = vec![
        format!("PKIOperation by {method}, {length} bytes"),
        format!("  messageType {}, transactionID {id}, senderNonce {nonce}", message_type(request)),
        format!("  signed with {} by `{signer}`", parts.digest),
        format!(
            "  enciphered with {} and {} to {}",
            parts.cipher,
            parts.key_transport,
            recipients.join(", ")
        ),
    ];
    if request.operation.enrols() {
        let subject = name::to_text(&parts.requested.subject);
        let (bits, key_type) = (parts.requested.key.bits(), request.message.key_type);
        let key =
            if key_type == KeyType::P256 { "P-256".to_owned() } else { format!("RSA {bits}") };
        let challenge = if has_challenge { MASK } else { "none" };
        words.push(format!("  asks for `{subject}`, {key}, challenge password {challenge}"));
    }
    words
}

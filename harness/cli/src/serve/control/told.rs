//! What the CA tells, as JSON.

use std::time::{SystemTime, UNIX_EPOCH};

use mock_ca::{FaultRule, Issued, Pending, QueryMessage, SeenCsr, SeenMessage, SeenRequest};
use scep::attribute::TransactionId;
use scep::key_usage::KeyUsage;
use serde_json::{Value, json};

pub(super) fn issued(issued: &Issued) -> Value {
    let pem = issued.certificate.to_pem().unwrap_or_default();
    json!({
        "serial": issued.serial,
        "subject": issued.subject,
        "transaction_id": issued.transaction_id.as_str(),
        "revoked": issued.revoked.map(seconds),
        "certificate": String::from_utf8_lossy(&pem),
    })
}

pub(super) fn pending(pending: &Pending) -> Value {
    json!({"transaction_id": pending.transaction_id.as_str(), "subject": pending.subject})
}

pub(super) fn fault((rule, fired): (FaultRule, u32)) -> Value {
    json!({"fault": rule.to_string(), "fired": fired})
}

pub(super) fn request(request: &SeenRequest) -> Value {
    json!({
        "at": seconds(request.at),
        "peer": request.peer,
        "method": request.method,
        "path": request.path,
        "content_type": request.content_type,
        "operation": request.operation,
        "query_message": request.query_message.map(query_message),
        "post_offered": request.post_offered,
        "message": request.message.as_ref().map(message),
        "faults": request.faults.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

fn query_message(seen: QueryMessage) -> Value {
    json!({
        "proper": seen.is_proper(),
        "bare_plus": seen.bare_plus,
        "bare_slash": seen.bare_slash,
        "bare_equals": seen.bare_equals,
        "url_safe": seen.url_safe,
        "unpadded": seen.unpadded,
        "line_breaks": seen.line_breaks,
    })
}

fn message(seen: &SeenMessage) -> Value {
    json!({
        "message_type": seen.message_type.as_ref().map(ToString::to_string),
        "transaction_id": seen.transaction_id.as_ref().map(TransactionId::as_str),
        "sender_nonce_bytes": seen.sender_nonce_bytes,
        "digest": seen.digest.to_string(),
        "has_signing_time": seen.has_signing_time,
        "certificates": seen.certificates,
        "signer_is_self_signed": seen.signer_is_self_signed,
        "signer_key_usage": seen.signer_key_usage.map(key_usage),
        "cipher": seen.cipher.map(|cipher| cipher.to_string()),
        "key_transport": seen.key_transport.map(|transport| transport.to_string()),
        "csr": seen.csr.as_ref().map(csr),
    })
}

fn csr(seen: &SeenCsr) -> Value {
    json!({
        "subject": seen.subject,
        "has_challenge": seen.has_challenge,
        "proves_possession": seen.proves_possession,
        "key_bits": seen.key_bits,
        "subject_is_signers": seen.subject_is_signers,
        "key_is_signers": seen.key_is_signers,
    })
}

/// The names of RFC 5280 §4.2.1.3 that SCEP cares about.
fn key_usage(usage: KeyUsage) -> Vec<&'static str> {
    let names = [
        (KeyUsage::DIGITAL_SIGNATURE, "digitalSignature"),
        (KeyUsage::KEY_ENCIPHERMENT, "keyEncipherment"),
        (KeyUsage::DATA_ENCIPHERMENT, "dataEncipherment"),
        (KeyUsage::KEY_CERT_SIGN, "keyCertSign"),
        (KeyUsage::CRL_SIGN, "cRLSign"),
    ];
    names.into_iter().filter(|(bit, _)| usage.contains(*bit)).map(|(_, name)| name).collect()
}

/// Seconds since 1970, of which a machine makes what it likes.
fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

//! The signed attributes, each with its name, its value and its meaning.

use scep::{
    attribute::{FailInfo, MessageType, PkiStatus},
    clock::moment_text,
    content::Content,
    denial::{Denial, Hresult},
    message::{AttributeName, Message},
    secret::MASK,
};

use super::Facts;
use crate::{asn1::oid_name, explanation::Field, layer::CHALLENGE_PASSWORD};

/// The attributes of a message, in the order received.
pub(super) fn attribute_fields(
    message: &Message,
    facts: &Facts,
    shows_secrets: bool,
) -> Vec<Field> {
    const MOST: usize = 40;
    let is_secret = |oid: &str| oid == CHALLENGE_PASSWORD && !shows_secrets;
    let one = |oid: &String| {
        if !is_secret(oid) {
            return field(message, facts, oid);
        }
        Field::new(oid_name(oid).unwrap_or_else(|| oid.clone()), MASK)
            .meaning("no attribute of a pkiMessage, but of the request in its envelope")
    };
    message.attributes().oids().iter().take(MOST).map(one).collect()
}

fn field(message: &Message, facts: &Facts, oid: &str) -> Field {
    let attributes = message.attributes();
    let Some(name) = AttributeName::of_oid(oid) else { return other(message, facts, oid) };
    let read = match name {
        AttributeName::MessageType => attributes.message_type().map(|it| {
            Field::new("messageType", format!("{} {it}", it.as_wire())).meaning(purpose(&it))
        }),
        AttributeName::TransactionId => {
            attributes.transaction_id().map(|it| Field::new("transactionID", it.to_string()))
        }
        AttributeName::PkiStatus => attributes.pki_status().map(|it| {
            Field::new("pkiStatus", format!("{} {it}", it.as_wire())).meaning(result(&it))
        }),
        AttributeName::FailInfo => attributes.fail_info().map(|it| {
            Field::new("failInfo", format!("{} {it}", it.as_wire())).meaning(reason(&it))
        }),
        AttributeName::FailInfoText => attributes.fail_info_text().map(|it| {
            Field::new("failInfoText", format!("`{}`", it.unwrap_or_default()))
                .meaning("the reason in the server's words")
        }),
        AttributeName::SenderNonce => {
            attributes.sender_nonce().map(|it| Field::new("senderNonce", it.to_string()))
        }
        AttributeName::RecipientNonce => {
            attributes.recipient_nonce().map(|it| Field::new("recipientNonce", it.to_string()))
        }
        AttributeName::SigningTime => attributes
            .signing_time()
            .map(|it| Field::new("signingTime", it.map(moment_text).unwrap_or_default())),
        name => Ok(raw(message, name.as_str(), oid)),
    };
    read.unwrap_or_else(|error| Field::new(name.as_str(), "unreadable").meaning(error.to_string()))
}

/// An attribute of others than RFC 8894, such as those of NDES.
fn other(message: &Message, facts: &Facts, oid: &str) -> Field {
    let name = oid_name(oid).unwrap_or_else(|| oid.to_owned());
    let hresult = facts.denial.as_ref().and_then(|denial| denial.hresult);
    match (oid, hresult) {
        (Hresult::OID, Some(number)) => {
            let meaning =
                number.meaning().unwrap_or("an error number of Windows that is not known here");
            let word = number.name().unwrap_or_default();
            return Field::new(name, format!("0x{:08X} {word}", number.0).trim_end())
                .meaning(meaning);
        }
        (Denial::SERVER_MESSAGE_OID, _) => {
            let words = message.attributes().text_of(oid).unwrap_or_default();
            return Field::new(name, format!("`{words}`")).meaning("the words of NDES");
        }
        (Denial::OLD_STEP_CA_TEXT_OID, _) => {
            let words = message.attributes().text_of(oid).unwrap_or_default();
            return Field::new(name, format!("`{words}`"))
                .meaning("failInfoText, as step-ca before 0.26.1 sends it");
        }
        _ => {}
    }
    let field = raw(message, &name, oid);
    if name == oid { field.meaning("an attribute that is not known here") } else { field }
}

/// The value as text, if it is one, or else in hexadecimal.
fn raw(message: &Message, name: &str, oid: &str) -> Field {
    const SHOWN: usize = 64;
    if let Some(text) = message.attributes().text_of(oid) {
        return Field::new(name, format!("`{text}`"));
    }
    let values = message.attributes().raw(oid);
    let Some(value) = values.first() else { return Field::new(name, "no readable value") };
    if name == AttributeName::ContentType.as_str() {
        return Field::new(name, oid_of(value).unwrap_or_else(|| "unreadable".to_owned()));
    }
    // Without tag and length, if they are short.
    let value = match value.as_slice() {
        [0x04, length, rest @ ..] if usize::from(*length) == rest.len() => rest,
        whole => whole,
    };
    let start = hex::encode(&value[..value.len().min(SHOWN)]);
    Field::new(name, if value.len() > SHOWN { format!("{start}…") } else { start })
}

fn oid_of(value: &[u8]) -> Option<String> {
    let data = [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1];
    if value == data {
        return Some("data".to_owned());
    }
    crate::asn1::tree(value, None, false)?.value
}

fn purpose(message_type: &MessageType) -> &'static str {
    match message_type {
        MessageType::CertRep => "the reply of the CA",
        MessageType::PkcsReq => "a request for a first certificate",
        MessageType::RenewalReq => "a request that is signed with the certificate to renew",
        MessageType::CertPoll => "a question about a request that waits",
        MessageType::GetCert => "a request for an issued certificate",
        MessageType::GetCrl => "a request for a revocation list",
        _ => "a type that RFC 8894 §3.2.1.2 does not define",
    }
}

fn result(status: &PkiStatus) -> &'static str {
    match status {
        PkiStatus::Success => "the request is granted",
        PkiStatus::Failure => "the request is refused; failInfo says why",
        PkiStatus::Pending => {
            "the request waits for a decision: the client should ask again with CertPoll"
        }
        _ => "a status that RFC 8894 §3.2.1.3 does not define",
    }
}

/// The reason of a refusal, and what it usually means.
fn reason(fail_info: &FailInfo) -> &'static str {
    match fail_info {
        FailInfo::BadAlg => "an algorithm is not known or not supported",
        FailInfo::BadMessageCheck => {
            "the server could not verify the signature, or does not accept the signer"
        }
        FailInfo::BadRequest => {
            "the request is not permitted or not supported; a wrong challenge password is often answered so"
        }
        FailInfo::BadTime => "the signingTime is too far from the server's time",
        FailInfo::BadCertId => "the certificate that the request names was not found",
        _ => "a reason that RFC 8894 §3.2.1.4 does not define",
    }
}

/// The kind of some bytes, for the words of a finding.
pub(super) fn kind(bytes: &[u8]) -> &'static str {
    Content::of(bytes).kind()
}

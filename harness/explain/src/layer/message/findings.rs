//! What is remarkable about a message by itself, with the requirement that it goes against.

use diagnostics::counted;
use openssl::hash::hash;
use scep::{
    Error, PeerMisbehaved,
    algorithm::Digest,
    attribute::{FailInfo, MessageType, Nonce, PkiStatus},
    ber,
    certificate::is_self_issued,
    content::Content,
    denial::Denial,
    message::{AttributeName, Message},
    printable::is_printable,
};

use super::{Facts, attributes::kind};
use crate::{
    asn1::{Header, header, oid_name, type_name},
    explanation::Finding,
};

/// The findings about a message; `refused` is why a strict reader refuses it.
pub(super) fn of(
    message: &Message,
    refused: Option<&Error>,
    bytes: &[u8],
    facts: &Facts,
) -> Vec<Finding> {
    let mut all = Vec::new();
    if let Some(refused) = refused {
        let id = match refused {
            Error::PeerMisbehaved(
                PeerMisbehaved::RepeatedAttribute(_) | PeerMisbehaved::WrongNumberOfSigners(_),
            ) => "R26",
            _ => "R24",
        };
        all.push(Finding::wrong(with_name(&refused.to_string())).against(id));
    }
    if ber::normalise(bytes).is_ok_and(|normal| normal != bytes) {
        all.push(
            Finding::note("the message is BER that is not DER (indefinite lengths, or strings in pieces): peers that read DER alone refuse it")
                .against_section("RFC 5652 §2"),
        );
    }
    match facts.digest {
        Digest::Md5 => all.push(
            Finding::wrong("the message is signed with MD5, which is forbidden").against("R06"),
        ),
        Digest::Sha1 => all.push(
            Finding::note("the message is signed with SHA-1, which some newer peers refuse")
                .against("R05"),
        ),
        _ => {}
    }
    all.extend(missing(message, facts));
    all.extend(unknown(facts));
    all.extend(content(message, facts));
    all.extend(transaction_string(message));
    all.extend(nonces(facts));
    all.extend(times(facts));
    all.extend(signer(facts));
    all.extend(misnumbered_text(message));
    all
}

/// The words of a refusal under the object identifier above that of failInfoText.
fn misnumbered_text(message: &Message) -> Option<Finding> {
    let oid = Denial::OLD_STEP_CA_TEXT_OID;
    message.attributes().has(oid).then(|| {
        Finding::odd(format!(
            "failInfoText comes as the attribute `{oid}`, and is `{oid}.1`: clients that look for that do not find the words"
        ))
        .against_section("RFC 8894 §3.2.1.4")
        .advice("step-ca before 0.26.1 does so (smallstep/certificates#1794)")
    })
}

/// The words with the name of the object identifier in them, if it has one.
fn with_name(words: &str) -> String {
    let name = words.split('`').nth(1).and_then(|oid| Some((oid, oid_name(oid)?)));
    match name {
        Some((oid, name)) => words.replacen(&format!("`{oid}`"), &format!("{name} (`{oid}`)"), 1),
        None => words.to_owned(),
    }
}

/// The digest that a message has, and that of its content, if they can be told.
fn digests(message: &Message) -> Option<String> {
    const MESSAGE_DIGEST: &str = "1.2.840.113549.1.9.4";
    let values = message.attributes().raw(MESSAGE_DIGEST);
    let stated = match values.first()?.as_slice() {
        [0x04, length, rest @ ..] if usize::from(*length) == rest.len() => hex::encode(rest),
        _ => return None,
    };
    let content = message.content().unwrap_or_default();
    let computed = hash(message.digest().openssl(), content).ok()?;
    Some(format!(
        ": it is `{stated}`, and the {} of the content is `{}`",
        message.digest(),
        hex::encode(computed)
    ))
}

/// Why the signature does not verify.
pub(super) fn unverified(
    error: &Error,
    message: &Message,
    facts: &Facts,
    names_options: bool,
) -> Finding {
    let finding = Finding::wrong(error.to_string());
    let is_request = facts.message_type.as_ref().is_some_and(|it| *it != MessageType::CertRep);
    match error {
        Error::PeerMisbehaved(PeerMisbehaved::SignerNotFound(_)) if is_request => finding.against("R33"),
        // A reply need not have it: the client has it from GetCACert.
        Error::PeerMisbehaved(PeerMisbehaved::SignerNotFound(_)) => Finding::note(format!(
            "{error}; the answer to GetCACert{} would have it",
            if names_options { " or `--ca`" } else { "" }
        )),
        Error::PeerMisbehaved(PeerMisbehaved::DigestMismatch) => Finding::wrong(format!(
            "{error}{}",
            digests(message).unwrap_or_default()
        ))
            .against_section("RFC 5652 §11.2")
            .advice("the content was changed after it was signed, or the digest was made over something else"),
        Error::PeerMisbehaved(PeerMisbehaved::BadSignature) => finding
            .against_section("RFC 5652 §5.6")
            .advice("the message was changed on its way, or signed with another key than that of the certificate which it names"),
        Error::PeerMisbehaved(PeerMisbehaved::MissingAttribute(_)) => finding.against("R26"),
        Error::PeerMisbehaved(PeerMisbehaved::MalformedAttribute { .. }) => finding.against("R28"),
        _ => finding.against_section("RFC 5652 §5.6"),
    }
}

/// Attributes that are missing or cannot be read.
fn missing(message: &Message, facts: &Facts) -> Vec<Finding> {
    let attributes = message.attributes();
    let mut all = Vec::new();
    let mut add = |error: Option<Error>, id: &str, is_wrong: bool| {
        let Some(error) = error else { return };
        let is_absent = matches!(error, Error::PeerMisbehaved(PeerMisbehaved::MissingAttribute(_)));
        let words = error.to_string();
        all.push(match (is_absent, is_wrong) {
            (true, true) => Finding::wrong(words).against(id),
            (true, false) => Finding::odd(words).against(id),
            (false, _) => Finding::wrong(words).against("R28"),
        });
    };
    let is_reply = facts.message_type == Some(MessageType::CertRep) || facts.pki_status.is_some();
    let is_failure = facts.pki_status == Some(PkiStatus::Failure);
    add(attributes.message_type().err(), "R26", true);
    add(attributes.transaction_id().err(), "R26", true);
    // A reply may do without its own: there is a single nonce, that of the request (RFC 8894 §3.2.1.5).
    add(attributes.sender_nonce().err(), "R26", !is_reply);
    if is_reply {
        add(attributes.pki_status().err(), "R27", true);
        add(attributes.recipient_nonce().err(), "R27", true);
    }
    if is_failure {
        add(attributes.fail_info().err(), "R41", true);
    }
    add(attributes.fail_info_text().err(), "R28", true);
    add(attributes.signing_time().err(), "R28", true);
    let content_type = AttributeName::ContentType;
    if !attributes.oids().iter().any(|oid| AttributeName::of_oid(oid) == Some(content_type)) {
        all.push(
            Finding::odd("the contentType attribute is missing; some peers do without it, others refuse the message")
                .against_section("RFC 5652 §11.1"),
        );
    }
    all
}

/// Values that the standard does not define.
fn unknown(facts: &Facts) -> Vec<Finding> {
    let mut all = Vec::new();
    if let Some(other @ MessageType::Other(_)) = &facts.message_type {
        all.push(Finding::wrong(format!("the messageType is {other}")).against("R30"));
    }
    if let Some(other @ PkiStatus::Other(_)) = &facts.pki_status {
        all.push(Finding::wrong(format!(
            "the pkiStatus is {other}; the known ones are `0` (SUCCESS), `2` (FAILURE) and `3` (PENDING)"
        )).against("R70"));
    }
    if let Some(other @ FailInfo::Other(_)) =
        facts.denial.as_ref().and_then(|it| it.fail_info.as_ref())
    {
        all.push(Finding::wrong(format!("the failInfo is {other}")).against("R43"));
    }
    all
}

/// Whether there is an envelope if there must be one.
fn content(message: &Message, facts: &Facts) -> Option<Finding> {
    let content = message.content().filter(|content| !content.is_empty());
    match (&facts.message_type, &facts.pki_status, content) {
        (Some(MessageType::CertRep), Some(PkiStatus::Success), None) => {
            Some(Finding::wrong("a SUCCESS has no envelope, and so no certificate").against("R40"))
        }
        (Some(MessageType::CertRep), Some(PkiStatus::Failure), Some(content)) => {
            Some(superfluous("FAILURE", content).against("R41"))
        }
        (Some(MessageType::CertRep), Some(PkiStatus::Pending), Some(content)) => {
            Some(superfluous("PENDING", content).against("R42"))
        }
        (Some(MessageType::CertRep) | None, ..) => None,
        (Some(_), _, None) => Some(Finding::wrong("the request has no envelope").against("R25")),
        _ => None,
    }
}

/// A content of a reply that must have no envelope. NDES sends one byte there, which is no envelope, and which clients overlook.
fn superfluous(status: &str, content: &[u8]) -> Finding {
    if is_structure(content) {
        let kind = kind(content);
        return Finding::wrong(format!("a {status} has a content, {kind}, which must be omitted"));
    }
    let length = counted(content.len(), "byte");
    let words =
        format!("a {status} has a content of {length} that is no envelope, and must be omitted");
    Finding::odd(words).advice("NDES sends a single zero byte; clients pass over it")
}

/// True for a structure, such as an envelope.
pub(super) fn is_structure(content: &[u8]) -> bool {
    matches!(Content::of(content), Content::Asn1(_))
}

/// Whether the transactionID is a string that every peer can return (RFC 8894 §3.2.1.1).
fn transaction_string(message: &Message) -> Option<Finding> {
    const TRANSACTION_ID: &str = "2.16.840.1.113733.1.9.7";
    const PRINTABLE: u8 = 0x13;
    let values = message.attributes().raw(TRANSACTION_ID);
    let value = values.first()?;
    let Header { tag, size, .. } = header(value).ok()?;
    let other = value.get(size..)?.iter().find(|byte| !is_printable(char::from(**byte)));
    let words = match (tag, other) {
        (PRINTABLE, None) => return None,
        (_, Some(byte)) => format!(
            "the transactionID has the character `{}`, which no PrintableString has: some servers cannot return it",
            byte.escape_ascii()
        ),
        (tag, None) => format!(
            "the transactionID is of the type {}, and not a PrintableString",
            type_name(tag)
        ),
    };
    Some(Finding::odd(words).against_section("RFC 8894 §3.2.1.1"))
}

fn nonces(facts: &Facts) -> Option<Finding> {
    let length = facts.sender_nonce.as_ref()?.as_bytes().len();
    (length != Nonce::BYTES).then(|| {
        Finding::odd(format!("the senderNonce has {length} bytes, not {}", Nonce::BYTES))
            .against_section("RFC 8894 §3.2.1")
    })
}

/// The time of the signature, compared with the validity of the signer's certificate. A recipient may take it or not.
fn times(facts: &Facts) -> Option<Finding> {
    Some(
        Finding::odd(facts.signed_outside_validity()?)
            .against_section("RFC 5652 §11.3")
            .advice("a client that makes its certificate and signs at once must not let the one begin after the other; some servers refuse that"),
    )
}

fn signer(facts: &Facts) -> Option<Finding> {
    let signer = facts.signer.as_ref()?;
    if facts.message_type == Some(MessageType::RenewalReq) && is_self_issued(signer) {
        let words =
            "a RenewalReq is signed with a self-signed certificate, and not with the one to renew";
        return Some(Finding::wrong(words).against("R39"));
    }
    None
}

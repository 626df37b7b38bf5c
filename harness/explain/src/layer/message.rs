//! A pkiMessage.

mod attributes;
mod findings;

use std::time::SystemTime;

use openssl::x509::{X509, X509Ref};
use results::requirement::End;
use scep::{
    Error,
    algorithm::Digest,
    attribute::{MessageType, Nonce, PkiStatus, TransactionId},
    certificate::{invalidity, is_self_issued},
    certs_only,
    clock::moment_text,
    content::{Asn1, Content},
    denial::Denial,
    message::{Message, Reading as MessageReading},
};

use self::attributes::attribute_fields;
use super::{
    Reading, certificate, certs_only as contents_layer,
    envelope::{self, Opening},
    named,
};
use crate::{
    asn1::CONTENT_INFO,
    explanation::{Field, Finding, Layer},
};

/// What a message says, for comparisons with others.
pub(crate) struct Facts {
    pub(crate) message_type: Option<MessageType>,
    pub(crate) transaction_id: Option<TransactionId>,
    pub(crate) sender_nonce: Option<Nonce>,
    pub(crate) recipient_nonce: Option<Nonce>,
    pub(crate) pki_status: Option<PkiStatus>,
    pub(crate) denial: Option<Denial>,
    pub(crate) signing_time: Option<SystemTime>,
    pub(crate) digest: Digest,
    /// The certificate that it names as its signer's, if it is known.
    pub(crate) signer: Option<X509>,
    /// Why the signature was not verified with that certificate; `None` if it was.
    pub(crate) unverified: Option<String>,
    pub(crate) envelope: Option<Opening>,
}

impl Facts {
    /// The end that sends such messages.
    pub(crate) fn sender(&self) -> Option<End> {
        self.message_type.as_ref().and_then(envelope::sender)
    }

    /// The words about a signingTime outside the validity of the signer's certificate.
    pub(crate) fn signed_outside_validity(&self) -> Option<String> {
        let (time, signer) = (self.signing_time?, self.signer.as_ref()?);
        let reason = invalidity(signer, time)?.replace("the time here", "the signingTime");
        Some(format!(
            "at its signingTime, {}, the signer's certificate {reason}",
            moment_text(time)
        ))
    }
}

/// A pkiMessage as a layer with those inside it; `refused` is why a strict reader refuses it.
pub(crate) fn message(
    message: &Message,
    refused: Option<&Error>,
    bytes: &[u8],
    reading: &Reading<'_>,
) -> (Layer, Facts) {
    let attributes = message.attributes();
    let mut facts = Facts {
        message_type: attributes.message_type().ok(),
        transaction_id: attributes.transaction_id().ok(),
        sender_nonce: attributes.sender_nonce().ok(),
        recipient_nonce: attributes.recipient_nonce().ok(),
        pki_status: attributes.pki_status().ok(),
        denial: attributes.denial().ok(),
        signing_time: attributes.signing_time().ok().flatten(),
        digest: message.digest(),
        signer: own_signer(message, &known(reading)),
        unverified: None,
        envelope: None,
    };
    let mut layer = Layer::new("pkiMessage", sentence(&facts));
    layer.fields.extend(attribute_fields(message, &facts, reading.knowledge.shows_secrets));
    signature(&mut layer, message, &mut facts, bytes, reading);
    layer.findings.extend(findings::of(message, refused, bytes, &facts));
    reading.annotate(&mut layer, bytes, Some(&CONTENT_INFO));
    if let Some(signer) = facts.signer.as_ref().filter(|it| message.certificates().contains(it)) {
        let mut signer = certificate(signer, reading);
        "signer's certificate".clone_into(&mut signer.name);
        layer.inside.push(signer);
    }
    let is_without_envelope =
        matches!(facts.pki_status, Some(PkiStatus::Failure | PkiStatus::Pending));
    let is_filler = |content: &[u8]| is_without_envelope && !findings::is_structure(content);
    let content = message.content().filter(|content| !content.is_empty() && !is_filler(content));
    if let Some(content) = content {
        let (inside, opening) = envelope::envelope(content, facts.message_type.as_ref(), reading);
        layer.inside.push(inside);
        facts.envelope = Some(opening);
    }
    (layer, facts)
}

/// A signed message without SCEP's attributes: a mistake of a client or a server, or the answer to a GetNextCACert.
pub(crate) fn signed(message: &Message, bytes: &[u8], reading: &Reading<'_>) -> Layer {
    if reading.sender == Some(End::Client) || enveloped(message).is_some() {
        return without_attributes(message, bytes, reading);
    }
    next_ca(message, bytes, reading)
}

/// The envelope in a signed message without SCEP's attributes.
pub(crate) fn enveloped(message: &Message) -> Option<&[u8]> {
    let is_envelope =
        |content: &&[u8]| matches!(Content::of(content), Content::Asn1(Asn1::Enveloped));
    message.content().filter(is_envelope)
}

/// A message that is signed as any CMS message is, and not as SCEP asks for.
fn without_attributes(message: &Message, bytes: &[u8], reading: &Reading<'_>) -> Layer {
    let (role, name) = match reading.sender {
        Some(End::Client) => (", as a request", "request"),
        Some(End::Server) => (", as a reply", "reply"),
        None => ("", "message"),
    };
    let sentence = format!("a signed message (CMS) without SCEP's attributes{role}");
    let mut layer = Layer::new("SignedData", sentence);
    signature_of(&mut layer, message, reading, "R24");
    let words = format!(
        "the {name} is signed, but has none of SCEP's attributes: no messageType, transactionID or senderNonce"
    );
    let advice = "`openssl cms` and other tools for CMS alone cannot add them: a SCEP client does";
    layer.findings.push(Finding::wrong(words).against("R26").advice(advice));
    if let Some(content) = enveloped(message) {
        layer.inside.push(envelope::envelope(content, None, reading).0);
    }
    reading.annotate(&mut layer, bytes, Some(&CONTENT_INFO));
    layer
}

/// Signer and signature; that it does not verify goes against the requirement `id`.
fn signature_of(layer: &mut Layer, message: &Message, reading: &Reading<'_>, id: &str) {
    layer.field("signer", message.signed_by().to_string());
    layer.field("digestAlgorithm", message.digest().to_string());
    match message.verify(&known(reading)) {
        Ok(signer) => layer.field("signature", format!("verifies with {}", named(&signer))),
        Err(error) => {
            layer.field("signature", format!("does not verify: {error}"));
            layer.findings.push(Finding::wrong(error.to_string()).against(id));
        }
    }
}

/// The answer to a GetNextCACert, or something like it.
fn next_ca(message: &Message, bytes: &[u8], reading: &Reading<'_>) -> Layer {
    let contents = message.content().and_then(|content| certs_only::decode(content).ok());
    let what = match contents {
        Some(_) => {
            "a signed message around certificates, as GetNextCACert is answered (RFC 8894 §4.7.1)"
        }
        None => "a signed message (CMS) without SCEP's attributes",
    };
    let mut layer = Layer::new("SignedData", what);
    signature_of(&mut layer, message, reading, "R81");
    match (&contents, message.content()) {
        (Some(contents), Some(content)) => {
            layer.inside.push(contents_layer(contents, content, reading));
        }
        (None, Some(content)) if !content.is_empty() => {
            let words = format!("its content is no certs-only message but {}", Content::of(content).kind());
            layer.findings.push(Finding::wrong(words).against("R81"));
        }
        _ => layer.findings.push(
            Finding::wrong("it has no content, which would be the certificates of the next CA")
                .against("R81")
                .advice("jscep's servlet puts them beside the signature, among the signer's certificates"),
        ),
    }
    reading.annotate(&mut layer, bytes, Some(&CONTENT_INFO));
    layer.blame(End::Server);
    layer
}

fn known<'a>(reading: &Reading<'a>) -> Vec<&'a X509Ref> {
    let all = reading.knowledge.ca.iter().chain(&reading.knowledge.certificates);
    all.map(AsRef::as_ref).collect()
}

/// The signer: the certificate in the message itself, if it has it. A known one may be another of the same name and number.
fn own_signer(message: &Message, known: &[&X509Ref]) -> Option<X509> {
    message.signer(&[]).or_else(|_| message.signer(known)).ok()
}

fn sentence(facts: &Facts) -> String {
    let status = facts.pki_status.as_ref();
    match &facts.message_type {
        Some(MessageType::CertRep) => match status {
            Some(PkiStatus::Success) => {
                "CertRep, the reply of a CA: SUCCESS, the request is granted".to_owned()
            }
            Some(PkiStatus::Pending) => {
                "CertRep, the reply of a CA: PENDING, the request waits for a decision".to_owned()
            }
            Some(PkiStatus::Failure) => match &facts.denial {
                Some(denial) => format!("CertRep, the reply of a CA: FAILURE, {denial}"),
                None => "CertRep, the reply of a CA: FAILURE".to_owned(),
            },
            Some(other) => format!("CertRep, the reply of a CA, with a pkiStatus that is {other}"),
            None => "CertRep, the reply of a CA, without a readable pkiStatus".to_owned(),
        },
        Some(MessageType::PkcsReq) => {
            "PKCSReq, a client's request for a first certificate".to_owned()
        }
        Some(MessageType::RenewalReq) => {
            "RenewalReq, a client's request for a certificate, signed with the one that it has"
                .to_owned()
        }
        Some(MessageType::CertPoll) => {
            "CertPoll, a client's question about a request that waits".to_owned()
        }
        Some(MessageType::GetCert) => {
            "GetCert, a client's request for an issued certificate".to_owned()
        }
        Some(MessageType::GetCrl) => "GetCRL, a client's request for a revocation list".to_owned(),
        Some(other) => format!("a pkiMessage of a type that is {other}"),
        None => "a pkiMessage without a readable messageType".to_owned(),
    }
}

/// The signature: whether it verifies, with which certificate.
fn signature(
    layer: &mut Layer,
    message: &Message,
    facts: &mut Facts,
    bytes: &[u8],
    reading: &Reading<'_>,
) {
    let known = known(reading);
    let signer = Field::new("signer", message.signed_by().to_string());
    layer.fields.push(match &facts.signer {
        Some(known) if is_self_issued(known) => {
            signer.meaning(format!("the self-signed certificate of {}", named(known)))
        }
        Some(known) => signer.meaning(format!("that of {}", named(known))),
        None => signer.meaning("the message does not have this certificate"),
    });
    layer.field("digestAlgorithm", message.digest().to_string());
    layer.field("signatureAlgorithm", message.signature_algorithm());
    let own: Vec<&X509Ref> =
        facts.signer.iter().map(AsRef::as_ref).chain(known.iter().copied()).collect();
    match message.verify(&own) {
        Ok(_) => layer.field("signature", "verifies"),
        Err(error) => {
            let sorted = MessageReading {
                sorts_attributes: true,
                any_content_type: true,
                ..MessageReading::DEFAULT
            };
            let in_order =
                Message::parse_as(bytes, sorted).and_then(|message| message.verify(&own));
            if in_order.is_ok() {
                layer.field("signature", "verifies over the sorted attributes alone");
                layer.findings.push(
                    Finding::odd("the signed attributes are not in the order of DER, over which the signature is made: peers that do not sort them refuse it")
                        .against_section("RFC 5652 §5.4"),
                );
                return;
            }
            layer.field("signature", format!("not verified: {error}"));
            layer.findings.push(findings::unverified(
                &error,
                message,
                facts,
                reading.knowledge.names_options,
            ));
            facts.unverified = Some(error.to_string());
        }
    }
}

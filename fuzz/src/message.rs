//! The pkiMessage, before anybody's key is needed.

use std::time::SystemTime;

use scep::{
    attribute::{FailInfo, MessageType, Nonce, PkiStatus, TransactionId},
    ber, certs_only,
    message::{Message, MessageBuilder},
};

use crate::{MAX_INPUT_BYTES, fixtures::CA, text};

/// Reads the data as a pkiMessage with all its attributes, verifies it, and reads it as a certs-only message.
///
/// # Panics
/// If the same message in DER says something else, or a message with the same attributes cannot be built, verified and read.
pub fn message(data: &[u8]) {
    if data.len() > MAX_INPUT_BYTES {
        return;
    }
    certs_only(data);
    let Some(message) = text::checked(Message::parse(data)) else { return };
    let attributes = Attributes::of(&message);
    let verified = verified(&message);
    let der = ber::normalise(data).expect("a message is BER");
    let again = Message::parse(&der).expect("a message can be read in DER");
    assert_eq!((Attributes::of(&again), self::verified(&again)), (attributes.clone(), verified));
    rebuilt(&message, &attributes);
}

fn certs_only(data: &[u8]) {
    let Some(read) = text::checked(certs_only::decode(data)) else { return };
    let encoded = certs_only::encode(&read.certificates, &read.crls).expect("what was read");
    let again = certs_only::decode(&encoded).expect("what was encoded");
    assert_eq!(again.certificates.len(), read.certificates.len());
    assert_eq!(again.crls.len(), read.crls.len());
    assert_eq!(certs_only::encode(&again.certificates, &again.crls).ok(), Some(encoded));
}

/// What the attributes of a message say; those that cannot be read are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Attributes {
    message_type: Option<MessageType>,
    transaction_id: Option<TransactionId>,
    sender_nonce: Option<Nonce>,
    recipient_nonce: Option<Nonce>,
    pki_status: Option<PkiStatus>,
    fail_info: Option<FailInfo>,
    fail_info_text: Option<String>,
    signing_time: Option<SystemTime>,
}

impl Attributes {
    fn of(message: &Message) -> Self {
        let read = message.attributes();
        let attributes = Self {
            message_type: text::checked(read.message_type()),
            transaction_id: text::checked(read.transaction_id()),
            sender_nonce: text::checked(read.sender_nonce()),
            recipient_nonce: text::checked(read.recipient_nonce()),
            pki_status: text::checked(read.pki_status()),
            fail_info: text::checked(read.fail_info()),
            fail_info_text: text::checked(read.fail_info_text()).flatten(),
            signing_time: text::checked(read.signing_time()).flatten(),
        };
        attributes.message_type.iter().for_each(|it| text::check(&it.to_string()));
        attributes.pki_status.iter().for_each(|it| text::check(&it.to_string()));
        attributes.fail_info.iter().for_each(|it| text::check(&it.to_string()));
        attributes.transaction_id.iter().for_each(|it| text::check_characters(&it.to_string()));
        attributes
    }
}

/// The certificate that a message is signed with, in DER, or what is wrong with the signature.
fn verified(message: &Message) -> Result<Vec<u8>, String> {
    let signer = message.verify(&[&CA.certificate]);
    signer.map_err(|error| error.to_string()).and_then(|signer| {
        assert_eq!(message.signer(&[&CA.certificate]).ok().as_ref(), Some(&signer));
        signer.to_der().map_err(|error| error.to_string())
    })
}

/// Builds a message with the same attributes and content, and reads it.
fn rebuilt(message: &Message, attributes: &Attributes) {
    let said = attributes.clone();
    let builder = MessageBuilder {
        message_type: said.message_type,
        transaction_id: said.transaction_id,
        sender_nonce: said.sender_nonce,
        recipient_nonce: said.recipient_nonce,
        pki_status: said.pki_status,
        fail_info: said.fail_info,
        fail_info_text: said.fail_info_text,
        signing_time: said.signing_time,
        content: message.content().map(<[u8]>::to_vec),
        digest: message.digest(),
        certificates: vec![CA.certificate.clone()],
        ..MessageBuilder::default()
    };
    // A peer's string may be of another type, with characters that a `PrintableString` has not.
    let Some(encoded) = text::checked(builder.encode(&CA)) else { return };
    let again = Message::parse(&encoded).expect("what was encoded");
    assert_eq!(Attributes::of(&again), *attributes);
    assert_eq!(again.content(), message.content());
    assert_eq!(again.verify(&[]).ok().as_ref(), Some(&CA.certificate));
}

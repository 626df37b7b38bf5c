//! The signed content of a reply that is made again: an envelope for another recipient, or what came in place of one.

use openssl::{rand::rand_bytes, x509::X509};
use scep::{
    Error,
    attribute::{MessageType, PkiStatus},
    certs_only,
    danger::{self, Changes, Template},
    envelope::Outside,
};

use crate::asked::open;
use crate::grant::Granting;

/// The content in place of that of a recorded reply; `None` if it stays as it was.
pub(crate) fn content(
    reply: &Template,
    status: Option<&PkiStatus>,
    granting: &mut Granting<'_>,
) -> Result<Option<Vec<u8>>, Error> {
    let Some(old) = reply.content() else { return Ok(None) };
    let Ok(outside) = Outside::of(old) else {
        // Certificates that nobody enciphered, or anything else.
        return Ok(Template::read(old).ok().and_then(|plain| with_certificates(&plain, granting)));
    };
    let recorded_signer = granting.then.and_then(|then| then.message.signer.clone());
    if recorded_signer.as_ref().is_some_and(|signer| !outside.is_addressed_to(signer)) {
        // It was for somebody else, and still is.
        return Ok(None);
    }
    let opened = open(old, &outside, granting.authorities.known());
    let payload = match &opened {
        Some(opened) => {
            let inner = Template::read(&opened.content).ok();
            let changed = inner.and_then(|inner| with_certificates(&inner, granting));
            Some(changed.unwrap_or_else(|| opened.content.clone()))
        }
        None => unknown_payload(reply, status, granting)?,
    };
    let (Some(payload), Some(recipient)) = (payload, granting.now.message.signer.clone()) else {
        granting.note("the envelope of the answer is sent as it was recorded, and the client cannot open it: what it has is not known");
        return Ok(None);
    };
    match danger::sealed_like(old, &payload, &[&recipient], &mut rand_bytes) {
        Ok(mut sealed) => {
            let key = recorded_signer.and_then(|signer| signer.public_key().ok());
            let has_key = key.is_some_and(|key| granting.authorities.known_key(&key).is_some());
            if let (true, None, Some(cipher)) = (has_key, &opened, outside.cipher) {
                // Its own recipient could not open it either.
                danger::spoil_padding(&mut sealed, cipher)?;
            }
            Ok(Some(sealed))
        }
        Err(error) => {
            granting.note(format!("the envelope of the answer is sent as it was recorded, because it cannot be made again: {error}"));
            Ok(None)
        }
    }
}

/// What a client most likely got in an envelope that no known key opens; `None` if that cannot be said.
fn unknown_payload(
    reply: &Template,
    status: Option<&PkiStatus>,
    granting: &mut Granting<'_>,
) -> Result<Option<Vec<u8>>, Error> {
    let is_query = |message_type: &MessageType| {
        matches!(message_type, MessageType::GetCert | MessageType::GetCrl)
    };
    if status != Some(&PkiStatus::Success) {
        let ca = granting.authorities.issuer();
        let ca = ca.map(|ca| granting.authorities.of(&ca)).transpose()?;
        let ca: Vec<X509> = ca.into_iter().map(|identity| identity.certificate).collect();
        return certs_only::encode(&ca, &[]).map(Some);
    }
    if granting.now.message.message_type.as_ref().is_some_and(is_query) {
        return Ok(None);
    }
    let certificate = granting.granted(&reply.certificates())?;
    certs_only::encode(&[certificate], &[]).map(Some)
}

/// A certs-only message with other certificates; `None` if all stay.
pub(crate) fn with_certificates(
    message: &Template,
    granting: &mut Granting<'_>,
) -> Option<Vec<u8>> {
    let mut is_changed = false;
    let mut certificate = |der: &[u8]| {
        let new = granting.replaced(der);
        is_changed |= new.is_some();
        new
    };
    let made =
        message.remake(&mut Changes { certificate: Some(&mut certificate), ..Changes::default() });
    made.ok().filter(|_| is_changed)
}

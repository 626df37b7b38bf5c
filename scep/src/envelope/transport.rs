//! Recipients with an RSA key (RFC 5652 §6.2.1).

use der::{
    Decode, Encode, Tag,
    asn1::{Any, OctetString},
};
use openssl::{
    pkey::{Id, PKey, PKeyRef, Private, Public},
    pkey_ctx::PkeyCtx,
    rsa::Padding,
    x509::{X509, X509Ref},
};
use x509_cert::spki::AlgorithmIdentifierOwned;

use super::MAX_RECIPIENTS;
use crate::{
    Error, PeerMisbehaved, addressee,
    algorithm::{Cipher, KeyTransport},
    certificate::serial_number,
    cms::{CertificateIdentifier, KeyTransRecipientInfo, SetOf},
    name,
};

/// Refuses a certificate if its holder cannot receive an envelope with this cipher.
///
/// # Errors
/// Fails if the certificate's key is not an RSA key, or too short for the cipher's key.
pub fn expect_recipient(
    recipient: &X509Ref,
    cipher: Cipher,
    key_transport: KeyTransport,
) -> Result<(), Error> {
    public_key(recipient, cipher.openssl()?.key_len(), key_transport).map(drop)
}

/// The key of a recipient, if a key of so many bytes can be enciphered to it.
fn public_key(
    recipient: &X509Ref,
    key_bytes: usize,
    transport: KeyTransport,
) -> Result<PKey<Public>, Error> {
    let public_key = recipient.public_key()?;
    if public_key.id() != Id::RSA {
        return Err(Error::Misuse("only a certificate with an RSA key can receive an envelope"));
    }
    // RFC 8017 §7.2.1, and §7.1.1 with SHA-1.
    let padding_bytes = match transport {
        KeyTransport::Pkcs1v15 => 11,
        KeyTransport::Oaep => 42,
    };
    if key_bytes + padding_bytes > public_key.size() {
        return Err(Error::Misuse("the RSA key is too short for the cipher's key"));
    }
    Ok(public_key)
}

pub(super) fn recipient_info(
    recipient: &X509Ref,
    key: &[u8],
    transport: KeyTransport,
) -> Result<Vec<u8>, Error> {
    let public_key = public_key(recipient, key.len(), transport)?;
    // `PKey::rsa` would copy the key into a form that OpenSSL 3 must prepare anew.
    let mut context = PkeyCtx::new(&public_key)?;
    context.encrypt_init()?;
    context.set_rsa_padding(padding(transport))?;
    let mut encrypted = Vec::new();
    context.encrypt_to_vec(key, &mut encrypted)?;
    let parameters = match transport {
        KeyTransport::Pkcs1v15 => Any::null(),
        KeyTransport::Oaep => Any::new(Tag::Sequence, [])?,
    };
    let info = KeyTransRecipientInfo {
        version: 0,
        rid: CertificateIdentifier::of(recipient)?,
        algorithm: AlgorithmIdentifierOwned { oid: transport.oid(), parameters: Some(parameters) },
        encrypted_key: OctetString::new(encrypted)?,
    };
    Ok(info.to_der()?)
}

/// The recipients with an RSA key; one of another kind, such as a password recipient, cannot be this one.
pub(super) fn recipient_infos(infos: &SetOf) -> Result<Vec<KeyTransRecipientInfo>, Error> {
    let elements = infos.at_most(MAX_RECIPIENTS, "recipient infos")?;
    Ok(elements.into_iter().filter_map(|one| KeyTransRecipientInfo::from_ber(one).ok()).collect())
}

pub(super) fn not_a_recipient(
    infos: &[KeyTransRecipientInfo],
    has_none: bool,
    own: &X509,
) -> Result<Error, Error> {
    const NAMED: usize = 4;
    let mut addressed: Vec<_> =
        infos.iter().take(NAMED).map(|info| addressee::words(&info.rid)).collect();
    if infos.len() > NAMED {
        addressed.push(format!("{} others", infos.len() - NAMED));
    }
    if addressed.is_empty() {
        let nobody = if has_none { "nobody" } else { "recipients of other kinds than an RSA key" };
        addressed.push(nobody.to_owned());
    }
    let own = format!("{} `{}`", serial_number(own)?, name::to_text(own.subject_name()));
    Ok(PeerMisbehaved::NotARecipient { addressed_to: addressed.join(" and "), own }.into())
}

/// The content encryption key, if it has the length for this cipher.
pub(super) fn content_key(
    key_bytes: usize,
    transport: KeyTransport,
    key: &PKeyRef<Private>,
    info: &KeyTransRecipientInfo,
) -> Option<Vec<u8>> {
    let rsa = key.rsa().ok()?;
    let mut content_key = vec![0; rsa.size() as usize];
    let transported = info.encrypted_key.as_bytes();
    let length = rsa.private_decrypt(transported, &mut content_key, padding(transport)).ok()?;
    content_key.truncate(length);
    // With a wrong key newer OpenSSL yields random bytes of a random length.
    (content_key.len() == key_bytes).then_some(content_key)
}

fn padding(transport: KeyTransport) -> Padding {
    match transport {
        KeyTransport::Pkcs1v15 => Padding::PKCS1,
        KeyTransport::Oaep => Padding::PKCS1_OAEP,
    }
}

#[cfg(test)]
mod tests {
    use openssl::{rand::rand_bytes, rsa::Rsa};

    use super::*;
    use crate::{algorithm::Digest, envelope::seal, name, request::self_signed};

    #[test]
    fn recipient_is_refused_if_openssl_cannot_encipher_to_its_key() {
        for bits in [512, 768] {
            let key = PKey::from_rsa(Rsa::generate(bits).unwrap()).unwrap();
            let subject = name::parse("CN=short").unwrap();
            let now = std::time::SystemTime::UNIX_EPOCH;
            let holder = self_signed(&subject, &key, Digest::Sha1, now).unwrap().certificate;
            for (cipher, key_bytes) in [(Cipher::Aes128, 16), (Cipher::Aes256, 32)] {
                for transport in [KeyTransport::Pkcs1v15, KeyTransport::Oaep] {
                    let mut context = PkeyCtx::new(&key).unwrap();
                    context.encrypt_init().unwrap();
                    context.set_rsa_padding(padding(transport)).unwrap();
                    let possible =
                        context.encrypt_to_vec(&vec![7; key_bytes], &mut Vec::new()).is_ok();
                    let checked = expect_recipient(&holder, cipher, transport);
                    assert_eq!(checked.is_ok(), possible, "{bits} {cipher} {transport}");
                    let sealed = seal(&[], &[&holder], cipher, transport, &mut rand_bytes);
                    assert_eq!(sealed.is_ok(), possible, "{bits} {cipher} {transport}");
                }
            }
        }
    }
}

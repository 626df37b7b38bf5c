//! The choice of cipher, digest and method from the settings and the CA's capabilities.

use openssl::pkey::{HasPublic, PKeyRef};

use super::{Reason, Refusal, Stage};
use crate::{
    algorithm::{Cipher, Digest},
    capabilities::{Capabilities, Capability},
    http::Method,
    key, signature,
};

/// The configured cipher if the CA offers it, or else the best one it offers.
///
/// A CA that names no capability gets the configured cipher, or triple DES, which CAs too old for GetCACaps understand.
///
/// # Errors
/// Fails if the CA does not offer the configured cipher.
pub fn cipher(configured: Option<Cipher>, capabilities: &Capabilities) -> Result<Cipher, Refusal> {
    const PREFERRED: [Cipher; 2] = [Cipher::Aes128, Cipher::TripleDes];
    match configured {
        Some(cipher) if capabilities.is_empty() || capabilities.offers_cipher(cipher) => Ok(cipher),
        // AES-192 and AES-256 have no keyword; a CA that offers AES may support them.
        Some(cipher @ (Cipher::Aes192 | Cipher::Aes256)) if capabilities.has(Capability::Aes) => {
            Ok(cipher)
        }
        Some(cipher) => Err(not_offered("cipher", &cipher.to_string(), capabilities)),
        None => Ok(PREFERRED
            .into_iter()
            .find(|cipher| capabilities.offers_cipher(*cipher))
            .unwrap_or(Cipher::TripleDes)),
    }
}

/// The configured digest if the CA offers it, or else the best one it offers: SHA-256 before SHA-512, as
/// RFC 8894 §3.5.2 wants, and SHA-1 last.
///
/// # Errors
/// Fails if the CA does not offer the configured digest, and for MD5.
pub fn digest(configured: Option<Digest>, capabilities: &Capabilities) -> Result<Digest, Refusal> {
    const PREFERRED: [Digest; 3] = [Digest::Sha256, Digest::Sha512, Digest::Sha1];
    match configured {
        Some(Digest::Md5) => Err(not_offered("digest", "MD5", capabilities)),
        Some(digest) if capabilities.is_empty() || capabilities.offers_digest(digest) => Ok(digest),
        Some(digest) => Err(not_offered("digest", &digest.to_string(), capabilities)),
        None => Ok(PREFERRED
            .into_iter()
            .find(|digest| capabilities.offers_digest(*digest))
            .unwrap_or(Digest::Sha1)),
    }
}

/// The digest of a message that is signed with this key: as [`digest`] says, unless the key leaves no choice, as one for Ed25519 does.
///
/// # Errors
/// Fails if the CA does not offer that digest, and if another one is configured.
pub fn digest_for<T: HasPublic>(
    key: &PKeyRef<T>,
    configured: Option<Digest>,
    capabilities: &Capabilities,
) -> Result<Digest, Refusal> {
    let Some(only) = signature::only_digest(key) else { return digest(configured, capabilities) };
    let refused = |stage, text: &str| {
        let kind = key::words(key);
        let text = format!(
            "a key of the kind {kind} signs messages with {only} alone (RFC 8419 §3.1), and {text}"
        );
        Err(Refusal::unacceptable(stage, text))
    };
    match configured.filter(|configured| *configured != only) {
        Some(other) => refused(Stage::Request, &format!("the digest {other} is configured")),
        None if capabilities.is_empty() || capabilities.offers_digest(only) => Ok(only),
        None => refused(Stage::GetCaCaps, &format!("the CA offers {capabilities}")),
    }
}

/// POST if the CA offers it, because a client must then use it (RFC 8894 §4.1), or else GET.
pub fn method(capabilities: &Capabilities) -> Method {
    if capabilities.has(Capability::PostPkiOperation) { Method::Post } else { Method::Get }
}

fn not_offered(what: &'static str, value: &str, capabilities: &Capabilities) -> Refusal {
    let (configured, offered) = (value.to_owned(), capabilities.to_string());
    Refusal::new(Stage::GetCaCaps, Reason::NotOffered { what, configured, offered })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NDES: &[u8] = b"POSTPKIOperation\r\nRenewal\r\nSHA-512\r\nSHA-256\r\nSHA-1\r\nDES3";

    #[test]
    fn best_offer_is_chosen() {
        let ndes = Capabilities::parse(NDES);
        assert_eq!(cipher(None, &ndes).unwrap(), Cipher::TripleDes);
        assert_eq!(digest(None, &ndes).unwrap(), Digest::Sha256);
        assert_eq!(cipher(None, &Capabilities::parse(b"SCEPStandard")).unwrap(), Cipher::Aes128);
        assert_eq!(method(&ndes), Method::Post);
    }

    #[test]
    fn configured_cipher_that_is_not_offered_is_refused_with_the_offer() {
        let refusal = cipher(Some(Cipher::Aes128), &Capabilities::parse(NDES)).unwrap_err();
        assert_eq!(refusal.stage, Stage::GetCaCaps);
        let text = refusal.to_string();
        assert!(text.contains("AES-128") && text.contains("DES3"), "{text}");
    }

    #[test]
    fn ca_without_capabilities_gets_the_configured_algorithms() {
        let none = Capabilities::default();
        assert_eq!(cipher(Some(Cipher::Aes128), &none).unwrap(), Cipher::Aes128);
        assert_eq!(digest(None, &none).unwrap(), Digest::Sha1);
        assert_eq!(method(&none), Method::Get);
    }
}

//! The settings of an enrolment.

use openssl::{
    pkey::{PKey, Private},
    x509::{X509, X509Name},
};

use crate::{
    algorithm::{Cipher, Digest},
    identity::Identity,
    request::Extension,
    secret::Secret,
};

/// The settings of an enrolment.
///
/// # Examples
/// ```
/// use openssl::{pkey::PKey, rsa::Rsa};
/// use scep::{client::Settings, name, secret::Secret};
///
/// let key = PKey::from_rsa(Rsa::generate(2048)?)?;
/// let settings = Settings {
///     challenge: Some(Secret::new("8CE317021F690069")),
///     ..Settings::new(key, name::parse("CN=device, O=Example")?)
/// };
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Settings {
    /// The key to certify: RSA, on an elliptic curve, or Ed25519. The reply to a key that cannot decrypt is encrypted with the challenge
    /// password (RFC 8894 §3.1), so that such a request needs one; only for a key on an elliptic curve may a server do without, as NDES does.
    pub key: PKey<Private>,
    /// The subject to ask for.
    pub subject: X509Name,
    /// The shared secret that authorises the request.
    pub challenge: Option<Secret>,
    /// The extensions to ask for.
    pub extensions: Vec<Extension>,
    /// The cipher to use; `None` leaves the choice to the CA's capabilities, which is triple DES if the CA names none.
    pub cipher: Option<Cipher>,
    /// The digest to use; `None` leaves the choice to the CA's capabilities, which is SHA-1 if the CA names none.
    pub digest: Option<Digest>,
    /// The certificate to renew; with it the request is signed with its key (RFC 8894 §2.5).
    pub existing: Option<Identity>,
    /// The name of the CA, for servers that hold several.
    pub ca_identifier: Option<String>,
    /// The fingerprint that one of the CA's certificates must have, of SHA-256 or SHA-1 by its length in octets, 32 or 20 (RFC 8894
    /// §2.2). If it is `None`, any CA is accepted and gets the challenge password, also one that an attacker put in the way.
    pub ca_fingerprint: Option<Vec<u8>>,
    /// The certificates of CAs that the CA with the fingerprint has announced by GetNextCACert (RFC 8894 §4.7): they are trusted as well.
    pub announced_cas: Vec<X509>,
    /// True to accept replies in single DES or signed with MD5, which some servers still send although RFC 8894 §2.9
    /// forbids both.
    pub takes_obsolete_algorithms: bool,
}

crate::named::debug_of!(Settings { challenge, cipher, digest, ca_identifier, ca_fingerprint });

impl Settings {
    /// Settings for a first certificate, without the optional ones.
    pub fn new(key: PKey<Private>, subject: X509Name) -> Self {
        Self {
            key,
            subject,
            challenge: None,
            extensions: Vec::new(),
            cipher: None,
            digest: None,
            existing: None,
            ca_identifier: None,
            ca_fingerprint: None,
            announced_cas: Vec::new(),
            takes_obsolete_algorithms: false,
        }
    }
}

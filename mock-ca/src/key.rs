//! The keys of a CA, for those who keep a lab's keys for later.

use openssl::{pkey::PKey, x509::X509};
use scep::identity::Identity;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

use crate::{authority::Authority, ca::Ca};

scep::named! {
    /// Whose key it is.
    KeyOwner, "owner of a key" {
        /// The CA.
        Ca = "ca";
        /// The registration authority, which signs replies.
        RaSigning = "ra-signing";
        /// The registration authority, which reads requests.
        RaEncryption = "ra-encryption";
    }
}

/// A key of a CA or of its registration authority, with its certificate.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CaKey {
    /// Whose it is.
    pub owner: KeyOwner,
    /// The key and the certificate.
    pub identity: Identity,
}

/// The form of a key in the control API.
#[derive(Serialize, Deserialize)]
struct Wire {
    owner: KeyOwner,
    /// The certificate and the key in PEM.
    pem: String,
}

impl Ca {
    /// The keys of all its CAs and registration authorities, in the order in which they are used; not those of the CAs above.
    pub fn keys(&self) -> Vec<CaKey> {
        let mut keys: Vec<CaKey> = Vec::new();
        for key in self.service.authorities.all().iter().flat_map(|one| keys_of(one)) {
            if keys.iter().all(|known| known.identity.certificate != key.identity.certificate) {
                keys.push(key);
            }
        }
        keys
    }
}

fn keys_of(authority: &Authority) -> Vec<CaKey> {
    let key = |owner, identity: &Identity| CaKey { owner, identity: identity.clone() };
    let mut keys = vec![key(KeyOwner::Ca, &authority.ca)];
    if let Some(registration) = &authority.registration {
        keys.push(key(KeyOwner::RaSigning, &registration.signing));
        keys.push(key(KeyOwner::RaEncryption, &registration.encryption));
    }
    keys
}

impl Serialize for CaKey {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Identity { certificate, key } = &self.identity;
        let certificate = certificate.to_pem().map_err(ser::Error::custom)?;
        let key = key.private_key_to_pem_pkcs8().map_err(ser::Error::custom)?;
        let pem = String::from_utf8_lossy(&[certificate, key].concat()).into_owned();
        Wire { owner: self.owner, pem }.serialize(to)
    }
}

impl<'de> Deserialize<'de> for CaKey {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let Wire { owner, pem } = Wire::deserialize(from)?;
        // The error of a key's parser could quote the key.
        let wrong = |_| de::Error::custom("it holds no key with its certificate in PEM");
        let certificate = X509::from_pem(pem.as_bytes()).map_err(wrong)?;
        let key = PKey::private_key_from_pem_passphrase(pem.as_bytes(), b"").map_err(wrong)?;
        Ok(Self { owner, identity: Identity { certificate, key } })
    }
}

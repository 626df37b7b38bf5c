//! The signature of a certification request, which proves that its sender has the key. OpenSSL only says that a request does not
//! verify; here each reason is checked by itself.

use der::asn1::ObjectIdentifier;
use openssl::{
    error::ErrorStack,
    hash::MessageDigest,
    nid::Nid,
    pkey::{Id, PKey, Public},
    sign::Verifier,
    x509::X509Req,
};

use crate::{
    Unproven,
    algorithm::{nid, quoted},
    reasons,
};

/// The signature of a request, and what is signed.
pub(super) struct Proof {
    pub(super) signed: Vec<u8>,
    pub(super) algorithm: ObjectIdentifier,
    pub(super) signature: Vec<u8>,
}

impl Proof {
    pub(super) fn check(&self, key: &PKey<Public>, request: &X509Req) -> Result<(), Unproven> {
        let unknown = || Unproven::Algorithm(quoted(&self.algorithm));
        let algorithms = nid(&self.algorithm).and_then(|nid| nid.signature_algorithms());
        let algorithms = algorithms.ok_or_else(unknown)?;
        if !fits(algorithms.pkey, key.id()) {
            let algorithm = quoted(&self.algorithm);
            return Err(Unproven::KeyType { algorithm, key: type_name(key.id()) });
        }
        let verified = match (algorithms.pkey, algorithms.digest) {
            // The digest is among the parameters of the algorithm, which OpenSSL reads itself.
            // It refuses any version but the only one before it looks at the signature.
            (RSASSA_PSS, _) if request.version() != 0 => {
                return Err(Unproven::Version(request.version().to_string()));
            }
            (RSASSA_PSS, _) => request.verify(key),
            (_, Nid::UNDEF) => self.verify(Verifier::new_without_digest(key)),
            (_, digest) => {
                let digest = MessageDigest::from_nid(digest).ok_or_else(unknown)?;
                self.verify(Verifier::new(digest, key))
            }
        };
        match verified {
            Ok(true) => Ok(()),
            Ok(false) => Err(Unproven::Signature),
            Err(errors) => Err(Unproven::Unreadable(reasons(&errors))),
        }
    }

    fn verify(&self, verifier: Result<Verifier<'_>, ErrorStack>) -> Result<bool, ErrorStack> {
        verifier?.verify_oneshot(&self.signature, &self.signed)
    }
}

const RSASSA_PSS: Nid = Nid::from_raw(912);

/// True if a key of this type can make signatures with this kind of key.
fn fits(wanted: Nid, key: Id) -> bool {
    match wanted {
        RSASSA_PSS => matches!(key, Id::RSA | Id::RSA_PSS),
        Nid::RSAENCRYPTION => key == Id::RSA,
        Nid::X9_62_ID_ECPUBLICKEY => key == Id::EC,
        // The other types have the same number as key and as algorithm, but for DSA with SHA-1.
        wanted => wanted.as_raw() == key.as_raw() || (wanted == Nid::DSA && key == Id::DSA),
    }
}

fn type_name(key: Id) -> String {
    match key {
        Id::RSA => "RSA",
        Id::RSA_PSS => "RSA for PSS alone",
        Id::EC => "EC",
        Id::DSA => "DSA",
        Id::ED25519 => "Ed25519",
        Id::ED448 => "Ed448",
        other => return format!("number {} of OpenSSL", other.as_raw()),
    }
    .to_owned()
}

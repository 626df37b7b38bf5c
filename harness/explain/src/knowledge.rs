//! What is known besides the input: keys, the CA's certificates, the time.

use std::time::SystemTime;

use openssl::{
    pkey::{PKey, Private},
    x509::X509,
};
use scep::{
    Error,
    envelope::{self, Opened, Outside},
    identity::Identity,
};

/// What is known besides the input, and what is asked for.
#[derive(Clone)]
pub struct Knowledge {
    /// Keys that may open envelopes.
    pub keys: Vec<PKey<Private>>,
    /// Certificates that belong to these keys, or to anybody in the conversation.
    pub certificates: Vec<X509>,
    /// The certificates of the PKI, if they were given: those of its CA and its RA.
    pub ca: Vec<X509>,
    /// The time at which certificates must be valid if the input names none.
    pub now: SystemTime,
    /// True to show challenge passwords.
    pub shows_secrets: bool,
    /// True to make the annotated tree of each structure.
    pub with_asn1: bool,
}

impl Knowledge {
    /// Nothing but the time.
    pub fn new(now: SystemTime) -> Self {
        Self {
            keys: Vec::new(),
            certificates: Vec::new(),
            ca: Vec::new(),
            now,
            shows_secrets: false,
            with_asn1: false,
        }
    }

    /// Opens an envelope with the keys: with that of a recipient whose certificate is known, or else with any that fits. `None` if no
    /// key is known for any of its recipients.
    pub(crate) fn open(&self, bytes: &[u8], outside: &Outside) -> Option<Result<Opened, Error>> {
        let addressed = self.certificates.iter().filter(|one| outside.is_addressed_to(one));
        let mut failed = None;
        for certificate in addressed {
            let fits = |key: &&PKey<Private>| {
                certificate.public_key().is_ok_and(|public| public.public_eq(key))
            };
            let Some(key) = self.keys.iter().find(fits) else { continue };
            let identity = Identity { certificate: certificate.clone(), key: key.clone() };
            match envelope::open(bytes, &identity) {
                Ok(opened) => return Some(Ok(opened)),
                Err(error) => failed = Some(Err(error)),
            }
        }
        let by_key = || self.keys.iter().find_map(|key| envelope::open_with_key(bytes, key).ok());
        failed.or_else(|| by_key().map(Ok))
    }

    /// True if the private key of this certificate is known.
    pub(crate) fn has_key_of(&self, certificate: &X509) -> bool {
        let public = certificate.public_key().ok();
        public.is_some_and(|public| self.keys.iter().any(|key| public.public_eq(key)))
    }
}

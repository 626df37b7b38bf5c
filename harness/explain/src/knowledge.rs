//! What is known besides the input: keys, the CA's certificates, the time.

use std::{ops::Range, time::SystemTime};

use openssl::{
    pkey::{PKey, Private},
    x509::X509,
};
use scep::{
    Error,
    envelope::{self, Opened, Outside},
    identity::Identity,
};

/// Where some of the keys are from.
#[derive(Debug, Clone)]
pub struct KeySource {
    /// The option and the file: `--key ca.key`.
    pub name: String,
    /// The indices of its keys.
    pub keys: Range<usize>,
}

/// What is known besides the input, and what is asked for.
#[expect(clippy::struct_excessive_bools, reason = "independent switches")]
#[derive(Clone)]
pub struct Knowledge {
    /// Keys that may open envelopes.
    pub keys: Vec<PKey<Private>>,
    /// Certificates that belong to these keys, or to anybody in the conversation.
    pub certificates: Vec<X509>,
    /// The certificates of the PKI, if they were given: those of its CA and its RA.
    pub ca: Vec<X509>,
    /// Where the keys are from, to tell of those that fit nothing.
    pub key_sources: Vec<KeySource>,
    /// The time of messages of which the input does not tell it, or else the time now.
    pub now: SystemTime,
    /// True if `now` is the time of the messages. Otherwise the dates of messages without a time are not judged.
    pub knows_time: bool,
    /// True to show challenge passwords.
    pub shows_secrets: bool,
    /// True to make the annotated tree of each structure.
    pub with_asn1: bool,
    /// True if the reader can give further keys and certificates with the options of `sceplab explain`, which the words then name.
    pub names_options: bool,
}

impl Knowledge {
    /// Nothing but the time of the messages.
    pub fn new(now: SystemTime) -> Self {
        Self {
            keys: Vec::new(),
            certificates: Vec::new(),
            ca: Vec::new(),
            key_sources: Vec::new(),
            now,
            knows_time: true,
            shows_secrets: false,
            with_asn1: false,
            names_options: false,
        }
    }

    /// These words about options of `sceplab explain`, or none if the reader cannot give them.
    pub(crate) fn about_options(&self, words: &'static str) -> &'static str {
        if self.names_options { words } else { "" }
    }

    /// The time of a message: as the input tells it, or as it was given.
    pub(crate) fn moment(&self, told: Option<SystemTime>) -> Option<SystemTime> {
        told.or(self.knows_time.then_some(self.now))
    }

    /// Opens an envelope with the keys: with that of a recipient whose certificate is known, or else with any that fits; returns the index
    /// of the key, too. `None` if no key is known for any of its recipients.
    pub(crate) fn open(
        &self,
        bytes: &[u8],
        outside: &Outside,
    ) -> Option<(usize, Result<Opened, Error>)> {
        let addressed = self.certificates.iter().filter(|one| outside.is_addressed_to(one));
        let mut failed = None;
        for certificate in addressed {
            let fits = |key: &&PKey<Private>| {
                certificate.public_key().is_ok_and(|public| public.public_eq(key))
            };
            let Some(at) = self.keys.iter().position(|key| fits(&key)) else { continue };
            let identity =
                Identity { certificate: certificate.clone(), key: self.keys[at].clone() };
            match envelope::open(bytes, &identity) {
                Ok(opened) => return Some((at, Ok(opened))),
                Err(error) => failed = Some((at, Err(error))),
            }
        }
        let by_key = || {
            let mut keys = self.keys.iter().enumerate();
            keys.find_map(|(at, key)| Some((at, Ok(envelope::open_with_key(bytes, key).ok()?))))
        };
        failed.or_else(by_key)
    }

    /// True if the private key of this certificate is known.
    pub(crate) fn has_key_of(&self, certificate: &X509) -> bool {
        let public = certificate.public_key().ok();
        public.is_some_and(|public| self.keys.iter().any(|key| public.public_eq(key)))
    }
}

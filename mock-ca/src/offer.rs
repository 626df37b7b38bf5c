//! The capabilities that the CA offers, and its refusal of those that the settings leave out.

use hyper::body::Bytes;
use scep::{
    algorithm::{Cipher, Digest, KeyTransport},
    attribute::MessageType,
    capabilities::{Capabilities, Capability},
    server::Request,
};

use crate::{personality::Personality, refusal::Refusal, settings::Settings};

/// The answer to `GetCACaps` (RFC 8894 §3.5), and what the CA refuses.
#[derive(Debug)]
pub(crate) struct Offer {
    /// The body of the answer, to the byte.
    pub(crate) text: Bytes,
    /// The capabilities of the settings, which replace the personality's own.
    instead: Option<Capabilities>,
    /// Ciphers that are refused whatever the CA offers.
    refused_ciphers: &'static [Cipher],
    /// Digests that are refused whatever the CA offers.
    refused_digests: &'static [Digest],
    /// Key transports that are refused whatever the CA offers.
    refused_key_transports: &'static [KeyTransport],
}

impl Offer {
    /// The capabilities of the settings in the style of the personality, or the personality's own.
    pub(crate) fn new(personality: &Personality, settings: &Settings) -> Self {
        let own = personality.capabilities;
        let line_end = if own.contains("\r\n") { "\r\n" } else { "\n" };
        let text = settings.capabilities.as_ref().map(|instead| {
            instead.iter().map(|one| one.as_str()).collect::<Vec<_>>().join(line_end)
        });
        let (refused_ciphers, refused_digests) = if settings.takes_obsolete_algorithms {
            (&[][..], &[][..])
        } else {
            (personality.refused_ciphers, personality.refused_digests)
        };
        Self {
            instead: text.as_ref().map(|text| Capabilities::parse(text.as_bytes())),
            text: text.map_or(Bytes::from_static(own.as_bytes()), Bytes::from),
            refused_ciphers,
            refused_digests,
            refused_key_transports: personality.refused_key_transports,
        }
    }

    /// True if the CA offers this capability.
    pub(crate) fn has(&self, capability: Capability) -> bool {
        self.instead.as_ref().is_none_or(|instead| instead.has(capability))
    }

    /// Refuses a request with something that the CA never accepts, or that the settings leave out.
    pub(crate) fn expect(&self, request: &Request) -> Result<(), Refusal> {
        let header = &request.header;
        if self.refused_ciphers.contains(&request.cipher) {
            return Err(Refusal::Forbidden(request.cipher.to_string()));
        }
        if self.refused_digests.contains(&header.digest) {
            return Err(Refusal::Forbidden(header.digest.to_string()));
        }
        if self.refused_key_transports.contains(&request.key_transport) {
            return Err(Refusal::Forbidden(request.key_transport.to_string()));
        }
        if header.message_type == MessageType::RenewalReq && !self.has(Capability::Renewal) {
            return Err(Refusal::Unsupported(MessageType::RenewalReq));
        }
        let Some(instead) = self.instead.as_ref().filter(|instead| !instead.is_empty()) else {
            return Ok(());
        };
        if !takes_cipher(instead, request.cipher) {
            return Err(Refusal::NotOffered(request.cipher.to_string()));
        }
        if !takes_digest(instead, header.digest) {
            return Err(Refusal::NotOffered(header.digest.to_string()));
        }
        Ok(())
    }
}

/// `AES` means all its key lengths. Single DES has no keyword; old servers accept it without offering it.
fn takes_cipher(instead: &Capabilities, cipher: Cipher) -> bool {
    match cipher {
        Cipher::Des => true,
        Cipher::TripleDes => instead.has(Capability::Des3),
        Cipher::Aes128 | Cipher::Aes192 | Cipher::Aes256 => instead.has(Capability::Aes),
    }
}

/// MD5 has no keyword either. A digest without a keyword counts as the next longer one.
fn takes_digest(instead: &Capabilities, digest: Digest) -> bool {
    match digest {
        Digest::Md5 => true,
        Digest::Sha1 => instead.has(Capability::Sha1),
        Digest::Sha224 => instead.has(Capability::Sha224) || instead.has(Capability::Sha256),
        Digest::Sha256 => instead.has(Capability::Sha256),
        Digest::Sha384 => instead.has(Capability::Sha384) || instead.has(Capability::Sha512),
        Digest::Sha512 => instead.has(Capability::Sha512),
    }
}

//! The values of the configuration, in types.

use std::borrow::Cow;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use scep::algorithm::{Cipher, Digest};
use scep::url::HttpUrl;

use crate::secret::{MASK, Sealed};
use scep::secret::Secret;

/// A value as a kind has checked it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    InterfaceAddress(Ipv4Net),
    Network(Ipv4Net),
    Address(Ipv4Addr),
    Port(u16),
    Url(HttpUrl),
    Cipher(Cipher),
    Digest(Digest),
    Sealed(Sealed),
    /// A hash of a password, which is shown as it was entered, as OSDx does.
    Hash(Secret),
    /// A clear-text secret, which is sealed before it is kept, and never shown.
    Secret(Secret),
    /// A name, a path or a distinguished name, which the kind has checked.
    Text(String),
}

impl Value {
    /// The value as it is written in a `set` line.
    pub(crate) fn expose(&self) -> Cow<'_, str> {
        match self {
            Self::InterfaceAddress(net) | Self::Network(net) => net.to_string().into(),
            Self::Address(address) => address.to_string().into(),
            Self::Port(port) => port.to_string().into(),
            Self::Url(url) => url.to_string().into(),
            Self::Cipher(cipher) => word_of(CIPHERS, *cipher).into(),
            Self::Digest(digest) => word_of(DIGESTS, *digest).into(),
            Self::Sealed(sealed) => sealed.expose().into(),
            Self::Hash(secret) | Self::Secret(secret) => secret.expose().into(),
            Self::Text(text) => text.into(),
        }
    }

    /// The same, masked where it is clear text that is secret.
    pub(crate) fn shown(&self) -> Cow<'_, str> {
        match self {
            Self::Secret(_) => MASK.into(),
            other => other.expose(),
        }
    }

    pub(crate) fn as_port(&self) -> Option<u16> {
        if let Self::Port(port) = self { Some(*port) } else { None }
    }

    pub(crate) fn as_url(&self) -> Option<&HttpUrl> {
        if let Self::Url(url) = self { Some(url) } else { None }
    }

    pub(crate) fn as_cipher(&self) -> Option<Cipher> {
        if let Self::Cipher(cipher) = self { Some(*cipher) } else { None }
    }

    pub(crate) fn as_digest(&self) -> Option<Digest> {
        if let Self::Digest(digest) = self { Some(*digest) } else { None }
    }

    pub(crate) fn as_sealed(&self) -> Option<&Sealed> {
        if let Self::Sealed(sealed) = self { Some(sealed) } else { None }
    }

    pub(crate) fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }
}

/// A choice's word, what it stands for, and its help.
pub(super) type Choice<T> = (&'static str, T, &'static str);

pub(super) const CIPHERS: &[Choice<Cipher>] = &[
    ("aes", Cipher::Aes128, "AES with 128 bits in CBC mode"),
    ("des3", Cipher::TripleDes, "Triple DES in CBC mode"),
];

pub(super) const DIGESTS: &[Choice<Digest>] = &[
    ("sha1", Digest::Sha1, "SHA-1"),
    ("sha224", Digest::Sha224, "SHA-224"),
    ("sha256", Digest::Sha256, "SHA-256"),
    ("sha384", Digest::Sha384, "SHA-384"),
    ("sha512", Digest::Sha512, "SHA-512"),
];

fn word_of<T: Copy + PartialEq>(choices: &[Choice<T>], value: T) -> &'static str {
    choices.iter().find(|(_, each, _)| *each == value).map_or("", |(word, _, _)| word)
}

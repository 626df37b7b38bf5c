//! The Simple Certificate Enrolment Protocol (RFC 8894): bytes in, bytes out.
//!
//! [`client`] is the client's state machine of RFC 8894 §2.5.1: begin with [`client::Client`]. [`server`] opens requests and builds
//! replies: begin with [`server::open`]. Both share their messages ([`message`]), envelopes ([`envelope`]) and certification
//! requests ([`request`]), and [`http`] maps them to HTTP. [`content`] recognises what came in place of a message, and [`ber`] rewrites
//! BER as the other modules read it.
//!
//! The crate opens no socket, reads no clock but a [`clock::Clock`] that it is given, and prints nothing: time, keys and
//! randomness are arguments. The cryptography is OpenSSL's.
//!
//! # Features
//! - `challenge-page`: reads the page on which NDES shows a challenge password.
//! - `http`: conversions from and to the types of the crate `http`.
//! - `serde`: serialisation of most values; secrets are then in clear.
//! - `vendored`: builds OpenSSL from source, with the legacy provider that single DES needs.
//! - `danger-malformed`: messages that are wrong on purpose, to test what a peer refuses.
#![forbid(unsafe_code)]
#![warn(missing_debug_implementations)]

pub mod addressee;
pub mod algorithm;
pub mod attribute;
pub mod ber;
pub mod body;
pub mod capabilities;
pub mod certificate;
pub mod certs_only;
#[cfg(feature = "challenge-page")]
pub mod challenge_page;
pub mod client;
pub mod clock;
mod cms;
pub mod content;
#[cfg(feature = "danger-malformed")]
pub mod danger;
pub mod denial;
pub mod envelope;
mod error;
pub mod extension;
pub mod http;
pub mod identity;
pub mod key;
pub mod key_usage;
mod latin_1;
pub mod message;
pub mod name;
#[doc(hidden)] // for the types that its macro makes; `UnknownName` is below
pub mod named;
pub mod printable;
pub mod request;
pub mod revocation_list;
pub mod secret;
pub mod server;
pub mod signature;
pub mod string_type;
#[doc(hidden)]
pub mod suggestion;
pub mod url;

pub use error::{Error, PeerMisbehaved, Unproven, reasons};
pub use named::UnknownName;

#[cfg(feature = "serde")]
#[doc(hidden)]
pub use serde;

use openssl::error::ErrorStack;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// A source of random bytes, which fills a slice, such as `&mut openssl::rand::rand_bytes`.
pub type Entropy<'a> = &'a mut dyn FnMut(&mut [u8]) -> Result<(), ErrorStack>;

/// The longest message that is accepted from a peer, in bytes.
pub const MAX_MESSAGE_BYTES: usize = 2 * 1024 * 1024;

/// The most certificates, or revocation lists, in one message. Each costs a signature verification or two.
pub const MAX_CERTIFICATES: usize = 32;

//! The Simple Certificate Enrolment Protocol (RFC 8894): bytes in, bytes out.
//!
//! Both ends of the protocol are here, so that client and server share one truth: [`client`] is the state machine of
//! RFC 8894 §2.5.1, [`server`] opens requests and builds replies, and both stand on the same messages
//! ([`message`]), envelopes ([`envelope`]) and certification requests ([`request`]).
//!
//! The crate opens no socket, reads no clock and prints nothing: time, keys and randomness are arguments. What
//! cryptography there is, is OpenSSL's.
#![forbid(unsafe_code)]

pub mod algorithm;
pub mod attribute;
pub mod ber;
pub mod body;
pub mod capabilities;
pub mod certificate;
pub mod certs_only;
pub mod client;
mod cms;
#[cfg(feature = "danger-malformed")]
pub mod danger;
pub mod envelope;
mod error;
pub mod http;
pub mod identity;
pub mod key_usage;
pub mod message;
pub mod name;
pub mod named;
pub mod request;
pub mod secret;
pub mod server;
pub mod url;

pub use error::{Error, PeerMisbehaved};

#[cfg(feature = "serde")]
#[doc(hidden)]
pub use serde;

use openssl::error::ErrorStack;

/// A source of random bytes: fills the slice it is given; `&mut openssl::rand::rand_bytes` is one.
pub type Entropy<'a> = &'a mut dyn FnMut(&mut [u8]) -> Result<(), ErrorStack>;

/// The longest message accepted from a peer, in bytes.
pub const MAX_MESSAGE_BYTES: usize = 2 * 1024 * 1024;

/// The most certificates, or revocation lists, read from one message; each costs whoever judges it a signature or two.
pub const MAX_CERTIFICATES: usize = 32;

//! Certificates and requests as they are stored, and how a repeated request and its sender are recognised.

use std::{sync::Arc, time::SystemTime};

use openssl::{
    error::ErrorStack,
    hash::MessageDigest,
    x509::{X509, X509Ref},
};
use scep::{attribute::TransactionId, request::Csr, server::Header};
use serde::Deserialize;

use crate::{
    authority::Succession,
    profile::{der::whole, key_of_certificate, public_key_info},
};

/// The identity of a request and of its sender.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Origin {
    pub(crate) transaction_id: TransactionId,
    /// The SHA-256 digest of the public key that signed the message, in hexadecimal.
    pub(crate) requester: String,
    /// The SHA-256 digest, in hexadecimal, of the certification request and, if a certificate of this CA signed the message, of
    /// that certificate: a renewal may have the same key and the same certification request. Self-signed certificates do not
    /// count, because a client may make a new one for each message.
    pub(crate) request: String,
}

impl Origin {
    pub(crate) fn of(
        csr: &Csr,
        header: &Header,
        authorities: &Succession,
    ) -> Result<Self, ErrorStack> {
        let mut request = csr.der.clone();
        if authorities.has_signed(&header.signer) {
            request.extend(header.signer.to_der()?);
        }
        Ok(Self {
            transaction_id: header.transaction_id.clone(),
            requester: requester_of(&header.signer)?,
            request: sha256(&request)?,
        })
    }
}

/// The digest that identifies the signer of a message.
pub(crate) fn requester_of(signer: &X509Ref) -> Result<String, ErrorStack> {
    let certificate = signer.to_der()?;
    let key = match key_of_certificate(&certificate) {
        Some(key) => key,
        None => public_key_info(&*signer.public_key()?)?,
    };
    sha256(&whole(&key))
}

fn sha256(bytes: &[u8]) -> Result<String, ErrorStack> {
    openssl::hash::hash(MessageDigest::sha256(), bytes).map(hex::encode)
}

/// The revocation of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Revocation {
    /// Its time, in whole seconds on disk.
    pub(crate) at: SystemTime,
    pub(crate) reason: RevocationReason,
}

scep::named! {
    /// The reason for a revocation (RFC 5280 §5.3.1).
    #[derive(Default)]
    RevocationReason, "reason" {
        /// None is told, and the list has none.
        #[default]
        Unspecified = "unspecified";
        /// The key is known to others.
        KeyCompromise = "keyCompromise";
        /// The key of the CA is known to others.
        CaCompromise = "cACompromise";
        /// The subject's name or another fact in the certificate has changed.
        AffiliationChanged = "affiliationChanged";
        /// Another certificate has taken its place.
        Superseded = "superseded";
        /// It is not needed any more.
        CessationOfOperation = "cessationOfOperation";
        /// It is on hold.
        CertificateHold = "certificateHold";
        /// A privilege in it was withdrawn.
        PrivilegeWithdrawn = "privilegeWithdrawn";
    }
}

impl RevocationReason {
    /// The number of the reason in a list, if it is told.
    pub(crate) fn code(self) -> Option<u8> {
        Some(match self {
            Self::Unspecified => return None,
            Self::KeyCompromise => 1,
            Self::CaCompromise => 2,
            Self::AffiliationChanged => 3,
            Self::Superseded => 4,
            Self::CessationOfOperation => 5,
            Self::CertificateHold => 6,
            Self::PrivilegeWithdrawn => 9,
        })
    }
}

/// An issued certificate.
#[derive(Clone, Debug)]
pub(crate) struct IssuedRecord {
    /// The CA's number for the certificate, from which the serial number is made.
    pub(crate) number: u32,
    pub(crate) origin: Origin,
    /// The number of the request that waited for this certificate.
    pub(crate) answers: Option<u32>,
    pub(crate) revoked: Option<Revocation>,
    pub(crate) certificate: X509,
}

/// A request that waits for approval, or was denied.
#[derive(Clone)]
pub(crate) struct PendingRecord {
    /// The CA's number for the request, in the order of arrival.
    pub(crate) number: u32,
    pub(crate) origin: Origin,
    pub(crate) denied: bool,
    /// The time at which it came, in whole seconds on disk.
    pub(crate) asked: SystemTime,
    /// The number of the CA that it is for.
    pub(crate) ca: u32,
    pub(crate) csr: Arc<Csr>,
}

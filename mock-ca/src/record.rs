//! Certificates and requests as they are stored, and how a repeated request and its sender are recognised.

use std::{sync::Arc, time::SystemTime};

use openssl::{
    error::ErrorStack,
    hash::MessageDigest,
    x509::{X509, X509Ref},
};
use scep::{attribute::TransactionId, request::Csr, server::Header};
use serde::{Deserialize, Serialize};

use crate::{
    authority::Authority,
    profile::{der::whole, key_of_certificate, public_key_info},
    wire,
};

/// The identity of a request and of its sender.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
        authority: &Authority,
    ) -> Result<Self, ErrorStack> {
        let mut request = csr.der.clone();
        if authority.has_signed(&header.signer) {
            request.extend(header.signer.to_der()?);
        }
        Ok(Self {
            transaction_id: header.transaction_id.clone(),
            requester: requester_of(&header.signer)?,
            request: sha256(&request)?,
        })
    }

    /// True if both have the same transaction and the same requester.
    pub(crate) fn shares_transaction_with(&self, other: &Self) -> bool {
        self.transaction_id == other.transaction_id && self.requester == other.requester
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

/// An issued certificate.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct IssuedRecord {
    /// The CA's number for the certificate, from which the serial number is made.
    #[serde(skip)]
    pub(crate) number: u32,
    pub(crate) origin: Origin,
    /// The number of the request that waited for this certificate.
    pub(crate) answers: Option<u32>,
    /// The time of revocation, in whole seconds on disk.
    #[serde(with = "wire::maybe_seconds")]
    pub(crate) revoked: Option<SystemTime>,
    #[serde(with = "wire::pem")]
    pub(crate) certificate: X509,
}

/// A request that waits for approval, or was denied.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PendingRecord {
    /// The CA's number for the request, in the order of arrival.
    #[serde(skip)]
    pub(crate) number: u32,
    pub(crate) origin: Origin,
    pub(crate) denied: bool,
    #[serde(with = "csr_pem")]
    pub(crate) csr: Arc<Csr>,
}

/// A certification request, in PEM.
mod csr_pem {
    use std::sync::Arc;

    use openssl::x509::X509Req;
    use scep::request::Csr;
    use serde::{Deserialize, Deserializer, Serializer, de, ser};

    pub(super) fn serialize<S: Serializer>(csr: &Csr, to: S) -> Result<S::Ok, S::Error> {
        let pem = X509Req::from_der(&csr.der).and_then(|request| request.to_pem());
        to.serialize_str(&String::from_utf8_lossy(&pem.map_err(ser::Error::custom)?))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<Csr>, D::Error> {
        let der = X509Req::from_pem(String::deserialize(from)?.as_bytes())
            .and_then(|request| request.to_der())
            .map_err(|_| de::Error::custom("it holds no certificate request in PEM"))?;
        let csr = Csr::from_der(&der).map_err(de::Error::custom)?;
        if !csr.verify() {
            return Err(de::Error::custom("its certificate request's signature does not verify"));
        }
        Ok(Arc::new(csr))
    }
}

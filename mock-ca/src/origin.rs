//! By what a request, and whoever sent it, are known again.

use openssl::{error::ErrorStack, hash::MessageDigest, x509::X509Ref};
use scep::{attribute::TransactionId, request::Csr, server::Header};

use serde::{Deserialize, Serialize};

use crate::{
    authority::Authority,
    profile::{der::whole, key_of_certificate, public_key_info},
};

/// Which request it is, and whose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Origin {
    pub(crate) transaction_id: TransactionId,
    /// The SHA-256 digest of the public key that signed the message, in hexadecimal.
    pub(crate) requester: String,
    /// The SHA-256 digest of what is asked for, in hexadecimal: the certification request and, where the message is
    /// signed with a certificate of this CA, that one. The same key may ask again with the same request when it renews,
    /// and a self-signed certificate may be made anew for each message.
    pub(crate) request: String,
}

impl Origin {
    pub(crate) fn of(
        csr: &Csr,
        header: &Header,
        authority: &Authority,
    ) -> Result<Self, ErrorStack> {
        let mut request = csr.to_der().to_vec();
        if authority.has_signed(&header.signer) {
            request.extend(header.signer.to_der()?);
        }
        Ok(Self {
            transaction_id: header.transaction_id.clone(),
            requester: requester_of(&header.signer)?,
            request: sha256(&request)?,
        })
    }

    /// Whether both are of one transaction, and of one requester.
    pub(crate) fn shares_transaction_with(&self, other: &Self) -> bool {
        self.transaction_id == other.transaction_id && self.requester == other.requester
    }
}

/// The digest by which the signer of a message is known again.
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

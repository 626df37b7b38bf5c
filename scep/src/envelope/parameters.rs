//! The algorithms that an envelope names, and their parameters.

use der::asn1::OctetStringRef;
use x509_cert::spki::AlgorithmIdentifierOwned;

use super::WHAT;
use crate::{Error, algorithm};

/// The algorithm, if it is one of those that are known.
pub(super) fn supported<T>(
    known: Option<T>,
    algorithm: &AlgorithmIdentifierOwned,
) -> Result<T, Error> {
    known.ok_or_else(|| algorithm::unsupported("encryption algorithm", &algorithm.oid))
}

/// The initialization vector of a cipher.
pub(super) fn initialization_vector(
    algorithm: &AlgorithmIdentifierOwned,
) -> Result<Vec<u8>, Error> {
    algorithm
        .parameters
        .as_ref()
        .and_then(|parameters| parameters.decode_as::<&OctetStringRef>().ok())
        .map(|iv| iv.as_bytes().to_vec())
        .ok_or_else(|| Error::malformed(WHAT)("no initialization vector"))
}

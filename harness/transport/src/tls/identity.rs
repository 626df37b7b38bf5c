//! The client's own certificate in TLS.

use openssl::error::ErrorStack;
use openssl::pkey::{PKey, Private};
use openssl::ssl::SslContextBuilder;
use openssl::x509::X509;

/// A certificate with those that issued it, and its key.
#[derive(Clone)]
pub struct ClientIdentity {
    certificate: X509,
    /// Certificates that are sent after it.
    issuers: Vec<X509>,
    key: PKey<Private>,
}

/// The reason why a text is no certificate with its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// There is no certificate.
    #[error("there is no certificate in PEM in it")]
    NoCertificate,
    /// There is no key.
    #[error("there is no private key in PEM in it; the certificate and its key belong in one file")]
    NoKey,
    /// The key is enciphered.
    #[error(
        "the private key in it is enciphered with a password: `openssl pkey -in FILE` prints it without"
    )]
    Enciphered,
    /// The key is that of another certificate.
    #[error("the private key in it does not belong to the first certificate in it")]
    OtherKey,
}

impl ClientIdentity {
    /// Reads a file in PEM: first the certificate, then those that issued it, and the key anywhere.
    ///
    /// # Errors
    /// Says what is missing or wrong.
    pub fn from_pem(text: &str) -> Result<Self, IdentityError> {
        let stack = X509::stack_from_pem(text.as_bytes()).unwrap_or_default();
        let mut certificates = stack.into_iter();
        let certificate = certificates.next().ok_or(IdentityError::NoCertificate)?;
        if text.contains("ENCRYPTED") {
            return Err(IdentityError::Enciphered);
        }
        // OpenSSL would ask for a password at the terminal.
        let refuse = |_: &mut [u8]| Err(ErrorStack::get());
        let key = PKey::private_key_from_pem_callback(text.as_bytes(), refuse)
            .map_err(|_| IdentityError::NoKey)?;
        let is_own = certificate.public_key().is_ok_and(|public| public.public_eq(&key));
        if !is_own {
            return Err(IdentityError::OtherKey);
        }
        Ok(Self { certificate, issuers: certificates.collect(), key })
    }

    /// Lets a context show it.
    pub(super) fn apply(&self, context: &mut SslContextBuilder) -> Result<(), ErrorStack> {
        context.set_certificate(&self.certificate)?;
        context.set_private_key(&self.key)?;
        self.issuers.iter().try_for_each(|issuer| context.add_extra_chain_cert(issuer.clone()))
    }
}

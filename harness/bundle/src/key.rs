//! Keys with their certificates.

use openssl::error::ErrorStack;
use openssl::pkey::PKey;
use openssl::x509::X509;
use scep::identity::Identity;

/// A private key with its certificate, and whose it is.
#[derive(Debug, Clone)]
pub struct Key {
    /// Name of its PKI in the lab; none if there is no lab, or for the key of a client that is not known to be at one PKI.
    pub pki: Option<String>,
    /// Whose it is.
    pub role: Role,
    /// The key and the certificate.
    pub identity: Identity,
}

scep::named! {
    /// Whose key it is.
    #[derive(PartialOrd, Ord)]
    Role, "role" {
        /// That of a CA, which signs certificates, and without a registration authority also reads requests and signs replies.
        Ca = "ca";
        /// That with which a registration authority signs replies.
        RaSigning = "ra-signing";
        /// That with which a registration authority reads requests.
        RaEncryption = "ra-encryption";
        /// That of a client, which signs requests and reads replies.
        Client = "client";
    }
}

impl Key {
    /// The file of the key: its certificate and the private key in PEM.
    ///
    /// # Errors
    /// If OpenSSL fails.
    pub(crate) fn to_pem(&self) -> Result<Vec<u8>, ErrorStack> {
        let certificate = self.identity.certificate.to_pem()?;
        Ok([certificate, self.identity.key.private_key_to_pem_pkcs8()?].concat())
    }
}

/// The key and the certificate in a file; the error says what is missing, and has nothing of the file.
pub(crate) fn identity(pem: &[u8]) -> Result<Identity, &'static str> {
    let certificate = X509::from_pem(pem).map_err(|_| "it has no certificate in PEM")?;
    // With no password given, OpenSSL would ask for one at the terminal.
    let key = PKey::private_key_from_pem_passphrase(pem, b"")
        .map_err(|_| "it has no private key in PEM")?;
    let public = certificate.public_key().map_err(|_| "its certificate has no readable key")?;
    if public.public_eq(&key) {
        Ok(Identity { certificate, key })
    } else {
        Err("its certificate has another key")
    }
}

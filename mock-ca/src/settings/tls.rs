//! TLS at the SCEP service: the certificate of the server, and the versions.

use std::time::Duration;

use openssl::{
    pkey::{PKey, Private},
    x509::X509,
};

/// TLS at the SCEP service, in place of plain HTTP.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TlsSettings {
    /// The certificate of the server.
    pub certificate: ServerCertificate,
    /// The oldest version that the server speaks; 1.2 by default.
    pub least_version: TlsVersion,
}

impl TlsSettings {
    /// The life of a certificate that the CA makes for its own server, unless the settings say otherwise: ten years.
    pub const VALID_FOR: Duration = Duration::from_secs(10 * 365 * 86_400);

    /// A certificate that is made for these host names and addresses, below a root of its own.
    ///
    /// ```
    /// use mock_ca::{MockCa, TlsSettings};
    ///
    /// # fn main() -> Result<(), mock_ca::StartError> {
    /// let tls = TlsSettings::made_for(vec!["127.0.0.1".to_owned()]);
    /// let ca = MockCa::linux().with(|settings| settings.tls = Some(tls)).start_blocking()?;
    /// assert!(ca.url().starts_with("https://"));
    /// // The client under test must trust this certificate.
    /// let root = ca.tls_root().unwrap();
    /// # Ok(())
    /// # }
    /// ```
    pub fn made_for(names: Vec<String>) -> Self {
        let certificate = ServerCertificate::Made { names, valid_for: Self::VALID_FOR };
        Self { certificate, least_version: TlsVersion::V1_2 }
    }

    /// This certificate.
    pub fn given(certificate: GivenCertificate) -> Self {
        let certificate = ServerCertificate::Given(certificate);
        Self { certificate, least_version: TlsVersion::V1_2 }
    }
}

/// The certificate of a server.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ServerCertificate {
    /// One that the CA makes when it is opened.
    Made {
        /// The host names and addresses of the server.
        names: Vec<String>,
        /// The time from the opening to its end.
        valid_for: Duration,
    },
    /// One that was there before.
    Given(GivenCertificate),
}

/// A certificate with its key, from somewhere else.
#[derive(Clone, Debug)]
pub struct GivenCertificate {
    /// The server's certificate, then those of the CAs above it.
    pub(crate) chain: Vec<X509>,
    pub(crate) key: PKey<Private>,
}

/// The reason why a certificate or its key cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GivenCertificateError {
    /// There is no certificate in PEM.
    #[error("no certificate in PEM (`-----BEGIN CERTIFICATE-----`) was found")]
    NoCertificate,
    /// A certificate in it cannot be read.
    #[error("a certificate in it cannot be read ({0})")]
    Certificate(String),
    /// The key cannot be read.
    #[error("no private key in PEM without a passphrase was found ({0})")]
    Key(String),
    /// The key belongs to another certificate.
    #[error(
        "the private key does not belong to the first certificate, `{0}` (the server's certificate must come before those of the CAs above it)"
    )]
    Mismatch(String),
}

impl GivenCertificate {
    /// Reads certificates, that of the server first, and the private key, which has no passphrase.
    ///
    /// # Errors
    /// If they cannot be read, or the key belongs to another certificate.
    pub fn from_pem(certificates: &[u8], key: &[u8]) -> Result<Self, GivenCertificateError> {
        let reasons = |errors| scep::reasons(&errors);
        let chain = X509::stack_from_pem(certificates)
            .map_err(|errors| GivenCertificateError::Certificate(reasons(errors)))?;
        let Some(first) = chain.first() else { return Err(GivenCertificateError::NoCertificate) };
        // An empty passphrase, so that OpenSSL does not ask for one at the terminal.
        let key = PKey::private_key_from_pem_passphrase(key, b"")
            .map_err(|errors| GivenCertificateError::Key(reasons(errors)))?;
        if !first.public_key().is_ok_and(|own| own.public_eq(&key)) {
            let subject = scep::name::to_text(first.subject_name());
            return Err(GivenCertificateError::Mismatch(subject));
        }
        Ok(Self { chain, key })
    }

    /// The server's own certificate.
    pub fn certificate(&self) -> &X509 {
        &self.chain[0]
    }
}

scep::named! {
    /// A version of TLS.
    #[derive(PartialOrd, Ord)]
    TlsVersion, "version of TLS" {
        /// TLS 1.0 (RFC 2246), which is obsolete (RFC 8996).
        V1_0 = "1.0";
        /// TLS 1.1 (RFC 4346), which is obsolete (RFC 8996).
        V1_1 = "1.1";
        /// TLS 1.2 (RFC 5246).
        V1_2 = "1.2";
        /// TLS 1.3 (RFC 8446).
        V1_3 = "1.3";
    }
}

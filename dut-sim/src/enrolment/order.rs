//! The task of a client, and the reasons why it can fail.

use std::io;
use std::time::SystemTime;

use openssl::error::ErrorStack;
use openssl::pkey::{PKey, Private};
use openssl::x509::{X509, X509NameEntryRef};
use scep::client::{Exchange, Refusal, Settings};
use scep::clock::system_time;
use scep::http::Operation;
use scep::identity::Identity;
use scep::name::NameError;
use scep::request::Extension;
use scep::secret::Secret;
use transport::http::Unwritable;

use crate::ScepClient;
use crate::config::system::CsrSettings;

/// Task of a client: the certificate to request.
pub(super) struct Order {
    pub(super) settings: CsrSettings,
    /// Clear text of the challenge password.
    pub(super) password: Option<Secret>,
    /// The key to be certified.
    pub(super) key: PKey<Private>,
    /// The certificate to renew.
    pub(super) existing: Option<Identity>,
    /// The certificates of CAs that the one before announced.
    pub(super) announced: Vec<X509>,
}

impl Order {
    /// Settings for `scep`'s client.
    pub(super) fn client_settings(&self) -> Result<Settings, Failure> {
        let subject = scep::name::parse(&self.settings.distinguished_name)?;
        let fingerprint = self.settings.ca_fingerprint.as_ref();
        Ok(Settings {
            challenge: self.password.clone(),
            extensions: self.extensions()?,
            ca_identifier: self.settings.ca_identifier.clone(),
            ca_fingerprint: fingerprint.map(|fingerprint| fingerprint.octets().to_vec()),
            announced_cas: self.announced.clone(),
            cipher: self.settings.cipher,
            digest: self.settings.digest,
            existing: self.existing.clone(),
            // micromdm's scepserver replies in single DES, and real devices accept that.
            takes_obsolete_algorithms: true,
            ..Settings::new(self.key.clone(), subject)
        })
    }

    /// The extensions to ask for.
    pub(super) fn extensions(&self) -> Result<Vec<Extension>, scep::Error> {
        self.settings.extensions.encode()
    }

    /// The end of the certificate to renew, after which it authorises no renewal; none for a first certificate, or if it cannot be read.
    pub(super) fn signer_ends(&self) -> Option<SystemTime> {
        system_time(self.existing.as_ref()?.certificate.not_after()).ok()
    }

    /// The question for the CA's certificates.
    pub(super) fn get_ca_cert(&self) -> Operation {
        Operation::GetCaCert(self.settings.ca_identifier.clone())
    }

    /// Attribute types and values of the subject in its order, such as `CN` and `DUT0`, for a program that takes them one by
    /// one.
    pub(super) fn subject_parts(&self) -> Result<Vec<(String, String)>, Failure> {
        let subject = scep::name::parse(&self.settings.distinguished_name)?;
        if scep::name::is_multi_valued(&subject) {
            return Err(Failure::JoinedTypes);
        }
        let part = |entry: &X509NameEntryRef| {
            let value = String::from_utf8_lossy(entry.data().as_slice()).into_owned();
            (scep::name::attribute_type(entry), value)
        };
        Ok(subject.entries().map(part).collect())
    }
}

/// Why an enrolment has failed for good.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("the certificate has expired before it was renewed")]
    SignerEnded,
    #[error("the sealed password opens neither under the device's own key nor by its keyring")]
    PasswordSealed,
    #[error("no key: {0}")]
    Key(ErrorStack),
    #[error(transparent)]
    Subject(#[from] NameError),
    #[error("{exchange}: the request cannot be written as HTTP: {error}")]
    Unwritable { exchange: Exchange, error: Unwritable },
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Missing(#[from] Missing),
    /// Message about a program's exit or output, with the name of the exchange.
    #[error("{0}")]
    Ended(String),
    #[error("`{program}` has no option for `{attribute_type}` in a subject")]
    AttributeType { program: &'static str, attribute_type: String },
    #[error("`{program}` takes one `{attribute_type}` in a subject, and several are configured")]
    RepeatedType { program: &'static str, attribute_type: String },
    #[error(
        "this client's program takes no subject with a `+`, which joins several attributes to one"
    )]
    JoinedTypes,
    #[error("the client `{client}` is given RSA keys alone, and `key-type` is another")]
    KeyType { client: ScepClient },
    #[error("`{program}` cannot be given the value `{value}` in a subject")]
    AttributeValue { program: &'static str, value: String },
    #[error("the program's folder: {0}")]
    Folder(#[from] io::Error),
    #[error("a key or certificate cannot be written for the program: {0}")]
    Encoding(#[from] ErrorStack),
    #[error("a message cannot be written: {0}")]
    Message(#[from] scep::Error),
}

/// A program or part that a client needs and that is not installed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{program} is not installed ({origin})")]
pub struct Missing {
    /// Common name of the program, such as "strongSwan's `pki`", and what was found instead, if anything.
    pub program: String,
    /// Source of the program, such as "package `strongswan-pki`" for Debian.
    pub origin: &'static str,
}

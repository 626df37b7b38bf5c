//! What a client is asked for, and why it may come to nothing.

use std::io;

use openssl::error::ErrorStack;
use openssl::pkey::{PKey, Private};
use openssl::x509::X509NameEntryRef;
use scep::client::{Refusal, Settings};
use scep::identity::Identity;
use scep::name::NameError;
use scep::secret::Secret;

use crate::config::system::CsrSettings;

/// What is asked of a client, whichever it is.
pub(super) struct Order {
    pub(super) settings: CsrSettings,
    /// The opened challenge password.
    pub(super) password: Option<Secret>,
    /// The key to be certified.
    pub(super) key: PKey<Private>,
    /// The certificate to renew.
    pub(super) existing: Option<Identity>,
}

impl Order {
    /// The same for `scep`'s client.
    pub(super) fn client_settings(&self) -> Result<Settings, NameError> {
        let subject = scep::name::parse(&self.settings.distinguished_name)?;
        Ok(Settings {
            challenge: self.password.clone(),
            cipher: self.settings.cipher,
            digest: self.settings.digest,
            existing: self.existing.clone(),
            // micromdm's scepserver replies in single DES, and devices do enrol with it.
            takes_obsolete_algorithms: true,
            ..Settings::new(self.key.clone(), subject)
        })
    }

    /// The attribute types and values of the subject, such as `CN` and `DUT0`, in its order.
    pub(super) fn subject_parts(&self) -> Result<Vec<(String, String)>, NameError> {
        let part = |entry: &X509NameEntryRef| {
            let object = entry.object();
            let short_name = object.nid().short_name();
            let attribute_type = short_name.map_or_else(|_| object.to_string(), str::to_owned);
            (attribute_type, String::from_utf8_lossy(entry.data().as_slice()).into_owned())
        };
        Ok(scep::name::parse(&self.settings.distinguished_name)?.entries().map(part).collect())
    }
}

/// Why an enrolment is over without a certificate.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("the sealed password opens neither under the device's own key nor by its keyring")]
    PasswordSealed,
    #[error("no key: {0}")]
    Key(ErrorStack),
    #[error("{0}")]
    Subject(#[from] NameError),
    #[error("{exchange}: the request cannot be written as HTTP: {error}")]
    Unwritable { exchange: String, error: hyper::http::Error },
    #[error("{0}")]
    Refused(#[from] Refusal),
    #[error("{0}")]
    Missing(#[from] Missing),
    /// What a program said or did, with the exchange that it was at.
    #[error("{0}")]
    Ended(String),
    #[error("`{program}` has no option for `{attribute_type}` in a subject")]
    AttributeType { program: &'static str, attribute_type: String },
    #[error("`{program}` takes one `{attribute_type}` in a subject, and several are configured")]
    RepeatedType { program: &'static str, attribute_type: String },
    #[error("`{program}` cannot be given the value `{value}` in a subject")]
    AttributeValue { program: &'static str, value: String },
    #[error("the program's folder: {0}")]
    Folder(#[from] io::Error),
    #[error("a key or certificate cannot be written for the program: {0}")]
    Encoding(#[from] ErrorStack),
    #[error("a message cannot be written for the program: {0}")]
    Message(#[from] scep::Error),
}

/// A program that a client needs, or a part of one, and that is not there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{program} is not installed ({origin})")]
pub struct Missing {
    /// The program as people know it, such as "strongSwan's `pki`", and what was found in its place, if anything was.
    pub program: String,
    /// Where it can be had: "package `strongswan-pki`", which is Debian's.
    pub origin: &'static str,
}

//! What is requested: the client's settings, from the arguments and from a certificate to renew.

use openssl::pkey::{PKey, Private};
use openssl::x509::X509Name;
use scep::client::Settings;
use scep::identity::Identity;
use scep::request::{Extension, alternative_names_of};

use super::EnrolArguments;
use crate::exit::{CommandError, Exit};
use crate::stop::interruptible;
use simulated::client::{Files, fingerprint_of};

/// The subject without `--subject`.
const SUBJECT: &str = "CN=sceplab client";

impl EnrolArguments {
    /// The settings that the arguments ask for; a renewal keeps what they do not name.
    pub(super) async fn settings(
        &self,
        key: PKey<Private>,
        files: Option<&Files>,
    ) -> Result<Settings, CommandError> {
        let existing = self.existing(files)?;
        let subject = self.subject(existing.as_ref())?;
        let mut settings = Settings { existing, ..Settings::new(key, subject) };
        settings.extensions = self.extensions(settings.existing.as_ref())?;
        settings.cipher = self.cipher;
        settings.digest = self.digest;
        settings.takes_obsolete_algorithms = self.obsolete;
        settings.ca_identifier.clone_from(&self.ca_identifier);
        let fingerprint = match &self.ca {
            Some(file) => {
                let file = file.clone();
                let read = interruptible(move || fingerprint_of(&file)).await?;
                Some(read.map_err(|error| Exit::Usage.because(error))?)
            }
            None => self.ca_fingerprint.clone(),
        };
        settings.ca_fingerprint = fingerprint.map(|fingerprint| fingerprint.octets().to_vec());
        Ok(settings)
    }

    /// The extensions that the options name; without alternative names among them, those of the certificate to renew.
    fn extensions(&self, existing: Option<&Identity>) -> Result<Vec<Extension>, CommandError> {
        let asked = self.request.extensions();
        let encoded = asked.encode().map_err(|error| Exit::Usage.because(error))?;
        let kept = existing.filter(|_| asked.alternative_names.is_empty());
        let kept = kept.and_then(|it| alternative_names_of(&it.certificate));
        Ok(kept.into_iter().chain(encoded).collect())
    }

    fn existing(&self, files: Option<&Files>) -> Result<Option<Identity>, CommandError> {
        let Some(files) = files.filter(|_| self.renew) else { return Ok(None) };
        let existing = files.identity().map_err(|error| Exit::Usage.because(error))?;
        let folder = files.folder().display();
        let none =
            || Exit::Usage.because(format!("there is no certificate to renew in `{folder}`"));
        existing.ok_or_else(none).map(Some)
    }

    fn subject(&self, existing: Option<&Identity>) -> Result<X509Name, CommandError> {
        if let (None, Some(existing)) = (&self.request.subject, existing) {
            let kept = existing.certificate.subject_name().to_owned();
            return kept.map_err(|error| Exit::Internal.because(error));
        }
        let text = self.request.subject.as_deref().unwrap_or(SUBJECT);
        let wrong = |error| Exit::Usage.because(format!("`--subject {text}`: {error}"));
        scep::name::parse(text).map_err(wrong)
    }
}

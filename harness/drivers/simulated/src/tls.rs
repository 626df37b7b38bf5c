//! The certificates with which PKIs of labs speak TLS.

use std::collections::BTreeSet;
use std::path::Path;

use mock_ca::{GivenCertificate, ServerCertificate, TlsSettings};

use model::lab;

/// The longest file with certificates or a key, in bytes.
const LONGEST_FILE: u64 = 1 << 20;

/// Reads a server's certificate, with those of the CAs above it, and its key.
///
/// # Errors
/// The file that cannot be used, and the reason.
pub fn given_certificate(certificate: &Path, key: &Path) -> Result<GivenCertificate, String> {
    let read = |path: &Path| {
        let read = files::regular(path, LONGEST_FILE);
        read.map_err(|error| format!("`{}` cannot be read: {error}", path.display()))
    };
    let (certificates, private) = (read(certificate)?, read(key)?);
    GivenCertificate::from_pem(&certificates, &private).map_err(|error| {
        let (certificate, key) = (certificate.display(), key.display());
        format!("`{certificate}` with the key `{key}` cannot be the server's certificate: {error}")
    })
}

/// The settings of a lab's PKI that is reached at these names and addresses, too.
pub(crate) fn settings(plan: &lab::Tls, also: Vec<String>) -> Result<TlsSettings, String> {
    let mut settings = if let Some(files) = &plan.files {
        TlsSettings::given(given_certificate(&files.certificate, &files.key)?)
    } else {
        let names = plan.names.iter().cloned().chain(also);
        TlsSettings::made_for(names.collect::<BTreeSet<_>>().into_iter().collect())
    };
    if let (Some(life), ServerCertificate::Made { valid_for, .. }) =
        (plan.valid_for, &mut settings.certificate)
    {
        *valid_for = life;
    }
    if let Some(least) = plan.least_version {
        settings.least_version = least;
    }
    Ok(settings)
}

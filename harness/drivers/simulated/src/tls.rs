//! TLS of the PKIs of labs: their certificates, and the harness's own connections to them.

use std::collections::BTreeSet;
use std::path::Path;
use std::pin::Pin;

use dut_sim::network::Stream;
use mock_ca::{GivenCertificate, ServerCertificate, TlsSettings};
use openssl::ssl::{SslConnector, SslMethod, SslVerifyMode};
use openssl::x509::X509;
use scep::clock::Clock;
use tokio_openssl::SslStream;

use model::lab;
use testbed::NoAnswer;

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

/// A TLS connection over a stream to a server with this name or address. Its certificate must be valid by this clock and below this
/// root; without a root, any certificate is accepted.
///
/// # Errors
/// Says why there is no connection.
pub(crate) async fn connect(
    stream: Box<dyn Stream>,
    host: &str,
    root: Option<X509>,
    clock: &Clock,
) -> Result<Box<dyn Stream>, NoAnswer> {
    let failed = |reason: String| NoAnswer::NotConnected(format!("TLS with {host}: {reason}"));
    let wrong = |errors| failed(scep::reasons(&errors));
    let ssl = client(host, root, clock).map_err(wrong)?;
    let mut stream = SslStream::new(ssl, stream).map_err(wrong)?;
    if let Err(error) = Pin::new(&mut stream).connect().await {
        let verified = stream.ssl().verify_result();
        let is_verified = verified.as_raw() == 0;
        let reason = if is_verified { error.to_string() } else { verified.error_string().into() };
        return Err(failed(reason));
    }
    Ok(Box::new(stream))
}

fn client(
    host: &str,
    root: Option<X509>,
    clock: &Clock,
) -> Result<openssl::ssl::Ssl, openssl::error::ErrorStack> {
    let mut builder = SslConnector::builder(SslMethod::tls_client())?;
    builder.set_alpn_protos(b"\x08http/1.1")?;
    match root {
        Some(root) => builder.cert_store_mut().add_cert(root)?,
        None => builder.set_verify(SslVerifyMode::NONE),
    }
    let now = clock.now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    builder.verify_param_mut().set_time(i64::try_from(now.as_secs()).unwrap_or(i64::MAX));
    builder.build().configure()?.into_ssl(host)
}

//! Options for TLS.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use files::Readers;
use mock_ca::{Ca, TlsSettings, TlsVersion};
use openssl::x509::X509;
use scep::certificate::Fingerprint;
use scep::clock::{Clock, system_time};
use simulated::tls::given_certificate;

use super::fact;
use crate::values::one_of;

/// Options for TLS.
#[derive(Clone, Debug, Args)]
pub(super) struct TlsOptions {
    /// Serve HTTPS in place of HTTP, with a certificate for the address of --listen, below a root that is made at each start
    #[arg(long)]
    tls: bool,
    /// A further host name or address in the certificate of --tls; may be given several times
    #[arg(long, value_name = "NAME", requires = "tls", conflicts_with = "tls_cert")]
    tls_name: Vec<String>,
    /// Write the root of --tls, which clients must trust, to this file in PEM
    #[arg(long, value_name = "FILE", requires = "tls", conflicts_with = "tls_cert")]
    tls_ca_out: Option<PathBuf>,
    /// Serve HTTPS with the certificate in this PEM file, which may be followed by those of the CAs above it
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The private key of --tls-cert, in PEM without a passphrase
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// The oldest version of TLS that is spoken: 1.0, 1.1, 1.2 or 1.3 [default: 1.2]
    #[arg(long, value_name = "VERSION", value_parser = one_of(TlsVersion::NAMED.iter().copied()))]
    tls_min: Option<TlsVersion>,
}

impl TlsOptions {
    /// The settings of a server that listens at this address; `None` for plain HTTP. The error says which option is wrong.
    pub(super) fn settings(&self, bound: SocketAddr) -> Result<Option<TlsSettings>, String> {
        let mut settings = match (&self.tls_cert, &self.tls_key) {
            (Some(certificate), Some(key)) => {
                TlsSettings::given(given_certificate(certificate, key)?)
            }
            _ if self.tls => TlsSettings::made_for(self.names(bound)),
            _ if self.tls_min.is_some() => {
                return Err("`--tls-min` needs `--tls` or `--tls-cert`".to_owned());
            }
            _ => return Ok(None),
        };
        if let Some(least) = self.tls_min {
            settings.least_version = least;
        }
        Ok(Some(settings))
    }

    /// The names of the server: its address, or those by which the machine itself reaches it.
    fn names(&self, bound: SocketAddr) -> Vec<String> {
        let ip = bound.ip();
        let mut names = self.tls_name.clone();
        if !ip.is_unspecified() {
            names.push(ip.to_string());
        }
        if ip.is_unspecified() || ip.is_loopback() {
            names.push("localhost".to_owned());
        }
        if ip.is_unspecified() {
            names.extend(["127.0.0.1".to_owned(), "::1".to_owned()]);
        }
        names
    }

    /// Warnings about the certificate and the file of its key.
    pub(super) fn warnings(&self, bound: SocketAddr, clock: &Clock) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.tls
            && self.tls_cert.is_none()
            && bound.ip().is_unspecified()
            && self.tls_name.is_empty()
        {
            warnings.push(
                "the TLS certificate is for localhost, 127.0.0.1 and ::1 alone: name what other machines call this one with \
                 `--tls-name`"
                    .to_owned(),
            );
        }
        if let (Some(certificate), Some(key)) = (&self.tls_cert, &self.tls_key) {
            warnings.extend(untimely(certificate, clock));
            warnings.extend(readable_by_others(key));
        }
        warnings
    }

    /// Writes the root to the file of `--tls-ca-out`.
    pub(super) fn write_root(&self, ca: &Ca) -> Result<(), String> {
        let (Some(path), Some(root)) = (&self.tls_ca_out, ca.tls_root()) else { return Ok(()) };
        let failed = |reason: String| {
            format!("cannot write the root of TLS to `{}`: {reason}", path.display())
        };
        let pem = root.to_pem().map_err(|errors| failed(scep::reasons(&errors)))?;
        files::replace(path, &pem, Readers::Everyone).map_err(|error| failed(error.to_string()))
    }
}

/// The line about the root of TLS that clients need, if the CA has made it.
pub(super) fn root_line(ca: &Ca) -> Option<String> {
    let root = ca.tls_root()?;
    let fingerprint = Fingerprint::of(&root).map(|it| it.to_string()).unwrap_or_default();
    let subject = scep::name::to_text(root.subject_name());
    Some(fact("tls-root", &format!("SHA-256 {fingerprint}  {subject}")))
}

/// The warning that a certificate is not valid now.
fn untimely(path: &Path, clock: &Clock) -> Option<String> {
    let certificate = X509::from_pem(&std::fs::read(path).ok()?).ok()?;
    let (from, until) = (certificate.not_before(), certificate.not_after());
    let what = match (system_time(from).ok()?, system_time(until).ok()?) {
        (first, _) if clock.now() < first => format!("is not valid before {from}"),
        (_, last) if last < clock.now() => format!("has expired on {until}"),
        _ => return None,
    };
    Some(format!("the certificate in `{}` {what}: clients will refuse it", path.display()))
}

/// The warning that other users can read a private key.
#[cfg(unix)]
fn readable_by_others(path: &Path) -> Option<String> {
    use std::os::unix::fs::PermissionsExt;

    let mode = path.metadata().ok()?.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then(|| {
        let path = path.display();
        format!("other users of this machine may use the private key `{path}` (mode {mode:04o}): `chmod 600 {path}` prevents that")
    })
}

#[cfg(not(unix))]
fn readable_by_others(_: &Path) -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        tls: TlsOptions,
    }

    fn options(arguments: &[&str]) -> TlsOptions {
        Line::try_parse_from(["serve"].iter().chain(arguments)).unwrap().tls
    }

    fn names(arguments: &[&str], bound: &str) -> Vec<String> {
        options(arguments).names(bound.parse().unwrap())
    }

    #[test]
    fn certificate_is_for_the_address_and_the_given_names() {
        assert_eq!(names(&["--tls"], "10.0.0.1:443"), ["10.0.0.1"]);
        assert_eq!(names(&["--tls"], "[::1]:443"), ["::1", "localhost"]);
        assert_eq!(
            names(&["--tls", "--tls-name", "a.example"], "10.0.0.1:443"),
            ["a.example", "10.0.0.1"]
        );
        assert_eq!(names(&["--tls"], "0.0.0.0:443"), ["localhost", "127.0.0.1", "::1"]);
        let open = options(&["--tls"]).warnings("0.0.0.0:443".parse().unwrap(), &Clock::system());
        assert!(open[0].contains("`--tls-name`"), "{open:?}");
    }

    #[test]
    fn oldest_version_needs_tls() {
        let bound = "127.0.0.1:1".parse().unwrap();
        let refused = options(&["--tls-min", "1.0"]).settings(bound).unwrap_err();
        assert_eq!(refused, "`--tls-min` needs `--tls` or `--tls-cert`");
        let settings = options(&["--tls", "--tls-min", "1.0"]).settings(bound).unwrap().unwrap();
        assert_eq!(settings.least_version, TlsVersion::V1_0);
        assert!(options(&[]).settings(bound).unwrap().is_none());
    }
}

//! Options for TLS, which all commands have that reach real servers.

use std::path::{Path, PathBuf};

use clap::Args;
use files::regular;
use model::scep_url::ScepUrl;
use openssl::x509::X509;
use scep::clock::Clock;
use scep::http::HttpResponse;
use scep::secret::Secret;
use transport::tls::{
    CertificateProblem, ClientIdentity, TlsClient, TlsFailure, TlsOptions, TlsVersion, Trust,
};

use crate::exit::{CommandError, Exit};
use crate::stop::interruptible;
use crate::values::one_of;

/// The longest file of certificates, in bytes.
const LONGEST_FILE: u64 = 4 << 20;

/// How much of a page is read, in bytes.
const LONGEST_PAGE: usize = 4096;

/// The versions by their names.
const VERSIONS: [(&str, TlsVersion); 4] = [
    ("1.0", TlsVersion::V1_0),
    ("1.1", TlsVersion::V1_1),
    ("1.2", TlsVersion::V1_2),
    ("1.3", TlsVersion::V1_3),
];

/// How servers are reached whose address begins with `https://`.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "With an address that begins with https://")]
#[expect(clippy::struct_field_names, reason = "clap makes the names of the options from them")]
pub(crate) struct TlsArguments {
    /// A file with the certificates, in PEM, that are trusted in place of the system's: of a CA, or of the server itself
    #[arg(long, value_name = "FILE", conflicts_with = "tls_insecure")]
    tls_ca: Option<PathBuf>,
    /// Do not verify the certificate of the server: anybody on the way could answer in its place, and every report says so
    #[arg(long)]
    tls_insecure: bool,
    /// A file with a certificate, those that issued it, and its key, in PEM, for a server that asks for one
    #[arg(long, value_name = "FILE")]
    tls_client: Option<PathBuf>,
    /// The oldest version of TLS to take [default: 1.2]
    #[arg(long, value_name = "VERSION", value_parser = one_of(VERSIONS))]
    tls_min: Option<TlsVersion>,
}

impl TlsArguments {
    /// Reads the files.
    ///
    /// # Errors
    /// If a file cannot be used, or an option has no effect, because none of the addresses begins with `https://`.
    pub(crate) async fn client<'a>(
        &self,
        urls: impl IntoIterator<Item = &'a ScepUrl>,
    ) -> Result<TlsClient, CommandError> {
        let is_used = urls.into_iter().any(ScepUrl::is_https);
        if let Some(option) = self.given().filter(|_| !is_used) {
            let reason = format!("`{option}` is for addresses that begin with `https://`");
            return Err(Exit::Usage.because(reason));
        }
        let arguments = self.clone();
        let read = interruptible(move || arguments.read()).await?;
        read.map_err(|reason| Exit::Usage.because(reason))
    }

    /// The option that is given, if one is.
    pub(crate) fn given(&self) -> Option<&'static str> {
        let options = [
            ("--tls-ca", self.tls_ca.is_some()),
            ("--tls-insecure", self.tls_insecure),
            ("--tls-client", self.tls_client.is_some()),
            ("--tls-min", self.tls_min.is_some()),
        ];
        options.into_iter().find_map(|(option, is_given)| is_given.then_some(option))
    }

    fn read(&self) -> Result<TlsClient, String> {
        let trust = match &self.tls_ca {
            Some(file) => Trust::Roots(certificates(file)?),
            None if self.tls_insecure => Trust::Anything,
            None => Trust::System,
        };
        let identity = self.tls_client.as_deref().map(identity).transpose()?;
        let lowest = self.tls_min.unwrap_or_default();
        let options = TlsOptions { identity, lowest, ..TlsOptions::new(trust, Clock::system()) };
        Ok(TlsClient::new(options))
    }
}

fn bytes(file: &Path) -> Result<Vec<u8>, String> {
    regular(file, LONGEST_FILE)
        .map_err(|error| format!("`{}` cannot be read: {error}", file.display()))
}

fn certificates(file: &Path) -> Result<Vec<X509>, String> {
    let found = X509::stack_from_pem(&bytes(file)?).unwrap_or_default();
    if found.is_empty() {
        let name = file.display();
        return Err(format!(
            "`{name}` has no certificate in PEM, which begins with `-----BEGIN CERTIFICATE-----`"
        ));
    }
    Ok(found)
}

fn identity(file: &Path) -> Result<ClientIdentity, String> {
    let name = file.display();
    let text =
        String::from_utf8(bytes(file)?).map_err(|_| format!("`{name}` is no text in PEM"))?;
    // A secret is overwritten at its end.
    let text = Secret::new(text);
    ClientIdentity::from_pem(text.expose())
        .map_err(|error| format!("`{name}` cannot be used: {error}"))
}

/// What to do about a TLS connection that does not come about.
pub(crate) fn advice(failure: &TlsFailure) -> &'static str {
    match failure {
        TlsFailure::Certificate(problems) => problems.first().map_or(TRUST, about_certificate),
        TlsFailure::NoTls { is_http: true, .. } => {
            "write `http://`, or compare the port of the URL"
        }
        TlsFailure::NoTls { is_http: false, .. } => {
            "probably another service listens at this port: compare the port of the URL"
        }
        TlsFailure::Cut { .. } => {
            "perhaps the server speaks no TLS at this port, or something on the way ends it: try `http://`, and look at the server's log"
        }
        TlsFailure::Version { .. } => {
            "`--tls-min 1.0` takes old versions, too, which nobody should use any more (RFC 8996)"
        }
        TlsFailure::NoAlgorithm => {
            "compare the cipher suites and the certificate of the server; with `--tls-min 1.0`, old ones are offered, too"
        }
        TlsFailure::ClientCertificateWanted => {
            "`--tls-client FILE` shows a certificate, with its key in the same file"
        }
        TlsFailure::ClientCertificateRefused(_) => {
            "show a certificate that the server trusts with `--tls-client`; the server's log may say which"
        }
        TlsFailure::UnknownName => {
            "compare the host in the URL with the names that the server is set up for"
        }
        TlsFailure::TimedOut(_) => {
            "probably the server hangs, or another service listens at this port: compare the port of the URL"
        }
        TlsFailure::Alert(_) | TlsFailure::TooLong(_) | TlsFailure::Malformed(_) => {
            "the reason is probably in the log of the server, or of what ends TLS before it"
        }
        TlsFailure::SetUp(_) => "compare the files of `--tls-ca` and `--tls-client`",
    }
}

/// The cause that a web server names on the page with which it refuses a request because of TLS: nginx, Apache, and programs in Go.
pub(crate) fn cause_of_page(answer: &HttpResponse) -> Option<&'static str> {
    const OF_CLEAR_TEXT: [&str; 3] = [
        "plain HTTP request was sent to HTTPS port",
        "speaking plain HTTP to an SSL-enabled server port",
        "Client sent an HTTP request to an HTTPS server",
    ];
    const OF_NO_CERTIFICATE: &str = "No required SSL certificate was sent";
    if answer.status != 400 {
        return None;
    }
    let start = &answer.body[..answer.body.len().min(LONGEST_PAGE)];
    let text = String::from_utf8_lossy(start);
    if OF_CLEAR_TEXT.iter().any(|words| text.contains(words)) {
        return Some("the server speaks HTTPS at this port: write `https://`");
    }
    text.contains(OF_NO_CERTIFICATE).then(|| advice(&TlsFailure::ClientCertificateWanted))
}

/// What to do if the CA is not trusted.
const TRUST: &str = "`--tls-ca FILE` names the certificate of the CA to trust; `--tls-insecure` goes on without verification";

fn about_certificate(problem: &CertificateProblem) -> &'static str {
    match problem {
        CertificateProblem::OtherName { .. } => {
            "write a name that the certificate has into the URL, or have a certificate made for this one"
        }
        CertificateProblem::Date { .. } => {
            "compare the clock of this machine, and have the server's certificates renewed"
        }
        CertificateProblem::Weak { .. } => {
            "have a certificate made with a key of RSA 2048 or EC P-256 at least, and SHA-256"
        }
        CertificateProblem::NotForServers | CertificateProblem::NoCa { .. } => {
            "have a certificate made for a TLS server, by a CA (RFC 5280 §4.2.1)"
        }
        CertificateProblem::SelfSigned
        | CertificateProblem::UntrustedRoot { .. }
        | CertificateProblem::UnknownIssuer { .. }
        | CertificateProblem::WrongSignature { .. }
        | CertificateProblem::NotPinned
        | CertificateProblem::Other { .. } => TRUST,
    }
}

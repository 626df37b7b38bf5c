//! strongSwan's `pki --scepca` and `pki --scep`: the password is passed in a file of options, and the program polls itself.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use async_trait::async_trait;
use openssl::x509::{X509, X509Ref};
use scep::algorithm::{Cipher, Digest};
use scep::capabilities::Capabilities;
use scep::client::{CaCertificates, Exchange, choice};
use scep::http::Operation;
use scep::request::AlternativeName;

use crate::enrolment::order::{Failure, Missing};
use crate::enrolment::program::folder::key_pem;
use crate::enrolment::program::job::{Job, Run};
use crate::enrolment::program::version::Version;
use crate::enrolment::program::{
    Adapter, Answer, Error, Program, Unusable, option_word, recipient, signer,
};

/// Maximum size of a program that is examined; strongSwan's `pki` has about a hundred kilobytes.
const LARGEST_PROGRAM: u64 = 16 * 1024 * 1024;
/// Plugins that fetch by HTTP; the package comes without any.
const FETCHERS: [&str; 2] = ["libstrongswan-curl.so", "libstrongswan-soup.so"];

/// Among the programs named `pki`, the one with SCEP.
pub(super) const ADAPTER: Adapter = Adapter {
    examine,
    is_pending: |line| line.contains("SCEP request pending"),
    // Debian's build lists missing plugins at every start.
    is_noise: |line| line.starts_with("plugin '") || line.starts_with("TPM 2.0 - "),
    error,
    version: Some(Version { arguments: &["--help"], before: "strongSwan " }),
    ..Adapter::of("pki", "strongSwan's `pki`", "package `strongswan-pki`", |job| {
        Ok(Box::new(Strongswan::new(job)?))
    })
};

/// An enrolment by strongSwan's `pki`.
struct Strongswan {
    distinguished_name: String,
    cipher: Option<Cipher>,
    digest: Option<Digest>,
}

impl Strongswan {
    fn new(job: &Job<'_>) -> Result<Self, Failure> {
        let name = distinguished_name(job)?;
        job.folder.write("key.pem", &key_pem(&job.order.key)?)?;
        if let Some(existing) = &job.order.existing {
            job.folder.write("old-key.pem", &key_pem(&existing.key)?)?;
            job.folder.write("old.der", &existing.certificate.to_der()?)?;
        }
        let settings = &job.order.settings;
        if settings.ca_identifier.is_some() {
            job.journal
                .note("strongSwan's `pki` has no option for the identifier of the CA: it asks for the server's own");
        }
        if settings.extensions.alternative_names.iter().any(|name| identity(name).is_none()) {
            job.journal.note(
                "strongSwan's `pki` asks for no alternative names but those with DNS, email and IP",
            );
        }
        Ok(Self { distinguished_name: name, cipher: settings.cipher, digest: settings.digest })
    }

    /// Chooses the algorithms that are not configured by what the CA offers, because `pki` takes AES and SHA-256 whatever is
    /// offered.
    async fn choose_algorithms(&mut self, job: &mut Job<'_>) -> Result<(), Error> {
        const EXCHANGE: Exchange = Exchange::GetCaCaps;
        if self.cipher.is_some() && self.digest.is_some() {
            return Ok(());
        }
        let get_ca_caps = Operation::GetCaCaps(job.order.settings.ca_identifier.clone());
        let response = job.fetch(&EXCHANGE, &get_ca_caps).await?;
        let offered = match response.status {
            200 => Capabilities::parse(&response.body),
            // A CA without this operation has no capabilities (RFC 8894 §3.5.2).
            _ => Capabilities::default(),
        };
        let (configured, settings) = (self.cipher, &job.order.settings);
        let cipher = choice::cipher(configured, &offered)?;
        let digest = choice::digest(settings.digest, &offered)?;
        let told =
            format!("{EXCHANGE}: `pki` is told to use {cipher} and {digest}, which the CA offers");
        job.journal.log(&told);
        (self.cipher, self.digest) = (Some(cipher), Some(digest));
        Ok(())
    }

    /// Content of the options file, which keeps the password out of the arguments.
    fn options(&self, job: &Job<'_>, ca: &CaCertificates) -> Result<String, Error> {
        let order = job.order;
        let mut options = format!(
            "--url {}\n--in key.pem\n--dn {}\n--interval 1\n--outform pem\n",
            order.settings.endpoint,
            quoted(&self.distinguished_name),
        );
        let mut add = |option: &str, value: &str| {
            let _ = writeln!(options, "--{option} {value}");
        };
        add("cacert-enc", &write_der(job, "encryption.der", recipient(ca, job.clock().now()))?);
        add("cacert-sig", &write_der(job, "signature.der", signer(ca, job.clock().now()))?);
        for (index, one) in ca.ca.iter().enumerate() {
            add("cacert", &write_der(job, &format!("issuer-{index}.der"), one)?);
        }
        for name in order.settings.extensions.alternative_names.iter().filter_map(identity) {
            add("san", &quoted(&name));
        }
        if order.existing.is_some() {
            add("cert", "old.der");
            add("key", "old-key.pem");
        }
        if let Some(cipher) = self.cipher {
            add("cipher", cipher_word(cipher));
        }
        if let Some(digest) = self.digest {
            add("digest", &option_word(digest));
        }
        if let Some(password) = &order.password {
            if password.expose().contains(['\n', '"']) {
                let text =
                    "PKIOperation: `pki` cannot be given a password with a quote or a line break";
                return Err(Failure::Ended(text.to_owned()).into());
            }
            add("password", &quoted(password.expose()));
        }
        Ok(options)
    }
}

#[async_trait]
impl Program for Strongswan {
    async fn ca_certificates(&mut self, job: &mut Job<'_>) -> Result<CaCertificates, Error> {
        let url = job.order.settings.endpoint.to_string();
        let arguments =
            ["--scepca", "--url", &url, "--caout", "ca.der", "--raout", "ra.der", "--force"];
        let ended = job.succeed(&Exchange::GetCaCert, &arguments).await?;
        let ca = job.stored(&ended, files("ca", &["ca-root", "ca"]), X509::from_der)?;
        // It stores the certificate received last first.
        let ra = job.stored(&ended, files("ra", &["ra"]), X509::from_der)?.into_iter().rev();
        let all: Vec<_> = ca.into_iter().chain(ra).collect();
        if all.is_empty() {
            return Err(ended.bad_result("it stored no certificate").into());
        }
        Ok(CaCertificates::sort(all)?)
    }

    async fn request(&mut self, job: &mut Job<'_>, ca: &CaCertificates) -> Result<Answer, Error> {
        self.choose_algorithms(job).await?;
        let options = self.options(job, ca)?;
        job.folder.write("options", options.as_bytes())?;
        let ended = job.succeed(&job.exchange(), &["--scep", "--options", "options"]).await?;
        let certificate = X509::from_pem(&ended.stdout);
        let certificate = certificate.map_err(|_| ended.bad_result("it printed no certificate"))?;
        Ok(Answer::Issued(certificate))
    }
}

/// Reports missing capabilities as a failure of GetCACaps, although `pki` asks for them only in this exchange.
fn error(ended: &Run) -> Error {
    const NOT_OFFERED: [&str; 2] = ["not supported by CA", "not supported by the CA"];
    let says = |words: &str| ended.lines.iter().any(|line| line.contains(words));
    if NOT_OFFERED.into_iter().any(says) {
        return ended.exit_failure(&Exchange::GetCaCaps).into();
    }
    if says("no capable fetcher found") {
        return Failure::Ended(format!("{}: {}", ended.exchange, no_fetcher())).into();
    }
    ended.error()
}

/// Files that `pki --scepca` writes: `ca.der`, `ca-root-2.der`, `ca-1.der` and so on.
fn files(first: &str, numbered: &[&str]) -> Vec<String> {
    let more = numbered
        .iter()
        .flat_map(|name| (1..scep::MAX_CERTIFICATES).map(move |n| format!("{name}-{n}.der")));
    std::iter::once(format!("{first}.der")).chain(more).collect()
}

fn write_der(job: &Job<'_>, name: &str, certificate: &X509Ref) -> Result<String, Error> {
    job.folder.write(name, &certificate.to_der()?)?;
    Ok(name.to_owned())
}

/// The subject in strongSwan's notation, which has its own names for some types.
fn distinguished_name(job: &Job<'_>) -> Result<String, Failure> {
    let mut words = Vec::new();
    for (attribute_type, value) in job.order.subject_parts()? {
        let program = job.program_name();
        let word = match attribute_type.as_str() {
            "SN" => "S",
            "GN" => "G",
            "title" => "T",
            "emailAddress" => "E",
            known @ ("CN" | "C" | "DC" | "L" | "O" | "OU" | "serialNumber" | "ST" | "UID") => known,
            _ => return Err(Failure::AttributeType { program, attribute_type }),
        };
        if value.contains([',', '/', '"', '\\', '\n']) {
            return Err(Failure::AttributeValue { program, value });
        }
        words.push(format!("{word}={value}"));
    }
    Ok(words.join(", "))
}

/// An alternative name in strongSwan's notation; `None` for a URI, which `pki` leaves out of a request, and for the kinds that it is not given here.
fn identity(name: &AlternativeName) -> Option<String> {
    match name {
        AlternativeName::Dns(name) => Some(format!("dns:{name}")),
        AlternativeName::Email(name) => Some(format!("email:{name}")),
        AlternativeName::Ip(address) => Some(address.to_string()),
        _ => None,
    }
}

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

fn cipher_word(cipher: Cipher) -> &'static str {
    match cipher {
        Cipher::Des | Cipher::TripleDes => "des3",
        Cipher::Aes128 | Cipher::Aes192 | Cipher::Aes256 => "aes",
    }
}

/// Checks that the program is strongSwan's, has SCEP, and can fetch.
fn examine(program: &Path) -> Result<(), Unusable> {
    if !has_scep(program) {
        return Err(Unusable::Another("has no `--scep`, so it is one before 5.9.8 or Dogtag's"));
    }
    if can_fetch(program) { Ok(()) } else { Err(Unusable::Incomplete(no_fetcher())) }
}

/// True if the program has SCEP. Another `pki` may be an older one, or Dogtag's.
///
/// It is searched for the command's name and not run, because Dogtag's starts a Java machine.
fn has_scep(program: &Path) -> bool {
    const COMMAND: &[u8] = b"scepca";
    let mut bytes = Vec::new();
    let read =
        File::open(program).and_then(|file| file.take(LARGEST_PROGRAM).read_to_end(&mut bytes));
    read.is_ok() && bytes.windows(COMMAND.len()).any(|window| window == COMMAND)
}

/// True if there is a plugin that fetches by HTTP, or no folder of plugins, because they may be built in.
fn can_fetch(program: &Path) -> bool {
    let prefix = program.parent().and_then(Path::parent);
    let Some(plugins) = prefix.map(|prefix| prefix.join("lib/ipsec/plugins")) else { return true };
    !plugins.is_dir() || FETCHERS.iter().any(|fetcher| plugins.join(fetcher).is_file())
}

/// The missing fetcher plugin.
fn no_fetcher() -> Missing {
    Missing {
        program: "the plugin `curl`, by which strongSwan's `pki` fetches,".to_owned(),
        origin: "package `libstrongswan-extra-plugins`",
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn fetcher_is_missing_only_if_the_plugin_folder_has_none() {
        let prefix = tempfile::tempdir().unwrap();
        let (program, plugins) =
            (prefix.path().join("bin/pki"), prefix.path().join("lib/ipsec/plugins"));
        assert!(can_fetch(&program));
        fs::create_dir_all(&plugins).unwrap();
        assert!(!can_fetch(&program));
        fs::write(plugins.join("libstrongswan-curl.so"), "").unwrap();
        assert!(can_fetch(&program));
    }
}

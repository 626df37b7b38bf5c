//! Keys that open envelopes, from files.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use clap::builder::TypedValueParser;
use clap::error::ErrorKind;
use clap::{Arg, Args, Command, Error};
use explain::{KeySource, Knowledge};
use openssl::pkcs12::Pkcs12;
use openssl::pkey::{PKey, Private};
use openssl::x509::X509;
use scep::secret::Secret;

use model::lab::PasswordSource;

/// Keys that open envelopes.
#[derive(Clone, Debug, Args)]
pub(super) struct KeyArguments {
    /// A private key in PEM or DER, which opens the envelopes for its certificate: that of the CA or its RA opens requests, that of the
    /// client replies. Certificates in the same file are read, too. May be given several times
    #[arg(long = "key", value_name = "FILE")]
    keys: Vec<PathBuf>,
    /// A PKCS#12 file with such a key and its certificate. May be given several times
    #[arg(long = "pkcs12", value_name = "FILE")]
    pkcs12: Vec<PathBuf>,
    /// The source of the password of the PKCS#12 files: `file:PATH` for the first line of a file, or `env:NAME` for an environment variable
    /// [default: no password]
    #[arg(long, value_name = "SOURCE", requires = "pkcs12", value_parser = SourceParser)]
    pkcs12_password: Option<PasswordSource>,
    /// A state directory of the mock CA (`sceplab serve --state`), whose keys open the requests to it
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
}

/// The largest file with a key or with certificates, in bytes.
const LIMIT: u64 = 1024 * 1024;

/// Reads the source of a password; the password itself is not for the command line, which other users see.
#[derive(Debug, Clone)]
struct SourceParser;

impl TypedValueParser for SourceParser {
    type Value = PasswordSource;

    /// The error does not show the value, which may be the password itself.
    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<PasswordSource, Error> {
        value.to_str().and_then(source).ok_or_else(|| {
            let argument = argument.map(ToString::to_string).unwrap_or_default();
            let message = format!(
                "invalid value for '{argument}': it is `file:PATH` or `env:NAME`, not the password itself, which other users of this machine could see\n"
            );
            Error::raw(ErrorKind::ValueValidation, message).with_cmd(command)
        })
    }
}

fn source(text: &str) -> Option<PasswordSource> {
    match text.split_once(':')? {
        ("file", path) if !path.is_empty() => Some(PasswordSource::File(path.into())),
        ("env", name) if !name.is_empty() => Some(PasswordSource::Environment(name.to_owned())),
        _ => None,
    }
}

impl KeyArguments {
    /// Reads all files; the error names the file.
    pub(super) fn read(&self, knowledge: &mut Knowledge) -> Result<(), String> {
        for path in &self.keys {
            let bytes = read(path)?;
            add(knowledge, "--key", path, [key(path, &bytes)?]);
            knowledge.certificates.extend(X509::stack_from_pem(&bytes).unwrap_or_default());
        }
        let password = self.pkcs12_password.as_ref().map(PasswordSource::read).transpose();
        let password = password.map_err(|error| error.to_string())?;
        for path in &self.pkcs12 {
            let (key, certificates) = pkcs12(path, password.as_ref())?;
            add(knowledge, "--pkcs12", path, key);
            knowledge.certificates.extend(certificates);
        }
        if let Some(directory) = &self.state {
            let identities = mock_ca::identities(directory).map_err(|error| error.to_string())?;
            if identities.is_empty() {
                let shown = directory.display();
                return Err(format!(
                    "`{shown}` has no key of a CA: give the directory of `sceplab serve --state`"
                ));
            }
            let certificates = identities.iter().map(|identity| identity.certificate.clone());
            knowledge.certificates.extend(certificates);
            let keys = identities.into_iter().map(|identity| identity.key);
            add(knowledge, "--state", directory, keys);
        }
        Ok(())
    }
}

/// Adds the keys from a file or directory.
fn add(
    knowledge: &mut Knowledge,
    option: &str,
    path: &Path,
    keys: impl IntoIterator<Item = PKey<Private>>,
) {
    let first = knowledge.keys.len();
    knowledge.keys.extend(keys);
    let name = format!("`{option} {}`", path.display());
    knowledge.key_sources.push(KeySource { name, keys: first..knowledge.keys.len() });
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    files::stream(path, LIMIT)
        .map_err(|error| format!("`{}` cannot be read: {error}", path.display()))
}

/// A private key in PEM or DER, without a password.
fn key(path: &Path, bytes: &[u8]) -> Result<PKey<Private>, String> {
    // With no password given, OpenSSL would ask for one at the terminal.
    let read = PKey::private_key_from_pem_passphrase(bytes, b"");
    // The error of a key's parser could quote the key.
    read.or_else(|_| PKey::private_key_from_der(bytes)).map_err(|_| {
        let shown = path.display();
        let text = String::from_utf8_lossy(bytes);
        if text.contains("ENCRYPTED") {
            return format!(
                "the key in `{shown}` is encrypted: `openssl pkey -in {shown} -out FILE` writes it without its password, \
                 or give it as PKCS#12"
            );
        }
        format!("`{shown}` has no private key in PEM or DER")
    })
}

fn pkcs12(
    path: &Path,
    password: Option<&Secret>,
) -> Result<(Option<PKey<Private>>, Vec<X509>), String> {
    let shown = path.display();
    let bytes = read(path)?;
    let file = Pkcs12::from_der(&bytes).map_err(|_| format!("`{shown}` is no PKCS#12 file"))?;
    let parsed = file.parse2(password.map(Secret::expose).unwrap_or_default()).map_err(|_| {
        let how = if password.is_some() {
            "its password is another one"
        } else {
            "give its password with --pkcs12-password"
        };
        format!("`{shown}` cannot be opened: {how}")
    })?;
    let further = parsed.ca.into_iter().flatten();
    Ok((parsed.pkey, parsed.cert.into_iter().chain(further).collect()))
}

/// The certificates in a file in PEM or DER, or in a certs-only message as GetCACert returns it.
pub(super) fn certificates_in(path: &Path) -> Result<Vec<X509>, String> {
    let bytes = read(path)?;
    let pem = X509::stack_from_pem(&bytes).unwrap_or_default();
    if !pem.is_empty() {
        return Ok(pem);
    }
    if let Ok(certificate) = X509::from_der(&bytes) {
        return Ok(vec![certificate]);
    }
    let contents = scep::certs_only::decode(&bytes).map(|contents| contents.certificates);
    contents
        .ok()
        .filter(|certificates| !certificates.is_empty())
        .ok_or_else(|| format!("`{}` has no certificate in PEM, DER or PKCS#7", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn source_of_a_password_is_a_file_or_a_variable() {
        assert_eq!(source("file:a b"), Some(PasswordSource::File("a b".into())));
        assert_eq!(source("env:P"), Some(PasswordSource::Environment("P".to_owned())));
        for wrong in ["", "s3cret", "file:", "env:", "pass:s3cret"] {
            assert!(source(wrong).is_none(), "{wrong}");
        }
    }
}

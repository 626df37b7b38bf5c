//! What an enrolment leaves in a folder: the key, its certificate, those of the CA.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use openssl::error::ErrorStack;
use openssl::pkey::{PKey, Private};
use openssl::x509::X509;
use scep::certificate::Fingerprint;
use scep::identity::Identity;
use thiserror::Error;

use super::enrolment::Enrolled;

/// The files of one enrolment, by their folder.
#[derive(Debug, Clone)]
pub struct Files(PathBuf);

/// Why files could not be written or read.
#[derive(Debug, Error)]
pub enum FilesError {
    /// The operating system does not let us.
    #[error("`{}`: {error}", .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What it says.
        error: io::Error,
    },
    /// What is in a file is no key or no certificate in PEM.
    #[error("`{}` is not in PEM: {error}", .path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What OpenSSL says.
        error: ErrorStack,
    },
}

impl Files {
    /// Those in this folder, which need not be there yet.
    pub fn in_folder(folder: &Path) -> Self {
        Self(folder.to_owned())
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.0
    }

    /// The private key, PKCS#8 in PEM.
    pub fn key(&self) -> PathBuf {
        self.0.join("key.pem")
    }

    /// The certificate that was issued, in PEM.
    pub fn certificate(&self) -> PathBuf {
        self.0.join("cert.pem")
    }

    /// The certificates of the CA and its RA, in PEM.
    pub fn ca(&self) -> PathBuf {
        self.0.join("ca.pem")
    }

    /// Writes what an enrolment brought; the key is for its owner alone.
    ///
    /// # Errors
    /// When the folder cannot be made, or a file not be written.
    pub fn write(&self, key: &PKey<Private>, enrolled: &Enrolled) -> Result<(), FilesError> {
        fs::create_dir_all(&self.0).map_err(at(&self.0))?;
        let pem = |path: &Path, made: Result<Vec<u8>, ErrorStack>| {
            made.map_err(|error| FilesError::Pem { path: path.to_owned(), error })
        };
        let (key_path, certificate_path, ca_path) = (self.key(), self.certificate(), self.ca());
        write_privately(&key_path, &pem(&key_path, key.private_key_to_pem_pkcs8())?)?;
        let certificate = pem(&certificate_path, enrolled.certificate.to_pem())?;
        fs::write(&certificate_path, certificate).map_err(at(&certificate_path))?;
        let mut chain = Vec::new();
        for one in enrolled.ca.ca.iter().chain(&enrolled.ca.ra) {
            chain.extend(pem(&ca_path, one.to_pem())?);
        }
        fs::write(&ca_path, chain).map_err(at(&ca_path))
    }

    /// The certificate of an enrolment before, with its key; `None` where there was none.
    ///
    /// # Errors
    /// When a file is there and cannot be read.
    pub fn identity(&self) -> Result<Option<Identity>, FilesError> {
        let (key_path, certificate_path) = (self.key(), self.certificate());
        if !key_path.exists() || !certificate_path.exists() {
            return Ok(None);
        }
        let pem = |path: PathBuf| move |error| FilesError::Pem { path, error };
        let key = fs::read(&key_path).map_err(at(&key_path))?;
        let certificate = fs::read(&certificate_path).map_err(at(&certificate_path))?;
        Ok(Some(Identity {
            key: PKey::private_key_from_pem(&key).map_err(pem(key_path))?,
            certificate: X509::from_pem(&certificate).map_err(pem(certificate_path))?,
        }))
    }
}

/// The fingerprint of the certificate in a file of PEM; the error is what is wrong with it.
///
/// # Errors
/// When there is no such file, or no certificate in it.
pub fn fingerprint_of(path: &Path) -> Result<Fingerprint, String> {
    let unreadable = |error: &dyn std::fmt::Display| format!("`{}`: {error}", path.display());
    let pem = fs::read(path).map_err(|error| unreadable(&error))?;
    let certificate = X509::from_pem(&pem).map_err(|error| unreadable(&error))?;
    Fingerprint::of(&certificate).map_err(|error| unreadable(&error))
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> FilesError {
    let path = path.to_owned();
    move |error| FilesError::Io { path, error }
}

/// Another's file of that name is no place for a key: a new file takes its place.
fn write_privately(path: &Path, bytes: &[u8]) -> Result<(), FilesError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(at(path)(error)),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(at(path))?;
    file.write_all(bytes).map_err(at(path))
}

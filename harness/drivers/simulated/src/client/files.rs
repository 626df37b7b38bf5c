//! The files of one enrolment: the key, the certificate and those of the CA, which change together.

use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use files::{Draft, FileSet, Kept, Member, ReadError, Readers, regular, stream};
use openssl::error::ErrorStack;
use openssl::pkey::{PKey, Private};
use openssl::x509::{X509, X509Ref};
use scep::certificate::{Fingerprint, is_issued_by};
use scep::client::CaCertificates;
use scep::content::{Asn1, Content};
use scep::identity::Identity;
use thiserror::Error;

use super::Enrolled;

/// The file of the private key.
const KEY_FILE: &str = "key.pem";

/// The file of the issued certificate.
const CERTIFICATE_FILE: &str = "cert.pem";

/// The file of the certificates of the CA and its RA.
const CA_FILE: &str = "ca.pem";

const MEMBERS: [Member; 3] = [
    Member { name: KEY_FILE, readers: Readers::Owner },
    Member { name: CA_FILE, readers: Readers::Everyone },
    Member { name: CERTIFICATE_FILE, readers: Readers::Everyone },
];

/// The room that certificates get on the disk before the request is sent, in bytes: a long chain in PEM.
const ROOM: usize = 64 * 1024;

/// The largest file that is read, in bytes.
const LIMIT: u64 = 1024 * 1024;

/// The files of one enrolment in their folder.
#[derive(Debug)]
pub struct Files(FileSet);

/// The files of an enrolment whose certificate is not known yet. Without a certificate they are removed on drop.
#[derive(Debug)]
pub struct PreparedFiles<'a> {
    files: &'a Files,
    draft: Draft<'a>,
}

/// Why files could not be written or read.
#[derive(Debug, Error)]
pub enum FilesError {
    /// The operating system reports an error.
    #[error("`{}`: {error}", .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The error.
        error: io::Error,
    },
    /// The file cannot be read, or is not one that is read.
    #[error("`{}` cannot be read: {error}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The reason.
        error: ReadError,
    },
    /// The file contains no key or no certificate in PEM.
    #[error("`{}` has no {wanted} in PEM: {came}", .path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What it should contain.
        wanted: &'static str,
        /// What it contains, in words.
        came: String,
    },
    /// The key is not that of the certificate.
    #[error("the key in `{}` is not that of the certificate in `{}`", .key.display(), .certificate.display())]
    Mismatch {
        /// The file of the key.
        key: PathBuf,
        /// The file of the certificate.
        certificate: PathBuf,
    },
    /// A key or a certificate cannot be written in PEM.
    #[error("`{}` cannot be written: OpenSSL failed at what should work ({})", .path.display(), scep::reasons(.errors))]
    NotWritten {
        /// The file.
        path: PathBuf,
        /// The errors of OpenSSL.
        errors: ErrorStack,
    },
}

/// Why a certificate that was issued is not in its place, or not for certain.
#[derive(Debug, Error)]
#[error("the certificate was issued, but {}: {error}", match .kept {
    Kept::InPlace => "may not be on the disk yet",
    Kept::InPart(_) | Kept::Complete(_) => "is not in its place",
})]
pub struct NotInPlace {
    /// What went wrong.
    pub error: FilesError,
    /// Where the key is.
    pub kept: Kept,
}

impl Files {
    /// The files in this folder, which may not exist yet.
    pub fn in_folder(folder: &Path) -> Self {
        Self(FileSet::new(folder.to_owned(), &MEMBERS))
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        self.0.folder()
    }

    /// The private key, PKCS#8 in PEM.
    pub fn key(&self) -> PathBuf {
        self.0.file(KEY_FILE)
    }

    /// The issued certificate, in PEM.
    pub fn certificate(&self) -> PathBuf {
        self.0.file(CERTIFICATE_FILE)
    }

    /// The certificates of the CA and its RA, in PEM.
    pub fn ca(&self) -> PathBuf {
        self.0.file(CA_FILE)
    }

    /// True if there is a key.
    ///
    /// # Errors
    /// If that cannot be found out.
    pub fn has_key(&self) -> Result<bool, FilesError> {
        is_there(&self.key())
    }

    /// Puts files in their places that a killed run had already written; true if there were some.
    ///
    /// # Errors
    /// If another run uses the folder, or it cannot be changed.
    pub fn finish_earlier(&self) -> Result<bool, FilesError> {
        self.0.finish_earlier().map_err(at(self.folder()))
    }

    /// Writes the new key, which only the owner can read, and makes room for the certificates. Files that are there stay in their places.
    ///
    /// # Errors
    /// If the folder cannot hold them, so that nothing must be requested.
    pub fn prepare(&self, key: &PKey<Private>) -> Result<PreparedFiles<'_>, FilesError> {
        let key = key.private_key_to_pem_pkcs8().map_err(not_written(&self.key()))?;
        let draft = self.0.begin().map_err(at(self.folder()))?;
        draft.write(KEY_FILE, &key, Readers::Owner).map_err(at(&self.key()))?;
        draft.reserve(ROOM).map_err(at(self.folder()))?;
        Ok(PreparedFiles { files: self, draft })
    }

    /// The certificate of an earlier enrolment with its key; `None` if there is none.
    ///
    /// # Errors
    /// If an existing file cannot be read, or the key is not that of the certificate.
    pub fn identity(&self) -> Result<Option<Identity>, FilesError> {
        let (key_path, certificate_path) = (self.key(), self.certificate());
        if !is_there(&key_path)? || !is_there(&certificate_path)? {
            return Ok(None);
        }
        let read = |path: &Path| regular(path, LIMIT).map_err(unreadable(path));
        let (key, certificate) = (read(&key_path)?, read(&certificate_path)?);
        let key = private_key(&key).map_err(not_pem(&key_path, KEY, &key))?;
        let certificate = X509::from_pem(&certificate).map_err(not_pem(
            &certificate_path,
            CERTIFICATE,
            &certificate,
        ))?;
        if !certificate.public_key().is_ok_and(|public| public.public_eq(&key)) {
            return Err(FilesError::Mismatch { key: key_path, certificate: certificate_path });
        }
        Ok(Some(Identity { key, certificate }))
    }
}

impl PreparedFiles<'_> {
    /// Writes the certificates, and puts them and the key in their places at once.
    ///
    /// # Errors
    /// If that fails; the error says where the new key is.
    pub fn put_in_place(mut self, enrolled: &Enrolled) -> Result<(), NotInPlace> {
        let written = self.write(enrolled);
        written.map_err(|error| NotInPlace { error, kept: self.draft.keep() })
    }

    fn write(&mut self, enrolled: &Enrolled) -> Result<(), FilesError> {
        let (ca_path, certificate_path) = (self.files.ca(), self.files.certificate());
        let chain = anchor_first(&enrolled.ca, enrolled.at).into_iter().map(X509Ref::to_pem);
        let chain: Vec<_> = chain.collect::<Result<_, _>>().map_err(not_written(&ca_path))?;
        let certificate = enrolled.certificate.to_pem().map_err(not_written(&certificate_path))?;
        self.draft.release().map_err(at(&certificate_path))?;
        let (draft, everyone) = (&self.draft, Readers::Everyone);
        draft.write(CERTIFICATE_FILE, &certificate, everyone).map_err(at(&certificate_path))?;
        draft.write(CA_FILE, &chain.concat(), everyone).map_err(at(&ca_path))?;
        self.draft.put_in_place().map_err(at(self.files.folder()))
    }
}

/// The fingerprint of the certificate in a file of PEM, which may be a pipe.
///
/// # Errors
/// If there is no such file, or it contains no certificate.
pub fn fingerprint_of(path: &Path) -> Result<Fingerprint, FilesError> {
    let pem = stream(path, LIMIT).map_err(unreadable(path))?;
    X509::from_pem(&pem).and_then(|it| Fingerprint::of(&it)).map_err(not_pem(
        path,
        CERTIFICATE,
        &pem,
    ))
}

/// The certificates of the CA and its RA. The first is the top of the issuing CA's chain, because a reader that trusts the first
/// certificate of a file must not get an old one.
fn anchor_first(certificates: &CaCertificates, now: SystemTime) -> Vec<&X509Ref> {
    let mut all: Vec<&X509Ref> =
        certificates.ca.iter().chain(&certificates.ra).map(AsRef::as_ref).collect();
    if certificates.ca.is_empty() {
        return all;
    }
    let mut top = certificates.issuer(now);
    for _ in &certificates.ca {
        let issued_top = |ca: &&&X509Ref| **ca != top && is_issued_by(top, ca);
        top = all.iter().find(issued_top).copied().unwrap_or(top);
    }
    all.sort_by_key(|one| *one != top);
    all
}

fn is_there(path: &Path) -> Result<bool, FilesError> {
    path.try_exists().map_err(at(path))
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> FilesError {
    let path = path.to_owned();
    move |error| FilesError::Io { path, error }
}

fn unreadable(path: &Path) -> impl FnOnce(ReadError) -> FilesError {
    let path = path.to_owned();
    move |error| FilesError::Unreadable { path, error }
}

/// A private key without a passphrase. OpenSSL would ask for a passphrase at the terminal, so there is an empty one.
fn private_key(pem: &[u8]) -> Result<PKey<Private>, ErrorStack> {
    PKey::private_key_from_pem_callback(pem, |_| Ok(0))
}

const KEY: &str = "private key";
const CERTIFICATE: &str = "certificate";

fn not_pem(
    path: &Path,
    wanted: &'static str,
    bytes: &[u8],
) -> impl FnOnce(ErrorStack) -> FilesError {
    let (path, content) = (path.to_owned(), Content::of(bytes));
    move |errors| FilesError::Pem { path, wanted, came: instead(&content, wanted, &errors) }
}

/// What a file has in place of a key or a certificate in PEM, without text of it, which may be secret.
fn instead(content: &Content, wanted: &str, errors: &ErrorStack) -> String {
    match content {
        Content::Empty => "it is empty".to_owned(),
        Content::Pem(label) if label.contains("ENCRYPTED") => {
            "its key is enciphered with a passphrase, which is not supported".to_owned()
        }
        Content::Pem(label) if label.to_lowercase().ends_with(wanted) => {
            format!("its PEM is damaged ({})", scep::reasons(errors))
        }
        Content::Pem(_) | Content::Asn1(Asn1::Beginning(..)) => format!("it is {content}"),
        Content::Asn1(_) => format!("it is {content} in DER; `openssl` converts it"),
        content => format!("it is {}", content.kind()),
    }
}

fn not_written(path: &Path) -> impl FnOnce(ErrorStack) -> FilesError {
    let path = path.to_owned();
    move |errors| FilesError::NotWritten { path, errors }
}

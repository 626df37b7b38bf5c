//! The private folder of an enrolment by a program; it is removed with the enrolment.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use files::PrivateFolder;
use openssl::error::ErrorStack;
use openssl::pkey::{PKeyRef, Private};

/// A folder that only the device's user can access.
pub(crate) struct Folder(PrivateFolder);

impl Folder {
    /// Creates a folder of mode 0700.
    pub(crate) fn new() -> io::Result<Self> {
        PrivateFolder::new("sceplab-scep-").map(Self)
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file of mode 0600 and replaces an existing one.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.remove(name)?;
        let mut options = OpenOptions::new();
        options.mode(0o600).write(true).create_new(true);
        options.open(self.file(name))?.write_all(bytes)
    }

    /// Reads a file, up to the maximum length of a message; `None` if there is no such file.
    pub(crate) fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        let mut bytes = Vec::new();
        match File::open(self.file(name)) {
            Ok(file) => file.take(scep::MAX_MESSAGE_BYTES as u64).read_to_end(&mut bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(Some(bytes))
    }

    pub(crate) fn remove(&self, name: &str) -> io::Result<()> {
        match fs::remove_file(self.file(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }
}

/// The key as PKCS#1 in PEM, which every program reads.
pub(crate) fn key_pem(key: &PKeyRef<Private>) -> Result<Vec<u8>, ErrorStack> {
    key.rsa()?.private_key_to_pem()
}

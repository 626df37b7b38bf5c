//! The certificates that the system trusts.

use std::path::PathBuf;

use openssl::x509::X509;
use openssl::x509::store::X509StoreBuilderRef;

/// Where the system keeps the certificates that it trusts: an OpenSSL that was built from source does not know the system's places.
#[derive(Debug, Clone)]
pub struct SystemRoots {
    /// A file with all of them, in PEM.
    file: Option<PathBuf>,
    /// Folders with a file for each.
    folders: Vec<PathBuf>,
}

/// The most bytes that are read of a file of certificates.
const LONGEST: u64 = 16 << 20;

/// The most files that are read of a folder.
const MOST_FILES: usize = 4096;

impl SystemRoots {
    /// Finds them: the variables `SSL_CERT_FILE` and `SSL_CERT_DIR` name them, or they are at one of the places that systems have.
    pub fn find() -> Self {
        let openssl_probe::ProbeResult { cert_file, cert_dir, .. } = openssl_probe::probe();
        Self { file: cert_file, folders: cert_dir }
    }

    /// Adds them to a store. What cannot be read is left out: then no server verifies, which says whose certificate is missing.
    pub(super) fn load(&self, store: &mut X509StoreBuilderRef) {
        let in_file = self.file.iter().flat_map(|file| certificates(file));
        // The folders mostly have the same certificates as the file.
        let in_folders = self.folders.iter().filter(|_| self.file.is_none()).flat_map(|folder| {
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
            entries.take(MOST_FILES).flat_map(|entry| certificates(&entry.path()))
        });
        for certificate in in_file.chain(in_folders) {
            // A certificate that is there twice is refused by old versions of OpenSSL.
            let _ = store.add_cert(certificate);
        }
    }
}

fn certificates(file: &std::path::Path) -> Vec<X509> {
    let is_short =
        std::fs::metadata(file).is_ok_and(|meta| meta.is_file() && meta.len() <= LONGEST);
    let bytes = is_short.then(|| std::fs::read(file).ok()).flatten();
    bytes.and_then(|bytes| X509::stack_from_pem(&bytes).ok()).unwrap_or_default()
}

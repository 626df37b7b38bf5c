//! The files of the CA itself.

use std::{io, path::Path};

use openssl::{pkey::PKey, x509::X509};
use scep::identity::Identity;

use super::{StateError, damaged, read_text};
use crate::authority::{Authority, Registration};

/// The CA, and its registration authority where it has one.
pub(crate) type Identities = (Identity, Option<Registration>);

/// Their names.
pub(super) const FILES: [&str; 6] = [
    "ca.key",
    "ca.pem",
    "ra-signing.key",
    "ra-signing.pem",
    "ra-encryption.key",
    "ra-encryption.pem",
];

/// The name and content of each file.
pub(super) fn files(authority: &Authority) -> io::Result<Vec<(&'static str, Vec<u8>)>> {
    let registration = authority.registration.iter();
    let registration = registration.flat_map(|ra| [&ra.signing, &ra.encryption]);
    let identities = std::iter::once(&authority.ca).chain(registration);
    let mut files = Vec::new();
    for (identity, names) in identities.zip(FILES.chunks_exact(2)) {
        files.push((names[0], identity.key.private_key_to_pem_pkcs8()?));
        files.push((names[1], identity.certificate.to_pem()?));
    }
    Ok(files)
}

/// Reads them all.
pub(super) fn read(directory: &Path, has_registration: bool) -> Result<Identities, StateError> {
    let ca = identity(directory, FILES[0], FILES[1])?;
    let registration = if has_registration {
        Some(Registration {
            signing: identity(directory, FILES[2], FILES[3])?,
            encryption: identity(directory, FILES[4], FILES[5])?,
        })
    } else {
        None
    };
    Ok((ca, registration))
}

fn identity(directory: &Path, key: &str, certificate: &str) -> Result<Identity, StateError> {
    let (key_path, path) = (directory.join(key), directory.join(certificate));
    // The error of a key's parser could quote the key.
    let key = PKey::private_key_from_pem(read_text(&key_path)?.as_bytes())
        .map_err(|_| damaged(&key_path, &"it holds no private key in PEM"))?;
    let certificate = X509::from_pem(read_text(&path)?.as_bytes())
        .map_err(|_| damaged(&path, &"it holds no certificate in PEM"))?;
    let belongs = certificate.public_key().is_ok_and(|public| public.public_eq(&key));
    if !belongs {
        return Err(damaged(&path, &format!("its key is not the one in `{}`", key_path.display())));
    }
    Ok(Identity { certificate, key })
}

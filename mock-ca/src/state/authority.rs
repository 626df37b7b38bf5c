//! The files of the CA itself.

use std::{
    io,
    path::{Path, PathBuf},
};

use openssl::{pkey::PKey, x509::X509};
use rusqlite::Connection;
use scep::{certificate::Fingerprint, identity::Identity};

use super::{
    StateError,
    database::QueryError,
    error::{at, damaged},
    files, modes,
};
use crate::{
    authority::{Authority, subject_of},
    personality::{Personality, Registration},
    settings::WindowsSettings,
};

/// The names of the files without their extension.
const CA: &str = "ca";
const NEXT_CA: &str = "next-ca";
const RA_SIGNING: &str = "ra-signing";
const RA_ENCRYPTION: &str = "ra-encryption";

/// True if the name is that of a key or certificate of the CA itself.
pub(super) fn is_file(name: &str) -> bool {
    let stem = name.strip_suffix(".key").or_else(|| name.strip_suffix(".pem"));
    stem.is_some_and(|stem| [CA, NEXT_CA, RA_SIGNING, RA_ENCRYPTION].contains(&stem))
}

/// Writes the keys and certificates into a directory that has none.
pub(super) fn write(directory: &Path, authority: &Authority) -> Result<(), StateError> {
    for (stem, identity) in identities(authority) {
        let (key_path, path) = paths(directory, stem);
        let encode = |encoded: Result<Vec<u8>, _>| {
            encoded.map_err(|errors| at("encode", directory)(io::Error::from(errors)))
        };
        files::write(&key_path, &encode(identity.key.private_key_to_pem_pkcs8())?)?;
        files::write(&path, &encode(identity.certificate.to_pem())?)?;
    }
    Ok(())
}

/// Reads the keys and certificates that the personality has.
pub(super) fn read(
    directory: &Path,
    personality: &Personality,
    windows: &WindowsSettings,
) -> Result<Authority, StateError> {
    let identity = |stem| identity(directory, stem);
    let mut authority = Authority::of(personality, identity(CA)?, windows);
    if personality.has_next_ca {
        authority.next_ca = Some(identity(NEXT_CA)?);
    }
    if personality.registration.is_some() {
        let (signing, encryption) = (identity(RA_SIGNING)?, identity(RA_ENCRYPTION)?);
        authority.registration = Some(Registration { signing, encryption });
    }
    Ok(authority)
}

/// Notes the CA's certificates in a new database.
pub(super) fn insert(connection: &Connection, authority: &Authority) -> Result<(), QueryError> {
    for (stem, Identity { certificate, .. }) in identities(authority) {
        let values = (format!("{stem}.pem"), subject_of(certificate), fingerprint(certificate));
        connection.execute("INSERT INTO identity VALUES (?, ?, ?)", values)?;
    }
    Ok(())
}

/// Refuses certificates that are not those in the database, each as its file and fingerprint.
pub(super) fn expect(
    directory: &Path,
    authority: &Authority,
    known: &[(String, String)],
) -> Result<(), StateError> {
    for (stem, identity) in identities(authority) {
        let (path, name) = (paths(directory, stem).1, format!("{stem}.pem"));
        let stored = known.iter().find(|(file, _)| *file == name).map(|(_, sha256)| sha256);
        let found = fingerprint(&identity.certificate);
        if stored != Some(&found) {
            let stored = stored.map_or("no certificate", String::as_str);
            let reason =
                format!("its SHA-256 fingerprint is {found}, and `state.db` knows {stored}");
            return Err(damaged(&path, &reason));
        }
    }
    Ok(())
}

fn identities(authority: &Authority) -> Vec<(&'static str, &Identity)> {
    let mut identities = vec![(CA, &authority.ca)];
    identities.extend(authority.next_ca.as_ref().map(|next_ca| (NEXT_CA, next_ca)));
    if let Some(registration) = &authority.registration {
        identities.push((RA_SIGNING, &registration.signing));
        identities.push((RA_ENCRYPTION, &registration.encryption));
    }
    identities
}

fn identity(directory: &Path, stem: &str) -> Result<Identity, StateError> {
    let (key_path, path) = paths(directory, stem);
    modes::ANYTHING.expect(&key_path)?;
    modes::CHANGES.expect(&path)?;
    // The error of a key's parser could quote the key.
    let key = PKey::private_key_from_pem(&files::read(&key_path)?)
        .map_err(|_| damaged(&key_path, &"it holds no private key in PEM"))?;
    let certificate = X509::from_pem(&files::read(&path)?)
        .map_err(|_| damaged(&path, &"it holds no certificate in PEM"))?;
    let belongs = certificate.public_key().is_ok_and(|public| public.public_eq(&key));
    if !belongs {
        return Err(damaged(&path, &format!("its key is not the one in `{}`", key_path.display())));
    }
    Ok(Identity { certificate, key })
}

/// The paths of a key and of its certificate.
fn paths(directory: &Path, stem: &str) -> (PathBuf, PathBuf) {
    (directory.join(format!("{stem}.key")), directory.join(format!("{stem}.pem")))
}

fn fingerprint(certificate: &X509) -> String {
    Fingerprint::of(certificate).map(|it| it.to_string()).unwrap_or_default()
}

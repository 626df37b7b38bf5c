//! The files of the CA itself.

use std::{
    io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use openssl::{pkey::PKey, x509::X509};
use rusqlite::Connection;
use scep::{
    certificate::Fingerprint,
    clock::{FIRST_MOMENT, system_time},
    identity::Identity,
};

use super::{
    StateError,
    database::QueryError,
    error::{at, damaged},
    files, modes,
};
use crate::{
    authority::{Since, Timeline, subject_of},
    personality::{Personality, Registration},
};

/// The names of the files without their extension. A further one of a kind has its number, which begins with 2, at the end.
const CA: &str = "ca";
const NEXT_CA: &str = "next-ca";
const ISSUER: &str = "issuer";
const RA_SIGNING: &str = "ra-signing";
const RA_ENCRYPTION: &str = "ra-encryption";

/// The certificates of a new state's CA, each with the name of its file and its fingerprint, as the database has them.
pub(super) type Known = [(String, String)];

/// True if the name is that of a key or certificate of the CA itself.
pub(super) fn is_file(name: &str) -> bool {
    let stem = name.strip_suffix(".key").or_else(|| name.strip_suffix(".pem"));
    stem.is_some_and(|stem| {
        let kind = [CA, NEXT_CA, ISSUER, RA_SIGNING, RA_ENCRYPTION];
        kind.contains(&stem) || kind.iter().any(|kind| number_of(stem, kind).is_some())
    })
}

/// The number at the end of a name of this kind.
fn number_of(stem: &str, kind: &str) -> Option<usize> {
    let digits = stem.strip_prefix(kind)?.strip_prefix('-')?;
    digits.parse().ok().filter(|number| *number > 0 && format!("{number}") == digits)
}

/// The name of the CA with this number, counted from 1.
fn ca_stem(number: usize) -> String {
    match number {
        1 => CA.to_owned(),
        2 => NEXT_CA.to_owned(),
        number => format!("{CA}-{number}"),
    }
}

fn registration_stem(kind: &str, number: usize) -> String {
    if number == 1 { kind.to_owned() } else { format!("{kind}-{number}") }
}

/// Writes the keys and certificates into a directory that has none.
pub(super) fn write(directory: &Path, timeline: &Timeline) -> Result<(), StateError> {
    named(timeline).iter().try_for_each(|(stem, identity)| write_one(directory, stem, identity))
}

fn write_one(directory: &Path, stem: &str, identity: &Identity) -> Result<(), StateError> {
    let (key_path, path) = paths(directory, stem);
    let encode = |encoded: Result<Vec<u8>, _>| {
        encoded.map_err(|errors| at("encode", directory)(io::Error::from(errors)))
    };
    files::write(&key_path, &encode(identity.key.private_key_to_pem_pkcs8())?)?;
    files::write(&path, &encode(identity.certificate.to_pem())?)
}

/// The certificates that every state of this personality has.
pub(super) fn first_files(personality: &Personality) -> Vec<String> {
    let next = personality.has_next_ca.then_some(NEXT_CA);
    let registration = personality.registration.as_ref().map(|_| [RA_SIGNING, RA_ENCRYPTION]);
    let stems = [CA].into_iter().chain(next).chain(registration.into_iter().flatten());
    stems.map(|stem| format!("{stem}.pem")).collect()
}

/// Reads the keys and certificates in these files.
pub(super) fn read(directory: &Path, files: &[String]) -> Result<Timeline, StateError> {
    let stems: Vec<&str> = files.iter().filter_map(|file| file.strip_suffix(".pem")).collect();
    let has = |stem: &str| stems.contains(&stem);
    let identity = |stem: &str| identity(directory, stem);
    let mut timeline = Timeline { issuers: Vec::new(), cas: Vec::new(), registrations: Vec::new() };
    timeline.cas.push(Since { begins: FIRST_MOMENT, value: identity(CA)? });
    // One that was replaced before its time has left a gap.
    let further = stems.iter().filter(|stem| **stem == NEXT_CA || number_of(stem, CA).is_some());
    for stem in further {
        let value = identity(stem)?;
        let begins = begin_of(directory, stem, &value)?;
        timeline.cas.push(Since { begins, value });
    }
    timeline.cas.sort_by_key(|one| one.begins);
    for number in (1..).take_while(|number| has(&format!("{ISSUER}-{number}"))) {
        timeline.issuers.push(identity(&format!("{ISSUER}-{number}"))?);
    }
    let numbers = stems.iter().filter_map(|stem| match *stem {
        RA_SIGNING => Some(1),
        other => number_of(other, RA_SIGNING),
    });
    for number in numbers {
        let stem = registration_stem(RA_SIGNING, number);
        let signing = identity(&stem)?;
        let encryption = identity(&registration_stem(RA_ENCRYPTION, number))?;
        let begins = if number == 1 { FIRST_MOMENT } else { begin_of(directory, &stem, &signing)? };
        let value = Registration { signing, encryption };
        timeline.registrations.push(Since { begins, value });
    }
    timeline.registrations.sort_by_key(|one| one.begins);
    Ok(timeline)
}

/// The moment from which a certificate is used that is not the first: that from which it is valid.
fn begin_of(directory: &Path, stem: &str, identity: &Identity) -> Result<SystemTime, StateError> {
    system_time(identity.certificate.not_before())
        .map_err(|error| damaged(&paths(directory, stem).1, &error))
}

/// Notes the CA's certificates in a new database.
pub(super) fn insert(connection: &Connection, timeline: &Timeline) -> Result<(), QueryError> {
    named(timeline).iter().try_for_each(|(stem, identity)| insert_one(connection, stem, identity))
}

fn insert_one(connection: &Connection, stem: &str, identity: &Identity) -> Result<(), QueryError> {
    let certificate = &identity.certificate;
    let values = (format!("{stem}.pem"), subject_of(certificate), fingerprint(certificate));
    connection.execute("INSERT INTO identity VALUES (?, ?, ?)", values)?;
    Ok(())
}

/// Writes the certificates of a changed timeline that the directory does not have yet, with their keys; returns those that the
/// database must have then, each with the name of its file.
pub(super) fn write_further(
    directory: &Path,
    known: &Known,
    timeline: &Timeline,
) -> Result<Vec<(String, Identity)>, StateError> {
    let mut kept = Vec::new();
    for (stem, identity) in named(timeline) {
        let found = fingerprint(&identity.certificate);
        let stem = if let Some((file, _)) = known.iter().find(|(_, sha256)| *sha256 == found) {
            file.trim_end_matches(".pem").to_owned()
        } else {
            let stem = free_stem(directory, &stem);
            write_one(directory, &stem, identity)?;
            stem
        };
        kept.push((stem, identity.clone()));
    }
    files::flush_directory(directory)?;
    Ok(kept)
}

/// Notes these certificates in the database in place of those that it has.
pub(super) fn replace(
    connection: &Connection,
    kept: &[(String, Identity)],
) -> Result<(), QueryError> {
    connection.execute("DELETE FROM identity", [])?;
    kept.iter().try_for_each(|(stem, identity)| insert_one(connection, stem, identity))
}

/// The name, or the first one of its kind with a further number that is free.
fn free_stem(directory: &Path, stem: &str) -> String {
    let is_free = |stem: &str| {
        let (key, certificate) = paths(directory, stem);
        !files::exists(&key) && !files::exists(&certificate)
    };
    if is_free(stem) {
        return stem.to_owned();
    }
    let kinds = [RA_SIGNING, RA_ENCRYPTION];
    let kind = kinds.into_iter().find(|kind| stem.starts_with(kind)).unwrap_or(CA);
    let numbered = |number: usize| format!("{kind}-{number}");
    (3..usize::MAX).map(numbered).find(|stem| is_free(stem)).unwrap_or_default()
}

/// Refuses certificates that are not those in the database, and a database without one that every state has.
pub(super) fn expect(
    directory: &Path,
    personality: &Personality,
    known: &Known,
) -> Result<(), StateError> {
    // The next CA may have been made anew, and then has another file.
    for file in first_files(personality).into_iter().filter(|file| !file.starts_with(NEXT_CA)) {
        if !known.iter().any(|(known, _)| *known == file) {
            return Err(damaged(&directory.join(file), &"`state.db` knows no certificate of it"));
        }
    }
    for (file, sha256) in known.iter().filter(|(file, _)| is_file(file)) {
        let path = directory.join(file);
        let found = X509::from_pem(&files::read(&path)?)
            .map_err(|_| damaged(&path, &"it holds no certificate in PEM"))?;
        let found = fingerprint(&found);
        if *sha256 != found {
            let reason =
                format!("its SHA-256 fingerprint is {found}, and `state.db` knows {sha256}");
            return Err(damaged(&path, &reason));
        }
    }
    Ok(())
}

/// The identities of a timeline with their names in a new state.
fn named(timeline: &Timeline) -> Vec<(String, &Identity)> {
    let cas = timeline.cas.iter().enumerate();
    let mut named: Vec<_> = cas.map(|(number, one)| (ca_stem(number + 1), &one.value)).collect();
    let issuers = timeline.issuers.iter().enumerate();
    named.extend(issuers.map(|(number, one)| (format!("{ISSUER}-{}", number + 1), one)));
    for (number, one) in timeline.registrations.iter().enumerate() {
        let Registration { signing, encryption } = &one.value;
        named.push((registration_stem(RA_SIGNING, number + 1), signing));
        named.push((registration_stem(RA_ENCRYPTION, number + 1), encryption));
    }
    named
}

/// The keys of all CAs and registration authorities in a directory, with their certificates, in the order of the names of their files.
pub(super) fn identities(directory: &Path) -> Result<Vec<Identity>, StateError> {
    let mut stems: Vec<String> = files::entries(directory)?
        .iter()
        .map(|entry| files::name_of(entry).to_owned())
        .filter(|name| is_file(name))
        .filter_map(|name| name.strip_suffix(".key").map(str::to_owned))
        .collect();
    stems.sort();
    stems.iter().map(|stem| identity(directory, stem)).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_are_recognised() {
        for name in ["ca.key", "next-ca.pem", "ca-3.pem", "issuer-1.key", "ra-signing-2.pem"] {
            assert!(is_file(name), "{name}");
        }
        for name in ["ca", "ca.txt", "ca-.pem", "ca-0.pem", "ca-03.pem", "ca-x.pem", "cab.pem"] {
            assert!(!is_file(name), "{name}");
        }
    }
}

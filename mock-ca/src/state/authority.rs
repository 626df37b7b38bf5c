//! The files of the CA itself.

use std::{io, path::Path};

use openssl::{pkey::PKey, x509::X509};
use scep::identity::Identity;

use super::{StateDirectory, StateError, damaged, read};
use crate::{
    authority::Authority,
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

/// The name and content of each file.
pub(super) fn files(authority: &Authority) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut identities = vec![(CA, &authority.ca)];
    identities.extend(authority.next_ca.as_ref().map(|next_ca| (NEXT_CA, next_ca)));
    if let Some(registration) = &authority.registration {
        identities.push((RA_SIGNING, &registration.signing));
        identities.push((RA_ENCRYPTION, &registration.encryption));
    }
    let mut files = Vec::new();
    for (stem, identity) in identities {
        files.push((format!("{stem}.key"), identity.key.private_key_to_pem_pkcs8()?));
        files.push((format!("{stem}.pem"), identity.certificate.to_pem()?));
    }
    Ok(files)
}

impl StateDirectory {
    /// Reads the keys and certificates that the personality has.
    pub(crate) fn read_authority(
        &self,
        personality: &Personality,
        windows: &WindowsSettings,
    ) -> Result<Authority, StateError> {
        let identity = |stem| identity(&self.path, stem);
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
}

fn identity(directory: &Path, stem: &str) -> Result<Identity, StateError> {
    let file = |ending| directory.join(format!("{stem}.{ending}"));
    let (key_path, path) = (file("key"), file("pem"));
    // The error of a key's parser could quote the key.
    let key = PKey::private_key_from_pem(&read(&key_path)?)
        .map_err(|_| damaged(&key_path, &"it holds no private key in PEM"))?;
    let certificate = X509::from_pem(&read(&path)?)
        .map_err(|_| damaged(&path, &"it holds no certificate in PEM"))?;
    let belongs = certificate.public_key().is_ok_and(|public| public.public_eq(&key));
    if !belongs {
        return Err(damaged(&path, &format!("its key is not the one in `{}`", key_path.display())));
    }
    Ok(Identity { certificate, key })
}

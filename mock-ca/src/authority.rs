//! The certification authority: its keys, its certificates, and what it signs.

mod keys;
pub(crate) mod lab;

use std::{
    cmp::Ordering,
    time::{Duration, SystemTime},
};

use openssl::{
    error::ErrorStack,
    pkey::{PKey, Private, Public},
    x509::{X509, X509Name, X509Ref},
};
use scep::{identity::Identity, request::Csr};
use time::OffsetDateTime;

pub(crate) use keys::{AuthorityKeys, stranger_key};

use crate::{
    personality::{Personality, RegistrationCertificate, Serials},
    profile::{
        Applicant, CertificateProfile, Directory, Issuer, PublicKeyInfo, Wish, calendar,
        random_serial, request_serial, sequential_serial, unix_time,
    },
    settings::WindowsSettings,
};

/// A CA with its certificates, and a registration authority where the personality has one.
#[derive(Clone)]
pub(crate) struct Authority {
    pub(crate) ca: Identity,
    /// The CA that is to follow.
    pub(crate) next_ca: Option<Identity>,
    pub(crate) registration: Option<Registration>,
    ca_public_key: PKey<Public>,
    directory: Directory,
    serials: Serials,
    high_serial: u8,
}

/// The registration authority's two certificates.
#[derive(Clone)]
pub(crate) struct Registration {
    /// Signs replies.
    pub(crate) signing: Identity,
    /// Requests are enciphered to it.
    pub(crate) encryption: Identity,
}

/// The certificates and keys of an authority.
pub(crate) struct Identities {
    pub(crate) ca: Identity,
    pub(crate) next_ca: Option<Identity>,
    pub(crate) registration: Option<Registration>,
}

impl Identities {
    /// A CA by itself.
    pub(crate) fn of(ca: Identity) -> Self {
        Self { ca, next_ca: None, registration: None }
    }
}

/// How long ago a new CA pretends to have been installed, so that no peer's slow clock finds it not yet valid.
const INSTALLED_AGO: Duration = Duration::from_secs(86_400);

impl Authority {
    /// A CA with new certificates for these keys, installed a day before `now`.
    pub(crate) fn create(
        personality: &Personality,
        keys: &AuthorityKeys,
        subject: &X509Name,
        windows: &WindowsSettings,
        now: SystemTime,
    ) -> Result<Self, ErrorStack> {
        let installed = now - INSTALLED_AGO;
        let directory = Directory::of(subject, &windows.host);
        let root = |key: &PKey<Private>, from| root(personality, subject, key, &directory, from);
        let ca = root(&keys.ca, calendar(installed))?;
        let end = unix_time(ca.certificate.not_after())?;
        let mut identities = Identities::of(ca);
        if let Some(key) = keys.next_ca.as_ref().filter(|_| personality.has_next_ca) {
            identities.next_ca = Some(root(key, end)?);
        }
        let mut authority = Self::assemble(personality, identities, windows)?;
        if let (Some(profiles), Some(keys)) = (&personality.registration, &keys.registration) {
            let subject = registration_subject(&windows.host)?;
            let issue = |key: &PKey<Private>, shape: &RegistrationCertificate| {
                authority.issue_registration(shape, &subject, key, installed)
            };
            let signing = issue(&keys.signing, &profiles.signing)?;
            let encryption = issue(&keys.encryption, &profiles.encryption)?;
            authority.registration = Some(Registration { signing, encryption });
        }
        Ok(authority)
    }

    /// A CA whose certificates exist.
    pub(crate) fn assemble(
        personality: &Personality,
        identities: Identities,
        windows: &WindowsSettings,
    ) -> Result<Self, ErrorStack> {
        let Identities { ca, next_ca, registration } = identities;
        Ok(Self {
            ca_public_key: ca.certificate.public_key()?,
            directory: Directory::of(ca.certificate.subject_name(), &windows.host),
            ca,
            next_ca,
            registration,
            serials: personality.serials,
            high_serial: windows.high_serial,
        })
    }

    /// Issues what was asked for, under the CA's number `number`.
    pub(crate) fn issue(
        &self,
        profile: &CertificateProfile,
        csr: &Csr,
        number: u32,
        now: SystemTime,
    ) -> Result<X509, ErrorStack> {
        let wishes: Vec<Wish<'_>> = csr
            .extensions()
            .iter()
            .map(|asked| Wish { oid: &asked.oid, critical: asked.critical, value: &asked.value })
            .collect();
        let public_key = match PublicKeyInfo::of_request(csr.to_der()) {
            Some(public_key) => public_key,
            None => PublicKeyInfo::of_key(csr.public_key())?,
        };
        let applicant = Applicant {
            subject: &csr.subject().to_der()?,
            public_key: &public_key,
            wishes: &wishes,
            serial: self.serial(number)?,
        };
        profile.issue(&applicant, &self.issuer(), calendar(now))
    }

    /// Who opens requests: the registration authority's certificate for encryption, or the CA.
    pub(crate) fn recipient(&self) -> &Identity {
        self.registration.as_ref().map_or(&self.ca, |registration| &registration.encryption)
    }

    /// Who signs replies: the registration authority's certificate for signing, or the CA.
    pub(crate) fn signer(&self) -> &Identity {
        self.registration.as_ref().map_or(&self.ca, |registration| &registration.signing)
    }

    /// What `GetCACert` gives: the registration authority, signing first, then the CA.
    pub(crate) fn certificates(&self) -> Vec<X509> {
        let registration = self.registration.iter();
        let mut certificates: Vec<X509> = registration
            .flat_map(|ra| [ra.signing.certificate.clone(), ra.encryption.certificate.clone()])
            .collect();
        certificates.push(self.ca.certificate.clone());
        certificates
    }

    /// Whether this certificate names the CA as its issuer and the CA's key signed it.
    pub(crate) fn has_signed(&self, certificate: &X509Ref) -> bool {
        let named = certificate.issuer_name().try_cmp(self.ca.certificate.subject_name());
        named.is_ok_and(Ordering::is_eq) && certificate.verify(&self.ca_public_key).unwrap_or(false)
    }

    /// Whether this certificate is the CA's and valid at `now`.
    pub(crate) fn vouches_for(&self, certificate: &X509Ref, now: SystemTime) -> bool {
        let now = calendar(now);
        let after = |time| unix_time(time).is_ok_and(|time| time <= now);
        after(certificate.not_before())
            && unix_time(certificate.not_after()).is_ok_and(|end| now <= end)
            && self.has_signed(certificate)
    }

    fn issuer(&self) -> Issuer<'_> {
        Issuer {
            certificate: Some(&self.ca.certificate),
            key: &self.ca.key,
            directory: &self.directory,
        }
    }

    fn issue_registration(
        &self,
        shape: &RegistrationCertificate,
        subject: &X509Name,
        key: &PKey<Private>,
        installed: SystemTime,
    ) -> Result<Identity, ErrorStack> {
        let applicant = Applicant {
            subject: &subject.to_der()?,
            public_key: &PublicKeyInfo::of_key(key)?,
            wishes: &[],
            serial: self.serial(shape.request_id)?,
        };
        let issued_at = installed + Duration::from_secs(shape.seconds_later.into());
        let certificate = shape.profile.issue(&applicant, &self.issuer(), calendar(issued_at))?;
        Ok(Identity { certificate, key: key.clone() })
    }

    fn serial(&self, number: u32) -> Result<openssl::bn::BigNum, ErrorStack> {
        match self.serials {
            Serials::Sequential { .. } => sequential_serial(number),
            Serials::RequestId => request_serial(self.high_serial, number),
        }
    }
}

/// A CA that signs itself.
fn root(
    personality: &Personality,
    subject: &X509Name,
    key: &PKey<Private>,
    directory: &Directory,
    from: OffsetDateTime,
) -> Result<Identity, ErrorStack> {
    let issuer = Issuer { certificate: None, key, directory };
    let applicant = Applicant {
        subject: &subject.to_der()?,
        public_key: &PublicKeyInfo::of_key(key)?,
        wishes: &[],
        serial: random_serial(personality.ca.serial_bytes)?,
    };
    let certificate = personality.ca.profile.issue(&applicant, &issuer, from)?;
    Ok(Identity { certificate, key: key.clone() })
}

/// The name NDES gives its registration authority by default.
fn registration_subject(host: &str) -> Result<X509Name, ErrorStack> {
    let mut builder = X509Name::builder()?;
    builder.append_entry_by_text("CN", &format!("{}-MSCEP-RA", host.to_uppercase()))?;
    Ok(builder.build())
}

#[cfg(test)]
mod tests;

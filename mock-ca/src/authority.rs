//! The certification authority: its keys, its certificates, and what it signs.

pub(crate) mod lab;

use std::time::{Duration, SystemTime};

use openssl::{
    bn::BigNum,
    error::ErrorStack,
    pkey::{PKey, Private},
    rand::rand_bytes,
    rsa::Rsa,
    x509::{X509, X509Name, X509Ref},
};
use scep::{
    certificate::is_issued_by, clock::within_range, identity::Identity, name, request::Csr,
};
use time::OffsetDateTime;

use crate::{
    personality::{Personality, Registration, RegistrationCertificate, Serials},
    profile::{
        Applicant, CertificateProfile, Directory, Issuer, calendar, key_of_request,
        public_key_info, unix_time,
    },
    settings::WindowsSettings,
};

/// The private keys of an authority.
#[derive(Clone)]
pub(crate) struct AuthorityKeys {
    pub(crate) ca: PKey<Private>,
    /// The key of the CA that will follow this one.
    pub(crate) next_ca: Option<PKey<Private>>,
    pub(crate) registration: Option<Registration<PKey<Private>>>,
}

const KEY_BITS: u32 = 2048;

impl AuthorityKeys {
    /// New keys, as many as the personality needs.
    pub(crate) fn generate(personality: &Personality) -> Result<Self, ErrorStack> {
        let new_key = || PKey::from_rsa(Rsa::generate(KEY_BITS)?);
        let registration =
            || Ok::<_, ErrorStack>(Registration { signing: new_key()?, encryption: new_key()? });
        Ok(Self {
            ca: new_key()?,
            next_ca: personality.has_next_ca.then(new_key).transpose()?,
            registration: personality.registration.as_ref().map(|_| registration()).transpose()?,
        })
    }
}

/// A CA with its certificates, and with a registration authority if the personality has one.
#[derive(Clone)]
pub(crate) struct Authority {
    pub(crate) ca: Identity,
    /// The CA that will follow this one.
    pub(crate) next_ca: Option<Identity>,
    pub(crate) registration: Option<Registration<Identity>>,
    directory: Directory,
    serials: Serials,
    high_serial: u8,
}

/// The age that a new CA pretends to have, so that its certificate is valid even to a peer with a slow clock.
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
        let installed = within_range(now.checked_sub(INSTALLED_AGO).unwrap_or(now));
        let directory = Directory::of(subject, &windows.host);
        let root = |key: &PKey<Private>, from| {
            let issuer = Issuer { certificate: None, key, directory: &directory };
            let serial = random_serial(personality.ca_serial_bytes)?;
            certify(&personality.ca, &issuer, subject, key, serial, from)
        };
        let ca = root(&keys.ca, calendar(installed))?;
        let end = unix_time(ca.certificate.not_after())?;
        let mut authority = Self::of(personality, ca, windows);
        if let Some(key) = keys.next_ca.as_ref().filter(|_| personality.has_next_ca) {
            authority.next_ca = Some(root(key, end)?);
        }
        if let (Some(profiles), Some(keys)) = (&personality.registration, &keys.registration) {
            let subject = registration_subject(&windows.host)?;
            let issue = |key: &PKey<Private>, shape: &RegistrationCertificate| {
                let from = calendar(installed) + Duration::from_secs(shape.seconds_later.into());
                let serial = authority.serial(shape.request_id)?;
                certify(&shape.profile, &authority.issuer(), &subject, key, serial, from)
            };
            let signing = issue(&keys.signing, &profiles.signing)?;
            let encryption = issue(&keys.encryption, &profiles.encryption)?;
            authority.registration = Some(Registration { signing, encryption });
        }
        Ok(authority)
    }

    /// A CA with this certificate, without a next CA and without a registration authority.
    pub(crate) fn of(personality: &Personality, ca: Identity, windows: &WindowsSettings) -> Self {
        Self {
            directory: Directory::of(ca.certificate.subject_name(), &windows.host),
            ca,
            next_ca: None,
            registration: None,
            serials: personality.serials,
            high_serial: windows.high_serial,
        }
    }

    /// Issues the requested certificate, under the CA's number `number`.
    pub(crate) fn issue(
        &self,
        profile: &CertificateProfile,
        csr: &Csr,
        number: u32,
        now: SystemTime,
    ) -> Result<X509, ErrorStack> {
        let public_key = match key_of_request(&csr.der) {
            Some(public_key) => public_key,
            None => public_key_info(&csr.public_key)?,
        };
        let applicant = Applicant {
            subject: &csr.subject().to_der()?,
            public_key: &public_key,
            requested: &csr.extensions,
            serial: self.serial(number)?,
        };
        profile.issue(&applicant, &self.issuer(), calendar(now))
    }

    /// The identity that decrypts requests: the registration authority's for encryption, or the CA's.
    pub(crate) fn recipient(&self) -> &Identity {
        self.registration.as_ref().map_or(&self.ca, |registration| &registration.encryption)
    }

    /// The identity that signs replies: the registration authority's for signing, or the CA's.
    pub(crate) fn signer(&self) -> &Identity {
        self.registration.as_ref().map_or(&self.ca, |registration| &registration.signing)
    }

    /// The certificates for `GetCACert`: the registration authority's (signing first), then the CA's.
    pub(crate) fn certificates(&self) -> Vec<X509> {
        let registration = self.registration.iter();
        let mut certificates: Vec<X509> = registration
            .flat_map(|ra| [ra.signing.certificate.clone(), ra.encryption.certificate.clone()])
            .collect();
        certificates.push(self.ca.certificate.clone());
        certificates
    }

    /// True if the certificate names the CA as its issuer and is signed with the CA's key.
    pub(crate) fn has_signed(&self, certificate: &X509Ref) -> bool {
        is_issued_by(certificate, &self.ca.certificate)
    }

    /// True if this CA signed the certificate and it is valid at `now`.
    pub(crate) fn has_signed_valid(&self, certificate: &X509Ref, now: SystemTime) -> bool {
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

    fn serial(&self, number: u32) -> Result<BigNum, ErrorStack> {
        match self.serials {
            Serials::Sequential { .. } => BigNum::from_u32(number),
            Serials::RequestId => request_serial(self.high_serial, number),
        }
    }
}

/// A certificate of the authority itself.
fn certify(
    profile: &CertificateProfile,
    issuer: &Issuer<'_>,
    subject: &X509Name,
    key: &PKey<Private>,
    serial: BigNum,
    from: OffsetDateTime,
) -> Result<Identity, ErrorStack> {
    let (subject, public_key) = (&subject.to_der()?, &public_key_info(key)?);
    let applicant = Applicant { subject, public_key, requested: &[], serial };
    let certificate = profile.issue(&applicant, issuer, from)?;
    Ok(Identity { certificate, key: key.clone() })
}

/// The name NDES gives its registration authority by default.
fn registration_subject(host: &str) -> Result<X509Name, ErrorStack> {
    let mut builder = X509Name::builder()?;
    builder.append_entry_by_text("CN", &format!("{}-MSCEP-RA", host.to_uppercase()))?;
    Ok(builder.build())
}

/// A random positive serial number of exactly this many bytes, as in self-signed CA certificates.
fn random_serial(bytes: usize) -> Result<BigNum, ErrorStack> {
    let mut serial = vec![0; bytes];
    rand_bytes(&mut serial)?;
    if let Some(first) = serial.first_mut() {
        // Without a sign bit, and without a leading zero, which the encoding would drop.
        *first = (*first & 0x7f) | 0x01;
    }
    BigNum::from_slice(&serial)
}

/// The serial number of a Windows CA, 19 bytes: high serial, request id, eight random bytes, the index of the CA's
/// certificate (0), the request id again (MS-WCCE §3.2.1.4.2.1.4.6).
fn request_serial(high_serial: u8, request_id: u32) -> Result<BigNum, ErrorStack> {
    let mut random = [0; 8];
    rand_bytes(&mut random)?;
    let mut serial = vec![first_byte(high_serial)];
    serial.extend_from_slice(&request_id.to_be_bytes());
    serial.extend_from_slice(&random);
    serial.extend_from_slice(&[0, 0]);
    serial.extend_from_slice(&request_id.to_be_bytes());
    BigNum::from_slice(&serial)
}

/// The first byte of a serial number: never negative, and its high digit is never zero.
fn first_byte(high_serial: u8) -> u8 {
    match high_serial & 0x7f {
        0 => 0x61,
        byte if byte & 0xf0 == 0 => byte ^ 0x10,
        byte => byte,
    }
}

/// The subject of a certificate, as OpenSSL writes it on one line.
pub(crate) fn subject_of(certificate: &X509Ref) -> String {
    name::to_text(certificate.subject_name())
}

/// A serial number in capital hexadecimal digits.
pub(crate) fn serial_text(certificate: &X509Ref) -> String {
    scep::certificate::serial_number(certificate).unwrap_or_default()
}

#[cfg(test)]
mod tests;

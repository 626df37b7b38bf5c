//! The certification authority: its keys, its certificates, and what it signs.

mod keys;
pub(crate) mod lab;
mod lab_timeline;
mod plan;
mod succession;
mod timeline;

use std::time::SystemTime;

use openssl::{
    bn::BigNum,
    error::ErrorStack,
    pkey::{PKeyRef, Private},
    rand::rand_bytes,
    x509::{X509, X509Ref},
};
use scep::{
    certificate::is_issued_by, clock::FIRST_MOMENT, identity::Identity, name, request::Csr,
};

pub(crate) use keys::{KEY_BITS, generate};
pub(crate) use lab_timeline::lab_timeline;
pub(crate) use plan::{Plan, PlanError};
pub(crate) use succession::Succession;
pub(crate) use timeline::{Since, Timeline};

use crate::{
    personality::{Personality, Registration, Serials},
    profile::{
        Applicant, CertificateProfile, CrlPlace, Directory, Issuer, calendar, key_of_request,
        public_key_info, unix_time,
    },
    settings::WindowsSettings,
};

/// A CA with its certificates, and with a registration authority if the personality has one.
#[derive(Clone)]
pub(crate) struct Authority {
    /// The number of the CA in their order, which begins with 1.
    pub(crate) number: u32,
    /// The moment from which it is in use.
    pub(crate) begins: SystemTime,
    pub(crate) ca: Identity,
    /// The CAs above it, the nearest first.
    pub(crate) issuers: Vec<Identity>,
    pub(crate) registration: Option<Registration<Identity>>,
    directory: Directory,
    serials: Serials,
    high_serial: u8,
}

impl Authority {
    /// A root CA with this certificate, without a registration authority.
    pub(crate) fn of(personality: &Personality, ca: Identity, windows: &WindowsSettings) -> Self {
        Self {
            number: 1,
            begins: FIRST_MOMENT,
            directory: Directory::of(ca.certificate.subject_name(), &windows.host),
            ca,
            issuers: Vec::new(),
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
        crl: CrlPlace<'_>,
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
        let issuer = Issuer {
            certificate: Some(&self.ca.certificate),
            key: &self.ca.key,
            directory: &self.directory,
            crl,
        };
        // A CA whose time is still to come issues for that time.
        profile.issue(&applicant, &issuer, calendar(now.max(self.begins)))
    }

    /// The identity that decrypts requests: the registration authority's for encryption, or the CA's.
    pub(crate) fn recipient(&self) -> &Identity {
        self.registration.as_ref().map_or(&self.ca, |registration| &registration.encryption)
    }

    /// The identity that signs replies: the registration authority's for signing, or the CA's.
    pub(crate) fn signer(&self) -> &Identity {
        self.registration.as_ref().map_or(&self.ca, |registration| &registration.signing)
    }

    /// The certificates for `GetCACert`: the registration authority's (signing first), the CA's, then those of the CAs above it.
    pub(crate) fn certificates(&self) -> Vec<X509> {
        let registration = self.registration.iter();
        let mut certificates: Vec<X509> = registration
            .flat_map(|ra| [ra.signing.certificate.clone(), ra.encryption.certificate.clone()])
            .collect();
        certificates.extend(self.chain().cloned());
        certificates
    }

    /// The CA's certificate, then those of the CAs above it up to the root.
    pub(crate) fn chain(&self) -> impl Iterator<Item = &X509> {
        [&self.ca].into_iter().chain(&self.issuers).map(|identity| &identity.certificate)
    }

    /// The key that signed the CA's own certificate.
    pub(crate) fn issuer_key(&self) -> &PKeyRef<Private> {
        &self.issuers.first().unwrap_or(&self.ca).key
    }

    /// True if the certificate names the CA as its issuer and is signed with the CA's key.
    pub(crate) fn has_signed(&self, certificate: &X509Ref) -> bool {
        is_issued_by(certificate, &self.ca.certificate)
    }

    fn serial(&self, number: u32) -> Result<BigNum, ErrorStack> {
        match self.serials {
            Serials::Sequential { .. } => BigNum::from_u32(number),
            Serials::RequestId => request_serial(self.high_serial, number),
        }
    }
}

/// True if the certificate is valid at `now`.
pub(crate) fn is_valid_at(certificate: &X509Ref, now: SystemTime) -> bool {
    let now = calendar(now);
    let begun = unix_time(certificate.not_before()).is_ok_and(|begin| begin <= now);
    begun && unix_time(certificate.not_after()).is_ok_and(|end| now <= end)
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

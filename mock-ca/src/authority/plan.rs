//! The certificates of a CA itself, each by its plan in the settings.

use std::time::{Duration, SystemTime};

use openssl::{
    bn::BigNum,
    error::ErrorStack,
    pkey::{PKey, Private},
    x509::{X509Name, X509NameRef},
};
use scep::{
    identity::Identity,
    key_usage::KeyUsage,
    name::{self, NameError},
};

use super::{
    keys::{Role, generate},
    lab, random_serial, request_serial,
};
use crate::{
    personality::{Personality, Registration, RegistrationCertificate, Serials},
    profile::{
        Applicant, CertificateProfile, CrlPlace, Directory, Extension, Issuer, KeyIdentifier,
        RequestedExtensions, Validity, calendar, public_key_info,
    },
    settings::{CaCertificate, Hierarchy, KEY_BITS, Keys, MOST_LEVELS, WindowsSettings},
};

/// Everything that the certificates of a CA itself depend on.
#[derive(Clone, Copy)]
pub(crate) struct Plan<'a> {
    pub(crate) personality: &'static Personality,
    pub(crate) windows: &'a WindowsSettings,
    pub(crate) hierarchy: &'a Hierarchy,
    pub(crate) keys: Keys,
}

/// The reason why the certificates of a CA cannot be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PlanError {
    #[error("the subject `{subject}` is no name: {reason}")]
    Subject { subject: String, reason: NameError },
    #[error(
        "{0} CAs from the one that issues to the root, and {MOST_LEVELS} are the most that are made"
    )]
    TooManyLevels(usize),
    #[error("RSA keys of {0} bits are not made (known: 1024, 2048, 3072, 4096)")]
    KeyBits(u32),
    #[error("OpenSSL failed at what should work ({})", scep::reasons(.0))]
    Crypto(ErrorStack),
}

impl From<ErrorStack> for PlanError {
    fn from(errors: ErrorStack) -> Self {
        Self::Crypto(errors)
    }
}

impl From<scep::Error> for PlanError {
    fn from(error: scep::Error) -> Self {
        match error {
            scep::Error::Crypto(errors) => Self::Crypto(errors),
            _ => Self::Crypto(ErrorStack::get()),
        }
    }
}

/// The validity of a CA's own certificate: by its plan, or by the rule of the personality.
pub(super) fn validity(rule: Validity, certificate: &CaCertificate) -> Validity {
    let rule = certificate.valid_for.map_or(rule, |length| rule.lasting(length));
    certificate.valid_from.map_or(rule, |from| rule.beginning(calendar(from)))
}

pub(super) fn parsed(subject: &str) -> Result<X509Name, PlanError> {
    name::parse(subject)
        .map_err(|reason| PlanError::Subject { subject: subject.to_owned(), reason })
}

impl Plan<'_> {
    /// Refuses a plan of which no certificates are made.
    pub(crate) fn check(&self) -> Result<(), PlanError> {
        let Hierarchy { ca, issued_by, next_ca, .. } = self.hierarchy;
        let levels = issued_by.len() + 1;
        if levels > MOST_LEVELS {
            return Err(PlanError::TooManyLevels(levels));
        }
        let above = issued_by.iter().map(|issuer| &issuer.certificate);
        if let Some(wrong) = above.chain([ca]).find(|one| !KEY_BITS.contains(&one.key_bits)) {
            return Err(PlanError::KeyBits(wrong.key_bits));
        }
        let subjects = issued_by.iter().map(|issuer| &issuer.subject);
        let next = next_ca.iter().filter_map(|next| next.subject.as_ref());
        subjects.chain(next).try_for_each(|subject| parsed(subject).map(drop))
    }

    /// The CAs above the one that issues, the nearest first.
    pub(super) fn issuers(&self, installed: SystemTime) -> Result<Vec<Identity>, PlanError> {
        let mut issuers: Vec<Identity> = Vec::new();
        for (number, issuer) in self.hierarchy.issued_by.iter().enumerate().rev() {
            let key = self.keys.key(Role::Issuer(number), issuer.certificate.key_bits)?;
            let validity = validity(self.personality.ca.validity, &issuer.certificate);
            let profile = CertificateProfile { validity, ..SUPERIOR };
            let subject = parsed(&issuer.subject)?;
            let serial = random_serial(self.personality.ca_serial_bytes)?;
            let above = issuers.first();
            let made = self.certify(&profile, above, &subject, &key, serial, installed)?;
            issuers.insert(0, made);
        }
        Ok(issuers)
    }

    /// A CA that issues to clients.
    pub(super) fn ca(
        &self,
        subject: &X509NameRef,
        key: &PKey<Private>,
        issuer: Option<&Identity>,
        validity: Validity,
        from: SystemTime,
    ) -> Result<Identity, PlanError> {
        let profile = CertificateProfile { validity, ..self.personality.ca };
        let serial = random_serial(self.personality.ca_serial_bytes)?;
        Ok(self.certify(&profile, issuer, subject, key, serial, from)?)
    }

    /// The certificates of a registration authority below this CA; `round` is the number of those before.
    pub(super) fn registration(
        &self,
        profiles: &Registration<RegistrationCertificate>,
        ca: &Identity,
        keys: &Registration<PKey<Private>>,
        certificate: &CaCertificate,
        from: SystemTime,
        round: usize,
    ) -> Result<Registration<Identity>, PlanError> {
        let subject = registration_subject(&self.windows.host)?;
        let issue = |key: &PKey<Private>, shape: &RegistrationCertificate| {
            let validity = validity(shape.profile.validity, certificate);
            let profile = CertificateProfile { validity, ..shape.profile };
            let from = from + Duration::from_secs(shape.seconds_later.into());
            let number = shape.request_id + 2 * u32::try_from(round).unwrap_or(0);
            let serial = self.serial(number)?;
            self.certify(&profile, Some(ca), &subject, key, serial, from)
        };
        let signing = issue(&keys.signing, &profiles.signing)?;
        let encryption = issue(&keys.encryption, &profiles.encryption)?;
        Ok(Registration { signing, encryption })
    }

    fn serial(&self, number: u32) -> Result<BigNum, ErrorStack> {
        match self.personality.serials {
            Serials::Sequential { .. } => BigNum::from_u32(number),
            Serials::RequestId => request_serial(self.windows.high_serial, number),
        }
    }

    /// A certificate of the CA itself, signed by `issuer` or with its own key.
    fn certify(
        &self,
        profile: &CertificateProfile,
        issuer: Option<&Identity>,
        subject: &X509NameRef,
        key: &PKey<Private>,
        serial: BigNum,
        from: SystemTime,
    ) -> Result<Identity, ErrorStack> {
        let issuer_name = issuer.map_or(subject, |issuer| issuer.certificate.subject_name());
        let directory = &Directory::of(issuer_name, &self.windows.host);
        let issuer = Issuer {
            certificate: issuer.map(|issuer| &*issuer.certificate),
            key: issuer.map_or(key, |issuer| &issuer.key),
            directory,
            crl: CrlPlace::OfProfile,
        };
        let (subject, public_key) = (&subject.to_der()?, &public_key_info(key)?);
        let applicant = Applicant { subject, public_key, requested: &[], serial };
        let certificate = profile.issue(&applicant, &issuer, calendar(from))?;
        Ok(Identity { certificate, key: key.clone() })
    }
}

/// The keys are fixed ones in a lab, and new ones otherwise.
impl Keys {
    /// The key of this owner.
    pub(super) fn key(self, role: Role, bits: u32) -> Result<PKey<Private>, ErrorStack> {
        match self {
            Self::Lab => lab::key_of(role, bits),
            Self::Fresh => generate(bits),
        }
    }
}

/// The name NDES gives its registration authority by default.
fn registration_subject(host: &str) -> Result<X509Name, ErrorStack> {
    let mut builder = X509Name::builder()?;
    builder.append_entry_by_text("CN", &format!("{}-MSCEP-RA", host.to_uppercase()))?;
    Ok(builder.build())
}

/// A CA above the one that issues, as OpenSSL's `v3_ca` makes it.
const SUPERIOR: CertificateProfile = CertificateProfile {
    extensions: &[
        Extension::SubjectKeyIdentifier,
        Extension::BasicConstraints { path_length: None },
        Extension::KeyUsage(&[
            KeyUsage::DIGITAL_SIGNATURE,
            KeyUsage::KEY_CERT_SIGN,
            KeyUsage::CRL_SIGN,
        ]),
    ],
    requested: RequestedExtensions::Ignored,
    key_identifier: KeyIdentifier::Sha1,
    validity: Validity::days(7300),
};

//! The CAs that issue one after the other, and their registration authorities, each with the moment from which it is used.

use std::time::{Duration, SystemTime};

use openssl::{
    bn::BigNum,
    error::ErrorStack,
    pkey::{PKey, Private},
    x509::{X509Name, X509NameRef},
};
use scep::{
    clock::{FIRST_MOMENT, system_time, within_range},
    identity::Identity,
    key_usage::KeyUsage,
    name::{self, NameError},
};

use super::{
    keys::{Role, generate},
    random_serial, request_serial,
};
use crate::{
    personality::{Personality, Registration, RegistrationCertificate, Serials},
    profile::{
        Applicant, CertificateProfile, CrlPlace, Directory, Extension, Issuer, KeyIdentifier,
        RequestedExtensions, Validity, calendar, public_key_info,
    },
    settings::{
        CaCertificate, Hierarchy, KEY_BITS, Keys, MOST_LEVELS, NextCa, NextKey, WindowsSettings,
    },
};

/// The age that a new CA pretends to have, so that its certificate is valid even to a peer with a slow clock.
const INSTALLED_AGO: Duration = Duration::from_secs(86_400);

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

/// Something that is used from a moment on, until the next of its kind is.
#[derive(Clone, Debug)]
pub(crate) struct Since<T> {
    pub(crate) begins: SystemTime,
    pub(crate) value: T,
}

impl<T> Since<T> {
    /// The newest that is used at `now`; the first if none is yet.
    pub(super) fn at(all: &[Self], now: SystemTime) -> Option<&Self> {
        all.iter().rev().find(|one| one.begins <= now).or_else(|| all.first())
    }
}

/// The CAs and the registration authorities, oldest first.
#[derive(Clone, Debug)]
pub(crate) struct Timeline {
    /// The CAs above, which all of them have; the nearest first.
    pub(crate) issuers: Vec<Identity>,
    pub(crate) cas: Vec<Since<Identity>>,
    pub(crate) registrations: Vec<Since<Registration<Identity>>>,
}

impl Timeline {
    /// New certificates, as if the CA had been installed a day before `now`.
    pub(crate) fn create(
        plan: &Plan<'_>,
        subject: &X509Name,
        now: SystemTime,
    ) -> Result<Self, PlanError> {
        let Hierarchy { ca, registration, next_ca, .. } = plan.hierarchy;
        let installed = within_range(now.checked_sub(INSTALLED_AGO).unwrap_or(now));
        let issuers = plan.issuers(installed)?;
        let key = plan.keys.key(Role::Ca, ca.key_bits)?;
        let validity = validity(plan.personality.ca.validity, ca);
        let first = plan.ca(subject, &key, issuers.first(), validity, installed)?;
        let end = system_time(first.certificate.not_after())?;
        let first = Since { begins: FIRST_MOMENT, value: first };
        let mut timeline = Self { issuers, cas: vec![first], registrations: Vec::new() };
        if let Some(profiles) = &plan.personality.registration {
            let keys = Registration {
                signing: plan.keys.key(Role::RegistrationSigning, 2048)?,
                encryption: plan.keys.key(Role::RegistrationEncryption, 2048)?,
            };
            let ca = &timeline.cas[0].value;
            let certificate = CaCertificate {
                valid_from: registration.valid_from,
                valid_for: registration.valid_for,
                ..CaCertificate::default()
            };
            let value = plan.registration(profiles, ca, &keys, &certificate, installed, 0)?;
            timeline.registrations.push(Since { begins: FIRST_MOMENT, value });
        }
        let by_default = plan.personality.has_next_ca.then(|| following(end));
        let next_ca = next_ca.clone().or(by_default);
        let renewal = registration.next.as_ref().map(|next| next.from);
        // In the order of their moments, because each needs the one before.
        if renewal.is_some_and(|at| next_ca.as_ref().is_none_or(|next| at < next.from)) {
            timeline.renew_registration(plan)?;
        }
        if let Some(next) = &next_ca {
            timeline.add_ca(plan, next)?;
        }
        if renewal.is_some_and(|at| next_ca.as_ref().is_some_and(|next| next.from <= at)) {
            timeline.renew_registration(plan)?;
        }
        Ok(timeline)
    }

    /// Adds the CA that follows the newest one, with certificates for its registration authority.
    pub(crate) fn add_ca(&mut self, plan: &Plan<'_>, next: &NextCa) -> Result<(), PlanError> {
        let Some(last) = self.cas.last().map(|last| &last.value) else { return Ok(()) };
        let bits = last.key.bits();
        let key = match next.key {
            NextKey::Same => last.key.clone(),
            NextKey::New if self.cas.len() == 1 => plan.keys.key(Role::NextCa, bits)?,
            NextKey::New => generate(bits)?,
        };
        let subject = match &next.subject {
            Some(subject) => Some(parsed(subject)?),
            None => None,
        };
        let subject = subject.as_deref().unwrap_or_else(|| last.certificate.subject_name());
        let certificate = CaCertificate {
            key_bits: bits,
            valid_from: Some(next.from),
            valid_for: next.valid_for.or(plan.hierarchy.ca.valid_for),
        };
        let validity = validity(plan.personality.ca.validity, &certificate);
        let value = plan.ca(subject, &key, self.issuers.first(), validity, next.from)?;
        self.insert_ca(plan, Since { begins: next.from, value })
    }

    /// Lets the next CA issue from now on; if there is none, it is made. Its certificate is made anew if it would not be valid yet.
    pub(crate) fn roll_over(&mut self, plan: &Plan<'_>, now: SystemTime) -> Result<(), PlanError> {
        let planned = self.cas.iter().skip(1).position(|one| one.begins > now);
        let Some(position) = planned.map(|position| position + 1) else {
            return self.add_ca(plan, &following(now));
        };
        let Since { begins, value } = self.cas.remove(position);
        // Certificates of the registration authority that were planned until then are of the CA that ends now.
        self.registrations.retain(|one| one.begins <= now || one.begins > begins);
        let (from, until) = (value.certificate.not_before(), value.certificate.not_after());
        let (from, until) = (system_time(from)?, system_time(until)?);
        let value = if from <= now {
            value
        } else {
            let certificate = CaCertificate {
                valid_from: Some(now),
                valid_for: until.duration_since(from).ok(),
                ..CaCertificate::default()
            };
            let validity = validity(plan.personality.ca.validity, &certificate);
            let subject = value.certificate.subject_name();
            plan.ca(subject, &value.key, self.issuers.first(), validity, now)?
        };
        self.insert_ca(plan, Since { begins: now, value })
    }

    /// Inserts a CA, and certificates of it for the registration authority with the keys that this has at the time.
    fn insert_ca(&mut self, plan: &Plan<'_>, ca: Since<Identity>) -> Result<(), PlanError> {
        let begins = ca.begins;
        let profiles = plan.personality.registration.as_ref();
        if let (Some(profiles), Some(last)) = (profiles, Since::at(&self.registrations, begins)) {
            let keys = Registration {
                signing: last.value.signing.key.clone(),
                encryption: last.value.encryption.key.clone(),
            };
            let certificate = CaCertificate {
                valid_from: Some(begins),
                valid_for: plan.hierarchy.registration.valid_for,
                ..CaCertificate::default()
            };
            let round = self.registrations.len();
            let value =
                plan.registration(profiles, &ca.value, &keys, &certificate, begins, round)?;
            self.registrations.push(Since { begins, value });
            self.registrations.sort_by_key(|one| one.begins);
        }
        self.cas.push(ca);
        self.cas.sort_by_key(|one| one.begins);
        Ok(())
    }

    /// Adds the renewed certificates of the registration authority.
    fn renew_registration(&mut self, plan: &Plan<'_>) -> Result<(), PlanError> {
        let registration = &plan.hierarchy.registration;
        let (Some(profiles), Some(next), Some(last)) =
            (&plan.personality.registration, &registration.next, self.registrations.last())
        else {
            return Ok(());
        };
        let Some(ca) = Since::at(&self.cas, next.from) else { return Ok(()) };
        let keys = match next.key {
            NextKey::Same => Registration {
                signing: last.value.signing.key.clone(),
                encryption: last.value.encryption.key.clone(),
            },
            NextKey::New => Registration {
                signing: plan.keys.key(Role::NextRegistrationSigning, 2048)?,
                encryption: plan.keys.key(Role::NextRegistrationEncryption, 2048)?,
            },
        };
        let certificate = CaCertificate {
            valid_from: Some(next.from),
            valid_for: next.valid_for.or(registration.valid_for),
            ..CaCertificate::default()
        };
        let round = self.registrations.len();
        let value =
            plan.registration(profiles, &ca.value, &keys, &certificate, next.from, round)?;
        self.registrations.push(Since { begins: next.from, value });
        Ok(())
    }
}

/// A CA that follows at this moment, with a new key and everything else as before.
fn following(from: SystemTime) -> NextCa {
    NextCa { from, announced: None, subject: None, key: NextKey::New, valid_for: None }
}

/// The validity of a CA's own certificate: by its plan, or by the rule of the personality.
fn validity(rule: Validity, certificate: &CaCertificate) -> Validity {
    let rule = certificate.valid_for.map_or(rule, |length| rule.lasting(length));
    certificate.valid_from.map_or(rule, |from| rule.beginning(calendar(from)))
}

fn parsed(subject: &str) -> Result<X509Name, PlanError> {
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
    fn issuers(&self, installed: SystemTime) -> Result<Vec<Identity>, PlanError> {
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
    fn ca(
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
    fn registration(
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

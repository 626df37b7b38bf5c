//! The certificates that the recorded server showed, with keys: its own keys if they are known, or else other ones.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use bundle::Role;
use openssl::{
    ec::EcKey,
    pkey::{Id, PKey, PKeyRef, Private, Public},
    rsa::Rsa,
    x509::X509,
};
use scep::{
    Error,
    certificate::{allows, is_ca, is_issued_by, is_valid},
    client::CaCertificates,
    danger::Reissued,
    identity::Identity,
    key_usage::KeyUsage,
    name::to_text,
};

use crate::difference::{About, Difference};

/// The most keys that are made, because each takes a moment.
const MOST_KEYS: usize = 32;

/// The longest chain of certificates that is made again.
const MOST_LEVELS: usize = 8;

/// The bits of an RSA key that takes the place of one with an unusual length.
const USUAL_BITS: u32 = 2048;

/// The certificates of a recorded server, each with a key.
pub(crate) struct Authorities {
    /// The keys of the recording, with their certificates.
    known: Vec<Identity>,
    /// The certificates that the server showed, in the order in which it first did.
    shown: Vec<X509>,
    /// The number of those that came as the certificates of the CA.
    of_operations: usize,
    /// What takes the place of each certificate, by its DER.
    again: BTreeMap<Vec<u8>, Identity>,
    /// Keys in place of unknown ones, by the unknown key in DER.
    made: BTreeMap<Vec<u8>, PKey<Private>>,
    /// The time of the recording, and that at which the server answers again.
    times: [SystemTime; 2],
}

impl Authorities {
    /// The certificates that a server showed, with the keys that are known.
    pub(crate) fn new(
        known: Vec<Identity>,
        (shown, of_operations): (Vec<X509>, usize),
        times: [SystemTime; 2],
    ) -> Self {
        Self { known, shown, of_operations, again: BTreeMap::new(), made: BTreeMap::new(), times }
    }

    /// The keys of the recording.
    pub(crate) fn known(&self) -> &[Identity] {
        &self.known
    }

    /// The certificates that the server showed.
    pub(crate) fn shown(&self) -> &[X509] {
        &self.shown
    }

    /// Everything that a request may be enciphered to: what takes the place of each certificate.
    pub(crate) fn recipients(&mut self) -> Vec<Identity> {
        let shown = self.shown.clone();
        shown.iter().filter_map(|one| self.of(one).ok()).collect()
    }

    /// What takes the place of each certificate that the server showed, and whose it is.
    pub(crate) fn keys(&mut self) -> Vec<(Role, Identity)> {
        self.recipients().into_iter().map(|own| (role(&own.certificate), own)).collect()
    }

    /// The certificate of the CA that issues, as a client would choose it; or else the last one that the server showed.
    pub(crate) fn issuer(&self) -> Option<X509> {
        let ca = CaCertificates::sort(self.shown[..self.of_operations].to_vec());
        let ca = ca.or_else(|_| CaCertificates::sort(self.shown.clone())).ok();
        let issuer = ca.map(|ca| ca.issuer(self.times[0]).to_owned());
        issuer.or_else(|| self.shown.last().cloned())
    }

    /// The certificate among those shown that issued this one.
    pub(crate) fn issuer_of(&self, certificate: &X509) -> Option<X509> {
        self.shown.iter().find(|one| is_issued_by(certificate, one)).cloned()
    }

    /// True if the server showed this certificate as one of its own.
    pub(crate) fn has(&self, certificate: &X509) -> bool {
        self.shown.contains(certificate)
    }

    /// What takes the place of a recorded certificate: itself if its key is known and its issuer stays, or else one with the same fields.
    ///
    /// # Errors
    /// Fails if a key or certificate cannot be made.
    pub(crate) fn of(&mut self, recorded: &X509) -> Result<Identity, Error> {
        self.remade(recorded, 0)
    }

    fn remade(&mut self, recorded: &X509, level: usize) -> Result<Identity, Error> {
        let der = recorded.to_der()?;
        if let Some(done) = self.again.get(&der) {
            return Ok(done.clone());
        }
        let public = recorded.public_key()?;
        let own = self.known_key(&public);
        let others = self.shown.iter().filter(|one| *one != recorded);
        let issuer = others.clone().find(|one| is_issued_by(recorded, one)).cloned();
        let issuer = issuer.filter(|_| level < MOST_LEVELS && !is_signed_by(recorded, &public));
        let issuer = match issuer {
            Some(old) => {
                let new = self.remade(&old, level + 1)?;
                Some((new.certificate != old, new.key))
            }
            None => None,
        };
        let stays = issuer.as_ref().is_none_or(|(is_other, _)| !is_other);
        let identity = match own {
            Some(key) if stays => Identity { certificate: recorded.clone(), key },
            own => {
                let key = own.map_or_else(|| self.made_for(&public), Ok)?;
                let mut again = Reissued::of(recorded)?;
                // With the identifier of the old key, to which other certificates refer.
                again.set_key(&key)?;
                if self.means_another_thing(recorded) {
                    let [then, now] = self.times;
                    again.move_dates(seconds_between(then, now))?;
                }
                let signer = issuer.map_or_else(|| key.clone(), |(_, signer)| signer);
                Identity { certificate: again.sign(&signer)?, key }
            }
        };
        self.again.insert(der, identity.clone());
        Ok(identity)
    }

    /// The private key of this public one, if the recording has it.
    pub(crate) fn known_key(&self, public: &PKeyRef<Public>) -> Option<PKey<Private>> {
        let known = self.known.iter().find(|one| one.key.public_eq(public));
        known.map(|one| one.key.clone())
    }

    /// A key of the same kind and length in place of one that is not known.
    fn made_for(&mut self, public: &PKeyRef<Public>) -> Result<PKey<Private>, Error> {
        let der = public.public_key_to_der()?;
        if let Some(key) = self.made.get(&der) {
            return Ok(key.clone());
        }
        if self.made.len() >= MOST_KEYS {
            return Err(Error::Misuse("the recording has too many certificates with unknown keys"));
        }
        let key = new_key_like(public)?;
        self.made.insert(der, key.clone());
        Ok(key)
    }

    /// True if a certificate was valid when it was recorded and is not now, or the other way round.
    fn means_another_thing(&self, certificate: &X509) -> bool {
        let [then, now] = self.times;
        is_valid(certificate, then) != is_valid(certificate, now)
    }

    /// What clients may notice of the certificates that the server shows.
    pub(crate) fn differences(&mut self) -> Vec<Difference> {
        let mut found = Vec::new();
        for recorded in &self.shown.clone() {
            let subject = to_text(recorded.subject_name());
            let subject = subject.escape_debug();
            let new = match self.of(recorded) {
                Ok(new) => new.certificate,
                Err(error) => {
                    let what = format!(
                        "the certificate of `{subject}` cannot be made again, and is sent as it was recorded: {error}"
                    );
                    found.push(Difference::new(About::Keys, what));
                    continue;
                }
            };
            if new != *recorded {
                let moved =
                    if self.means_another_thing(recorded) { "; its dates are moved" } else { "" };
                let what = format!(
                    "the certificate of `{subject}` is made again with another key, because the recording has not that of the server or its issuer{moved}; \
                     clients that know the recorded certificate refuse it"
                );
                found.push(Difference::new(About::Keys, what));
            } else if self.means_another_thing(recorded) {
                let [then, now] = self.times;
                let words = |time| if is_valid(recorded, time) { "valid" } else { "not valid" };
                let what = format!(
                    "the certificate of `{subject}` was {} when it was recorded, and is {} now",
                    words(then),
                    words(now)
                );
                found.push(Difference::new(About::Dates, what));
            }
        }
        found
    }
}

/// Whose certificate it is: a CA's, or a registration authority's for the one or the other.
fn role(certificate: &X509) -> Role {
    match certificate {
        ca if is_ca(ca) => Role::Ca,
        signer if allows(signer, KeyUsage::DIGITAL_SIGNATURE) => Role::RaSigning,
        _ => Role::RaEncryption,
    }
}

/// The seconds from one time to another, negative if that is earlier.
pub(crate) fn seconds_between(from: SystemTime, to: SystemTime) -> i64 {
    let whole = |duration: Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
    match to.duration_since(from) {
        Ok(later) => whole(later),
        Err(earlier) => -whole(earlier.duration()),
    }
}

/// True if the certificate is signed with its own key.
fn is_signed_by(certificate: &X509, key: &PKeyRef<Public>) -> bool {
    certificate.verify(key).unwrap_or(false)
}

/// A new key of the same kind and length.
///
/// # Errors
/// Fails if OpenSSL cannot make it.
pub(crate) fn new_key_like(public: &PKeyRef<Public>) -> Result<PKey<Private>, Error> {
    const COMMON: [u32; 4] = [1024, 2048, 3072, 4096];
    if public.id() == Id::EC {
        let own = public.ec_key()?;
        return Ok(PKey::from_ec_key(EcKey::generate(own.group())?)?);
    }
    let bits = Some(public.bits()).filter(|bits| COMMON.contains(bits)).unwrap_or(USUAL_BITS);
    Ok(PKey::from_rsa(Rsa::generate(bits)?)?)
}

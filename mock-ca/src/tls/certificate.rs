//! The root and the certificates of the CA's own TLS server.

use std::{
    net::IpAddr,
    sync::LazyLock,
    time::{Duration, SystemTime},
};

use der::asn1::{ObjectIdentifier, OctetString};
use openssl::{
    bn::BigNum,
    error::ErrorStack,
    hash::{MessageDigest, hash},
    pkey::{PKey, Private},
    x509::{X509, X509Name},
};
use scep::{clock::later, identity::Identity, key_usage::KeyUsage, name};
use x509_cert::ext;

use crate::{
    authority::{
        KEY_BITS, generate,
        lab::{STRANGER_KEY, TLS_ROOT_KEY, TLS_SERVER_KEY},
    },
    fault::{ALWAYS, Fault},
    profile::{
        Applicant, CertificateProfile, CrlPlace, Directory, Extension, Issuer, KeyIdentifier,
        RequestedExtensions, Validity, ValidityPeriod, calendar,
        der::{context_primitive, sequence},
        public_key_info,
    },
    settings::Keys,
};

/// The name of a root.
const ROOT_NAME: &str = "O=Sceplab, CN=TLS root";

/// The name of the root that clients do not know.
const OTHER_ROOT_NAME: &str = "O=Nowhere, CN=TLS root";

/// The name of the CA whose certificate never comes.
const MISSING_CA_NAME: &str = "O=Sceplab, CN=TLS issuing CA";

/// The name of the server that clients do not ask for.
const OTHER_SERVER: &str = "other.invalid";

/// The time before which a certificate begins or ends, so that it is valid, or not, even to a peer with another clock.
const DAY: Duration = Duration::from_secs(86_400);

/// The longest common name (RFC 5280 appendix A.1, `ub-common-name`).
const LONGEST_COMMON_NAME: usize = 64;

const ROOT_PROFILE: &[Extension] = &[
    Extension::BasicConstraints { path_length: None },
    Extension::KeyUsage(&[KeyUsage::KEY_CERT_SIGN, KeyUsage::CRL_SIGN]),
    Extension::SubjectKeyIdentifier,
];

const SERVER_PROFILE: &[Extension] = &[
    Extension::KeyUsage(&[KeyUsage::DIGITAL_SIGNATURE, KeyUsage::KEY_ENCIPHERMENT]),
    Extension::ExtendedKeyUsage(&["1.3.6.1.5.5.7.3.1"]),
    Extension::SubjectAltName,
    Extension::SubjectKeyIdentifier,
];

/// The root of a lab, which is the same in every lab and valid at the time of every clock.
static LAB_ROOT: LazyLock<Identity> =
    // The name and the key are fixed: this works always, or in no test at all.
    LazyLock::new(|| root(ROOT_NAME, PKey::clone(&TLS_ROOT_KEY)).expect("a fixed key signs"));

/// The certificate of the root below which the TLS servers of labs have theirs. Its key is public.
pub fn lab_tls_root() -> X509 {
    LAB_ROOT.certificate.clone()
}

/// [`lab_tls_root`] in PEM.
pub fn lab_tls_root_pem() -> String {
    static PEM: LazyLock<String> = LazyLock::new(|| {
        let pem = LAB_ROOT.certificate.to_pem().expect("a certificate can be written");
        String::from_utf8_lossy(&pem).into_owned()
    });
    PEM.clone()
}

/// The certificates of a server, its own first, and its key.
#[derive(Clone)]
pub(super) struct Chain {
    pub(super) certificates: Vec<X509>,
    pub(super) key: PKey<Private>,
}

/// The maker of a server's certificates.
pub(super) struct Maker {
    root: Identity,
    key: PKey<Private>,
    names: Vec<String>,
}

impl Maker {
    /// A maker for a server with these names and addresses.
    pub(super) fn new(keys: Keys, names: Vec<String>) -> Result<Self, ErrorStack> {
        let (root, key) = match keys {
            Keys::Lab => (LAB_ROOT.clone(), PKey::clone(&TLS_SERVER_KEY)),
            Keys::Fresh => (root(ROOT_NAME, generate(KEY_BITS)?)?, generate(KEY_BITS)?),
        };
        Ok(Self { root, key, names })
    }

    /// The root's certificate, which clients must trust.
    pub(super) fn root(&self) -> &X509 {
        &self.root.certificate
    }

    /// The right certificate, from a day before `now` on.
    pub(super) fn right(&self, now: SystemTime, valid_for: Duration) -> Result<Chain, ErrorStack> {
        let period = period(earlier(now), later(now, valid_for));
        Ok(self.chain(self.issue(&self.root, &self.names, period)?))
    }

    /// The wrong certificate of this fault; `None` if the fault is another one.
    pub(super) fn wrong(&self, fault: Fault, now: SystemTime) -> Result<Option<Chain>, ErrorStack> {
        let valid = period(earlier(now), later(now, TEN_DAYS));
        let (root, names) = (&self.root, self.names.as_slice());
        let certificate = match fault {
            Fault::TlsExpired => {
                let until = earlier(now);
                let from = until.checked_sub(TEN_DAYS).unwrap_or(until);
                self.issue(root, names, period(from, until))
            }
            Fault::TlsNotYetValid => {
                self.issue(root, names, period(later(now, DAY), later(now, TEN_DAYS)))
            }
            Fault::TlsOtherName => self.issue(root, &[OTHER_SERVER.to_owned()], valid),
            Fault::TlsSelfSigned => self.self_signed(valid),
            Fault::TlsChainIncomplete => {
                let missing = self::root(MISSING_CA_NAME, PKey::clone(&STRANGER_KEY))?;
                self.issue(&missing, names, valid)
            }
            Fault::TlsUnknownIssuer => {
                let other = self::root(OTHER_ROOT_NAME, PKey::clone(&STRANGER_KEY))?;
                let mut chain = self.chain(self.issue(&other, names, valid)?);
                chain.certificates.push(other.certificate);
                return Ok(Some(chain));
            }
            _ => return Ok(None),
        };
        Ok(Some(self.chain(certificate?)))
    }

    fn chain(&self, certificate: X509) -> Chain {
        Chain { certificates: vec![certificate], key: self.key.clone() }
    }

    fn issue(
        &self,
        issuer: &Identity,
        names: &[String],
        period: ValidityPeriod,
    ) -> Result<X509, ErrorStack> {
        let certificate = Some(issuer);
        issued(SERVER_PROFILE, &subject(names)?, &self.key, names, certificate, period)
    }

    fn self_signed(&self, period: ValidityPeriod) -> Result<X509, ErrorStack> {
        issued(SERVER_PROFILE, &subject(&self.names)?, &self.key, &self.names, None, period)
    }
}

/// The life of a wrong certificate.
const TEN_DAYS: Duration = Duration::from_secs(10 * 86_400);

/// A root with this key, valid at the time of every clock.
fn root(subject: &str, key: PKey<Private>) -> Result<Identity, ErrorStack> {
    let subject = name::parse(subject).expect("a constant name is a name");
    let certificate = issued(ROOT_PROFILE, &subject, &key, &[], None, ALWAYS)?;
    Ok(Identity { certificate, key })
}

/// A certificate with these alternative names, by this issuer or by itself.
fn issued(
    extensions: &'static [Extension],
    subject: &X509Name,
    key: &PKey<Private>,
    names: &[String],
    issuer: Option<&Identity>,
    period: ValidityPeriod,
) -> Result<X509, ErrorStack> {
    let profile = CertificateProfile {
        extensions,
        requested: RequestedExtensions::First,
        key_identifier: KeyIdentifier::Sha1,
        validity: Validity::Between(period),
    };
    let public_key = public_key_info(key)?;
    let subject_der = subject.to_der()?;
    let requested = (!names.is_empty()).then(|| alternative_names(names));
    let applicant = Applicant {
        subject: &subject_der,
        public_key: &public_key,
        requested: requested.as_slice(),
        serial: serial(&[&subject_der, requested_bytes(requested.as_ref())], period)?,
    };
    let issuer = Issuer {
        certificate: issuer.map(|issuer| &*issuer.certificate),
        key: issuer.map_or(key, |issuer| &issuer.key),
        directory: &Directory::of(subject, ""),
        crl: CrlPlace::Nowhere,
    };
    profile.issue(&applicant, &issuer, period.not_before)
}

fn requested_bytes(names: Option<&ext::Extension>) -> &[u8] {
    names.map_or(&[], |names| names.extn_value.as_bytes())
}

/// A serial number that differs for certificates with other content.
fn serial(content: &[&[u8]], period: ValidityPeriod) -> Result<BigNum, ErrorStack> {
    let dates = [period.not_before, period.not_after].map(|it| it.unix_timestamp().to_be_bytes());
    let digest =
        hash(MessageDigest::sha256(), &[&content.concat()[..], dates.as_flattened()].concat())?;
    let mut serial = [0; 8];
    serial.copy_from_slice(&digest[..8]);
    // Positive, and never zero.
    BigNum::from_slice(&(u64::from_be_bytes(serial) >> 1 | 1).to_be_bytes())
}

/// The subject of a server: its first name, if that is no longer than a common name may be.
fn subject(names: &[String]) -> Result<X509Name, ErrorStack> {
    let first = names.first().filter(|name| name.len() <= LONGEST_COMMON_NAME);
    let mut builder = X509Name::builder()?;
    builder.append_entry_by_text("CN", first.map_or("TLS server", String::as_str))?;
    Ok(builder.build())
}

/// The extension with host names and addresses (RFC 5280 §4.2.1.6).
fn alternative_names(names: &[String]) -> ext::Extension {
    let general = |name: &String| match name.parse() {
        Ok(IpAddr::V4(address)) => context_primitive(7, &address.octets()),
        Ok(IpAddr::V6(address)) => context_primitive(7, &address.octets()),
        Err(_) => context_primitive(2, name.as_bytes()),
    };
    let value = sequence(&names.iter().map(general).collect::<Vec<_>>());
    ext::Extension {
        extn_id: ObjectIdentifier::new_unwrap("2.5.29.17"),
        critical: false,
        extn_value: OctetString::new(value).expect("DER can encode the length of any value"),
    }
}

fn earlier(now: SystemTime) -> SystemTime {
    now.checked_sub(DAY).unwrap_or(now)
}

fn period(from: SystemTime, until: SystemTime) -> ValidityPeriod {
    ValidityPeriod { not_before: calendar(from), not_after: calendar(until) }
}

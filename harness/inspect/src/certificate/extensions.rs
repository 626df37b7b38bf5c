//! The extensions of a certificate.

use der::Decode;
use der::oid::ObjectIdentifier;
use openssl::asn1::Asn1Object;
use openssl::nid::Nid;
use openssl::x509::X509Ref;
use scep::key_usage::KeyUsage;
use serde::Serialize;
use x509_cert::certificate::{CertificateInner, Raw};
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage};

/// The extensions that matter to SCEP clients, and the names of the others.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Extensions {
    /// The version of the certificate, from 1.
    pub version: i32,
    /// The names of the key usage; none if there is no such extension.
    pub key_usage: Option<Vec<&'static str>>,
    pub extended_key_usage: Vec<String>,
    /// The basic constraints in words; none if there is no such extension.
    pub basic_constraints: Option<String>,
    /// The name of the certificate template that Windows has set.
    pub template: Option<String>,
    /// The other extensions.
    pub others: Vec<String>,
    /// The names of the critical extensions.
    pub critical: Vec<String>,
    /// True if the basic constraints say that it is a CA's.
    #[serde(skip)]
    pub has_ca_flag: bool,
}

const KEY_USAGE: &str = "2.5.29.15";
const BASIC_CONSTRAINTS: &str = "2.5.29.19";
const EXTENDED_KEY_USAGE: &str = "2.5.29.37";
/// The name of the template (`szOID_ENROLL_CERTTYPE_EXTENSION`).
const TEMPLATE: &str = "1.3.6.1.4.1.311.20.2";

/// The number of other extensions that are named.
const NAMED: usize = 32;

impl Extensions {
    pub(crate) fn of(certificate: &X509Ref) -> Self {
        let mut found = Self {
            version: certificate.version() + 1,
            key_usage: KeyUsage::of(certificate).map(KeyUsage::names),
            ..Self::default()
        };
        let der = certificate.to_der().unwrap_or_default();
        // Real CAs use serial numbers that RFC 5280 forbids, which this profile accepts.
        let Ok(parsed) = CertificateInner::<Raw>::from_der(&der) else { return found };
        for extension in parsed.tbs_certificate().extensions().into_iter().flatten() {
            found.add(extension.extn_id, extension.critical, extension.extn_value.as_bytes());
        }
        found
    }

    fn add(&mut self, oid: ObjectIdentifier, is_critical: bool, value: &[u8]) {
        let name = name_of(&oid);
        if is_critical && self.critical.len() < NAMED {
            self.critical.push(name.clone());
        }
        match oid.to_string().as_str() {
            KEY_USAGE => {}
            BASIC_CONSTRAINTS => {
                let read = BasicConstraints::from_der(value);
                self.has_ca_flag = read.as_ref().is_ok_and(|constraints| constraints.ca);
                self.basic_constraints = Some(read.map_or_else(unreadable, |it| constraints(&it)));
            }
            EXTENDED_KEY_USAGE => match ExtendedKeyUsage::from_der(value) {
                Ok(usages) => {
                    self.extended_key_usage = usages.0.iter().take(NAMED).map(name_of).collect();
                }
                Err(error) => self.extended_key_usage = vec![unreadable(error)],
            },
            TEMPLATE => {
                let name = bmp_string(value);
                self.template = name.or_else(|| Some("unreadable".to_owned()));
            }
            _ if self.others.len() < NAMED => self.others.push(name),
            _ => {}
        }
    }
}

fn unreadable(error: der::Error) -> String {
    format!("unreadable: {error}")
}

fn constraints(read: &BasicConstraints) -> String {
    match (read.ca, read.path_len_constraint) {
        (true, Some(length)) => format!("CA, at most {length} CAs below it"),
        (true, None) => "CA".to_owned(),
        (false, _) => "no CA".to_owned(),
    }
}

/// The name of an object, or its number if OpenSSL knows none.
fn name_of(oid: &ObjectIdentifier) -> String {
    let number = oid.to_string();
    let known = Asn1Object::from_str(&number).ok().map(|object| object.nid());
    let known = known.filter(|nid| *nid != Nid::UNDEF).and_then(|nid| nid.long_name().ok());
    known.map_or(number, str::to_owned)
}

/// The text of a short `BMPString` (X.690 §8.23).
fn bmp_string(value: &[u8]) -> Option<String> {
    let [0x1e, length @ 0..=0x7f, text @ ..] = value else { return None };
    if text.len() != usize::from(*length) || text.len() % 2 != 0 {
        return None;
    }
    let units: Vec<u16> =
        text.chunks_exact(2).map(|two| u16::from_be_bytes([two[0], two[1]])).collect();
    String::from_utf16(&units).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn template_name_is_read() {
        let text = [0x1e, 4, 0, b'C', 0, b'A'];
        assert_eq!(bmp_string(&text).as_deref(), Some("CA"));
        for wrong in [&[][..], &[0x1e, 5, 0, 1, 0, 1], &[0x1e, 3, 0, 1, 0], &[0x0c, 1, b'a']] {
            assert_eq!(bmp_string(wrong), None, "{wrong:?}");
        }
    }
}

//! A certificate as a PKI gives it, or as a device shows it: in DER, or as the text that `openssl x509 -text` prints.

use std::sync::LazyLock;
use std::time::SystemTime;

use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::PointConversionForm;
use openssl::pkey::{PKey, Public};
use openssl::x509::X509;
use regex::Regex;
use scep::certificate::serial_number;
use scep::clock::{moment, system_time};
use scep::name::to_text;

/// What is known of a certificate.
#[derive(Debug, Clone)]
pub(crate) struct ShownCertificate {
    /// The serial number in capital hexadecimal digits, two for each byte.
    pub serial: String,
    /// The subject, in one line.
    pub subject: String,
    /// The issuer, in one line.
    pub issuer: String,
    /// The first moment of its validity, if it can be read.
    pub not_before: Option<SystemTime>,
    /// The last moment of its validity, if it can be read.
    pub not_after: Option<SystemTime>,
    /// The modulus or the point of its key, in hexadecimal; empty for a key of another kind.
    pub key: String,
    /// The length of its key in bits, if it is known.
    pub key_bits: Option<u32>,
    /// The certificate itself, if more than its text came.
    pub certificate: Option<X509>,
}

impl ShownCertificate {
    /// The certificate in DER; none if it cannot be read.
    pub(crate) fn from_der(der: &[u8]) -> Option<Self> {
        let certificate = X509::from_der(der).ok()?;
        let key = certificate.public_key().ok();
        Some(Self {
            serial: serial_number(&certificate).ok()?,
            subject: to_text(certificate.subject_name()),
            issuer: to_text(certificate.issuer_name()),
            not_before: system_time(certificate.not_before()).ok(),
            not_after: system_time(certificate.not_after()).ok(),
            key: key.as_ref().and_then(key_digits).unwrap_or_default(),
            key_bits: key.map(|key| key.bits()),
            certificate: Some(certificate),
        })
    }

    /// The certificate in a text; none if it has no serial number.
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        let after = |label: &str| {
            let mut lines = text.lines().map(str::trim);
            lines.find_map(|line| line.strip_prefix(label)).map(|value| value.trim().to_owned())
        };
        let bits = after("Public-Key:").or_else(|| after("RSA Public-Key:"));
        let bits =
            bits.and_then(|bits| bits.trim_matches(['(', ')']).split(' ').next()?.parse().ok());
        let key = [digits_below(text, "Modulus:"), digits_below(text, "pub:")].concat();
        Some(Self {
            serial: serial_in(text)?,
            subject: after("Subject:")?,
            issuer: after("Issuer:")?,
            not_before: after("Not Before:").and_then(|date| date_in(&date)),
            not_after: after("Not After :").and_then(|date| date_in(&date)),
            key: key.trim_start_matches("00").to_owned(),
            key_bits: bits,
            certificate: None,
        })
    }
}

/// The modulus of an RSA key, or the point of one on a curve, in capital hexadecimal digits.
fn key_digits(key: &PKey<Public>) -> Option<String> {
    let bytes = match (key.rsa(), key.ec_key()) {
        (Ok(rsa), _) => rsa.n().to_vec(),
        (_, Ok(ec)) => {
            let (form, mut context) =
                (PointConversionForm::UNCOMPRESSED, BigNumContext::new().ok()?);
            ec.public_key().to_bytes(ec.group(), form, &mut context).ok()?
        }
        _ => return None,
    };
    let digits = BigNum::from_slice(&bytes).ok()?.to_hex_str().ok()?;
    Some(digits.trim_start_matches("00").to_owned())
}

/// The serial number, which is in the line `Serial Number: 2 (0x2)`, or longer in a line of its own below.
fn serial_in(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("Serial Number:")?;
    let mut lines = rest.lines().map(str::trim);
    let first = lines.next()?;
    let digits = match first.split_once("(0x") {
        Some((_, hexadecimal)) => hexadecimal.trim_end_matches(')').to_owned(),
        None => lines.next()?.replace(':', ""),
    };
    let is_hexadecimal = !digits.is_empty() && digits.chars().all(|c| c.is_ascii_hexdigit());
    let padded = if digits.len() % 2 == 1 { format!("0{digits}") } else { digits };
    is_hexadecimal.then(|| padded.to_ascii_uppercase())
}

/// The hexadecimal digits in the lines below a label, without the colons.
fn digits_below(text: &str, label: &str) -> String {
    let is_digits =
        |line: &&str| !line.is_empty() && line.chars().all(|c| c.is_ascii_hexdigit() || c == ':');
    let lines = text.lines().map(str::trim).skip_while(|line| *line != label).skip(1);
    let digits: String = lines.take_while(is_digits).collect();
    digits.replace(':', "").to_ascii_uppercase()
}

/// A date as OpenSSL prints it: `Nov 22 11:54:28 2026 GMT`.
fn date_in(text: &str) -> Option<SystemTime> {
    static DATE: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"^([A-Z][a-z]{2}) +(\d{1,2}) (\d{2}:\d{2}:\d{2}) (\d{4}) GMT$").ok()
    });
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let parts = DATE.as_ref()?.captures(text)?;
    let month = MONTHS.find(&parts[1])? / 3 + 1;
    moment(&format!("{}-{month:02}-{:0>2}T{}Z", &parts[4], &parts[2], &parts[3])).ok()
}

#[cfg(test)]
mod tests {
    use openssl::asn1::{Asn1Integer, Asn1Time};
    use openssl::hash::MessageDigest;
    use openssl::x509::X509Name;
    use scep::clock::moment_text;
    use scep::key::KeyKind;
    use testbed::new_key;

    use super::*;

    async fn certificate(serial: &str, kind: KeyKind) -> X509 {
        let key = new_key(kind).await.unwrap();
        let mut name = X509Name::builder().unwrap();
        name.append_entry_by_text("CN", "router").unwrap();
        let name = name.build();
        let mut builder = X509::builder().unwrap();
        builder.set_pubkey(&key).unwrap();
        builder.set_subject_name(&name).unwrap();
        builder.set_issuer_name(&name).unwrap();
        let serial = Asn1Integer::from_bn(&BigNum::from_hex_str(serial).unwrap()).unwrap();
        builder.set_serial_number(&serial).unwrap();
        builder.set_not_before(&Asn1Time::from_str("20260101000000Z").unwrap()).unwrap();
        builder.set_not_after(&Asn1Time::from_str("20270411123456Z").unwrap()).unwrap();
        builder.sign(&key, MessageDigest::sha256()).unwrap();
        builder.build()
    }

    #[tokio::test]
    async fn text_of_a_certificate_has_the_same_facts_as_the_certificate() {
        for (serial, kind) in [
            ("02", KeyKind::default()),
            ("5CE5D022B3D32C3194885B26F13A537A72B7263B", KeyKind::P256),
        ] {
            let certificate = certificate(serial, kind).await;
            let text = String::from_utf8(certificate.to_text().unwrap()).unwrap();
            let read = ShownCertificate::from_text(&text).unwrap();
            let original = ShownCertificate::from_der(&certificate.to_der().unwrap()).unwrap();
            assert_eq!((read.serial.as_str(), original.serial.as_str()), (serial, serial));
            assert_eq!((&read.key, read.key_bits), (&original.key, original.key_bits), "{text}");
            assert!(!read.key.is_empty());
            let dates = |it: &ShownCertificate| {
                (it.not_before.map(moment_text), it.not_after.map(moment_text))
            };
            assert_eq!(dates(&read), dates(&original));
            assert_eq!(dates(&read).1.unwrap(), "2027-04-11T12:34:56Z");
            assert_eq!(read.subject.replace(' ', ""), "CN=router");
        }
    }

    #[test]
    fn text_without_a_certificate_has_no_facts() {
        assert!(ShownCertificate::from_text("CLI Error: no file").is_none());
        assert!(ShownCertificate::from_der(b"none").is_none());
    }
}

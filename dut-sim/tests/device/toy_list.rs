//! Revocation lists written by hand, because a builder writes no wrong ones (RFC 5280 §5.1).

use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::sign::Signer;
use scep::identity::Identity;

/// A list that is complete until a test changes a field.
pub(crate) struct HandmadeList {
    pub(crate) key: PKey<Private>,
    /// The issuer, in DER.
    pub(crate) issuer: Vec<u8>,
    /// The dates, as `UTCTime` if they have 13 characters, or else as `GeneralizedTime`.
    pub(crate) this_update: &'static str,
    pub(crate) next_update: &'static str,
    /// The entries, in DER.
    pub(crate) entries: Vec<u8>,
    /// The extensions, in DER.
    pub(crate) extensions: Vec<Vec<u8>>,
}

impl HandmadeList {
    /// A list of this CA of 2026 without entries and extensions.
    pub(crate) fn of(ca: &Identity) -> Self {
        Self {
            key: ca.key.clone(),
            issuer: ca.certificate.subject_name().to_der().unwrap(),
            this_update: "260101000200Z",
            next_update: "261231000000Z",
            entries: Vec::new(),
            extensions: Vec::new(),
        }
    }

    pub(crate) fn with(mut self, extension: Vec<u8>) -> Self {
        self.extensions.push(extension);
        self
    }

    /// The signed list, in DER.
    pub(crate) fn der(&self) -> Vec<u8> {
        // sha256WithRSAEncryption
        let algorithm =
            [0x30, 13, 0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b, 0x05, 0];
        let mut parts = vec![
            tlv(0x02, &[1]),
            algorithm.to_vec(),
            self.issuer.clone(),
            time(self.this_update),
            time(self.next_update),
        ];
        if !self.entries.is_empty() {
            parts.push(tlv(0x30, &self.entries));
        }
        if !self.extensions.is_empty() {
            parts.push(tlv(0xa0, &sequence(&self.extensions)));
        }
        let to_be_signed = sequence(&parts);
        let mut signer = Signer::new(MessageDigest::sha256(), &self.key).unwrap();
        let signature = signer.sign_oneshot_to_vec(&to_be_signed).unwrap();
        let signature = tlv(0x03, &[vec![0], signature].concat());
        sequence(&[to_be_signed, algorithm.to_vec(), signature])
    }
}

/// An entry with this date and these extensions.
pub(crate) fn entry(serial: u32, date: &str, extensions: &[Vec<u8>]) -> Vec<u8> {
    let octets = serial.to_be_bytes();
    let zeros = octets.iter().take_while(|octet| **octet == 0).count();
    // One zero more if the first bit would be a sign.
    let sign = if serial.leading_zeros().is_multiple_of(8) { &[0][..] } else { &[] };
    let serial = tlv(0x02, &[sign, &octets[zeros..]].concat());
    let mut fields = vec![serial, time(date)];
    if !extensions.is_empty() {
        fields.push(sequence(extensions));
    }
    sequence(&fields)
}

/// An extension; the object identifier is in DER without its header.
pub(crate) fn list_extension(oid: &[u8], critical: bool, value: &[u8]) -> Vec<u8> {
    let mut fields = vec![tlv(0x06, oid)];
    if critical {
        fields.push(tlv(0x01, &[0xff]));
    }
    fields.push(tlv(0x04, value));
    sequence(&fields)
}

fn time(text: &str) -> Vec<u8> {
    tlv(if text.len() == 13 { 0x17 } else { 0x18 }, text.as_bytes())
}

pub(crate) fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

/// An element of DER.
pub(crate) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    let mut element = vec![tag];
    if content.len() < 128 {
        element.push(length[3]);
    } else {
        element.push(0x84);
        element.extend(length);
    }
    element.extend(content);
    element
}

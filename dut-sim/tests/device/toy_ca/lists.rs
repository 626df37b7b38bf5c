//! The revocation lists that the minimal CA gives out.

use std::sync::atomic::Ordering;
use std::time::SystemTime;

use openssl::bn::BigNum;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::x509::{CrlNumber, X509CrlBuilder, X509RevokedBuilder};
use scep::clock::asn1_time;

use super::certificates::{extension, stranger_key};
use super::{DAY, List, ToyCa};

impl ToyCa {
    /// The revocation list in DER.
    pub(super) fn revocation_list(&self) -> Option<Vec<u8>> {
        let now = self.clock.now();
        let (key, from, until) = match *self.list.lock().unwrap() {
            List::For(life) => (self.identity().key, now, now + life),
            List::Forged => (stranger_key(), now, now + DAY),
            List::Tomorrow => (self.identity().key, now + DAY, now + 2 * DAY),
            List::Expired => (self.identity().key, now - 2 * DAY, now - DAY),
            List::First => return self.lists.lock().unwrap().first().cloned(),
            List::None => return None,
        };
        let list = self.signed_list(&key, from, until);
        self.lists.lock().unwrap().push(list.clone());
        Some(list)
    }

    fn signed_list(&self, key: &PKey<Private>, from: SystemTime, until: SystemTime) -> Vec<u8> {
        let identity = self.identity();
        let mut builder = X509CrlBuilder::new().unwrap();
        builder.set_issuer_name(identity.certificate.subject_name()).unwrap();
        builder.set_last_update(&asn1_time(from).unwrap()).unwrap();
        builder.set_next_update(&asn1_time(until).unwrap()).unwrap();
        let number = BigNum::from_u32(self.next_number.fetch_add(1, Ordering::Relaxed)).unwrap();
        builder.append_extension(CrlNumber::new(number).unwrap().build().unwrap()).unwrap();
        // The key identifier 1, because the builder wants one.
        builder.append_extension(extension("2.5.29.35", &[0x30, 3, 0x80, 1, 1])).unwrap();
        for (serial, at) in &*self.revoked.lock().unwrap() {
            let mut entry = X509RevokedBuilder::new().unwrap();
            let serial = BigNum::from_u32(*serial).unwrap().to_asn1_integer().unwrap();
            entry.set_serial_number(&serial).unwrap();
            entry.set_revocation_date(&asn1_time(*at).unwrap()).unwrap();
            builder.add_revoked(entry.build()).unwrap();
        }
        builder.sign(key, MessageDigest::sha256()).unwrap();
        builder.build().unwrap().to_der().unwrap()
    }
}

//! The days in the life of a CA, and the CAs that were announced.

use std::time::SystemTime;

use openssl::x509::{X509, X509Ref};
use scep::clock::{later, moment_text, system_time};

/// The share of the life of the CA after which the device asks again, in percent.
const SHARE: u32 = 80;
/// How many announced certificates are kept.
const MOST_ANNOUNCED: usize = 64;

/// The day of the next CA: the beginning of its certificate, or the end of today's CA if the certificate has begun already.
pub(super) fn day(today: &X509Ref, next: &X509Ref, now: SystemTime) -> SystemTime {
    let begin = system_time(next.not_before()).unwrap_or(now);
    if begin > now { begin } else { system_time(today.not_after()).unwrap_or(now) }
}

/// Checks that the certificate of the next CA is one that will be valid, or still is; the error says why not.
pub(super) fn check_life(next: &X509Ref, now: SystemTime) -> Result<(), String> {
    let (Ok(begin), Ok(end)) = (system_time(next.not_before()), system_time(next.not_after()))
    else {
        return Err("its certificate has dates that cannot be read".to_owned());
    };
    let text = moment_text(end);
    if end <= now {
        Err(format!("its certificate has ended at {text}"))
    } else if end <= begin {
        Err(format!("its certificate ends at {text}, before it begins"))
    } else {
        Ok(())
    }
}

/// True if the certificate has ended.
pub(super) fn has_ended(certificate: &X509Ref, now: SystemTime) -> bool {
    system_time(certificate.not_after()).is_ok_and(|end| end <= now)
}

/// The moment at which so much of the life of the certificate has passed.
pub(super) fn share_of_life(certificate: &X509Ref) -> Option<SystemTime> {
    let start = system_time(certificate.not_before()).ok()?;
    let life = system_time(certificate.not_after()).ok()?.duration_since(start).ok()?;
    Some(later(start, life / 100 * SHARE))
}

/// Adds certificates that are announced; the oldest make room.
pub(super) fn announce(announced: &mut Vec<X509>, certificates: &[X509]) {
    for one in certificates {
        announced.retain(|other| other != one);
        announced.push(one.clone());
    }
    announced.drain(..announced.len().saturating_sub(MOST_ANNOUNCED));
}

#[cfg(test)]
mod tests {
    use openssl::bn::BigNum;
    use openssl::ec::{EcGroup, EcKey};
    use openssl::hash::MessageDigest;
    use openssl::nid::Nid;
    use openssl::pkey::{PKey, Private};

    use super::*;

    /// A certificate with this serial number.
    fn certificate(serial: u32, key: &PKey<Private>) -> X509 {
        let mut builder = X509::builder().unwrap();
        let serial = BigNum::from_u32(serial).unwrap().to_asn1_integer().unwrap();
        builder.set_serial_number(&serial).unwrap();
        builder.set_pubkey(key).unwrap();
        builder.sign(key, MessageDigest::sha256()).unwrap();
        builder.build()
    }

    #[test]
    fn announced_certificates_are_kept_once_and_the_newest_alone() {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
        let certificates: Vec<_> = (0..100).map(|serial| certificate(serial, &key)).collect();
        let mut announced = Vec::new();
        for serial in (0..100).chain([50]) {
            announce(&mut announced, &certificates[serial..=serial]);
        }
        let serial =
            |one: &X509| one.serial_number().to_bn().unwrap().to_dec_str().unwrap().to_string();
        let serials: Vec<_> = announced.iter().map(serial).collect();
        assert_eq!((serials.len(), &*serials[0], &*serials[63]), (64, "36", "50"));
        assert_eq!(serials.iter().filter(|serial| *serial == "50").count(), 1);
    }
}

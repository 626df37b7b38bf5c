//! The moment at which a certificate is renewed.

use std::time::{Duration, SystemTime};

use openssl::sha::sha256;
use openssl::x509::X509Ref;
use scep::clock::{later, system_time};

use crate::config::system::{RenewalSettings, RenewalTime};

/// The moment at which the certificate is to be renewed; `None` if that is not configured, or its dates cannot be read.
///
/// The jitter is computed from the certificate, so that it is the same after a restart and another one for each device.
pub(super) fn due(settings: &RenewalSettings, certificate: &X509Ref) -> Option<SystemTime> {
    let time = settings.time?;
    let start = system_time(certificate.not_before()).ok()?;
    let end = system_time(certificate.not_after()).ok()?;
    let life = end.duration_since(start).unwrap_or_default();
    let after = match time {
        RenewalTime::Share(percent) => millis(life.as_millis() * u128::from(percent) / 100),
        RenewalTime::Before(before) => life.saturating_sub(before),
    };
    let earlier = part(settings.jitter, &certificate.to_der().ok()?);
    Some(later(start, after.saturating_sub(earlier)))
}

/// A part of the jitter, from nothing to all of it, as chance and these bytes have it.
fn part(jitter: Duration, bytes: &[u8]) -> Duration {
    let [a, b, c, d, ..] = sha256(bytes);
    let chance = u32::from_be_bytes([a, b, c, d]);
    millis(jitter.as_millis() * u128::from(chance) / u128::from(u32::MAX))
}

fn millis(millis: u128) -> Duration {
    Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use openssl::asn1::Asn1Time;
    use openssl::hash::MessageDigest;
    use openssl::pkey::PKey;
    use openssl::rsa::Rsa;
    use openssl::x509::X509;
    use scep::clock::moment;

    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    /// A certificate of 100 days, from 2026-01-01 to 2026-04-11.
    fn certificate() -> X509 {
        let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
        let mut builder = X509::builder().unwrap();
        builder.set_pubkey(&key).unwrap();
        builder.set_not_before(&Asn1Time::from_str("20260101000000Z").unwrap()).unwrap();
        builder.set_not_after(&Asn1Time::from_str("20260411000000Z").unwrap()).unwrap();
        builder.sign(&key, MessageDigest::sha256()).unwrap();
        builder.build()
    }

    fn settings(time: RenewalTime) -> RenewalSettings {
        RenewalSettings { time: Some(time), ..RenewalSettings::default() }
    }

    #[test]
    fn renewal_is_due_at_its_share_or_before_the_end() {
        let (certificate, start) = (certificate(), moment("2026-01-01T00:00Z").unwrap());
        let at = |time| due(&settings(time), &certificate).unwrap();
        assert_eq!(at(RenewalTime::Share(80)), start + 80 * DAY);
        assert_eq!(at(RenewalTime::Share(81)), start + 81 * DAY);
        assert_eq!(at(RenewalTime::Before(30 * DAY)), start + 70 * DAY);
        assert_eq!(at(RenewalTime::Before(300 * DAY)), start);
        assert_eq!(due(&RenewalSettings::default(), &certificate), None);
    }

    #[test]
    fn jitter_is_earlier_and_differs_from_certificate_to_certificate() {
        let jitter = 10 * DAY;
        let settings = RenewalSettings { jitter, ..settings(RenewalTime::Share(80)) };
        let start = moment("2026-01-01T00:00Z").unwrap();
        let moments: Vec<_> = (0..3)
            .map(|_| {
                let certificate = certificate();
                let moment = due(&settings, &certificate).unwrap();
                assert_eq!(due(&settings, &certificate), Some(moment));
                assert!(start + 70 * DAY <= moment && moment <= start + 80 * DAY);
                moment
            })
            .collect();
        assert!(moments[0] != moments[1] || moments[1] != moments[2], "{moments:?}");
        assert_eq!(part(jitter, &[]), part(jitter, &[]));
    }
}

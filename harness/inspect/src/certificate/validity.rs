//! Whether a certificate is valid now.

use std::fmt::{self, Display, Formatter};
use std::time::{Duration, SystemTime};

use openssl::x509::X509Ref;
use scep::certificate::invalidity;
use scep::clock::{apart, system_time};
use serde::{Serialize, Serializer};

/// Whether a certificate is valid; written, it goes on after the name of the certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Validity {
    /// It is valid, and still for this time.
    Valid(Duration),
    /// It is not valid, for this reason in words.
    Invalid(String),
}

impl Validity {
    pub(super) fn of(certificate: &X509Ref, now: SystemTime) -> Self {
        if let Some(reason) = invalidity(certificate, now) {
            return Self::Invalid(reason);
        }
        let end = system_time(certificate.not_after()).ok();
        match end.and_then(|end| end.duration_since(now).ok()) {
            Some(left) => Self::Valid(left),
            None => Self::Invalid("has dates that cannot be read".to_owned()),
        }
    }
}

impl Display for Validity {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Valid(left) => write!(formatter, "valid for {}", apart(*left)),
            Self::Invalid(reason) => formatter.write_str(reason),
        }
    }
}

impl Serialize for Validity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use openssl::asn1::Asn1Time;
    use openssl::hash::MessageDigest;
    use openssl::pkey::PKey;
    use openssl::rsa::Rsa;
    use openssl::x509::X509;

    use super::*;
    use crate::certificate::Facts;

    fn signed_with(digest: MessageDigest) -> X509 {
        let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
        let mut builder = X509::builder().unwrap();
        builder.set_pubkey(&key).unwrap();
        builder.set_not_before(&Asn1Time::from_str("19800101000000Z").unwrap()).unwrap();
        builder.set_not_after(&Asn1Time::from_str("19800103000000Z").unwrap()).unwrap();
        builder.sign(&key, digest).unwrap();
        builder.build()
    }

    #[test]
    fn validity_is_what_the_dates_say() {
        let certificate = signed_with(MessageDigest::sha256());
        let begin = SystemTime::UNIX_EPOCH + Duration::from_secs(315_532_800);
        let day = Duration::from_secs(86_400);
        assert_eq!(Validity::of(&certificate, begin), Validity::Valid(2 * day));
        assert_eq!(Validity::Valid(2 * day).to_string(), "valid for 2 days");
        for now in [begin - day, begin + 3 * day] {
            assert!(matches!(Validity::of(&certificate, now), Validity::Invalid(_)));
        }
    }

    #[test]
    fn weak_digest_is_found_by_the_algorithm() {
        for (digest, is_weak) in [(MessageDigest::sha1(), true), (MessageDigest::sha256(), false)] {
            let facts = Facts::of_all(&[signed_with(digest)], SystemTime::UNIX_EPOCH);
            assert_eq!(facts[0].has_weak_digest(), is_weak);
        }
    }
}

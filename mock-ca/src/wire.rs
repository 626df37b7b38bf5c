//! The forms of other crates' values in JSON.

/// A time, in seconds since 1970.
pub(crate) mod seconds {
    use std::time::SystemTime;

    use serde::{Deserializer, Serializer, de::Error};

    use super::maybe_seconds;

    pub(crate) fn serialize<S: Serializer>(time: &SystemTime, to: S) -> Result<S::Ok, S::Error> {
        maybe_seconds::serialize(&Some(*time), to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<SystemTime, D::Error> {
        maybe_seconds::deserialize(from)?.ok_or_else(|| D::Error::custom("there is no time"))
    }
}

/// An optional time, in seconds since 1970.
pub(crate) mod maybe_seconds {
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    #[expect(clippy::ref_option, reason = "serde calls it so")]
    pub(crate) fn serialize<S: Serializer>(
        time: &Option<SystemTime>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        let seconds =
            time.map(|time| time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs());
        seconds.serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<SystemTime>, D::Error> {
        let Some(seconds) = Option::deserialize(from)? else { return Ok(None) };
        let time = UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
        time.map(Some).ok_or_else(|| D::Error::custom("a time too far in the future"))
    }
}

/// A certificate, in PEM.
pub(crate) mod pem {
    use openssl::x509::X509;
    use serde::{Deserialize, Deserializer, Serializer, de, ser};

    pub(crate) fn serialize<S: Serializer>(certificate: &X509, to: S) -> Result<S::Ok, S::Error> {
        let pem = certificate.to_pem().map_err(ser::Error::custom)?;
        to.serialize_str(&String::from_utf8_lossy(&pem))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<X509, D::Error> {
        let pem = String::deserialize(from)?;
        X509::from_pem(pem.as_bytes())
            .map_err(|_| de::Error::custom("it holds no certificate in PEM"))
    }
}

/// Certificates in PEM.
pub(crate) mod pems {
    use openssl::x509::X509;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Pem(#[serde(with = "super::pem")] X509);

    pub(crate) fn serialize<S: Serializer>(all: &[X509], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(all.iter().cloned().map(Pem))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<X509>, D::Error> {
        let all: Vec<Pem> = Vec::deserialize(from)?;
        Ok(all.into_iter().map(|Pem(certificate)| certificate).collect())
    }
}

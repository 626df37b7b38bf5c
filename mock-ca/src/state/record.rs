//! Certificates and requests as they are kept.

use std::{sync::Arc, time::SystemTime};

use openssl::x509::X509;
use scep::request::Csr;
use serde::{Deserialize, Serialize};

use crate::{origin::Origin, wire};

/// A record with a number, which is its file's name.
pub(super) trait Numbered {
    fn number(&self) -> u32;
    fn set_number(&mut self, number: u32);
}

/// An issued certificate.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct IssuedRecord {
    /// The CA's number of it, from which its serial number is made.
    #[serde(skip)]
    pub(crate) number: u32,
    pub(crate) origin: Origin,
    /// The number of the request that waited for it.
    pub(crate) answers: Option<u32>,
    /// When it was revoked, in whole seconds once it was kept.
    #[serde(with = "wire::maybe_seconds")]
    pub(crate) revoked: Option<SystemTime>,
    #[serde(with = "wire::pem")]
    pub(crate) certificate: X509,
}

/// A request that waits for a decision, or was denied.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PendingRecord {
    /// The CA's number of it, in the order of arrival.
    #[serde(skip)]
    pub(crate) number: u32,
    pub(crate) origin: Origin,
    pub(crate) denied: bool,
    #[serde(with = "csr_pem")]
    pub(crate) csr: Arc<Csr>,
}

impl PendingRecord {
    /// The same request, denied.
    pub(crate) fn denied(&self) -> Self {
        Self { denied: true, ..self.clone() }
    }
}

/// Lets a record have its number.
macro_rules! numbered {
    ($($record:ty),+) => {
        $(impl Numbered for $record {
            fn number(&self) -> u32 {
                self.number
            }

            fn set_number(&mut self, number: u32) {
                self.number = number;
            }
        })+
    };
}

numbered!(IssuedRecord, PendingRecord);

/// A certification request, in PEM.
mod csr_pem {
    use std::sync::Arc;

    use openssl::x509::X509Req;
    use scep::request::Csr;
    use serde::{Deserialize, Deserializer, Serializer, de, ser};

    pub(super) fn serialize<S: Serializer>(csr: &Csr, to: S) -> Result<S::Ok, S::Error> {
        let pem = X509Req::from_der(csr.to_der()).and_then(|request| request.to_pem());
        to.serialize_str(&String::from_utf8_lossy(&pem.map_err(ser::Error::custom)?))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<Csr>, D::Error> {
        let der = X509Req::from_pem(String::deserialize(from)?.as_bytes())
            .and_then(|request| request.to_der())
            .map_err(|_| de::Error::custom("it holds no certificate request in PEM"))?;
        let csr = Csr::from_der(&der).map_err(de::Error::custom)?;
        if !csr.verify() {
            return Err(de::Error::custom("its certificate request's signature does not verify"));
        }
        Ok(Arc::new(csr))
    }
}

//! TLS at the SCEP service (RFC 8446): the certificates of the server, the handshakes with its clients, and their faults.

mod certificate;
mod context;
mod failure;
mod handshake;

use std::{fmt, time::SystemTime};

use openssl::{error::ErrorStack, ssl::SslContext, x509::X509};

pub use self::certificate::lab_tls_root;
pub use self::handshake::ByteStream;

use self::{
    certificate::{Chain, Maker},
    context::Manner,
};
use crate::{
    ca::OpenError,
    fault::{Fault, Strikes},
    settings::{Keys, ServerCertificate, TlsSettings, TlsVersion},
};

/// The TLS server of a CA.
pub(crate) struct Tls {
    /// Makes right and wrong certificates; absent if the certificate was given.
    maker: Option<Maker>,
    chain: Chain,
    least: TlsVersion,
    /// For handshakes without a fault.
    usual: SslContext,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

impl Tls {
    /// The server of these settings, whose certificate begins a day before `now`.
    pub(crate) fn open(
        settings: &TlsSettings,
        keys: Keys,
        now: SystemTime,
    ) -> Result<Self, OpenError> {
        let (maker, chain) = match &settings.certificate {
            ServerCertificate::Made { names, valid_for } => {
                let maker = Maker::new(keys, names.clone())?;
                let chain = maker.right(now, *valid_for)?;
                (Some(maker), chain)
            }
            ServerCertificate::Given(given) => {
                let (certificates, key) = (given.chain.clone(), given.key.clone());
                (None, Chain { certificates, key })
            }
        };
        let least = settings.least_version;
        let usual = usual(&chain, least).context();
        let usual = usual.map_err(|errors| OpenError::Tls(scep::reasons(&errors)))?;
        Ok(Self { maker, chain, least, usual })
    }

    /// The certificate that clients must trust, if the CA has made it.
    pub(crate) fn root(&self) -> Option<&X509> {
        self.maker.as_ref().map(Maker::root)
    }

    /// The context of the next handshake, with the fault that happens to it.
    fn context(&self, strikes: &Strikes<'_>, now: SystemTime) -> Result<SslContext, ErrorStack> {
        let mut context = self.usual.clone();
        strikes.try_each(|fault| {
            let wrong = self.with_fault(fault, now)?;
            let happens = wrong.is_some();
            context = wrong.unwrap_or(context.clone());
            Ok::<_, ErrorStack>(happens)
        })?;
        Ok(context)
    }

    /// The context with a fault; `None` if the fault changes none.
    fn with_fault(&self, fault: Fault, now: SystemTime) -> Result<Option<SslContext>, ErrorStack> {
        let usual = usual(&self.chain, self.least);
        let manner = match fault {
            Fault::TlsOldVersion => {
                Manner { least: TlsVersion::V1_0, most: TlsVersion::V1_1, ..usual }
            }
            Fault::TlsClientCertificate => Manner { asks_for_certificate: true, ..usual },
            other => {
                let Some(maker) = &self.maker else { return Ok(None) };
                let Some(chain) = maker.wrong(other, now)? else { return Ok(None) };
                return Manner { chain: &chain, ..usual }.context().map(Some);
            }
        };
        manner.context().map(Some)
    }
}

fn usual(chain: &Chain, least: TlsVersion) -> Manner<'_> {
    Manner { chain, least, most: TlsVersion::V1_3, asks_for_certificate: false }
}

//! TLS at the SCEP service (RFC 8446): the certificates of the server, the handshakes with its clients, and their faults.

mod certificate;
mod context;
mod failure;
mod handshake;

use std::{fmt, time::SystemTime};

use openssl::{error::ErrorStack, ssl::SslContext, x509::X509};

pub use self::certificate::{lab_tls_root, lab_tls_root_pem};

use self::{
    certificate::{Chain, Maker},
    context::Manner,
};
use crate::{
    fault::{Fault, Strikes},
    settings::{Keys, ServerCertificate, TlsSettings, TlsVersion},
};

/// Why there can be no TLS server with these settings.
pub(crate) enum UnusableTls {
    /// Its certificate cannot be used.
    Certificate(ErrorStack),
    /// OpenSSL failed in an operation that should always work.
    Crypto(ErrorStack),
}

impl From<ErrorStack> for UnusableTls {
    fn from(errors: ErrorStack) -> Self {
        Self::Crypto(errors)
    }
}

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
    ) -> Result<Self, UnusableTls> {
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
        let usual = usual.map_err(UnusableTls::Certificate)?;
        Ok(Self { maker, chain, least, usual })
    }

    /// The certificate that clients must trust, if the CA has made it.
    pub(crate) fn root(&self) -> Option<&X509> {
        self.maker.as_ref().map(Maker::root)
    }

    /// The context of the next handshake, with the faults that happen to it. Of several wrong certificates, the last one counts.
    fn context(&self, strikes: &Strikes<'_>, now: SystemTime) -> Result<SslContext, ErrorStack> {
        let mut wrong = None;
        let mut manner = usual(&self.chain, self.least);
        let mut is_usual = true;
        strikes.try_each(|fault| {
            match fault {
                Fault::TlsOldVersion => {
                    (manner.least, manner.most) = (TlsVersion::V1_0, TlsVersion::V1_1);
                }
                Fault::TlsClientCertificate => manner.asks_for_certificate = true,
                other => {
                    let made =
                        self.maker.as_ref().map(|maker| maker.wrong(other, now)).transpose()?;
                    let Some(chain) = made.flatten() else { return Ok(false) };
                    wrong = Some(chain);
                }
            }
            is_usual = false;
            Ok::<_, ErrorStack>(true)
        })?;
        if is_usual {
            return Ok(self.usual.clone());
        }
        Manner { chain: wrong.as_ref().unwrap_or(&self.chain), ..manner }.context()
    }
}

fn usual(chain: &Chain, least: TlsVersion) -> Manner<'_> {
    Manner { chain, least, most: TlsVersion::V1_3, asks_for_certificate: false }
}

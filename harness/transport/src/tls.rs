//! TLS: the handshake with a server as a stage of its own, within bounds of time and size, and why it fails.

mod certificate;
mod failure;
mod guard;
mod identity;
mod pinned;
mod roots;
mod stream;
mod version;

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, UNIX_EPOCH};

use openssl::error::ErrorStack;
use openssl::ssl::{Ssl, SslContext, SslMethod, SslOptions, SslVerifyMode};
use openssl::x509::X509;
use openssl::x509::verify::{X509CheckFlags, X509VerifyFlags};
use scep::certificate::Fingerprint;
use scep::clock::Clock;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::time::timeout;
use tokio_openssl::SslStream;

use self::certificate::Problems;
pub use self::certificate::{CertificateProblem, Whose};
pub use self::failure::TlsFailure;
use self::guard::Guarded;
pub use self::identity::{ClientIdentity, IdentityError};
pub use self::roots::SystemRoots;
pub use self::stream::TlsStream;
pub use self::version::{NoSuchVersion, TlsVersion};

/// Time limit for a handshake.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);

/// How long the rest of something else than TLS may take.
const READ_ON: Duration = Duration::from_millis(500);

/// The only protocol that is offered inside TLS (RFC 7301), with its length before it.
const ALPN: &[u8] = b"\x08http/1.1";

/// The certificates by which a server is recognised.
#[derive(Clone, Default)]
pub enum Trust {
    /// Those that the system trusts.
    #[default]
    System,
    /// These, and those that they have issued.
    Roots(Vec<X509>),
    /// One with this fingerprint among those that the server sends, and those that it has issued.
    Pinned(Fingerprint),
    /// Any: the server is not verified.
    Anything,
}

/// How a client takes part in TLS.
#[derive(Clone)]
pub struct TlsOptions {
    /// The certificates by which a server is recognised.
    pub trust: Trust,
    /// The client's own certificate, for servers that ask for one.
    pub identity: Option<ClientIdentity>,
    /// The oldest version that it takes.
    pub lowest: TlsVersion,
    /// The clock that decides if certificates are valid.
    pub clock: Clock,
}

impl TlsOptions {
    /// Options that trust these certificates at the time of that clock, without a certificate of the client.
    pub fn new(trust: Trust, clock: Clock) -> Self {
        Self { trust, identity: None, lowest: TlsVersion::default(), clock }
    }
}

/// The client's end of TLS. Clones share what they have read.
#[derive(Clone)]
pub struct TlsClient {
    options: Arc<TlsOptions>,
    /// Made at the first handshake, because most connections need none.
    context: Arc<OnceLock<SslContext>>,
}

impl Default for TlsClient {
    /// A client that trusts what the system trusts, at the system's time.
    fn default() -> Self {
        Self::new(TlsOptions::new(Trust::System, Clock::system()))
    }
}

impl TlsClient {
    /// A client with these options. Reads no file before the first handshake.
    pub fn new(options: TlsOptions) -> Self {
        Self { options: Arc::new(options), context: Arc::default() }
    }

    /// True if servers are not verified.
    pub fn takes_anything(&self) -> bool {
        matches!(self.options.trust, Trust::Anything)
    }

    /// Makes the TLS connection to the server `host`, a name or an address, over a stream to it.
    ///
    /// # Errors
    /// Says why there is none.
    pub async fn secure<S>(&self, stream: S, host: &str) -> Result<TlsStream<S>, TlsFailure>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let problems = Problems::new(host, self.options.clock.now());
        let ssl = self.ssl(host, &problems).map_err(|error| TlsFailure::set_up(&error))?;
        let (stream, guard) = Guarded::new(stream);
        let mut tls = SslStream::new(ssl, stream).map_err(|error| TlsFailure::set_up(&error))?;
        let Ok(ended) = timeout(HANDSHAKE_LIMIT, Pin::new(&mut tls).connect()).await else {
            return Err(TlsFailure::TimedOut(HANDSHAKE_LIMIT));
        };
        problems.check()?;
        if let Err(error) = ended {
            if guard.is_no_tls() {
                // OpenSSL reads no more than the length of a record, which says too little of what came.
                let _ = timeout(READ_ON, tls.get_mut().read(&mut [0; 256])).await;
            }
            let has_certificate = tls.ssl().peer_certificate().is_some();
            let has_identity = self.options.identity.is_some();
            let lowest = self.options.lowest;
            return Err(guard.failure(&error, has_certificate, has_identity, lowest));
        }
        if let Trust::Pinned(fingerprint) = &self.options.trust {
            pinned::check(tls.ssl(), fingerprint, host, self.options.clock.now())?;
        }
        guard.release();
        Ok(TlsStream::new(tls, self.options.identity.is_some()))
    }

    fn ssl(&self, host: &str, problems: &Problems) -> Result<Ssl, ErrorStack> {
        let mut ssl = Ssl::new(self.context()?)?;
        let address: Option<IpAddr> = host.parse().ok();
        if address.is_none() {
            ssl.set_hostname(without_last_dot(host))?;
        }
        if matches!(self.options.trust, Trust::Anything | Trust::Pinned(_)) {
            ssl.set_verify(SslVerifyMode::NONE);
            return Ok(ssl);
        }
        let parameters = ssl.param_mut();
        expect(parameters, host, self.options.clock.now())?;
        ssl.set_verify_callback(SslVerifyMode::PEER, problems.collector());
        Ok(ssl)
    }

    fn context(&self) -> Result<&SslContext, ErrorStack> {
        if let Some(context) = self.context.get() {
            return Ok(context);
        }
        let made = self.make_context()?;
        Ok(self.context.get_or_init(|| made))
    }

    fn make_context(&self) -> Result<SslContext, ErrorStack> {
        let TlsOptions { trust, identity, lowest, .. } = &*self.options;
        let mut context = SslContext::builder(SslMethod::tls_client())?;
        // Many servers end a connection without the alert that RFC 8446 §6.1 demands.
        context.set_options(SslOptions::NO_COMPRESSION | SslOptions::IGNORE_UNEXPECTED_EOF);
        context.set_alpn_protos(ALPN)?;
        lowest.apply(&mut context)?;
        match trust {
            Trust::System => SystemRoots::find().load(context.cert_store_mut()),
            Trust::Roots(roots) => {
                roots
                    .iter()
                    .try_for_each(|root| context.cert_store_mut().add_cert(root.clone()))?;
            }
            Trust::Pinned(_) | Trust::Anything => {}
        }
        if let Some(identity) = identity {
            identity.apply(&mut context)?;
        }
        Ok(context.build())
    }
}

/// Sets what a certificate must have: the name or address, and validity at that time.
fn expect(
    parameters: &mut openssl::x509::verify::X509VerifyParamRef,
    host: &str,
    now: std::time::SystemTime,
) -> Result<(), ErrorStack> {
    parameters.set_hostflags(X509CheckFlags::NO_PARTIAL_WILDCARDS);
    parameters.set_flags(X509VerifyFlags::PARTIAL_CHAIN)?;
    match host.parse() {
        Ok(address) => parameters.set_ip(address)?,
        Err(_) => parameters.set_host(without_last_dot(host))?,
    }
    let seconds = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    parameters.set_time(seconds.try_into().unwrap_or(i64::MAX));
    Ok(())
}

/// A name as certificates have it.
fn without_last_dot(host: &str) -> &str {
    host.strip_suffix('.').unwrap_or(host)
}

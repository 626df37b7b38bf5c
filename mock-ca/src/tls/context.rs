//! What OpenSSL needs for the handshakes of a server.

use openssl::{
    error::ErrorStack,
    ssl::{
        AlpnError, SslContext, SslContextBuilder, SslMethod, SslMode, SslOptions,
        SslSessionCacheMode, SslVerifyMode, SslVersion, select_next_proto,
    },
};

use super::certificate::Chain;
use crate::settings::TlsVersion;

/// The protocols that the server speaks within TLS (RFC 7301 §6), each after its length.
const PROTOCOLS: &[u8] = b"\x08http/1.1\x08http/1.0";

/// The answer of a server to the first message of a client.
pub(super) struct Manner<'a> {
    pub(super) chain: &'a Chain,
    pub(super) least: TlsVersion,
    pub(super) most: TlsVersion,
    /// True if the client must have a certificate. Any is accepted.
    pub(super) asks_for_certificate: bool,
}

impl Manner<'_> {
    /// The context of OpenSSL. It keeps no session and gives no ticket, so that every connection has a whole handshake.
    pub(super) fn context(&self) -> Result<SslContext, ErrorStack> {
        let mut builder = SslContext::builder(SslMethod::tls_server())?;
        builder.set_options(SslOptions::NO_TICKET | SslOptions::NO_RENEGOTIATION);
        builder.set_session_cache_mode(SslSessionCacheMode::OFF);
        builder.set_num_tickets(0)?;
        // An idle connection then holds 34 KiB less.
        builder.set_mode(SslMode::RELEASE_BUFFERS);
        self.set_versions(&mut builder)?;
        self.set_certificates(&mut builder)?;
        builder.set_alpn_select_callback(|_, offered| {
            select_next_proto(PROTOCOLS, offered).ok_or(AlpnError::ALERT_FATAL)
        });
        if self.asks_for_certificate {
            let mode = SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT;
            builder.set_verify_callback(mode, |_, _| true);
        }
        Ok(builder.build())
    }

    fn set_versions(&self, builder: &mut SslContextBuilder) -> Result<(), ErrorStack> {
        if self.least < TlsVersion::V1_2 {
            // OpenSSL 3 permits the digests of old versions at this level alone.
            builder.set_cipher_list("DEFAULT:@SECLEVEL=0")?;
        }
        builder.set_min_proto_version(Some(version(self.least)))?;
        builder.set_max_proto_version(Some(version(self.most)))
    }

    fn set_certificates(&self, builder: &mut SslContextBuilder) -> Result<(), ErrorStack> {
        let Chain { certificates, key } = self.chain;
        if let Some((own, issuers)) = certificates.split_first() {
            builder.set_certificate(own)?;
            for issuer in issuers {
                builder.add_extra_chain_cert(issuer.clone())?;
            }
        }
        builder.set_private_key(key)?;
        builder.check_private_key()
    }
}

fn version(version: TlsVersion) -> SslVersion {
    match version {
        TlsVersion::V1_0 => SslVersion::TLS1,
        TlsVersion::V1_1 => SslVersion::TLS1_1,
        TlsVersion::V1_2 => SslVersion::TLS1_2,
        TlsVersion::V1_3 => SslVersion::TLS1_3,
    }
}

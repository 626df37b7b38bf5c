//! A TLS server that passes what comes to another server, as web servers before a SCEP service do.

use std::net::TcpListener;
use std::pin::Pin;
use std::thread;

use openssl::ssl::{Ssl, SslContext, SslContextBuilder, SslMethod, SslVerifyMode, SslVersion};
use openssl::x509::X509;
use tokio::io::copy_bidirectional;
use tokio::net::TcpStream;
use tokio_openssl::SslStream;

use super::certificates::{Authority, Own};

/// A running TLS server.
pub(super) struct Front {
    port: u16,
}

impl Front {
    /// Starts one before the server with that address and port.
    pub(super) fn start(context: SslContext, behind: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let behind = behind.to_owned();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(serve(listener, context, behind));
        });
        Self { port }
    }

    /// The address of the SCEP service at this name of the host.
    pub(super) fn url(&self, host: &str) -> String {
        format!("https://{host}:{}/scep", self.port)
    }

    /// The same without TLS.
    pub(super) fn url_in_clear(&self) -> String {
        format!("http://127.0.0.1:{}/scep", self.port)
    }
}

async fn serve(listener: TcpListener, context: SslContext, behind: String) {
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    while let Ok((stream, _)) = listener.accept().await {
        let (ssl, behind) = (Ssl::new(&context).unwrap(), behind.clone());
        tokio::spawn(async move {
            let mut stream = SslStream::new(ssl, stream).ok()?;
            Pin::new(&mut stream).accept().await.ok()?;
            let mut other = TcpStream::connect(behind).await.ok()?;
            copy_bidirectional(&mut stream, &mut other).await.ok()
        });
    }
}

/// A context that shows this certificate.
pub(super) fn context(own: &Own) -> SslContextBuilder {
    let mut context = SslContext::builder(SslMethod::tls_server()).unwrap();
    let mut chain = own.chain.iter().map(|der| X509::from_der(der).unwrap());
    context.set_certificate(&chain.next().unwrap()).unwrap();
    chain.for_each(|issuer| context.add_extra_chain_cert(issuer).unwrap());
    context.set_private_key(&own.private_key()).unwrap();
    context
}

/// Lets a server ask for a certificate of that authority.
pub(super) fn ask_for_certificates(context: &mut SslContextBuilder, authority: &Authority) {
    let root = X509::from_der(&authority.der()).unwrap();
    context.cert_store_mut().add_cert(root).unwrap();
    context.set_verify(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT);
}

/// A context that takes no version after 1.1.
pub(super) fn of_version_1_1(own: &Own) -> SslContextBuilder {
    let mut context = context(own);
    context.set_cipher_list("DEFAULT:@SECLEVEL=0").unwrap();
    context.set_min_proto_version(Some(SslVersion::TLS1)).unwrap();
    context.set_max_proto_version(Some(SslVersion::TLS1_1)).unwrap();
    context
}

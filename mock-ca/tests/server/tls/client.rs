//! A TLS client that says what it saw.

use std::{pin::Pin, sync::Arc, time::Duration};

use mock_ca::Ca;
use openssl::{
    ssl::{Error, SslConnector, SslConnectorBuilder, SslMethod, SslVerifyMode},
    x509::{X509, X509Ref},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, DuplexStream},
    time::{sleep, timeout},
};
use tokio_openssl::SslStream;

use crate::client::connect;

/// A request after which the server closes the connection.
pub(super) const GET: &[u8] =
    b"GET /scep?operation=GetCACaps HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

/// A handshake as its client saw it.
pub(super) struct Shaken<S = DuplexStream> {
    /// The stream, or the reason why there is none.
    pub(super) stream: Result<SslStream<S>, Error>,
    /// The number of the result of the verification (`X509_V_OK` is 0).
    pub(super) verified: i32,
    /// The certificate of the server, if the client accepted it.
    pub(super) certificate: Option<X509>,
}

/// A client that offers HTTP/1.1, with these changes.
pub(super) fn connector(change: impl FnOnce(&mut SslConnectorBuilder)) -> SslConnector {
    let mut builder = SslConnector::builder(SslMethod::tls_client()).unwrap();
    builder.set_alpn_protos(b"\x02h2\x08http/1.1").unwrap();
    change(&mut builder);
    builder.build()
}

/// The change that makes a client accept every certificate.
pub(super) fn accepting(builder: &mut SslConnectorBuilder) {
    builder.set_verify(SslVerifyMode::NONE);
}

/// The newest line of the log, when it has this many.
pub(super) async fn logged(ca: &Ca, lines: usize) -> String {
    let waiting = async {
        while ca.log().len() < lines {
            sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(Duration::from_secs(60), waiting).await.expect("a line of log");
    ca.log().pop().unwrap().to_string()
}

/// The change that makes a client trust a root.
pub(super) fn trusting(root: &X509Ref) -> impl FnOnce(&mut SslConnectorBuilder) + use<> {
    let root = root.to_owned();
    move |builder| builder.cert_store_mut().add_cert(root).unwrap()
}

/// A handshake with the CA, in memory.
pub(super) async fn shake(ca: &Arc<Ca>, host: &str, connector: SslConnector) -> Shaken {
    Shaken::over(connect(ca), host, connector).await
}

impl<S: AsyncRead + AsyncWrite + Unpin> Shaken<S> {
    /// A handshake over a stream, with a server that must have this name or address.
    pub(super) async fn over(stream: S, host: &str, connector: SslConnector) -> Self {
        let ssl = connector.configure().unwrap().into_ssl(host).unwrap();
        let mut stream = SslStream::new(ssl, stream).unwrap();
        let done = Pin::new(&mut stream).connect().await;
        let ssl = stream.ssl();
        let verified = ssl.verify_result().as_raw();
        let certificate = ssl.peer_certificate();
        Self { stream: done.map(|()| stream), verified, certificate }
    }
}

//! A network with one link and one host, which answers pings and serves HTTP.

use std::io;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use dut_sim::network::{
    Addressing, ApplyError, ConnectError, EchoOutcome, EchoRequest, Network, ResolveError, Stream,
};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use openssl::ssl::{Ssl, SslContext};
use scep::http::{HttpRequest, Method};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::oneshot;
use tokio_openssl::SslStream;

use super::toy_ca::ToyCa;

/// Address of the host, and the port of its HTTP server.
pub(crate) const HOST: Ipv4Addr = Ipv4Addr::new(10, 215, 168, 1);
pub(crate) const PORT: u16 = 8080;
/// An address that another host has.
const TAKEN: Ipv4Addr = Ipv4Addr::new(10, 215, 168, 200);

pub(crate) struct ToyNetwork {
    ca: Arc<ToyCa>,
    /// Last addressing of the device.
    pub(crate) applied: Mutex<Option<Addressing>>,
    /// If set, connections are refused.
    pub(crate) closed: AtomicBool,
    /// If set, the server speaks TLS.
    pub(crate) tls: Mutex<Option<SslContext>>,
    /// If set, connections are accepted but never answered.
    pub(crate) silent: AtomicBool,
    /// If set, connections are answered with these bytes.
    pub(crate) raw: Mutex<Option<RawAnswer>>,
    /// If set, the next connection is refused when the test says so.
    pub(crate) held: Mutex<Option<Held>>,
}

/// Bytes that a server sends, after which it keeps the connection open.
#[derive(Clone, Copy)]
pub(crate) struct RawAnswer {
    /// True if it waits for the request.
    pub(crate) waits: bool,
    pub(crate) head: &'static str,
    /// How many thousand spaces follow.
    pub(crate) thousands: usize,
}

/// A connection attempt that reports its start, and then waits to be refused.
pub(crate) struct Held {
    pub(crate) asked_for: oneshot::Sender<()>,
    pub(crate) refused: oneshot::Receiver<()>,
}

impl ToyNetwork {
    pub(crate) fn new(ca: &Arc<ToyCa>) -> Arc<Self> {
        Arc::new(Self {
            ca: Arc::clone(ca),
            applied: Mutex::default(),
            closed: false.into(),
            tls: Mutex::default(),
            silent: false.into(),
            raw: Mutex::default(),
            held: Mutex::default(),
        })
    }
}

#[async_trait]
impl Network for ToyNetwork {
    async fn apply(&self, addressing: &Addressing) -> Result<(), ApplyError> {
        if addressing.interfaces.iter().any(|each| each.address.addr() == TAKEN) {
            return Err(io::Error::new(io::ErrorKind::AddrInUse, "the address is in use").into());
        }
        *self.applied.lock().unwrap() = Some(addressing.clone());
        Ok(())
    }

    async fn resolve(&self, host: &str) -> Result<Ipv4Addr, ResolveError> {
        host.parse().map_err(|_| ResolveError::Unknown { host: host.to_owned() })
    }

    async fn echo(&self, request: &EchoRequest) -> EchoOutcome {
        let (from, payload) = (request.destination, request.payload.clone());
        if from != HOST {
            return EchoOutcome::NoRoute;
        }
        EchoOutcome::Reply { from, ttl: 64, payload, round_trip: Duration::from_micros(147) }
    }

    async fn connect(&self, address: Ipv4Addr, port: u16) -> Result<Box<dyn Stream>, ConnectError> {
        if self.applied.lock().unwrap().is_none() || address != HOST {
            return Err(ConnectError::NoRoute);
        }
        let held = self.held.lock().unwrap().take();
        if let Some(Held { asked_for, refused }) = held {
            asked_for.send(()).unwrap();
            refused.await.unwrap();
            return Err(ConnectError::Refused);
        }
        if port != PORT || self.closed.load(Ordering::Relaxed) {
            return Err(ConnectError::Refused);
        }
        let (near, far) = tokio::io::duplex(64 * 1024);
        if self.silent.load(Ordering::Relaxed) {
            tokio::spawn(async move {
                let _kept_open = far;
                std::future::pending::<()>().await;
            });
            return Ok(Box::new(near));
        }
        if let Some(answer) = *self.raw.lock().unwrap() {
            tokio::spawn(answer.serve(far));
            return Ok(Box::new(near));
        }
        let ca = Arc::clone(&self.ca);
        if let Some(context) = self.tls.lock().unwrap().clone() {
            let mut far = SslStream::new(Ssl::new(&context).unwrap(), far).unwrap();
            tokio::spawn(async move {
                if Pin::new(&mut far).accept().await.is_ok() {
                    let service = service_fn(|request| respond(Arc::clone(&ca), request));
                    let _ =
                        http1::Builder::new().serve_connection(TokioIo::new(far), service).await;
                }
            });
            return Ok(Box::new(near));
        }
        tokio::spawn(async move {
            let service = service_fn(|request| respond(Arc::clone(&ca), request));
            let _ = http1::Builder::new().serve_connection(TokioIo::new(far), service).await;
        });
        Ok(Box::new(near))
    }
}

impl RawAnswer {
    async fn serve(self, mut peer: DuplexStream) {
        if self.waits {
            peer.read_u8().await.unwrap();
        }
        let spaces = [b' '; 1000];
        let spaces = (0..self.thousands).map(|_| &spaces[..]);
        for piece in std::iter::once(self.head.as_bytes()).chain(spaces) {
            if peer.write_all(piece).await.is_err() {
                return;
            }
        }
        std::future::pending::<()>().await;
    }
}

async fn respond(
    ca: Arc<ToyCa>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let method = if request.method() == "POST" { Method::Post } else { Method::Get };
    let query = request.uri().query().unwrap_or_default().to_owned();
    let path = request.uri().path().to_owned();
    let body = request.into_body().collect().await?.to_bytes().to_vec();
    let response = ca.respond(&path, &HttpRequest { method, query, content_type: None, body });
    let mut builder = Response::builder().status(response.status);
    if let Some(location) = response.location {
        builder = builder.header("Location", location);
    }
    Ok(builder.body(Full::from(response.body)).unwrap())
}

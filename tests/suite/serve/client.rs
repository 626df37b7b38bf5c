//! A SCEP client over a real TCP connection.

use std::sync::LazyLock;

use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use openssl::pkey::{PKey, Private};
use openssl::rand::rand_bytes;
use openssl::rsa::Rsa;
use openssl::x509::X509;
use scep::client::{Client, Next, Refusal, Settings};
use scep::clock::Clock;
use scep::http::{HttpRequest, HttpResponse, Method};
use scep::secret::Secret;
use tokio::net::TcpStream;

/// One key for all enrolments, because making a key takes longer than everything else.
static KEY: LazyLock<PKey<Private>> =
    LazyLock::new(|| PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap());

/// Client settings for a certificate with that subject.
pub(crate) fn settings(subject: &str, challenge: Option<&str>) -> Settings {
    let subject = scep::name::parse(subject).unwrap();
    let challenge = challenge.map(Secret::new);
    Settings { challenge, ..Settings::new(KEY.clone(), subject) }
}

/// A whole enrolment, which must not become pending.
pub(crate) async fn enrol(
    authority: &str,
    path: &str,
    settings: Settings,
) -> Result<X509, Refusal> {
    let mut client = Client::new(settings);
    let first = client.start();
    Ok(drive(authority, path, &mut client, first).await?.expect("a certificate at once"))
}

/// Drives a client until it has its certificate, or until its request is pending.
pub(crate) async fn drive(
    authority: &str,
    path: &str,
    client: &mut Client,
    first: HttpRequest,
) -> Result<Option<X509>, Refusal> {
    let mut request = first;
    loop {
        let response = exchange(authority, path, &request).await.expect("an answer");
        match client.receive(&response, Clock::system().now(), &mut rand_bytes)? {
            Next::Send(next) => request = next,
            Next::Pending => return Ok(None),
            Next::Issued(certificate) => return Ok(Some(certificate)),
        }
    }
}

/// Sends a request on its own connection; the error says how the connection broke.
pub(crate) async fn exchange(
    authority: &str,
    path: &str,
    request: &HttpRequest,
) -> Result<HttpResponse, Box<dyn std::error::Error>> {
    let stream = TcpStream::connect(authority).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let method = match request.method {
        Method::Get => "GET",
        Method::Post => "POST",
    };
    let uri = format!("{path}?{}", request.query);
    let builder = Request::builder().method(method).uri(uri).header("Host", authority);
    let response =
        sender.send_request(builder.body(Full::<Bytes>::from(request.body.clone()))?).await?;
    let status = response.status().as_u16();
    let content_type = response.headers().get("Content-Type");
    let content_type = content_type.and_then(|value| Some(value.to_str().ok()?.to_owned()));
    let body = response.into_body().collect().await?.to_bytes().to_vec();
    Ok(HttpResponse { status, content_type, body, ..HttpResponse::default() })
}

/// Fetches a page by GET.
pub(crate) async fn get(authority: &str, path: &str, query: &str) -> HttpResponse {
    let request = HttpRequest {
        method: Method::Get,
        query: query.to_owned(),
        content_type: None,
        body: Vec::new(),
    };
    exchange(authority, path, &request).await.unwrap()
}

/// A serial number in hexadecimal digits.
pub(crate) fn serial(certificate: &X509) -> String {
    certificate.serial_number().to_bn().unwrap().to_hex_str().unwrap().to_string()
}

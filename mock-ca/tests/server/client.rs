//! A client of the CA, over a stream in memory.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use mock_ca::{Ca, ChallengePolicy, PersonalityName, Settings};
use openssl::{
    pkey::{PKey, Private},
    rand::rand_bytes,
    rsa::Rsa,
    x509::X509,
};
use scep::{
    client::{self, Client, Next, Refusal},
    clock::Clock,
    http::{HttpRequest, HttpResponse, Method},
    secret::Secret,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

/// The path of SCEP on a Linux server.
pub(crate) const LINUX: &str = "/scep";
/// The path of SCEP on a Windows server, as the documented device spells it.
pub(crate) const NDES: &str = "/CertSrv/mscep/mscep.dll/pkiclient.exe";

/// A whole HTTP response.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let of_name = |line: &str| line.split_once(": ").is_some_and(|(own, _)| own == name);
        self.head.lines().find(|line| of_name(line))?.split_once(": ").map(|(_, value)| value)
    }

    /// The body of a page in UTF-16 with its byte order mark.
    pub(crate) fn utf16(&self) -> String {
        assert_eq!(self.body[..2], [0xff, 0xfe]);
        let units = self.body[2..].chunks_exact(2).map(|two| u16::from_le_bytes([two[0], two[1]]));
        String::from_utf16(&units.collect::<Vec<_>>()).unwrap()
    }
}

/// A CA with lab keys, in memory.
pub(crate) fn ca(personality: PersonalityName, challenge: ChallengePolicy) -> Arc<Ca> {
    open_with(personality, |settings| settings.challenge = challenge)
}

/// A CA with changed settings.
pub(crate) fn open_with(
    personality: PersonalityName,
    change: impl FnOnce(&mut Settings),
) -> Arc<Ca> {
    open(settings_with(personality, change))
}

/// The settings of a CA, changed.
pub(crate) fn settings_with(
    personality: PersonalityName,
    change: impl FnOnce(&mut Settings),
) -> Settings {
    let mut settings = Settings::new("test", personality);
    change(&mut settings);
    settings
}

pub(crate) fn open(settings: Settings) -> Arc<Ca> {
    Ca::open(settings, Clock::system()).unwrap()
}

/// A CA whose clock shows this moment at first.
pub(crate) fn open_at(moment: SystemTime, settings: Settings) -> Arc<Ca> {
    Ca::open(settings, Clock::reading(move || moment)).unwrap()
}

pub(crate) fn password(text: &str) -> Secret {
    Secret::new(text)
}

pub(crate) fn key() -> PKey<Private> {
    PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap()
}

/// A connection to the CA.
pub(crate) fn connect(ca: &Arc<Ca>) -> DuplexStream {
    let (near, far) = tokio::io::duplex(64 * 1024);
    let ca = Arc::clone(ca);
    tokio::spawn(async move { ca.serve_connection(far, "client".to_owned()).await });
    near
}

/// Sends these bytes and reads until the CA closes the connection.
pub(crate) async fn raw(ca: &Arc<Ca>, request: &[u8]) -> Vec<u8> {
    let mut stream = connect(ca);
    // The CA may answer and close before it has read everything.
    let _ = stream.write_all(request).await;
    let mut response = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(60), stream.read_to_end(&mut response))
        .await
        .expect("the CA closes the connection");
    response
}

pub(crate) fn parse(response: &[u8]) -> Response {
    let end = response.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
    let head = String::from_utf8(response[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Response { status, head, body: response[end + 4..].to_vec() }
}

/// Sends a request with these further header lines.
pub(crate) async fn send(
    ca: &Arc<Ca>,
    method: &str,
    target: &str,
    headers: &str,
    body: &[u8],
) -> Response {
    let length = body.len();
    let head = format!(
        "{method} {target} HTTP/1.1\r\nHost: ca\r\nConnection: close\r\nContent-Length: {length}\r\n\
         {headers}\r\n"
    );
    parse(&raw(ca, &[head.as_bytes(), body].concat()).await)
}

pub(crate) async fn get(ca: &Arc<Ca>, target: &str) -> Response {
    send(ca, "GET", target, "", b"").await
}

/// Sends a client's request to the CA.
pub(crate) async fn carry(ca: &Arc<Ca>, path: &str, request: &HttpRequest) -> HttpResponse {
    let method = match request.method {
        Method::Get => "GET",
        Method::Post => "POST",
    };
    let target = format!("{path}?{}", request.query);
    let response = send(ca, method, &target, "", &request.body).await;
    HttpResponse {
        status: response.status,
        content_type: response.header("Content-Type").map(str::to_owned),
        location: response.header("Location").map(str::to_owned),
        body: response.body,
        ..HttpResponse::default()
    }
}

/// Drives a client until it has its certificate (`Some`) or must wait (`None`).
pub(crate) async fn drive(
    ca: &Arc<Ca>,
    path: &str,
    client: &mut Client,
    first: HttpRequest,
) -> Result<Option<X509>, Refusal> {
    let mut request = first;
    loop {
        let response = carry(ca, path, &request).await;
        match client.receive(&response, ca.clock().now(), &mut rand_bytes)? {
            Next::Send(next) => request = next,
            Next::Pending => return Ok(None),
            Next::Issued(certificate) => return Ok(Some(certificate)),
        }
    }
}

/// The settings of a client that asks for `CN=MyUserCert` with a fresh key.
pub(crate) fn settings(challenge: Option<&str>) -> client::Settings {
    let subject = scep::name::parse("CN=MyUserCert").unwrap();
    let challenge = challenge.map(password);
    client::Settings { challenge, ..client::Settings::new(key(), subject) }
}

/// One whole enrolment, which must not wait.
pub(crate) async fn enrol(
    ca: &Arc<Ca>,
    path: &str,
    settings: client::Settings,
) -> Result<X509, Refusal> {
    let mut client = Client::new(settings);
    let first = client.start();
    Ok(drive(ca, path, &mut client, first).await?.expect("a certificate at once"))
}

/// The reason of the newest log entry.
pub(crate) fn last_reason(ca: &Ca) -> String {
    ca.log().last().unwrap().reason.clone().unwrap_or_default()
}

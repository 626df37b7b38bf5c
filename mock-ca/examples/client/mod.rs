// A client under test: the client of `scep`, with a connection for each request.

use std::{
    error::Error,
    io::{Read, Write},
    net::TcpStream,
    time::SystemTime,
};

use openssl::{pkey::PKey, rand::rand_bytes, rsa::Rsa, x509::X509};
use scep::{
    client::{Client, Next, Settings},
    http::{HttpRequest, HttpResponse},
    secret::Secret,
};

/// Enrols for `CN=device` at `url`, and returns the certificate.
pub(crate) fn enrol(url: &str, challenge: &str) -> Result<X509, Box<dyn Error>> {
    let key = PKey::from_rsa(Rsa::generate(2048)?)?;
    let mut settings = Settings::new(key, scep::name::parse("CN=device")?);
    settings.challenge = Some(Secret::new(challenge));
    let mut client = Client::new(settings);
    let mut request = client.start();
    loop {
        let response = send(url, &request)?;
        request = match client.receive(&response, SystemTime::now(), &mut rand_bytes)? {
            Next::Send(next) => next,
            Next::Issued(certificate) => return Ok(certificate),
            Next::Pending => return Err("the request waits for approval".into()),
        };
    }
}

/// Sends a request over a connection that ends with the response.
fn send(url: &str, request: &HttpRequest) -> Result<HttpResponse, Box<dyn Error>> {
    let (host, path) =
        url.strip_prefix("http://").and_then(|it| it.split_once('/')).ok_or("no URL")?;
    let (method, query, length) = (request.method.as_str(), &request.query, request.body.len());
    let mut stream = TcpStream::connect(host)?;
    write!(stream, "{method} /{path}?{query} HTTP/1.1\r\nHost: {host}\r\n")?;
    write!(stream, "Content-Length: {length}\r\nConnection: close\r\n\r\n")?;
    stream.write_all(&request.body)?;
    let mut response = Vec::new();
    stream.read_to_end(&mut response)?;
    let head_end = response.windows(4).position(|four| four == b"\r\n\r\n").ok_or("no response")?;
    let head = std::str::from_utf8(&response[..head_end])?;
    let header = |name| head.lines().find_map(|line| line.strip_prefix(name));
    Ok(HttpResponse {
        status: head.split(' ').nth(1).ok_or("no status")?.parse()?,
        content_type: header("Content-Type: ").map(str::to_owned),
        body: response[head_end + 4..].to_vec(),
    })
}

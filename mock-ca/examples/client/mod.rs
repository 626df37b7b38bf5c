// A client under test: the client of `scep`, with a connection for each request.

use std::error::Error;

use openssl::{pkey::PKey, rand::rand_bytes, rsa::Rsa, x509::X509};
use scep::{
    MAX_MESSAGE_BYTES,
    client::{Client, Next, Settings},
    clock::Clock,
    http::{HttpRequest, HttpResponse},
    secret::Secret,
    url::HttpUrl,
};
use ureq::{Agent, http::Response};

/// Enrols for `CN=device` at `url`, and returns the certificate.
pub(crate) fn enrol(url: &str, challenge: &str) -> Result<X509, Box<dyn Error>> {
    let url: HttpUrl = url.parse()?;
    let key = PKey::from_rsa(Rsa::generate(2048)?)?;
    let mut settings = Settings::new(key, scep::name::parse("CN=device")?);
    settings.challenge = Some(Secret::new(challenge));
    let mut client = Client::new(settings);
    let mut request = client.start();
    loop {
        let response = send(&url, &request)?;
        request = match client.receive(&response, Clock::system().now(), &mut rand_bytes)? {
            Next::Send(next) => next,
            Next::Issued(certificate) => return Ok(certificate),
            Next::Pending => return Err("the request waits for approval".into()),
        };
    }
}

/// Sends a request; a refusal by HTTP status is a response too.
fn send(url: &HttpUrl, request: &HttpRequest) -> Result<HttpResponse, Box<dyn Error>> {
    let agent = Agent::config_builder().http_status_as_error(false).proxy(None).build();
    let (head, body) = Agent::from(agent).run(request.at(url)?)?.into_parts();
    let body = body.into_with_config().limit(MAX_MESSAGE_BYTES as u64).read_to_vec()?;
    Ok(Response::from_parts(head, body).into())
}

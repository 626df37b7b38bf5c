//! An enrolment over HTTP: `scep` says what to send, this crate sends it.

mod http;

use std::{
    error::Error,
    thread::sleep,
    time::{Duration, SystemTime},
};

use openssl::{pkey::PKey, rand::rand_bytes, rsa::Rsa, x509::X509};
use scep::{
    client::{Client, Next, Settings},
    secret::Secret,
};

/// Enrols at `url` for a certificate of this subject, such as `CN=device`.
///
/// # Errors
/// If the CA cannot be reached, refuses the request, or answers with something that must not be accepted.
pub fn enrol(url: &str, subject: &str, challenge: &str) -> Result<X509, Box<dyn Error>> {
    let url = url.parse()?;
    let key = PKey::from_rsa(Rsa::generate(2048)?)?;
    let mut settings = Settings::new(key, scep::name::parse(subject)?);
    settings.challenge = Some(Secret::new(challenge));
    let mut client = Client::new(settings);
    let mut request = client.start();
    loop {
        let response = http::send(&url, &request)?;
        request = match client.receive(&response, SystemTime::now(), &mut rand_bytes)? {
            Next::Send(next) => next,
            Next::Issued(certificate) => return Ok(certificate),
            // The request waits for approval: ask again later.
            Next::Pending => {
                sleep(Duration::from_millis(50));
                client.poll(&mut rand_bytes)?
            }
        };
    }
}

//! Enrols at a CA with a challenge password, and writes the key and the certificate as `NAME.key` and `NAME.pem`:
//!
//! ```console
//! $ cargo run --example enrol --features http,vendored -- http://127.0.0.1:8080/scep "CN=device" secret device
//! ```
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

mod transport;

use std::{env, error::Error, process::ExitCode};

use openssl::{
    pkey::{PKey, Private},
    rand::rand_bytes,
    rsa::Rsa,
    x509::X509,
};
use scep::{
    client::{Client, Next, Settings},
    clock::Clock,
    name,
    secret::Secret,
    url::HttpUrl,
};

fn main() -> ExitCode {
    transport::end(run())
}

fn run() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [url, subject, password, file] = arguments.as_slice() else {
        return Err("usage: enrol URL SUBJECT PASSWORD NAME".into());
    };
    let key = PKey::from_rsa(Rsa::generate(2048)?)?;
    let certificate = enrol(&url.parse()?, subject, password, key.clone())?;
    transport::keep(file, &key, &certificate)?;
    println!("{file}.pem is issued to `{}`", name::to_text(certificate.subject_name()));
    Ok(())
}

/// Asks for a certificate until it is issued or refused.
pub(crate) fn enrol(
    url: &HttpUrl,
    subject: &str,
    password: &str,
    key: PKey<Private>,
) -> Result<X509, Box<dyn Error>> {
    let challenge = Some(Secret::new(password));
    let settings = Settings { challenge, ..Settings::new(key, name::parse(subject)?) };
    let mut client = Client::new(settings);
    let mut request = client.start();
    loop {
        let response = transport::send(url, &request)?;
        match client.receive(&response, Clock::system().now(), &mut rand_bytes)? {
            Next::Send(next) => request = next,
            Next::Issued(certificate) => return Ok(certificate),
            Next::Pending => {
                return Err("the CA lets the request wait, see the example `poll`".into());
            }
        }
    }
}

//! Renews the certificate in `NAME.pem` for a new key, and replaces it and `NAME.key`:
//!
//! ```console
//! $ cargo run --example renew --features http,vendored -- http://127.0.0.1:8080/scep device
//! ```
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

mod transport;

use std::{env, error::Error, fs, process::ExitCode};

use openssl::{
    pkey::{PKey, Private},
    rand::rand_bytes,
    rsa::Rsa,
    x509::X509,
};
use scep::{
    certificate,
    client::{Client, Next, Settings},
    clock::Clock,
    identity::Identity,
    url::HttpUrl,
};

fn main() -> ExitCode {
    transport::end(run())
}

fn run() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [url, file] = arguments.as_slice() else {
        return Err("usage: renew URL NAME".into());
    };
    let (key_file, certificate_file) = (format!("{file}.key"), format!("{file}.pem"));
    let existing = Identity {
        certificate: X509::from_pem(&fs::read(&certificate_file)?)?,
        key: PKey::private_key_from_pem(&fs::read(&key_file)?)?,
    };
    let key = PKey::from_rsa(Rsa::generate(2048)?)?;
    let renewed = renew(&url.parse()?, existing, key.clone())?;
    transport::keep(file, &key, &renewed)?;
    println!(
        "{certificate_file} is renewed, its serial number is {}",
        certificate::serial_number(&renewed)?
    );
    Ok(())
}

/// Asks for a certificate of the same subject for `key`; the existing certificate signs the request.
pub(crate) fn renew(
    url: &HttpUrl,
    existing: Identity,
    key: PKey<Private>,
) -> Result<X509, Box<dyn Error>> {
    let subject = existing.certificate.subject_name().to_owned()?;
    let settings = Settings { existing: Some(existing), ..Settings::new(key, subject) };
    let mut client = Client::new(settings);
    let mut request = client.start();
    loop {
        let response = transport::send(url, &request)?;
        match client.receive(&response, Clock::system().now(), &mut rand_bytes)? {
            Next::Send(next) => request = next,
            Next::Issued(certificate) => return Ok(certificate),
            Next::Pending => return Err("the CA lets the renewal wait".into()),
        }
    }
}

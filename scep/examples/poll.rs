//! Enrols without a password at a CA that asks a person, and polls until that person has decided; writes `NAME.key` and
//! `NAME.pem`:
//!
//! ```console
//! $ cargo run --example poll --features http,vendored -- http://127.0.0.1:8080/scep "CN=device" device 10
//! ```
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

mod transport;

use std::{env, error::Error, process::ExitCode, thread, time::Duration};

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
    url::HttpUrl,
};

/// The number of polls before the client gives up.
const MAX_POLLS: usize = 100;

fn main() -> ExitCode {
    transport::end(run())
}

fn run() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [url, subject, file, seconds] = arguments.as_slice() else {
        return Err("usage: poll URL SUBJECT NAME SECONDS".into());
    };
    let key = PKey::from_rsa(Rsa::generate(2048)?)?;
    let interval = Duration::from_secs(seconds.parse()?);
    let certificate = enrol(&url.parse()?, subject, key.clone(), interval)?;
    transport::keep(file, &key, &certificate)?;
    println!("{file}.pem is issued to `{}`", name::to_text(certificate.subject_name()));
    Ok(())
}

/// Asks for a certificate, and polls at this interval for as long as the CA says PENDING.
pub(crate) fn enrol(
    url: &HttpUrl,
    subject: &str,
    key: PKey<Private>,
    interval: Duration,
) -> Result<X509, Box<dyn Error>> {
    let mut client = Client::new(Settings::new(key, name::parse(subject)?));
    let mut request = client.start();
    let mut polls = 0;
    loop {
        let response = transport::send(url, &request)?;
        request = match client.receive(&response, Clock::system().now(), &mut rand_bytes)? {
            Next::Send(next) => next,
            Next::Issued(certificate) => return Ok(certificate),
            Next::Pending if polls == MAX_POLLS => return Err("the request still waits".into()),
            Next::Pending => {
                polls += 1;
                println!("the request waits; poll {polls} follows");
                thread::sleep(interval);
                client.poll(&mut rand_bytes)?
            }
        };
    }
}

//! Sends requests of `scep` over HTTP with the blocking client `ureq`. Any other client with the types of the crate `http` will do.

use std::{
    error::Error,
    fs::{self, File},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    process::ExitCode,
    time::Duration,
};

use openssl::{
    pkey::{PKeyRef, Private},
    x509::X509Ref,
};

use scep::{
    MAX_MESSAGE_BYTES,
    http::{HttpRequest, HttpResponse},
    url::HttpUrl,
};
use ureq::{Agent, http::Response};

/// Sends a request to the CA at `url`; a refusal by HTTP status is a response too.
pub(crate) fn send(url: &HttpUrl, request: &HttpRequest) -> Result<HttpResponse, Box<dyn Error>> {
    let agent: Agent = Agent::config_builder()
        .http_status_as_error(false)
        .proxy(None)
        .timeout_global(Some(Duration::from_secs(30)))
        .build()
        .into();
    let (head, body) = agent.run(request.at(url)?)?.into_parts();
    let body = body.into_with_config().limit(MAX_MESSAGE_BYTES as u64).read_to_vec()?;
    Ok(Response::from_parts(head, body).into())
}

/// Writes the key, for the user alone, and the certificate. Each replaces an older file only when both are complete.
pub(crate) fn keep(
    name: &str,
    key: &PKeyRef<Private>,
    certificate: &X509Ref,
) -> Result<(), Box<dyn Error>> {
    let (new_key, new_certificate) = (format!("{name}.key.new"), format!("{name}.pem.new"));
    let mut file = File::options();
    let mut file = file.write(true).create(true).truncate(true).mode(0o600).open(&new_key)?;
    file.write_all(&key.private_key_to_pem_pkcs8()?)?;
    fs::write(&new_certificate, certificate.to_pem()?)?;
    fs::rename(new_key, format!("{name}.key"))?;
    fs::rename(new_certificate, format!("{name}.pem"))?;
    Ok(())
}

/// Ends a program, with its error in words.
#[expect(clippy::print_stderr, reason = "an example says why it fails")]
pub(crate) fn end(result: Result<(), Box<dyn Error>>) -> ExitCode {
    let Err(error) = result else { return ExitCode::SUCCESS };
    eprintln!("error: {error}");
    ExitCode::FAILURE
}

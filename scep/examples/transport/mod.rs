//! Sends requests of `scep` over HTTP with the blocking client `ureq`. Any other client with the types of the crate `http` will do.

use std::{error::Error, process::ExitCode, time::Duration};

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

/// Ends a program, with its error in words.
#[expect(clippy::print_stderr, reason = "an example says why it fails")]
pub(crate) fn end(result: Result<(), Box<dyn Error>>) -> ExitCode {
    let Err(error) = result else { return ExitCode::SUCCESS };
    eprintln!("error: {error}");
    ExitCode::FAILURE
}

//! HTTP with the blocking client `ureq`. Any other client with the types of the crate `http` will do.

use std::error::Error;

use scep::{
    MAX_MESSAGE_BYTES,
    http::{HttpRequest, HttpResponse},
    url::HttpUrl,
};
use ureq::{Agent, http::Response};

/// Sends a request; an answer with any status is a response.
pub(crate) fn send(url: &HttpUrl, request: &HttpRequest) -> Result<HttpResponse, Box<dyn Error>> {
    let agent: Agent = Agent::config_builder().http_status_as_error(false).build().into();
    let (head, body) = agent.run(request.at(url)?)?.into_parts();
    let body = body.into_with_config().limit(MAX_MESSAGE_BYTES as u64).read_to_vec()?;
    Ok(Response::from_parts(head, body).into())
}

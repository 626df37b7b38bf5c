//! Opens a page.

/// The status and the body of the page at `url`.
pub(crate) fn get(url: &str) -> (u16, String) {
    let agent = ureq::Agent::config_builder().http_status_as_error(false).proxy(None).build();
    let mut answer = ureq::Agent::from(agent).get(url).call().unwrap();
    (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap())
}

//! Windows authentication by libcurl, which proves to know the password without telling it.

use std::time::Duration;

use curl::easy::{Auth, Easy2, Handler, WriteError};
use scep::MAX_MESSAGE_BYTES;
use scep::http::HttpResponse;

use super::NdesAdmin;

/// Fetches the page as the user.
pub(super) async fn page(admin: &NdesAdmin, limit: Duration) -> Result<HttpResponse, String> {
    let url = admin.url.to_string();
    let (user, password) = (admin.user.clone(), admin.password.clone());
    let fetching =
        tokio::task::spawn_blocking(move || fetch(&url, &user, password.expose(), limit));
    match fetching.await {
        Ok(fetched) => fetched.map_err(|error| format!("no page by NTLM: {error}")),
        Err(error) => Err(error.to_string()),
    }
}

fn fetch(
    url: &str,
    user: &str,
    password: &str,
    limit: Duration,
) -> Result<HttpResponse, curl::Error> {
    let mut easy = Easy2::new(Page::default());
    easy.url(url)?;
    easy.http_auth(Auth::new().ntlm(true))?;
    easy.username(user)?;
    easy.password(password)?;
    easy.useragent(concat!("sceplab/", env!("CARGO_PKG_VERSION")))?;
    easy.timeout(limit)?;
    // What was listed beforehand is used, and nothing that the environment or the server names.
    easy.noproxy("*")?;
    easy.follow_location(false)?;
    easy.perform()?;
    let status = u16::try_from(easy.response_code()?).unwrap_or_default();
    let content_type = easy.content_type()?.map(str::to_owned);
    Ok(HttpResponse { status, content_type, body: std::mem::take(&mut easy.get_mut().body) })
}

/// What is kept of an answer: the last one, and no more of it than of any.
#[derive(Default)]
struct Page {
    body: Vec<u8>,
}

impl Handler for Page {
    fn write(&mut self, data: &[u8]) -> Result<usize, WriteError> {
        if self.body.len() + data.len() > MAX_MESSAGE_BYTES {
            return Ok(0);
        }
        self.body.extend_from_slice(data);
        Ok(data.len())
    }

    fn header(&mut self, line: &[u8]) -> bool {
        if line.starts_with(b"HTTP/") {
            self.body.clear();
        }
        true
    }
}

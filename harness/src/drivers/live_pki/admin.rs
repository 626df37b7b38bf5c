//! NDES's page that gives out challenge passwords, `mscep_admin`.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use regex::Regex;
use scep::http::{HttpRequest, HttpResponse, Method};

use super::ScepUrl;
use crate::http::{self, Envelope};
use crate::lab::Secret;
use crate::pki::PkiError;

/// The page, and who may see it.
pub struct NdesAdmin {
    /// Where it is, such as `http://ndes.example.com/certsrv/mscep_admin/`.
    pub url: ScepUrl,
    /// The user's name.
    pub user: String,
    /// The user's password.
    pub password: Secret,
}

impl NdesAdmin {
    /// Fetches one password; there is none while the server keeps as many unused ones as it may.
    pub(super) async fn password(&self, limit: Duration) -> Result<Option<Secret>, PkiError> {
        let broken = |reason: String| PkiError::Broken { reason: format!("mscep_admin: {reason}") };
        let stream = self.url.connect().await.map_err(broken)?;
        let request = HttpRequest {
            method: Method::Get,
            query: String::new(),
            content_type: None,
            body: Vec::new(),
        };
        let credentials = format!("{}:{}", self.user, self.password.expose());
        let authorization = format!("Basic {}", STANDARD.encode(credentials));
        let envelope = Envelope {
            authority: &self.url.authority(),
            path: &self.url.path,
            credentials: Some(&authorization),
            limit,
        };
        let page = http::exchange(stream, envelope, &request).await;
        read(&page.map_err(broken)?).map_err(broken)
    }
}

/// What is said where there is no password to be had.
pub(super) fn cache_is_full() -> PkiError {
    let reason =
        "mscep_admin: the password cache is full; wait until passwords expire, or restart IIS";
    PkiError::Broken { reason: reason.to_owned() }
}

/// The password on the page, nothing where the server gives out no more; the error says what the page is instead, and never a password.
fn read(page: &HttpResponse) -> Result<Option<Secret>, String> {
    match page.status {
        200 => {}
        401 => {
            return Err(
                "was answered HTTP 401: the user or the password is wrong, or the server takes \
                        Windows authentication alone; allow Basic for `mscep_admin`, or give the \
                        passwords with `--challenge`"
                    .to_owned(),
            );
        }
        status => return Err(format!("was answered HTTP {status}")),
    }
    let text =
        http::text(&page.body).unwrap_or_else(|| String::from_utf8_lossy(&page.body).into_owned());
    let password = Regex::new(r"(?i)challenge password is:\s*<B>\s*([0-9A-Za-z+/=_-]{4,})\s*</B>");
    let found = password.ok().and_then(|regex| Some(regex.captures(&text)?[1].to_owned()));
    match found {
        Some(password) => Ok(Some(Secret::new(&password))),
        None if text.contains("password cache is full") => Ok(None),
        None => Err("the page shows no challenge password".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(status: u16, text: &str, is_utf16: bool) -> HttpResponse {
        let body = if is_utf16 {
            text.encode_utf16().flat_map(u16::to_le_bytes).collect()
        } else {
            text.as_bytes().to_vec()
        };
        HttpResponse { status, content_type: Some("text/html".to_owned()), body }
    }

    #[test]
    fn the_password_is_found_in_either_encoding() {
        let text = "<P> The enrollment challenge password is: <B> 8CE317021F690069 </B> <P> This";
        for is_utf16 in [false, true] {
            let read = read(&page(200, text, is_utf16)).unwrap().unwrap();
            assert_eq!(read.expose(), "8CE317021F690069");
        }
    }

    #[test]
    fn a_page_without_one_says_why() {
        let full = read(&page(200, "<P> The password cache is full. <P>", true));
        assert_eq!(full.map(|password| password.is_none()), Ok(true));
        assert!(read(&page(401, "", false)).unwrap_err().contains("Basic"));
        assert!(read(&page(200, "hello", false)).unwrap_err().contains("no challenge password"));
    }
}

//! The page of NDES that issues challenge passwords, `mscep_admin`.

mod ntlm;

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use regex::Regex;
use scep::http::{HttpRequest, HttpResponse, Method};
use tokio::sync::Mutex;

use diagnostics::visible;
use model::lab::Secret;
use model::scep_url::{ScepUrl, connect};
use testbed::http::{self, Answer, RequestOptions};
use testbed::pki::PkiError;

/// The page, and the credentials for it.
pub struct NdesAdmin {
    /// The URL of the page, such as `http://ndes.example.com/certsrv/mscep_admin/`.
    pub url: ScepUrl,
    /// The user's name.
    pub user: String,
    /// The user's password.
    pub password: Secret,
    /// The reason why the server rejected the credentials; further attempts could lock the account.
    refused: Mutex<Option<String>>,
}

/// An HTTP authentication scheme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    /// The user's name and password in clear text (RFC 7617).
    Basic,
    /// Windows authentication: a proof that the user knows the password, without the password itself (MS-NLMP).
    Ntlm,
}

impl NdesAdmin {
    /// The page at `url`, with the credentials of `user`.
    pub fn new(url: ScepUrl, user: String, password: Secret) -> Self {
        Self { url, user, password, refused: Mutex::default() }
    }

    /// Fetches one password; there is none while the server stores the maximum number of unused ones. After the user was rejected
    /// once, it does not try again.
    pub(super) async fn password(&self, limit: Duration) -> Result<Option<Secret>, PkiError> {
        let broken = |reason: String| PkiError::Broken { reason: format!("mscep_admin: {reason}") };
        // Locked during the request, so that concurrent calls send a wrong password only once.
        let mut refused = self.refused.lock().await;
        if let Some(reason) = &*refused {
            let again =
                format!("{reason} (not tried again: accounts are locked after a few failures)");
            return Err(broken(again));
        }
        self.page(&mut refused, limit).await.and_then(|page| read(&page)).map_err(broken)
    }

    /// The page, after authentication if the server requires it. Credentials are sent only if it does.
    async fn page(
        &self,
        refused: &mut Option<String>,
        limit: Duration,
    ) -> Result<HttpResponse, String> {
        let answer = self.ask(None, limit).await?;
        if answer.response.status != 401 {
            return Ok(answer.response);
        }
        let scheme = choose(&answer.schemes())?;
        let page = match scheme {
            Scheme::Ntlm => self.ask_by_ntlm(limit).await?,
            Scheme::Basic => {
                let credentials = format!("{}:{}", self.user, self.password.expose());
                let basic = format!("Basic {}", STANDARD.encode(credentials));
                self.ask(Some(&basic), limit).await?
            }
        };
        let page = page.response;
        if page.status == 401 {
            let reason = format!(
                "was answered HTTP 401 again, by {scheme:?}: the user `{}` or the password is wrong",
                self.user
            );
            return Err(refused.insert(reason).clone());
        }
        Ok(page)
    }

    async fn ask(&self, credentials: Option<&str>, limit: Duration) -> Result<Answer, String> {
        let (stream, authority) = (connect(&self.url).await?, self.url.authority());
        let options = RequestOptions::new(&authority, self.url.path(), limit);
        http::ask(stream, RequestOptions { credentials, ..options }, &PAGE).await
    }

    /// Sends both requests over one connection, because NTLM authenticates the connection.
    async fn ask_by_ntlm(&self, limit: Duration) -> Result<Answer, String> {
        let (stream, authority) = (connect(&self.url).await?, self.url.authority());
        let hello = format!("NTLM {}", STANDARD.encode(ntlm::negotiate()));
        let options = RequestOptions::new(&authority, self.url.path(), limit);
        let options = RequestOptions { credentials: Some(&hello), ..options };
        http::ask_authenticated(stream, options, &PAGE, |answer| self.prove(answer)).await
    }

    fn prove(&self, answer: &Answer) -> Result<String, String> {
        let token = answer.offers.iter().find_map(|offer| {
            let (scheme, token) = offer.split_once(' ')?;
            scheme.eq_ignore_ascii_case("NTLM").then_some(token.trim())
        });
        let missing = "the server offers NTLM, and asks nothing by it";
        let challenge = STANDARD
            .decode(token.ok_or(missing)?)
            .map_err(|error| format!("its NTLM challenge is no base64: {error}"))?;
        let proof =
            ntlm::prove(&challenge, &self.user, self.password.expose(), &ntlm::Fresh::now()?)?;
        Ok(format!("NTLM {}", STANDARD.encode(proof)))
    }
}

/// The request for the page, as a browser sends it.
static PAGE: HttpRequest =
    HttpRequest { method: Method::Get, query: String::new(), content_type: None, body: Vec::new() };

/// Prefers Windows authentication, because Basic sends the password in clear text; the error is why there is no scheme.
fn choose(offered: &[&str]) -> Result<Scheme, String> {
    let offers = |name: &str| offered.iter().any(|scheme| scheme.eq_ignore_ascii_case(name));
    // Negotiate is NTLM or Kerberos; servers that offer it mostly offer NTLM separately as well.
    if offers("NTLM") {
        return Ok(Scheme::Ntlm);
    }
    // A server that offers no scheme may accept Basic, which is older than offers.
    if offers("Basic") || offered.is_empty() {
        return Ok(Scheme::Basic);
    }
    let offered = offered.iter().map(|scheme| visible(scheme)).collect::<Vec<_>>().join(", ");
    let advice = "allow NTLM or Basic for `mscep_admin`, or give the passwords with `--challenge`";
    Err(format!(
        "was answered HTTP 401: the server accepts only {offered}, which is not supported; {advice}"
    ))
}

/// The error if the server issues no password.
pub(super) fn cache_is_full() -> PkiError {
    let reason =
        "mscep_admin: the password cache is full; wait until passwords expire, or restart IIS";
    PkiError::Broken { reason: reason.to_owned() }
}

/// The password on the page; `None` if the server issues no further passwords.
/// The error describes another page, without its text.
fn read(page: &HttpResponse) -> Result<Option<Secret>, String> {
    if page.status != 200 {
        return Err(format!("was answered HTTP {}", page.status));
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
    fn password_is_found_in_both_encodings() {
        let text = "<P> The enrollment challenge password is: <B> 8CE317021F690069 </B> <P> This";
        for is_utf16 in [false, true] {
            let read = read(&page(200, text, is_utf16)).unwrap().unwrap();
            assert_eq!(read.expose(), "8CE317021F690069");
        }
    }

    #[test]
    fn page_without_a_password_is_explained() {
        let full = read(&page(200, "<P> The password cache is full. <P>", true));
        assert_eq!(full.map(|password| password.is_none()), Ok(true));
        assert!(read(&page(503, "", false)).unwrap_err().contains("HTTP 503"));
        assert!(read(&page(200, "hello", false)).unwrap_err().contains("no challenge password"));
    }

    #[test]
    fn windows_authentication_is_preferred_to_basic() {
        assert_eq!(choose(&["Negotiate", "NTLM"]), Ok(Scheme::Ntlm));
        assert_eq!(choose(&["Basic", "ntlm"]), Ok(Scheme::Ntlm));
        assert_eq!(choose(&["Basic"]), Ok(Scheme::Basic));
        assert_eq!(choose(&[]), Ok(Scheme::Basic));
        for offered in ["Digest", "Negotiate"] {
            let error = choose(&[offered]).unwrap_err();
            assert!(error.contains(&format!("accepts only {offered}")), "{error}");
        }
    }
}

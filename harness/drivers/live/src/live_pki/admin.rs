//! The page of NDES that issues challenge passwords, `mscep_admin`.

mod ntlm;

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use recording::Recorder;
use scep::challenge_page::{self, Shown};
use scep::http::{HttpRequest, HttpResponse, Method};
use thiserror::Error;
use tokio::sync::Mutex;

use super::connection::connect;
use diagnostics::visible;
use model::lab::Secret;
use model::scep_url::ScepUrl;
use testbed::NoAnswer;
use testbed::access::Access;
use testbed::pki::PkiError;
use transport::http::{self, Answer, HttpFailure, RequestOptions};

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

/// The reason why the page gives no password.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
enum NoPassword {
    /// The server does not answer.
    #[error(transparent)]
    Unanswered(#[from] NoAnswer),
    /// The user cannot log in.
    #[error("{0}")]
    NoLogin(String),
    /// The server sends another page.
    #[error("{0}")]
    OtherPage(String),
}

impl From<HttpFailure> for NoPassword {
    fn from(failure: HttpFailure) -> Self {
        Self::Unanswered(failure.into())
    }
}

impl NdesAdmin {
    /// The page at `url`, with the credentials of `user`.
    pub fn new(url: ScepUrl, user: String, password: Secret) -> Self {
        Self { url, user, password, refused: Mutex::default() }
    }

    /// Fetches one password; there is none while the server stores the maximum number of unused ones. After the user was rejected
    /// once, it does not try again.
    pub(super) async fn password(
        &self,
        limit: Duration,
        access: &Access,
        recorder: Option<&Recorder>,
    ) -> Result<Option<Secret>, PkiError> {
        let broken = |reason: &dyn fmt::Display| PkiError::Broken {
            reason: format!("mscep_admin: {reason}"),
        };
        // Locked during the request, so that concurrent calls send a wrong password only once.
        let mut refused = self.refused.lock().await;
        if let Some(reason) = &*refused {
            let again =
                format!("{reason} (not tried again: accounts are locked after a few failures)");
            return Err(broken(&again));
        }
        self.page(&mut refused, limit, access, recorder)
            .await
            .and_then(|page| read(&page))
            .map_err(|error| broken(&error))
    }

    /// The page, after authentication if the server requires it. Credentials are sent only if it does.
    async fn page(
        &self,
        refused: &mut Option<String>,
        limit: Duration,
        access: &Access,
        recorder: Option<&Recorder>,
    ) -> Result<HttpResponse, NoPassword> {
        let answer = self.ask(None, limit, access, recorder).await?;
        if answer.response.status != 401 {
            return Ok(answer.response);
        }
        let scheme = choose(&answer.schemes()).map_err(NoPassword::NoLogin)?;
        let page = match scheme {
            Scheme::Ntlm => self.ask_by_ntlm(limit, access, recorder).await?,
            Scheme::Basic => {
                let credentials = format!("{}:{}", self.user, self.password.expose());
                let basic = format!("Basic {}", STANDARD.encode(credentials));
                self.ask(Some(&basic), limit, access, recorder).await?
            }
        };
        let page = page.response;
        if page.status == 401 {
            let reason = format!(
                "was answered HTTP 401 again, by {scheme:?}: the user `{}` or the password is wrong",
                self.user
            );
            return Err(NoPassword::NoLogin(refused.insert(reason).clone()));
        }
        Ok(page)
    }

    async fn ask(
        &self,
        credentials: Option<&str>,
        limit: Duration,
        access: &Access,
        recorder: Option<&Recorder>,
    ) -> Result<Answer, NoAnswer> {
        let stream = connect(&self.url, access, recorder).await?;
        let authority = self.url.authority();
        let options = access.options(&self.url, &authority, self.url.path(), limit);
        Ok(http::ask(stream, RequestOptions { credentials, ..options }, &PAGE).await?)
    }

    /// Sends both requests over one connection, because NTLM authenticates the connection.
    async fn ask_by_ntlm(
        &self,
        limit: Duration,
        access: &Access,
        recorder: Option<&Recorder>,
    ) -> Result<Answer, NoPassword> {
        let stream = connect(&self.url, access, recorder).await?;
        let authority = self.url.authority();
        let hello = format!("NTLM {}", STANDARD.encode(ntlm::negotiate()));
        let options = access.options(&self.url, &authority, self.url.path(), limit);
        let options = RequestOptions { credentials: Some(&hello), ..options };
        http::ask_authenticated(stream, options, &PAGE, |answer| {
            self.prove(answer).map_err(NoPassword::NoLogin)
        })
        .await
    }

    fn prove(&self, answer: &Answer) -> Result<String, String> {
        let token = answer.offers.iter().find_map(|offer| {
            let (scheme, token) = offer.split_once(' ')?;
            scheme.eq_ignore_ascii_case("NTLM").then_some(token.trim())
        });
        let missing = "the server offers NTLM, and asks nothing by it";
        let challenge = STANDARD
            .decode(token.ok_or(missing)?)
            .map_err(|_| "its NTLM challenge is no base64".to_owned())?;
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
    if offers("Basic") {
        return Ok(Scheme::Basic);
    }
    let advice = "allow NTLM or Basic for `mscep_admin`, or give the passwords with `--challenge`";
    if offered.is_empty() {
        // Basic would send the password in clear text to a server that has not asked for it.
        return Err(format!("was answered HTTP 401 without a way to log in; {advice}"));
    }
    let offered = offered.iter().map(|scheme| visible(scheme)).collect::<Vec<_>>().join(", ");
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
/// The error describes another page.
fn read(page: &HttpResponse) -> Result<Option<Secret>, NoPassword> {
    if page.status != 200 {
        return Err(NoPassword::OtherPage(page.answered()));
    }
    match challenge_page::read(&page.body) {
        Shown::Password(password) => Ok(Some(password)),
        Shown::CacheFull => Ok(None),
        Shown::ThumbprintAlone => Err(NoPassword::OtherPage(
            "the page shows the thumbprint of the CA and no challenge password, as NDES does if it asks for none: then leave \
             out the options for the page; otherwise give the password with `--challenge`"
                .to_owned(),
        )),
        Shown::Other(reason) => Err(NoPassword::OtherPage(reason)),
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
        HttpResponse {
            status,
            content_type: Some("text/html".to_owned()),
            body,
            ..HttpResponse::default()
        }
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
        let error = |page| read(&page).unwrap_err().to_string();
        assert!(error(page(503, "", false)).contains("HTTP 503"));
        assert!(error(page(200, "hello", false)).contains("no challenge password"));
        let location = Some("https://ndes.example.com/certsrv/mscep_admin/".to_owned());
        let moved = HttpResponse { status: 302, location, ..HttpResponse::default() };
        assert!(error(moved).contains("moved to `https://ndes.example.com"));
    }

    #[test]
    fn windows_authentication_is_preferred_to_basic() {
        assert_eq!(choose(&["Negotiate", "NTLM"]), Ok(Scheme::Ntlm));
        assert_eq!(choose(&["Basic", "ntlm"]), Ok(Scheme::Ntlm));
        assert_eq!(choose(&["Basic"]), Ok(Scheme::Basic));
        assert!(choose(&[]).unwrap_err().contains("without a way to log in"));
        for offered in ["Digest", "Negotiate"] {
            let error = choose(&[offered]).unwrap_err();
            assert!(error.contains(&format!("accepts only {offered}")), "{error}");
        }
    }
}

//! What a server answered, in words.

use super::HttpResponse;
use crate::{
    capabilities::Capabilities,
    content::{Content, shown},
};

/// The error for a body that lists no capability of SCEP.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{came} came in place of the capabilities")]
#[non_exhaustive]
pub struct NoCapabilities {
    /// What came, in words ([`HttpResponse::came`]).
    pub came: String,
}

impl HttpResponse {
    /// True for a redirection (RFC 9110 §15.4). SCEP clients do not follow it.
    pub fn is_redirect(&self) -> bool {
        matches!(self.status, 301..=303 | 307 | 308)
    }

    /// The body with its content type, in words: "a web page (`text/html`) with the title `Forbidden`".
    pub fn came(&self) -> String {
        Content::of(&self.body).with_type(self.content_type.as_deref())
    }

    /// The capabilities that a body with status 200 lists: none if it is empty.
    ///
    /// # Errors
    /// If the body has no capability of SCEP, and is not empty.
    pub fn capabilities(&self) -> Result<Capabilities, NoCapabilities> {
        let read = Capabilities::parse(&self.body);
        let is_blank = self.body.iter().all(u8::is_ascii_whitespace);
        if is_blank || !read.is_empty() {
            Ok(read)
        } else {
            Err(NoCapabilities { came: self.came() })
        }
    }

    /// The status and what came with it, to be written after the name of the exchange: "was answered HTTP 403: a web page
    /// (`text/html`) with the title `Forbidden`", or "was answered HTTP 301, moved to `/scep/`".
    ///
    /// # Examples
    /// ```
    /// use scep::http::HttpResponse;
    ///
    /// let denied = HttpResponse {
    ///     status: 401,
    ///     content_type: Some("application/json".to_owned()),
    ///     body: br#"{"message":"wrong password"}"#.to_vec(),
    ///     ..HttpResponse::default()
    /// };
    /// let words = "was answered HTTP 401: JSON (`application/json`): `{\"message\":\"wrong password\"}`";
    /// assert_eq!(denied.answered(), words);
    /// ```
    pub fn answered(&self) -> String {
        let status = self.status;
        if self.is_redirect() {
            return format!("was answered HTTP {status}, {}", self.moved());
        }
        if self.body.is_empty() && self.content_type.is_none() {
            return format!("was answered HTTP {status} with an empty body");
        }
        format!("was answered HTTP {status}: {}", self.came())
    }

    /// The words about a redirection.
    fn moved(&self) -> String {
        let Some(location) = &self.location else {
            return "a redirection without a Location".to_owned();
        };
        let address = shown(location.split('?').next().unwrap_or_default());
        let advice = if location.trim_start().to_ascii_lowercase().starts_with("https:") {
            "this is HTTPS, which is not supported".to_owned()
        } else {
            format!(
                "redirections are not followed: use the address `{address}`, if it is the SCEP service"
            )
        };
        format!("moved to `{}`; {advice}", shown(location))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moved(status: u16, location: Option<&str>) -> String {
        let location = location.map(str::to_owned);
        HttpResponse { status, location, ..HttpResponse::default() }.answered()
    }

    #[test]
    fn redirection_is_shown_with_its_address() {
        assert_eq!(
            moved(301, Some("/scep/?operation=GetCACert")),
            "was answered HTTP 301, moved to `/scep/?operation=GetCACert`; redirections are not followed: use the address \
             `/scep/`, if it is the SCEP service"
        );
        assert_eq!(
            moved(302, Some("https://pki.example.com/scep")),
            "was answered HTTP 302, moved to `https://pki.example.com/scep`; this is HTTPS, which is not supported"
        );
        assert_eq!(moved(308, None), "was answered HTTP 308, a redirection without a Location");
    }

    #[test]
    fn answer_without_a_body_is_named() {
        assert_eq!(moved(404, None), "was answered HTTP 404 with an empty body");
        let empty = HttpResponse {
            status: 500,
            content_type: Some("application/x-pki-message".to_owned()),
            ..HttpResponse::default()
        };
        assert_eq!(
            empty.answered(),
            "was answered HTTP 500: an empty body (`application/x-pki-message`)"
        );
    }
}

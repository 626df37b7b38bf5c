//! What a server answered, in words.

use super::HttpResponse;
use crate::{
    capabilities::Capabilities,
    content::{Content, shown},
    url::Scheme,
};

/// The error for a body that lists no capability of SCEP.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{came} came in place of the capabilities")]
#[non_exhaustive]
pub struct NoCapabilities {
    /// What came, in words ([`HttpResponse::came`]).
    pub came: String,
}

/// The address of a redirection, compared with that of the request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Moved {
    /// Another host or path.
    #[default]
    Elsewhere,
    /// The same host and path with another query.
    OtherQuery,
    /// The same address: a loop.
    Loop,
}

impl Moved {
    /// Compares a `Location` with the request's scheme, its host and port (as in a URL), and its path with its query.
    fn of(location: &str, scheme: Scheme, authority: &str, target: &str) -> Self {
        let location = location.trim();
        let port = format!(":{}", scheme.default_port());
        let path = match location.split_once("://") {
            Some((named, rest)) if named.eq_ignore_ascii_case(scheme.as_str()) => {
                let (host, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
                let without_port =
                    |text: &str| text.strip_suffix(&port).unwrap_or(text).to_ascii_lowercase();
                if without_port(host) != without_port(authority) {
                    return Self::Elsewhere;
                }
                path
            }
            Some(_) => return Self::Elsewhere,
            None if location.starts_with("//") => return Self::Elsewhere,
            None => location,
        };
        let parts = |text: &str| {
            let text = text.split('#').next().unwrap_or_default();
            let (path, query) = text.split_once('?').unwrap_or((text, ""));
            let path = if path.is_empty() { "/" } else { path };
            (path.to_owned(), query.to_owned())
        };
        let ((path, query), (own_path, own_query)) = (parts(path), parts(target));
        match (path == own_path, query == own_query) {
            (true, true) => Self::Loop,
            (true, false) => Self::OtherQuery,
            (false, _) => Self::Elsewhere,
        }
    }
}

impl HttpResponse {
    /// The response to a request with this scheme, host and port, path and query: a redirection to its own address is recognised.
    #[must_use]
    pub fn compared(mut self, scheme: Scheme, authority: &str, target: &str) -> Self {
        if let Some(location) = &self.location {
            self.moved = Moved::of(location, scheme, authority, target);
        }
        self
    }

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
        let advice = match self.moved {
            Moved::Loop => "this is the address that was asked, so the redirection is a loop: probably a rule of the web server, or \
                            of a proxy in front of the SCEP service, is wrong"
                .to_owned(),
            Moved::OtherQuery => format!(
                "redirections are not followed, and `{address}` is the address that was asked, with another query: probably \
                 something in front of the SCEP service wants a login or a cookie first"
            ),
            Moved::Elsewhere => format!(
                "redirections are not followed: use the address `{address}`, if it is the SCEP service"
            ),
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
            "was answered HTTP 302, moved to `https://pki.example.com/scep`; redirections are not followed: use the \
             address `https://pki.example.com/scep`, if it is the SCEP service"
        );
        assert_eq!(moved(308, None), "was answered HTTP 308, a redirection without a Location");
    }

    #[test]
    fn redirection_to_the_same_address_is_a_loop() {
        let compared = |location: &str| {
            let location = Some(location.to_owned());
            let moved = HttpResponse { status: 302, location, ..HttpResponse::default() };
            moved.compared(Scheme::Http, "pki.example.com:80", "/scep?operation=GetCACert").moved
        };
        for same in [
            "/scep?operation=GetCACert",
            " HTTP://PKI.example.com/scep?operation=GetCACert#top",
            "http://pki.example.com:80/scep?operation=GetCACert",
        ] {
            assert_eq!(compared(same), Moved::Loop, "{same}");
        }
        assert_eq!(compared("/scep"), Moved::OtherQuery);
        assert_eq!(compared("http://pki.example.com/scep?session=1"), Moved::OtherQuery);
        for other in [
            "/scep/?operation=GetCACert",
            "https://pki.example.com/scep?operation=GetCACert",
            "//pki.example.com/scep?operation=GetCACert",
            "http://pki.example.com:8080/scep?operation=GetCACert",
            "http://pki.example.com",
            "",
        ] {
            assert_eq!(compared(other), Moved::Elsewhere, "{other}");
        }
        let location = Some("/scep?a".to_owned());
        let response = HttpResponse { status: 301, location, ..HttpResponse::default() };
        let words = response.compared(Scheme::Http, "pki", "/scep?a").answered();
        assert!(
            words.contains("the redirection is a loop") && !words.contains("use the address"),
            "{words}"
        );
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

//! Conversions from and to the types of the crate `http`, which most HTTP clients and servers share.

use ::http::{
    HeaderMap, Request, Response,
    header::{CONTENT_TYPE, HeaderName, LOCATION},
};

use super::{HttpError, HttpRequest, HttpResponse, Method, Moved};
use crate::url::HttpUrl;

impl HttpRequest {
    /// This request to the CA at `url`, for an HTTP client.
    ///
    /// # Errors
    /// Fails if the query or the content type has characters that HTTP forbids there; a request of this crate has none.
    ///
    /// # Examples
    /// ```
    /// use scep::{http::{Method, Operation}, url::HttpUrl};
    ///
    /// let url: HttpUrl = "http://pki.example.com/scep".parse()?;
    /// let request = Operation::GetCaCaps(None).to_http(Method::Get).at(&url)?;
    /// assert_eq!(request.uri(), "http://pki.example.com/scep?operation=GetCACaps");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn at(&self, url: &HttpUrl) -> Result<Request<Vec<u8>>, ::http::Error> {
        let (scheme, authority, path) = (url.scheme().as_str(), url.authority(), url.path());
        let request = Request::builder()
            .method(self.method.as_str())
            .uri(format!("{scheme}://{authority}{path}?{}", self.query));
        let request = match &self.content_type {
            Some(content_type) => request.header(CONTENT_TYPE, content_type),
            None => request,
        };
        request.body(self.body.clone())
    }
}

impl<B: Into<Vec<u8>>> TryFrom<Request<B>> for HttpRequest {
    type Error = HttpError;

    /// A request as a server received it, its body read to the end.
    fn try_from(request: Request<B>) -> Result<Self, HttpError> {
        let method = match *request.method() {
            ::http::Method::GET => Method::Get,
            ::http::Method::POST => Method::Post,
            ref other => return Err(HttpError::OtherMethod(other.to_string())),
        };
        Ok(Self {
            method,
            query: request.uri().query().unwrap_or_default().to_owned(),
            content_type: text(request.headers(), &CONTENT_TYPE),
            body: request.into_body().into(),
        })
    }
}

impl<B: Into<Vec<u8>>> From<Response<B>> for HttpResponse {
    /// A response as a client received it, its body read to the end.
    fn from(response: Response<B>) -> Self {
        Self {
            status: response.status().as_u16(),
            content_type: text(response.headers(), &CONTENT_TYPE),
            location: text(response.headers(), &LOCATION),
            moved: Moved::default(),
            body: response.into_body().into(),
        }
    }
}

impl TryFrom<HttpResponse> for Response<Vec<u8>> {
    type Error = ::http::Error;

    /// The response for an HTTP server to send; fails if the status or the content type is none of HTTP.
    fn try_from(response: HttpResponse) -> Result<Self, ::http::Error> {
        let builder = Response::builder().status(response.status);
        let headers = [(CONTENT_TYPE, response.content_type), (LOCATION, response.location)];
        let builder = headers.into_iter().fold(builder, |builder, (name, value)| match value {
            Some(value) => builder.header(name, value),
            None => builder,
        });
        builder.body(response.body)
    }
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Operation;

    #[test]
    fn requests_survive_the_way_through_the_crate_http() {
        let operation = Operation::PkiOperation((0..=255).collect());
        for (address, target) in [
            ("http://pki.lab:8080/scep", "http://pki.lab:8080/scep?operation=PKIOperation"),
            ("http://[::1]", "http://[::1]/?operation=PKIOperation"),
            ("http://h/a%2Fb/c.exe", "http://h/a%2Fb/c.exe?operation=PKIOperation"),
        ] {
            let url: HttpUrl = address.parse().unwrap();
            for method in [Method::Get, Method::Post] {
                let request = operation.to_http(method);
                let sent = request.at(&url).unwrap();
                assert!(sent.uri().to_string().starts_with(target), "{}", sent.uri());
                assert_eq!(HttpRequest::try_from(sent), Ok(request));
            }
        }
    }

    #[test]
    fn requests_of_another_method_are_refused() {
        let request = Request::put("/scep?operation=GetCACaps").body("").unwrap();
        let error = HttpRequest::try_from(request).unwrap_err();
        assert_eq!(error, HttpError::OtherMethod("PUT".to_owned()));
    }

    #[test]
    fn responses_survive_the_way_through_the_crate_http() {
        for text in [None, Some("text/plain".to_owned())] {
            let (content_type, location) = (text.clone(), text);
            let response = HttpResponse {
                status: 301,
                content_type,
                location,
                body: b"no".to_vec(),
                ..HttpResponse::default()
            };
            let sent = Response::<Vec<u8>>::try_from(response.clone()).unwrap();
            assert_eq!(HttpResponse::from(sent), response);
        }
        let response = HttpResponse { status: 99, ..HttpResponse::default() };
        assert!(Response::<Vec<u8>>::try_from(response).is_err());
    }
}

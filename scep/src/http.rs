//! SCEP over HTTP: from an operation to a request and back (RFC 8894 §4.1).

mod answered;
mod body;
#[cfg(feature = "http")]
mod types;

use base64::{
    DecodeError, Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

pub use answered::{Moved, NoCapabilities};
pub use body::{MAX_PIECES, PartialBody, TooMuch};

use crate::content::shown;

/// The content type of a pkiMessage (RFC 8894 §4.3).
pub const PKI_MESSAGE: &str = "application/x-pki-message";
/// The content type of a single CA certificate (RFC 8894 §4.2.1.1).
pub const CA_CERTIFICATE: &str = "application/x-x509-ca-cert";
/// The content type of a certs-only message with the CA's and RA's certificates (RFC 8894 §4.2.1.2).
pub const CA_RA_CERTIFICATES: &str = "application/x-x509-ca-ra-cert";

/// The method of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Method {
    /// GET: the message is in the query.
    Get,
    /// POST: the message is the body.
    Post,
}

impl Method {
    /// The name of the method in HTTP.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

/// An HTTP request without address and path, which the caller adds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct HttpRequest {
    /// The method.
    pub method: Method,
    /// The query as it is sent, without the question mark.
    pub query: String,
    /// The content type of the body, if there is a body.
    pub content_type: Option<String>,
    /// The body.
    #[cfg_attr(feature = "serde", serde(with = "in_base64"))]
    pub body: Vec<u8>,
}

/// An HTTP response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct HttpResponse {
    /// The status code.
    pub status: u16,
    /// The content type, if the server sent one.
    pub content_type: Option<String>,
    /// The address of a redirection: the header `Location`, if the server sent one.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub location: Option<String>,
    /// How the address of a redirection differs from that of the request; as long as nobody compared them, it is another one.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub moved: Moved,
    /// The body.
    #[cfg_attr(feature = "serde", serde(with = "in_base64"))]
    pub body: Vec<u8>,
}

/// The operation of a request (RFC 8894 §4.1).
///
/// # Examples
/// ```
/// use scep::http::{Method, Operation};
///
/// let request = Operation::PkiOperation(vec![0x30, 0x80]).to_http(Method::Get);
/// assert_eq!(request.query, "operation=PKIOperation&message=MIA%3D");
/// assert_eq!(Operation::from_http(&request)?, Operation::PkiOperation(vec![0x30, 0x80]));
/// # Ok::<(), scep::http::HttpError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operation {
    /// The capabilities (RFC 8894 §3.5.1); the text names a CA, if the server has several.
    GetCaCaps(Option<String>),
    /// The CA's certificates (RFC 8894 §4.2); the text names a CA, if the server has several.
    GetCaCert(Option<String>),
    /// The certificates of the next CA (RFC 8894 §4.7); the text names a CA, if the server has several.
    GetNextCaCert(Option<String>),
    /// A pkiMessage (RFC 8894 §4.3).
    PkiOperation(Vec<u8>),
    /// Any other word.
    Other(String),
}

/// The error for a request that is no SCEP operation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// The query names no operation.
    #[error("{}", no_operation(.0))]
    NoOperation(String),
    /// A PKIOperation by GET has no message.
    #[error("the query has no `message`")]
    NoMessage,
    /// The method is neither GET nor POST.
    #[error("the method `{0}` is neither GET nor POST")]
    OtherMethod(String),
    /// The message of a GET is not base64.
    #[error("the `message` is not base64: {0}")]
    NotBase64(String),
}

impl Operation {
    /// The name in the query, in the spelling of RFC 8894 §4.1.
    pub fn name(&self) -> &str {
        match self {
            Self::GetCaCaps(_) => "GetCACaps",
            Self::GetCaCert(_) => "GetCACert",
            Self::GetNextCaCert(_) => "GetNextCACert",
            Self::PkiOperation(_) => "PKIOperation",
            Self::Other(name) => name,
        }
    }

    /// Reads the operation of a request.
    ///
    /// The name must have its exact case. The message of a GET may be wrapped, its `+` may have become a blank, and its
    /// padding may be missing, because real clients do all three.
    ///
    /// # Errors
    /// Fails if there is no operation, or a PKIOperation without a readable message.
    pub fn from_http(request: &HttpRequest) -> Result<Self, HttpError> {
        let message = || parameter(&request.query, "message");
        let name = parameter(&request.query, "operation").filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| HttpError::NoOperation(request.query.clone()))?;
        Ok(match name.as_str() {
            "GetCACaps" => Self::GetCaCaps(message()),
            "GetCACert" => Self::GetCaCert(message()),
            "GetNextCACert" => Self::GetNextCaCert(message()),
            "PKIOperation" => Self::PkiOperation(match request.method {
                Method::Post => request.body.clone(),
                Method::Get => decode_message(&message().ok_or(HttpError::NoMessage)?)?,
            }),
            _ => Self::Other(name),
        })
    }

    /// The request for this operation; a pkiMessage becomes the body of a POST or the base64 in the query of a GET.
    pub fn to_http(&self, method: Method) -> HttpRequest {
        let operation = format!("operation={}", percent_encoded(self.name()));
        match self {
            Self::PkiOperation(body) if method == Method::Post => HttpRequest {
                method,
                query: operation,
                content_type: Some(PKI_MESSAGE.to_owned()),
                body: body.clone(),
            },
            Self::PkiOperation(body) => {
                let message = percent_encoded(&STANDARD.encode(body));
                get(format!("{operation}&message={message}"))
            }
            Self::GetCaCaps(Some(message))
            | Self::GetCaCert(Some(message))
            | Self::GetNextCaCert(Some(message)) => {
                get(format!("{operation}&message={}", percent_encoded(message)))
            }
            _ => get(operation),
        }
    }
}

fn get(query: String) -> HttpRequest {
    HttpRequest { method: Method::Get, query, content_type: None, body: Vec::new() }
}

/// The reason why a query names no operation, by what it has instead.
fn no_operation(query: &str) -> String {
    let names = || query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let similar = |(name, _): &(&str, &str)| {
        name.trim_start_matches('?').eq_ignore_ascii_case("operation") && *name != "operation"
    };
    if query.is_empty() {
        return "the request has no query, and so no `operation`".to_owned();
    }
    if names().any(|(name, _)| name == "operation") {
        return "the query has an empty `operation`".to_owned();
    }
    match names().find(similar) {
        Some((name, _)) if name.starts_with('?') => {
            "the query has no `operation`: it begins with a second `?`, which belongs to the name of its first parameter"
                .to_owned()
        }
        Some((name, _)) => {
            format!("the query has no `operation`, it has `{}`: upper and lower case differ", shown(name))
        }
        None => "the query has no `operation`".to_owned(),
    }
}

/// The decoded value of the first parameter of this name.
fn parameter(query: &str, name: &str) -> Option<String> {
    query.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (key == name).then(|| percent_decode_str(value).decode_utf8_lossy().into_owned())
    })
}

fn decode_message(text: &str) -> Result<Vec<u8>, HttpError> {
    const TOLERANT: GeneralPurpose = GeneralPurpose::new(
        &alphabet::STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true),
    );
    let compact = text.replace(['\r', '\n'], "").replace(' ', "+");
    TOLERANT.decode(&compact).map_err(|error| HttpError::NotBase64(not_base64(&compact, &error)))
}

/// The reason why a text is no base64.
fn not_base64(text: &str, error: &DecodeError) -> String {
    let place = match error {
        DecodeError::InvalidByte(place, _) | DecodeError::InvalidLastSymbol(place, _) => *place,
        DecodeError::InvalidLength(length) => {
            return format!("it has {length} characters, one too many or too few");
        }
        DecodeError::InvalidPadding => return "its padding is wrong".to_owned(),
    };
    let character = text.get(place..).and_then(|rest| rest.chars().next());
    let is_url_safe =
        text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '='));
    match character {
        Some(_) if is_url_safe => {
            "it is base64url, which has `-` and `_` in place of `+` and `/` (RFC 4648 §5)"
                .to_owned()
        }
        Some(character) => format!("its character {} is `{}`", place + 1, character.escape_debug()),
        None => "it ends early".to_owned(),
    }
}

/// The characters that need no escape anywhere in a URL (RFC 3986 §2.3).
const UNRESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Escapes every byte that is not unreserved in a URL (RFC 3986 §2.3) as `%` and two upper-case hexadecimal digits.
pub fn percent_encoded(text: &str) -> String {
    utf8_percent_encode(text, &UNRESERVED).to_string()
}

/// Bodies as base64 text, because they may be any bytes.
#[cfg(feature = "serde")]
mod in_base64 {
    use base64::{Engine, engine::general_purpose::STANDARD};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        STANDARD.decode(String::deserialize(from)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pki_operation_survives_get_and_post() {
        let operation = Operation::PkiOperation((0..=255).collect());
        for method in [Method::Get, Method::Post] {
            assert_eq!(Operation::from_http(&operation.to_http(method)), Ok(operation.clone()));
        }
    }

    #[test]
    fn get_query_is_standard_base64_fully_escaped() {
        let request = Operation::PkiOperation(vec![0xfb, 0xff, 0xfe, 0xff]).to_http(Method::Get);
        assert_eq!(request.query, "operation=PKIOperation&message=%2B%2F%2F%2B%2Fw%3D%3D");
        assert_eq!(percent_encoded("a/b c~"), "a%2Fb%20c~");
    }

    #[test]
    fn base64_variants_of_real_clients_are_understood() {
        let expected = Ok(Operation::PkiOperation(vec![0xfb, 0xff, 0xfe, 0xff]));
        for message in ["+//+/w==", " // /w==", "%2B//%2B%0A/w%3D%3D", "%2b%2f%2f%2b%2fw"] {
            let query = format!("operation=PKIOperation&message={message}");
            assert_eq!(Operation::from_http(&get(query)), expected, "{message}");
        }
    }

    #[test]
    fn requests_without_a_readable_operation_are_refused() {
        let refused = |query: &str| Operation::from_http(&get(query.to_owned())).unwrap_err();
        for (query, words) in [
            ("", "the request has no query, and so no `operation`"),
            ("op=GetCACaps", "the query has no `operation`"),
            ("operation=", "the query has an empty `operation`"),
            (
                "Operation=GetCACaps",
                "the query has no `operation`, it has `Operation`: upper and lower case differ",
            ),
            (
                "?operation=GetCACert",
                "the query has no `operation`: it begins with a second `?`, which belongs to the name of its first parameter",
            ),
        ] {
            assert_eq!(refused(query).to_string(), words);
        }
        assert_eq!(refused("operation=PKIOperation"), HttpError::NoMessage);
        let query = "operation=PKIOperation&message=%00";
        assert!(matches!(refused(query), HttpError::NotBase64(_)));
        let other = Operation::from_http(&get("operation=getcacaps".into()));
        assert_eq!(other, Ok(Operation::Other("getcacaps".into())));
    }
}

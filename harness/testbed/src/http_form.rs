//! Requests and responses of HTTP as they travel: bodies, which may be any bytes, in base64.

use scep::http::{HttpRequest, HttpResponse, Method};
use serde::{Deserialize, Serialize};

/// The form of a [`Method`].
#[derive(Serialize, Deserialize)]
#[serde(remote = "Method")]
enum MethodForm {
    Get,
    Post,
}

/// The form of an [`HttpRequest`].
#[derive(Serialize, Deserialize)]
#[serde(remote = "HttpRequest")]
pub struct RequestForm {
    #[serde(with = "MethodForm")]
    method: Method,
    query: String,
    content_type: Option<String>,
    #[serde(with = "in_base64")]
    body: Vec<u8>,
}

/// The form of an [`HttpResponse`].
#[derive(Serialize, Deserialize)]
#[serde(remote = "HttpResponse")]
pub struct ResponseForm {
    status: u16,
    content_type: Option<String>,
    #[serde(with = "in_base64")]
    body: Vec<u8>,
}

mod in_base64 {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        STANDARD.decode(String::deserialize(from)?).map_err(D::Error::custom)
    }
}

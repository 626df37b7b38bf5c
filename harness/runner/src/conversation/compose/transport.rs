//! HTTP requests with a message, by GET or POST, or without one, and their descriptions.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};
use scep::http::{HttpRequest, Method, Operation as HttpOperation};
use scep::name;
use scep::secret::Secret;

use super::message::message_type;
use super::{Composed, Parts};
use model::lab::MASK;
use model::scenario::scep::{Mutation, Operation, Request};

/// The HTTP request that carries the message, by GET or POST.
pub(super) fn http_request(request: &Request, method: Method, message: &[u8]) -> HttpRequest {
    let mut http = HttpOperation::PkiOperation(message.to_vec()).to_http(method);
    let wrapped = || {
        let base64 = STANDARD.encode(message);
        let lines: Vec<&str> =
            base64.as_bytes().chunks(64).filter_map(|line| str::from_utf8(line).ok()).collect();
        lines.join("%0A").replace('+', "%2B").replace('/', "%2F").replace('=', "%3D")
    };
    for wrong in &request.mutations {
        let parameter = match wrong {
            Mutation::UnpaddedBase64 => {
                STANDARD_NO_PAD.encode(message).replace('+', "%2B").replace('/', "%2F")
            }
            Mutation::UrlSafeBase64 => URL_SAFE.encode(message).replace('=', "%3D"),
            Mutation::UnescapedBase64 => STANDARD.encode(message),
            Mutation::WrappedBase64 => wrapped(),
            Mutation::NotBase64 => "!".repeat(64).replace('!', "%21"),
            Mutation::NoMessageParameter => {
                "operation=PKIOperation".clone_into(&mut http.query);
                continue;
            }
            Mutation::OtherContentType => {
                http.content_type = Some("application/octet-stream".to_owned());
                continue;
            }
            Mutation::NoContentTypeHeader => {
                http.content_type = None;
                continue;
            }
            _ => continue,
        };
        http.query = format!("operation=PKIOperation&message={parameter}");
    }
    http
}

/// The HTTP request of an operation without a message.
pub(super) fn request_without_message(request: &Request) -> Composed {
    let message = request.ca_identifier.clone();
    let operation = match &request.operation {
        Operation::GetCaCaps => HttpOperation::GetCaCaps(message),
        Operation::GetCaCert => HttpOperation::GetCaCert(message),
        Operation::GetNextCaCert => HttpOperation::GetNextCaCert(message),
        other => HttpOperation::Other(other.name().to_owned()),
    };
    let request = operation.to_http(request.method.unwrap_or(Method::Get));
    let summary = vec![format!("GET ?{}", request.query)];
    Composed { request, path_suffix: "", transaction: None, summary }
}

/// Description of a message, without the challenge password.
pub(super) fn summary(
    request: &Request,
    parts: &Parts,
    challenge: Option<&Secret>,
    method: Method,
    length: usize,
) -> Vec<String> {
    let method = method.as_str();
    let (id, nonce) = (&parts.transaction_id, &parts.sender_nonce);
    let signer = name::to_text(parts.signer.certificate.subject_name());
    let recipients: Vec<String> = parts
        .recipients
        .iter()
        .map(|one| format!("`{}`", name::to_text(one.subject_name())))
        .collect();
    let mut summary = vec![
        format!("PKIOperation by {method}, {length} bytes"),
        format!("  messageType {}, transactionID {id}, senderNonce {nonce}", message_type(request)),
        format!("  signed with {} by `{signer}`", parts.digest),
        format!(
            "  enciphered with {} and {} to {}",
            parts.cipher,
            parts.key_transport,
            recipients.join(", ")
        ),
    ];
    if request.operation.enrols() {
        let subject = name::to_text(&parts.requested.subject);
        let key = scep::key::words(&parts.requested.key);
        let string_type = challenge.and_then(|it| request.message.challenge_string.type_of(it));
        let challenge =
            string_type.map_or_else(|| "none".to_owned(), |it| format!("{MASK} as {it}"));
        summary.push(format!("  asks for `{subject}`, {key}, challenge password {challenge}"));
    }
    summary
}

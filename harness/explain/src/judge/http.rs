//! The HTTP around the messages.

use results::requirement::End;
use scep::{
    content::{Content, text},
    http::{
        CA_CERTIFICATE, CA_RA_CERTIFICATES, HttpError, HttpRequest, HttpResponse, Method,
        Operation, PKI_MESSAGE,
    },
};

use crate::{
    body::Body,
    explanation::Finding,
    item::Extent,
    sent_message::{Http, SentMessage},
};

/// The findings about a request or a reply as HTTP; `asked` is the request of a reply, and `asked_wrongly` if something is wrong in it.
pub(super) fn findings(
    message: &SentMessage,
    asked: Option<&SentMessage>,
    asked_wrongly: bool,
) -> Vec<Finding> {
    let mut all = Vec::new();
    match &message.http {
        _ if message.is_other => {}
        Http::None => {}
        Http::Request(request, _, operation) => {
            all.extend(
                of_request(request, operation, message).into_iter().map(|it| it.by(End::Client)),
            );
        }
        Http::Reply(response) => {
            let operation = asked.and_then(SentMessage::operation);
            let findings = match response.status {
                200 => of_reply(response, operation.as_ref(), message),
                _ => vec![status(response, operation.as_ref(), asked_wrongly)],
            };
            all.extend(findings.into_iter().map(|it| it.by(End::Server)));
        }
    }
    all
}

fn of_request(
    request: &HttpRequest,
    operation: &Result<Operation, HttpError>,
    message: &SentMessage,
) -> Vec<Finding> {
    match operation {
        // A log may leave out the query.
        Err(_) if message.extent == Extent::Partial => Vec::new(),
        Err(error @ HttpError::NotBase64(_)) => {
            vec![Finding::wrong(error.to_string()).against("R08")]
        }
        Err(error) => vec![Finding::wrong(error.to_string()).against_section("RFC 8894 §4.1")],
        Ok(Operation::Other(name)) => {
            let known = ["GetCACaps", "GetCACert", "GetNextCACert", "PKIOperation"];
            let meant = known.iter().find(|known| known.eq_ignore_ascii_case(name));
            let finding = Finding::wrong(format!("`{name}` is no operation of SCEP"));
            let finding = match meant {
                Some(&"PKIOperation") => finding.against("R09"),
                _ => finding.against_section("RFC 8894 §4.1"),
            };
            vec![match meant {
                Some(meant) => {
                    finding.advice(format!("upper and lower case matter: it is `{meant}`"))
                }
                None => finding,
            }]
        }
        Ok(Operation::PkiOperation(_)) => of_message(request, message),
        Ok(_) => Vec::new(),
    }
}

fn of_message(request: &HttpRequest, message: &SentMessage) -> Vec<Finding> {
    let mut all = Vec::new();
    if request.method == Method::Get {
        let message = request.query.split('&').find_map(|pair| pair.strip_prefix("message="));
        if message.is_some_and(|message| message.contains(['+', '/', ' '])) {
            all.push(
                Finding::odd("the base64 of the message is not escaped in the URL: a `+` becomes a blank at most servers")
                    .against("R08"),
            );
        }
    } else if !is_type(request.content_type.as_deref(), PKI_MESSAGE) {
        let words = match &request.content_type {
            Some(shown) => {
                format!("the content type of the request is `{shown}`, not `{PKI_MESSAGE}`")
            }
            None => format!("the request has no content type; `{PKI_MESSAGE}` was expected"),
        };
        all.push(Finding::odd(words).against("R10"));
    }
    if let (Body::Empty, Method::Post, Extent::Whole) =
        (&message.body, request.method, message.extent)
    {
        all.push(
            Finding::wrong("the request has no body: the message is missing")
                .against("R10")
                .advice(
                    "a redirection that a client follows turns a POST into a GET without its body",
                ),
        );
    }
    all.extend(in_place_of(message, "the pkiMessage", "R24", |body| {
        !matches!(body, Body::Foreign(_))
    }));
    if let Body::CertsOnly(_) | Body::Certificate(_) | Body::Request(_) | Body::Envelope =
        message.body.inner()
    {
        let words = "the request is no pkiMessage: it is not signed, or the signed message around it is missing";
        all.push(Finding::wrong(words).against("R24"));
    }
    all
}

fn is_type(content_type: Option<&str>, wanted: &str) -> bool {
    let essence = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case(wanted)
}

fn of_reply(
    response: &HttpResponse,
    operation: Option<&Operation>,
    message: &SentMessage,
) -> Vec<Finding> {
    let content_type = response.content_type.as_deref();
    let other = |wanted: &str| {
        (!is_type(content_type, wanted)).then(|| {
            Finding::odd(match content_type {
                Some(shown) => format!("the content type is `{shown}`, not `{wanted}`"),
                None => format!("the reply has no content type; `{wanted}` was expected"),
            })
        })
    };
    let other_type = |wanted: &str, id: &str| other(wanted).map(|finding| finding.against(id));
    let mut all = Vec::new();
    match operation {
        Some(Operation::PkiOperation(_)) => {
            all.extend(other_type(PKI_MESSAGE, "R45"));
            all.extend(in_place_of(message, "a CertRep", "R79", |body| {
                matches!(body, Body::Message(..))
            }));
        }
        Some(Operation::GetCaCert(_)) => {
            all.extend(match message.body.inner() {
                Body::Certificate(_) => other_type(CA_CERTIFICATE, "R20"),
                Body::CertsOnly(_) => other(CA_RA_CERTIFICATES)
                    .map(|finding| finding.against_section("RFC 8894 §4.2.1.2")),
                _ => None,
            });
            all.extend(in_place_of(message, "the CA's certificates", "R02", |body| {
                matches!(body, Body::Certificate(_) | Body::CertsOnly(_))
            }));
        }
        Some(Operation::GetCaCaps(_)) => {
            if let Body::Empty = message.body {
                all.push(
                    Finding::note(
                        "the CA lists no capability: a client must take it for an old one",
                    )
                    .against("R14"),
                );
            } else {
                all.extend(in_place_of(message, "the capabilities", "R54", |body| {
                    matches!(body, Body::Capabilities(_))
                }));
            }
        }
        Some(Operation::GetNextCaCert(_)) => {
            all.extend(in_place_of(message, "the certificates of the next CA", "R81", |body| {
                matches!(body, Body::Signed(_))
            }));
        }
        _ => {}
    }
    all
}

/// A finding if the body is something else than what was asked for.
fn in_place_of(
    message: &SentMessage,
    wanted: &str,
    id: &str,
    is_it: fn(&Body) -> bool,
) -> Option<Finding> {
    let body = message.body.inner();
    // What is damaged says so itself, and what is missing was not seen.
    if message.extent == Extent::Partial || is_it(body) || matches!(body, Body::Broken(..)) {
        return None;
    }
    let came = match body {
        Body::Empty => "an empty body".to_owned(),
        Body::Signed(_) => "a signed message without SCEP's attributes".to_owned(),
        _ => Content::of(&message.bytes).to_string(),
    };
    let finding = Finding::wrong(format!("{came} came in place of {wanted}")).against(id);
    Some(match body {
        Body::Empty => finding.advice("the server failed without a word: its log says more"),
        _ => finding,
    })
}

/// The finding about a status other than 200. A server may refuse what is no right request so, because a CertRep needs one to answer.
fn status(response: &HttpResponse, operation: Option<&Operation>, asked_wrongly: bool) -> Finding {
    let name = operation.map_or("the request", Operation::name);
    let words = format!("{name} {}", response.answered());
    if asked_wrongly && (400..600).contains(&response.status) {
        return match response.status {
            400..500 => Finding::note(words),
            _ => Finding::odd(words).advice("the server failed at a request that is wrong"),
        };
    }
    match operation {
        Some(Operation::GetCaCaps(_)) => Finding::odd(words)
            .against("R01")
            .advice("a client should go on as if there were no capability"),
        Some(Operation::GetNextCaCert(_)) => {
            Finding::note(words).advice("a server without a next CA answers so")
        }
        Some(Operation::PkiOperation(_)) => {
            Finding::wrong(words).against("R79").advice(cause(response))
        }
        _ => Finding::wrong(words).against("R02").advice(cause(response)),
    }
}

/// What web servers write to a client that speaks HTTP to a port of HTTPS: nginx, Apache and Go's `net/http`.
const AT_HTTPS: [&str; 3] =
    ["sent to HTTPS port", "to an SSL-enabled server port", "HTTP request to an HTTPS server"];

/// What a status usually means for SCEP.
fn cause(response: &HttpResponse) -> &'static str {
    let text = text(&response.body).unwrap_or_default();
    match response.status {
        400 if AT_HTTPS.iter().any(|words| text.contains(words)) => {
            "the port is one of HTTPS: the address must begin with https://, if the client can do that"
        }
        301..=308 => {
            "SCEP clients do not follow redirections: give the client the address that it is sent to, if that is the SCEP service"
        }
        401 | 403 => {
            "something in front of the SCEP service wants a login, or refuses the client's address"
        }
        404 => "there is no SCEP service at this path: compare it with the server's settings",
        405 => "the server does not take this method: does it offer POSTPKIOperation?",
        411 | 413 | 414 | 431 => {
            "the server or a proxy limits the length of requests: a message by GET is a long URL"
        }
        502..=504 => "a proxy did not reach the SCEP service behind it",
        500 | 501 => "the SCEP service failed at this request: its log says why",
        _ => "the server's log says why",
    }
}

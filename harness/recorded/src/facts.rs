//! What matters of an answer, so that two answers can be held against each other.

use scep::{
    attribute::FailInfo, capabilities::Capabilities, client::CaCertificates, content::Content,
    danger::Template, envelope::Outside, http::HttpResponse, message::AttributeName,
};

use crate::answer::in_words;
use crate::asked::Asked;
use crate::certrep::status_of;
use crate::script::Kind;

/// What matters of an answer.
#[derive(Debug)]
pub(crate) struct Facts {
    /// The answer in a few words.
    pub(crate) summary: String,
    /// Names and values.
    all: Vec<(&'static str, String)>,
}

impl Facts {
    /// What is other in an answer than in this one.
    pub(crate) fn differences(&self, now: &Self) -> Vec<String> {
        let value = |facts: &Self, name: &str| {
            let found = facts.all.iter().find(|(fact, _)| *fact == name);
            found.map_or_else(|| "none".to_owned(), |(_, value)| value.clone())
        };
        let mut names: Vec<&str> = Vec::new();
        for (name, _) in self.all.iter().chain(&now.all) {
            if !names.contains(name) {
                names.push(name);
            }
        }
        let others = names.into_iter().filter_map(|name| {
            let (then, now) = (value(self, name), value(now, name));
            (then != now).then(|| format!("{name}: recorded was {then}, now it is {now}"))
        });
        others.collect()
    }
}

/// What matters of an answer to a request.
pub(crate) fn facts(
    kind: &Kind,
    status: Option<u16>,
    body: &[u8],
    request: Option<&Asked>,
) -> Facts {
    let http = status.map_or_else(|| "no HTTP".to_owned(), |status| status.to_string());
    let mut all = vec![("HTTP status", http.clone())];
    let summary = match kind {
        Kind::Message(_) => match Template::read(body) {
            Ok(reply) => {
                all.extend(of_reply(&reply, request));
                in_words(&reply)
            }
            Err(_) => of_content(body, &mut all, &http),
        },
        Kind::Operation(name) if status == Some(200) => match name.as_str() {
            "GetCACaps" => of_capabilities(body, &mut all),
            "GetCACert" => of_certificates(body, &mut all, &http),
            _ => of_content(body, &mut all, &http),
        },
        Kind::Operation(_) | Kind::Page(_) => of_content(body, &mut all, &http),
    };
    Facts { summary, all }
}

fn of_content(body: &[u8], all: &mut Vec<(&'static str, String)>, http: &str) -> String {
    let kind = Content::of(body).kind();
    all.push(("content", kind.to_owned()));
    format!("HTTP {http}, {kind}")
}

fn of_capabilities(body: &[u8], all: &mut Vec<(&'static str, String)>) -> String {
    let offered = Capabilities::parse(body);
    let mut known: Vec<_> = offered.known().iter().map(ToString::to_string).collect();
    known.sort();
    known.dedup();
    let listed = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    all.push(("capabilities", listed.clone()));
    listed
}

fn of_certificates(body: &[u8], all: &mut Vec<(&'static str, String)>, http: &str) -> String {
    let response = HttpResponse { status: 200, body: body.to_vec(), ..HttpResponse::default() };
    let Ok(certificates) = CaCertificates::read(&response) else {
        return of_content(body, all, http);
    };
    let numbers = format!("{} of CAs, {} of RAs", certificates.ca.len(), certificates.ra.len());
    all.push(("certificates", numbers.clone()));
    numbers
}

/// What matters of a CertRep.
fn of_reply(reply: &Template, request: Option<&Asked>) -> Vec<(&'static str, String)> {
    let text = |name: AttributeName| {
        let octets = reply.attribute(name)?;
        Some(String::from_utf8_lossy(&octets).escape_debug().to_string())
    };
    let mut found = Vec::new();
    let mut add = |name: &'static str, value: Option<String>| {
        found.extend(value.map(|value| (name, value)));
    };
    add("messageType", text(AttributeName::MessageType));
    add("pkiStatus", status_of(reply).map(|status| status.to_string()));
    let fail_info = text(AttributeName::FailInfo);
    add("failInfo", fail_info.map(|text| FailInfo::from_wire(&text).to_string()));
    let signed = if reply.is_signed() { "signed" } else { "not signed" };
    add("signature", Some(signed.to_owned()));
    add("digest", reply.digest().map(|digest| digest.to_string()));
    let outside = reply.content().and_then(|content| Outside::of(content).ok());
    add("cipher", outside.as_ref().map(|outside| outside.content_algorithm.clone()));
    let transport = outside.as_ref().and_then(|outside| outside.key_algorithms.first().cloned());
    add("encryption of the key", transport);
    let relation = |name: AttributeName, own: Option<&Vec<u8>>| match (reply.attribute(name), own) {
        (None, _) => "missing",
        (Some(value), Some(own)) if value == *own => "that of the request",
        (Some(_), Some(_)) => "another than that of the request",
        (Some(_), None) => "there, and the request has none",
    };
    if let Some(request) = request {
        let nonce = relation(AttributeName::RecipientNonce, request.nonce.as_ref());
        add("recipientNonce", Some(nonce.to_owned()));
        let id = relation(AttributeName::TransactionId, request.transaction.as_ref());
        add("transactionID", Some(id.to_owned()));
    }
    let nonce = reply.attribute(AttributeName::SenderNonce).map_or("missing", |_| "there");
    add("senderNonce", Some(nonce.to_owned()));
    found
}

//! What is compared of two answers.

use std::collections::{BTreeMap, BTreeSet};

use scep::message::Message;
use testbed::pki::Exchanged;

/// The facts of an answer. Not among them: the texts of errors, and the algorithms of a reply (see `docs/explanations/personalities.md`).
pub(super) struct Answer(BTreeMap<&'static str, String>);

impl Answer {
    /// The facts of this answer; `issued` is the number of certificates that were issued meanwhile.
    pub(super) fn of(exchanged: &Exchanged, issued: usize) -> Self {
        let mut facts = BTreeMap::from([("issued", issued.to_string())]);
        let Exchanged::Answered(response) = exchanged else {
            facts.insert("http", "none".to_owned());
            return Self(facts);
        };
        facts.insert("http", response.status.to_string());
        facts.insert("type", response.content_type.clone().unwrap_or_default());
        match Message::parse(&response.body) {
            Ok(message) => describe(&mut facts, &message, &response.body),
            Err(_) if response.status == 200 => {
                facts.insert("body", hexadecimal(&response.body));
            }
            Err(_) => {}
        }
        Self(facts)
    }

    /// Each fact that differs, with the value of this answer first. If one is a CertRep and the other is not, or they are of different
    /// status, the rest of the facts tells nothing.
    pub(super) fn differences(&self, other: &Self) -> BTreeSet<String> {
        const FIRST: [&str; 4] = ["http", "status", "failInfo", "issued"];
        let absent = "absent".to_owned();
        let value = |of: &Self, name: &str| of.0.get(name).unwrap_or(&absent).clone();
        let differ = |name: &&str| value(self, name) != value(other, name);
        let all: BTreeSet<&str> = self.0.keys().chain(other.0.keys()).copied().collect();
        let first: Vec<&str> = FIRST.into_iter().filter(differ).collect();
        let told = if first.is_empty() { all.into_iter().filter(differ).collect() } else { first };
        told.into_iter()
            .map(|name| format!("{name} {} → {}", value(self, name), value(other, name)))
            .collect()
    }
}

fn describe(facts: &mut BTreeMap<&'static str, String>, message: &Message, body: &[u8]) {
    let attributes = message.attributes();
    let status = attributes.pki_status().map(|status| status.to_string());
    facts.insert("status", status.unwrap_or_else(|error| error.to_string()));
    if let Ok(reason) = attributes.fail_info() {
        facts.insert("failInfo", reason.to_string());
    }
    let content = message.content();
    facts.insert(
        "content",
        match content {
            None => "absent".to_owned(),
            Some([]) => "empty".to_owned(),
            Some(envelope) if scep::envelope::is_der(envelope) => "DER envelope".to_owned(),
            Some(_) => "BER envelope".to_owned(),
        },
    );
    let is_der = scep::ber::normalise(body).is_ok_and(|normal| normal == body);
    facts.insert("encoding", if is_der { "DER" } else { "BER" }.to_owned());
    facts.insert("certificates", message.certificates().len().to_string());
    for (name, oid) in [
        ("messageType", "2.16.840.1.113733.1.9.2"),
        ("senderNonce", "2.16.840.1.113733.1.9.5"),
        ("recipientNonce", "2.16.840.1.113733.1.9.6"),
        ("transactionID", "2.16.840.1.113733.1.9.7"),
        ("failInfoText", "1.3.6.1.5.5.7.24.1"),
    ] {
        let values: Vec<_> = attributes.raw(oid).iter().map(|value| hexadecimal(value)).collect();
        facts.insert(name, values.join(" "));
    }
    let has_time = !attributes.raw("1.2.840.113549.1.9.5").is_empty();
    facts.insert("signingTime", if has_time { "present" } else { "absent" }.to_owned());
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

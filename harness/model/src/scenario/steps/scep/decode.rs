//! The fields of a `scep` step.

use scep::algorithm::{Cipher, Digest, KeyTransport};
use scep::http::Method;
use scep::request::ChallengeString;
use scep::signature::RsaPadding;

use super::super::Given;
use super::{
    Carrier, ChallengeChoice, Fact, FactName, MessageChoice, Mutation, Operation, RecipientChoice,
    Request, Scep, SignerChoice, asked,
};
use diagnostics::Diagnostic;
use diagnostics::yaml::{Node, Problems, names};

/// The fields for choices about a message.
const MESSAGE_FIELDS: [&str; 22] = [
    "subject",
    "dns-names",
    "alternative-names",
    "key-usage",
    "purposes",
    "template-name",
    "template",
    "key",
    "key-type",
    "key-bits",
    "challenge",
    "challenge-string",
    "cipher",
    "digest",
    "key-transport",
    "rsa-padding",
    "nonce-bytes",
    "transaction-id",
    "signer",
    "recipient",
    "serial",
    "signing-time",
];

impl Scep {
    /// The fields of the step.
    pub(in super::super) const FIELDS: &[&[&str]] = &[
        &[
            "pki",
            "send",
            "method",
            "ca-identifier",
            "wrong",
            "accept",
            "retry-with-challenge",
            "save",
        ],
        &MESSAGE_FIELDS,
    ];

    /// Reads the step.
    pub(in super::super) fn read(given: &Given<'_>) -> Option<Self> {
        let pki = given.pki().unwrap_or_default();
        let send = given.fields.required("send")?;
        let operation = operation(send, given.problems)?;
        if !operation.has_message() {
            refuse_message_fields(given, &operation);
        }
        let method = given.one_of("method", &METHODS);
        let message = message(given);
        let request = Request {
            mutations: mutations(given, &operation, method),
            operation,
            method,
            ca_identifier: given.text("ca-identifier"),
            message,
        };
        let acceptable = given.acceptable();
        let save = given.fields.optional("save").map(|node| saved(node, given.problems));
        let (save, place) = (save.unwrap_or_default(), send.place.clone());
        let retries = given.fields.optional_as("retry-with-challenge", Node::boolean);
        let retry_with_challenge = retries.unwrap_or_default();
        Some(Self { pki, request, acceptable: acceptable?, retry_with_challenge, save, place })
    }
}

const METHODS: [(&str, Method); 2] = [("get", Method::Get), ("post", Method::Post)];

/// The operation. A word that RFC 8894 does not name is sent as it is, after `operation=`.
fn operation(node: &Node, problems: &Problems) -> Option<Operation> {
    let text = node.text(problems)?;
    if let Some(word) = text.strip_prefix("operation=") {
        return Some(Operation::Other(word.to_owned()));
    }
    let known = Operation::KNOWN.iter().find(|(name, _)| *name == text);
    if known.is_none() {
        problems.add_with(|| {
            let names = Operation::KNOWN.iter().map(|(name, _)| *name);
            Diagnostic::at(&node.place, format!("unknown operation `{text}`"))
                .known(&text, "known", names)
                .note("any other word is sent as `operation=WORD`")
        });
    }
    known.map(|(_, operation)| operation.clone())
}

fn refuse_message_fields(given: &Given<'_>, operation: &Operation) {
    for field in MESSAGE_FIELDS {
        let message = format!("`{field}` is for a message, and {} carries none", operation.name());
        given.refuse(field, message);
    }
}

fn mutations(given: &Given<'_>, operation: &Operation, method: Option<Method>) -> Vec<Mutation> {
    let problems = given.problems;
    let mut mutations = Vec::new();
    for node in given.fields.one_or_more("wrong") {
        let Some(mutation) = node.one_of("mutation", Mutation::NAMED, problems) else { continue };
        let fits = match mutation.carrier() {
            Carrier::Query => true,
            Carrier::Message => operation.has_message(),
            Carrier::Enrolment => operation.enrols(),
            Carrier::Lookup => {
                matches!(operation, Operation::CertPoll | Operation::GetCert | Operation::GetCrl)
            }
            Carrier::Get => operation.has_message() && method == Some(Method::Get),
            Carrier::Post => operation.has_message() && method == Some(Method::Post),
        };
        if !fits {
            let message =
                format!("mutation `{}` does not apply to this request", mutation.as_str());
            problems.add(Diagnostic::at(&node.place, message).note(match mutation.carrier() {
                Carrier::Get => "this mutation needs a message with `method: get`",
                Carrier::Post => "this mutation needs a message with `method: post`",
                Carrier::Enrolment => "this mutation needs a PKCSReq or a RenewalReq",
                Carrier::Lookup => "this mutation needs a CertPoll, a GetCert or a GetCRL",
                Carrier::Message | Carrier::Query => {
                    "this mutation needs an operation with a message"
                }
            }));
        }
        mutations.push(mutation);
    }
    mutations
}

fn message(given: &Given<'_>) -> MessageChoice {
    let (text, problems) = (|key| given.text(key), given.problems);
    MessageChoice {
        subject: text("subject"),
        extensions: asked::extensions(given),
        key: text("key"),
        key_kind: asked::key(given),
        challenge: given.one_of("challenge", ChallengeChoice::NAMED).unwrap_or_default(),
        challenge_string: given.one_of("challenge-string", &STRINGS).unwrap_or_default(),
        cipher: algorithm(given, "cipher", Cipher::NAMED),
        digest: algorithm(given, "digest", Digest::NAMED),
        key_transport: given.one_of("key-transport", &TRANSPORTS),
        rsa_padding: given.one_of("rsa-padding", &PADDINGS).unwrap_or_default(),
        nonce_bytes: given.number("nonce-bytes", 0..=1024, "a nonce of 0 to 1024 bytes"),
        transaction_id: text("transaction-id"),
        signer: given.one_of("signer", SignerChoice::NAMED),
        recipient: given.one_of("recipient", RecipientChoice::NAMED).unwrap_or_default(),
        serial: text("serial"),
        signing_time: given
            .fields
            .optional("signing-time")
            .and_then(|node| node.parsed("seconds from now, such as `0` or `-86400`", problems)),
    }
}

/// An algorithm by its lower-case name without hyphens: `aes128`.
fn algorithm<T: Copy>(given: &Given<'_>, key: &str, named: &[(&str, T)]) -> Option<T> {
    let spelt = |(name, it): &(&str, T)| (name.to_lowercase().replace('-', ""), *it);
    let spelt: Vec<(String, T)> = named.iter().map(spelt).collect();
    let known: Vec<(&str, T)> = spelt.iter().map(|(name, it)| (name.as_str(), *it)).collect();
    given.one_of(key, &known)
}

const STRINGS: [(&str, ChallengeString); 4] = [
    ("printable", ChallengeString::Printable),
    ("utf8", ChallengeString::Utf8),
    ("ia5", ChallengeString::Ia5),
    ("bmp", ChallengeString::Bmp),
];

const TRANSPORTS: [(&str, KeyTransport); 2] =
    [("pkcs1", KeyTransport::Pkcs1v15), ("oaep", KeyTransport::Oaep)];

const PADDINGS: [(&str, RsaPadding); 2] = [("pkcs1", RsaPadding::Pkcs1), ("pss", RsaPadding::Pss)];

fn saved(node: &Node, problems: &Problems) -> Vec<(String, Fact)> {
    let known: Vec<(&str, Fact)> = Fact::ALL.iter().map(|fact| (fact.name(), *fact)).collect();
    names(node, "a map from names to facts", problems)
        .iter()
        .filter_map(|entry| {
            let fact = entry.value.one_of("fact", &known, problems)?;
            Some((entry.key.clone(), fact))
        })
        .collect()
}

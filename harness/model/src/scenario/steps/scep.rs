//! The fields of a step that speaks SCEP.

use scep::algorithm::{Cipher, Digest, KeyTransport};
use scep::http::Method;
use scep::request::ChallengeString;

use crate::scenario::scep::{
    Carrier, ChallengeChoice, Fact, FactName, KeyType, MessageChoice, Operation, RecipientChoice,
    Request, Scep, SignerChoice, Wrong,
};
use crate::scenario::steps::acceptable::acceptables;
use diagnostics::Diagnostic;
use diagnostics::yaml::{Fields, Node, Problems, names};

/// The fields that any operation takes.
pub(super) const FIELDS: [&str; 7] =
    ["pki", "send", "method", "ca-identifier", "wrong", "accept", "save"];

/// The fields that choose something of a message.
pub(super) const MESSAGE_FIELDS: [&str; 16] = [
    "subject",
    "dns-names",
    "key",
    "key-bits",
    "key-type",
    "challenge",
    "challenge-string",
    "cipher",
    "digest",
    "key-transport",
    "nonce-bytes",
    "transaction-id",
    "signer",
    "recipient",
    "serial",
    "signing-time",
];

/// Reads the step; `pki` is the one that it speaks to.
pub(super) fn scep(fields: &Fields<'_>, pki: String, problems: &Problems) -> Option<Scep> {
    let send = fields.required("send")?;
    let operation = operation(send, problems)?;
    if !operation.has_message() {
        refuse_message_fields(fields, &operation, problems);
    }
    let method =
        fields.optional("method").and_then(|node| node.one_of("method", &METHODS, problems));
    let message = message(fields, problems);
    refuse_signing_with_p256(fields, &message, problems);
    let request = Request {
        wrong: wrongs(fields, &operation, method, problems),
        operation,
        method,
        ca_identifier: fields.optional("ca-identifier").and_then(|node| node.text(problems)),
        message,
    };
    let acceptable = fields.required("accept").map(|node| acceptables(node, problems));
    let save = fields.optional("save").map(|node| saved(node, problems)).unwrap_or_default();
    Some(Scep { pki, request, acceptable: acceptable?, save, place: send.place.clone() })
}

const METHODS: [(&str, Method); 2] = [("get", Method::Get), ("post", Method::Post)];

/// A word that is no operation of RFC 8894 is sent as it is, after `operation=`.
fn operation(node: &Node, problems: &Problems) -> Option<Operation> {
    let text = node.text(problems)?;
    if let Some(word) = text.strip_prefix("operation=") {
        return Some(Operation::Other(word.to_owned()));
    }
    let known = Operation::KNOWN.iter().find(|(name, _)| *name == text);
    if known.is_none() {
        let names = Operation::KNOWN.iter().map(|(name, _)| *name);
        let diagnostic = Diagnostic::at(&node.place, format!("unknown operation `{text}`"));
        problems.add(
            diagnostic
                .known(&text, "known", names)
                .note("any other word is sent as `operation=WORD`"),
        );
    }
    known.map(|(_, operation)| operation.clone())
}

fn refuse_message_fields(fields: &Fields<'_>, operation: &Operation, problems: &Problems) {
    for field in MESSAGE_FIELDS {
        if let Some(node) = fields.optional(field) {
            let message = format!("{} carries no message that has a `{field}`", operation.name());
            problems.add(Diagnostic::at(&node.place, message));
        }
    }
}

fn refuse_signing_with_p256(fields: &Fields<'_>, message: &MessageChoice, problems: &Problems) {
    let own_key = [
        None,
        Some(SignerChoice::SelfSigned),
        Some(SignerChoice::OtherSubject),
        Some(SignerChoice::NoKeyUsage),
        Some(SignerChoice::Expired),
    ];
    let node = fields.optional("key-type").filter(|_| message.key_type == KeyType::P256);
    if let Some(node) = node.filter(|_| own_key.contains(&message.signer)) {
        let message = "a message is not signed with a key on P-256";
        let diagnostic = Diagnostic::at(&node.place, message);
        problems.add(diagnostic.note("say who signs: `signer: other-key`, or `issued`"));
    }
}

fn wrongs(
    fields: &Fields<'_>,
    operation: &Operation,
    method: Option<Method>,
    problems: &Problems,
) -> Vec<Wrong> {
    let nodes = fields.optional("wrong").map(|node| node.one_or_more(problems)).unwrap_or_default();
    let known: Vec<(&str, Wrong)> = Wrong::ALL.iter().map(|wrong| (wrong.name(), *wrong)).collect();
    let mut wrongs = Vec::new();
    for node in nodes {
        let Some(wrong) = node.one_of("wrong", &known, problems) else { continue };
        let fits = match wrong.carrier() {
            Carrier::Query => true,
            Carrier::Message => operation.has_message(),
            Carrier::Enrolment => operation.enrols(),
            Carrier::Get => operation.has_message() && method == Some(Method::Get),
            Carrier::Post => operation.has_message() && method == Some(Method::Post),
        };
        if !fits {
            let message = format!("`{}` cannot be wrong with this request", wrong.name());
            problems.add(Diagnostic::at(&node.place, message).note(match wrong.carrier() {
                Carrier::Get => "it is for a message with `method: get`",
                Carrier::Post => "it is for a message with `method: post`",
                Carrier::Enrolment => "it is for a PKCSReq or a RenewalReq",
                Carrier::Message | Carrier::Query => "it is for an operation with a message",
            }));
        }
        wrongs.push(wrong);
    }
    wrongs
}

fn message(fields: &Fields<'_>, problems: &Problems) -> MessageChoice {
    let text = |key| fields.optional(key).and_then(|node| node.text(problems));
    MessageChoice {
        subject: text("subject"),
        dns_names: fields
            .optional("dns-names")
            .map(|node| node.one_or_more(problems))
            .unwrap_or_default()
            .iter()
            .filter_map(|node| node.text(problems))
            .collect(),
        key: text("key"),
        key_bits: fields.optional("key-bits").and_then(|node| key_bits(node, problems)),
        key_type: choice(fields, "key-type", &KEY_TYPES, problems).unwrap_or_default(),
        challenge: choice(fields, "challenge", &CHALLENGES, problems).unwrap_or_default(),
        challenge_string: choice(fields, "challenge-string", &STRINGS, problems)
            .unwrap_or_default(),
        cipher: choice(fields, "cipher", &CIPHERS, problems),
        digest: choice(fields, "digest", &DIGESTS, problems),
        key_transport: choice(fields, "key-transport", &TRANSPORTS, problems),
        nonce_bytes: fields.optional("nonce-bytes").and_then(|node| nonce_bytes(node, problems)),
        transaction_id: text("transaction-id"),
        signer: choice(fields, "signer", &SIGNERS, problems),
        recipient: choice(fields, "recipient", &RECIPIENTS, problems).unwrap_or_default(),
        serial: text("serial"),
        signing_time: fields
            .optional("signing-time")
            .and_then(|node| node.parsed("seconds from now, such as `0` or `-86400`", problems)),
    }
}

fn choice<T: Copy>(
    fields: &Fields<'_>,
    key: &str,
    known: &[(&str, T)],
    problems: &Problems,
) -> Option<T> {
    fields.optional(key).and_then(|node| node.one_of(key, known, problems))
}

const KEY_TYPES: [(&str, KeyType); 2] = [("rsa", KeyType::Rsa), ("p256", KeyType::P256)];

const CHALLENGES: [(&str, ChallengeChoice); 6] = [
    ("right", ChallengeChoice::Right),
    ("always", ChallengeChoice::Always),
    ("wrong", ChallengeChoice::Wrong),
    ("empty", ChallengeChoice::Empty),
    ("none", ChallengeChoice::None),
    ("again", ChallengeChoice::Again),
];

const STRINGS: [(&str, ChallengeString); 4] = [
    ("printable", ChallengeString::PrintableOrUtf8),
    ("utf8", ChallengeString::Utf8),
    ("ia5", ChallengeString::Ia5),
    ("bmp", ChallengeString::Bmp),
];

const CIPHERS: [(&str, Cipher); 5] = [
    ("des", Cipher::Des),
    ("3des", Cipher::TripleDes),
    ("aes128", Cipher::Aes128),
    ("aes192", Cipher::Aes192),
    ("aes256", Cipher::Aes256),
];

const DIGESTS: [(&str, Digest); 6] = [
    ("md5", Digest::Md5),
    ("sha1", Digest::Sha1),
    ("sha224", Digest::Sha224),
    ("sha256", Digest::Sha256),
    ("sha384", Digest::Sha384),
    ("sha512", Digest::Sha512),
];

const TRANSPORTS: [(&str, KeyTransport); 2] =
    [("pkcs1", KeyTransport::Pkcs1v15), ("oaep", KeyTransport::Oaep)];

const SIGNERS: [(&str, SignerChoice); 7] = [
    ("self-signed", SignerChoice::SelfSigned),
    ("other-subject", SignerChoice::OtherSubject),
    ("no-key-usage", SignerChoice::NoKeyUsage),
    ("expired", SignerChoice::Expired),
    ("other-key", SignerChoice::OtherKey),
    ("issued", SignerChoice::Issued),
    ("stranger", SignerChoice::Stranger),
];

const RECIPIENTS: [(&str, RecipientChoice); 3] = [
    ("right", RecipientChoice::Right),
    ("everybody", RecipientChoice::Everybody),
    ("stranger", RecipientChoice::Stranger),
];

fn key_bits(node: &Node, problems: &Problems) -> Option<u32> {
    let expected = "a key length from 1024 to 4096 bits";
    let bits: u32 = node.parsed(expected, problems)?;
    if !(1024..=4096).contains(&bits) {
        node.expected(expected, problems);
        return None;
    }
    Some(bits)
}

fn nonce_bytes(node: &Node, problems: &Problems) -> Option<usize> {
    let expected = "a nonce of 0 to 1024 bytes";
    let bytes: usize = node.parsed(expected, problems)?;
    if bytes > 1024 {
        node.expected(expected, problems);
        return None;
    }
    Some(bytes)
}

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

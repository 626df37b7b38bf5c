//! A message of a conversation in short, and its words.

use scep::attribute::PkiStatus;
use serde::Serialize;

use crate::requirement::End;

/// A message of a conversation in short. What it does not have, or what cannot be read without a key, is absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct MessageInShort {
    /// The end that sent it, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender: Option<End>,
    /// What it is: the type of a pkiMessage, such as `PKCSReq`, the operation of another request, or the kind of another content.
    pub what: String,
    /// HTTP status of a reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
    /// transactionID.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transaction_id: Option<String>,
    /// pkiStatus.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pki_status: Option<PkiStatus>,
    /// The failInfo, and what else the server says about its refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    /// Subject of the request or of the certificate in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Serial number of the certificate that is asked for or comes, in hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// Subject of the certificate that it is signed with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
    /// Digest of the signature.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Subject of the certificate that it is enciphered to; if that is not known, its issuer and serial number or its key identifier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipient: Option<String>,
    /// Cipher of the envelope.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cipher: Option<String>,
    /// What a peer that keeps to the standard refuses about it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub wrong: Vec<String>,
}

impl MessageInShort {
    /// What it is, its result and its transaction: `CertRep, FAILURE, badRequest, transaction 6F…`.
    pub fn head(&self) -> String {
        let status = self.http_status.filter(|status| *status != 200);
        let parts = [
            status.map(|status| format!("HTTP {status}")),
            Some(self.what.clone()).filter(|what| !what.is_empty()),
            self.pki_status.as_ref().map(ToString::to_string),
            self.refusal.clone(),
            self.transaction_id.as_ref().map(|id| format!("transaction {id}")),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    /// The subject of the message, and how it is protected: `subject CN = a; signed with SHA-256 by CN = a; enciphered …`. Empty if
    /// nothing of it is known.
    pub fn details(&self) -> String {
        let with = |verb: &str, how: &Option<String>, joint: &str, who: &Option<String>| {
            let how = how.as_ref()?;
            let who = who.as_ref().map(|who| format!(" {joint} {who}")).unwrap_or_default();
            Some(format!("{verb} with {how}{who}"))
        };
        let parts = [
            self.subject.as_ref().map(|subject| format!("subject {subject}")),
            self.serial.as_ref().map(|serial| format!("serial {serial}")),
            with("signed", &self.digest, "by", &self.signer),
            with("enciphered", &self.cipher, "to", &self.recipient),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
    }
}

/// A message of the exchange that a failure is about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct FailedMessage {
    /// Name of the PKI, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pki: Option<String>,
    /// The message in short.
    #[serde(flatten)]
    pub short: MessageInShort,
    /// Its layers as lines, as `sceplab explain` shows them.
    #[serde(skip)]
    pub layers: Vec<String>,
}

impl FailedMessage {
    /// The message in at most three lines. The first begins with its direction: `request to linux-pki: `.
    pub fn lines(&self) -> Vec<String> {
        let details = Some(self.short.details()).filter(|details| !details.is_empty());
        let more = self.short.wrong.len().saturating_sub(1);
        let more = if more > 0 { format!(" (and {more} more)") } else { String::new() };
        let wrong = self.short.wrong.first().map(|wrong| format!("WRONG: {wrong}{more}"));
        let head = format!("{}: {}", self.direction(), self.short.head());
        std::iter::once(head).chain(details).chain(wrong).collect()
    }

    /// The message layer by layer.
    pub fn long_lines(&self) -> Vec<String> {
        let head = format!("{}: {}", self.direction(), self.short.head());
        std::iter::once(head).chain(self.layers.iter().cloned()).collect()
    }

    fn direction(&self) -> String {
        let (what, joint) = match self.short.sender {
            Some(End::Server) => ("reply", "of"),
            Some(End::Client) | None => ("request", "to"),
        };
        match &self.pki {
            Some(pki) => format!("{what} {joint} {pki}"),
            None => what.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_is_told_in_two_lines() {
        let short = MessageInShort {
            sender: Some(End::Client),
            what: "PKCSReq".to_owned(),
            transaction_id: Some("6F01".to_owned()),
            signer: Some("CN = a".to_owned()),
            digest: Some("SHA-256".to_owned()),
            recipient: Some("CN = CA".to_owned()),
            cipher: Some("AES-128-CBC".to_owned()),
            ..MessageInShort::default()
        };
        let message =
            FailedMessage { pki: Some("linux-pki".to_owned()), short, layers: Vec::new() };
        let expected = [
            "request to linux-pki: PKCSReq, transaction 6F01",
            "signed with SHA-256 by CN = a; enciphered with AES-128-CBC to CN = CA",
        ];
        assert_eq!(message.lines(), expected);
    }

    #[test]
    fn refusal_is_told_with_what_is_wrong_in_it() {
        let short = MessageInShort {
            sender: Some(End::Server),
            what: "CertRep".to_owned(),
            http_status: Some(200),
            pki_status: Some(PkiStatus::Failure),
            refusal: Some("badRequest".to_owned()),
            wrong: vec!["it has a content".to_owned(), "two".to_owned()],
            ..MessageInShort::default()
        };
        let message = FailedMessage { short, ..FailedMessage::default() };
        let expected =
            ["reply: CertRep, FAILURE, badRequest", "WRONG: it has a content (and 1 more)"];
        assert_eq!(message.lines(), expected);
    }

    #[test]
    fn reply_that_is_no_scep_has_its_http_status() {
        let short = MessageInShort {
            sender: Some(End::Server),
            what: "a web page".to_owned(),
            http_status: Some(404),
            ..MessageInShort::default()
        };
        assert_eq!(short.head(), "HTTP 404, a web page");
        assert_eq!(short.details(), "");
    }
}

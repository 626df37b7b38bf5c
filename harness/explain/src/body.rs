//! What a body is, read with the decoders of `scep`.

use openssl::x509::X509;
use scep::{
    Error,
    capabilities::Capabilities,
    certs_only::{self, CertsOnly},
    challenge_page::{self, Shown},
    content::{Asn1, Content, text},
    message::{Message, Reading},
    request::Csr,
    revocation_list::RevocationList,
};

use crate::{asn1, forms::unwrapped};

/// A body.
pub(crate) enum Body {
    Empty,
    /// A pkiMessage, and why a strict reader refuses it, if one does.
    Message(Box<Message>, Option<Error>),
    /// A signed message without SCEP's attributes.
    Signed(Box<Message>),
    CertsOnly(CertsOnly),
    Certificate(X509),
    Request(Box<Csr>),
    RevocationList(RevocationList),
    /// An envelope by itself.
    Envelope,
    Capabilities(Capabilities),
    /// The page on which NDES shows a challenge password (`mscep_admin`).
    ChallengePage(Shown),
    /// Another form of something that is read, such as base64 of a message, with the bytes that it has inside.
    Wrapped(Content, Vec<u8>, Box<Body>),
    /// A structure with bytes after its end.
    Trailing(usize, Vec<u8>, Box<Body>),
    /// A structure that cannot be read: what it probably is, and the error.
    Broken(&'static str, String),
    /// Something else.
    Foreign(Content),
}

/// The reader that takes what a strict one refuses, so that more can be said about it.
const LENIENT: Reading = Reading {
    any_content_type: true,
    repeated_attributes: true,
    several_signers: true,
    ..Reading::DEFAULT
};

/// The deepest nesting of forms in forms.
const FORMS: usize = 4;

impl Body {
    /// Recognises a body. Words alone are capabilities if `may_be_capabilities`, or if a known one is among them.
    pub(crate) fn of(bytes: &[u8], may_be_capabilities: bool) -> Self {
        Self::in_forms(bytes, may_be_capabilities, FORMS)
    }

    fn in_forms(bytes: &[u8], may_be_capabilities: bool, forms: usize) -> Self {
        let content = Content::of(bytes);
        // A SEQUENCE with a long length, of which something made UTF-8.
        if bytes.starts_with(b"0\xef\xbf\xbd") {
            return Self::Broken("CMS message", content.kind().to_owned());
        }
        match &content {
            Content::Empty => Self::Empty,
            Content::Asn1(asn1) => Self::of_asn1(bytes, asn1, forms),
            Content::Text(_) => {
                let read = Capabilities::parse(bytes);
                if read.is_empty() && !(may_be_capabilities && is_words(bytes)) {
                    return Self::Foreign(content);
                }
                Self::Capabilities(read)
            }
            Content::WebPage(_) if is_challenge_page(bytes) => {
                Self::ChallengePage(challenge_page::read(bytes))
            }
            Content::Pem(_) | Content::Base64(_) | Content::Hexadecimal(_) | Content::Marked(_)
                if forms > 0 =>
            {
                match unwrapped(bytes) {
                    Some(inner) => {
                        let body = Self::in_forms(&inner, may_be_capabilities, forms - 1);
                        Self::Wrapped(content, inner, Box::new(body))
                    }
                    None => Self::Foreign(content),
                }
            }
            _ => Self::Foreign(content),
        }
    }

    fn of_asn1(bytes: &[u8], asn1: &Asn1, forms: usize) -> Self {
        let broken = |what: &'static str| move |error: Error| Self::Broken(what, error.to_string());
        match asn1 {
            Asn1::Scep(_) | Asn1::Signed(_) => Self::of_signed(bytes),
            Asn1::CertsOnly(_) => {
                certs_only::decode(bytes).map_or_else(broken("certs-only message"), Self::CertsOnly)
            }
            Asn1::Certificate(_) => X509::from_der(bytes).map_or_else(
                |error| Self::Broken("certificate", scep::reasons(&error)),
                Self::Certificate,
            ),
            Asn1::CertificationRequest(_) => Csr::from_der(bytes)
                .map_or_else(broken("certification request"), |it| Self::Request(Box::new(it))),
            Asn1::RevocationList(_) => RevocationList::read(bytes)
                .map_or_else(broken("revocation list"), Self::RevocationList),
            Asn1::Enveloped => Self::Envelope,
            Asn1::Beginning(..) | Asn1::Other(_) => Self::of_other(bytes, forms),
            _ => Self::Foreign(Content::Asn1(asn1.clone())),
        }
    }

    fn of_signed(bytes: &[u8]) -> Self {
        let (message, refused) = match Message::parse(bytes) {
            Ok(message) => (message, None),
            Err(strict) => match Message::parse_as(bytes, LENIENT) {
                Ok(message) => (message, Some(strict)),
                Err(error) => return Self::Broken("pkiMessage", error.to_string()),
            },
        };
        let is_scep = |oid: &String| oid.starts_with("2.16.840.1.113733.1.9.");
        if message.attributes().oids().iter().any(is_scep) {
            return Self::Message(Box::new(message), refused);
        }
        Self::Signed(Box::new(message))
    }

    /// A structure that is damaged, or has bytes after its end.
    fn of_other(bytes: &[u8], forms: usize) -> Self {
        let shape = asn1::guess(bytes);
        let tree = asn1::tree(bytes, shape, false);
        let end = tree.and_then(|it| it.length.map(|length| it.offset + it.header + length));
        if let Some(whole) = end.filter(|end| *end < bytes.len() && forms > 0) {
            let (whole, rest) = bytes.split_at(whole);
            let body = Self::in_forms(whole, false, forms - 1);
            // The length of a damaged structure means nothing.
            if !matches!(body, Self::Broken(..)) {
                return Self::Trailing(rest.len(), whole.to_vec(), Box::new(body));
            }
        }
        // A request with a mistake in it is recognised by its structure alone.
        let what = match shape.map(asn1::Member::name) {
            Some("CertificationRequest") => match Csr::from_der(bytes) {
                Ok(request) => return Self::Request(Box::new(request)),
                Err(error) => return Self::Broken("certification request", error.to_string()),
            },
            Some("Certificate") => "certificate",
            Some("CertificateList") => "revocation list",
            _ => "CMS message",
        };
        let error = match what {
            "CMS message" => Message::parse(bytes).err(),
            _ => None,
        };
        let error = error.map_or_else(|| Content::of(bytes).to_string(), |error| error.to_string());
        Self::Broken(what, error)
    }

    /// The certificates in it.
    pub(crate) fn certificates(&self) -> Vec<X509> {
        match self {
            Self::Message(message, _) => message.certificates().to_vec(),
            Self::Signed(message) => {
                let inner = message.content().and_then(|content| certs_only::decode(content).ok());
                let inner = inner.map(|inner| inner.certificates).unwrap_or_default();
                message.certificates().iter().cloned().chain(inner).collect()
            }
            Self::CertsOnly(contents) => contents.certificates.clone(),
            Self::Certificate(certificate) => vec![certificate.clone()],
            Self::Wrapped(_, _, inner) | Self::Trailing(_, _, inner) => inner.certificates(),
            _ => Vec::new(),
        }
    }

    /// The body without the forms around it.
    pub(crate) fn inner(&self) -> &Self {
        match self {
            Self::Wrapped(_, _, inner) | Self::Trailing(_, _, inner) => inner.inner(),
            body => body,
        }
    }
}

/// True for a web page about challenge passwords, as NDES and servers that imitate it have.
fn is_challenge_page(bytes: &[u8]) -> bool {
    let text = text(bytes).unwrap_or_default().to_lowercase();
    ["network device enrollment", "mscep", "challenge password"].iter().any(|it| text.contains(it))
}

/// True for lines of one word each.
fn is_words(bytes: &[u8]) -> bool {
    let text = text(bytes).unwrap_or_default();
    text.lines().all(|line| !line.trim().contains(char::is_whitespace))
}

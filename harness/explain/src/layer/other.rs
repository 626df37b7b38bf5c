//! What came in place of SCEP, what is wrapped in another form, and what is damaged.

use scep::content::{Asn1, Content};

use super::{Reading, envelope};
use crate::{
    asn1,
    explanation::{Field, Finding, Layer},
};

/// An envelope by itself.
pub(crate) fn bare_envelope(bytes: &[u8], reading: &Reading<'_>) -> Layer {
    let (mut layer, _) = envelope::envelope(bytes, None, reading);
    "an envelope (CMS EnvelopedData) by itself, without the signed message around it"
        .clone_into(&mut layer.sentence);
    layer
}

/// Something that is no structure of SCEP.
pub(crate) fn foreign(content: &Content, reading: &Reading<'_>) -> Layer {
    let mut layer = Layer::new(content.kind(), content.to_string());
    if let Some(advice) = advice(content, reading) {
        layer.findings.push(
            Finding::wrong(format!("it is {}, and nothing of SCEP", content.kind())).advice(advice),
        );
    }
    layer
}

/// What content of this kind usually comes from.
fn advice(content: &Content, reading: &Reading<'_>) -> Option<&'static str> {
    Some(match content {
        Content::WebPage(_) => {
            "a web server, a proxy or a login page answered, and not the SCEP service: compare host, port and path, and read the words of the page"
        }
        Content::Json(_) | Content::Xml(..) => {
            "another service answered, or the SCEP service reports an error so: read its words"
        }
        Content::Tls(_) => {
            "one side speaks TLS, the other does not: compare http:// with https://, and the port"
        }
        Content::Http2 => {
            "one side speaks HTTP/2, which SCEP clients do not: switch it off at the server or the proxy"
        }
        Content::Compressed(_) => {
            "it is compressed: a proxy or the server did that although the client did not ask for it"
        }
        Content::Proxy => {
            "a load balancer adds its own header (PROXY protocol), and the server does not expect it"
        }
        Content::Asn1(Asn1::PrivateKey) if reading.knowledge.names_options => {
            "it is a private key: give it with --key"
        }
        Content::Asn1(Asn1::PrivateKey) => {
            "a private key is sent to nobody in SCEP: whoever has seen it can take its owner's place"
        }
        Content::Asn1(Asn1::Pkcs12) if reading.knowledge.names_options => {
            "it is a PKCS#12 file: give it with --pkcs12"
        }
        Content::Asn1(Asn1::Pkcs12) => {
            "a PKCS#12 file has a private key in it, which is sent to nobody in SCEP"
        }
        _ => return None,
    })
}

/// A structure in another form than its own, such as base64 in place of DER.
pub(crate) fn wrapped(content: &Content, mut inside: Layer) -> Layer {
    let advice = match content {
        Content::Pem(_) => "it is in PEM, where DER must be sent: most peers do not read it",
        Content::Base64(_) => {
            "it is in base64, where DER must be sent: the sender encoded it once too often, or something on the way did"
        }
        Content::Hexadecimal(_) => "it is in hexadecimal digits, where DER must be sent",
        _ => "a byte order mark comes before it: something took it for a text",
    };
    inside.findings.insert(0, Finding::wrong(advice).against_section("RFC 8894 §4.1"));
    inside
}

/// A structure with bytes after its end.
pub(crate) fn trailing(count: usize, mut inside: Layer, length: usize) -> Layer {
    let words = format!("{count} bytes follow the end of the structure, at byte {length}");
    inside.findings.insert(
        0,
        Finding::wrong(words)
            .against_section("X.690 §8.1")
            .advice("the body has more than the message: a wrong Content-Length, padding, or two messages in one"),
    );
    inside
}

/// A damaged structure, as far as it can be read.
pub(crate) fn broken(what: &str, error: &str, bytes: &[u8], reading: &Reading<'_>) -> Layer {
    let shape = asn1::guess(bytes);
    let mut layer = Layer::new(what, format!("a {what} that cannot be read to its end"));
    layer.field("length", format!("{} bytes", bytes.len()));
    let tree = asn1::tree(bytes, shape, reading.knowledge.shows_secrets);
    if let Some(tree) = &tree {
        readable(tree, &mut layer.fields);
    }
    let place = tree.as_ref().and_then(asn1::Node::first_problem);
    let words = match &place {
        // Its cause has the numbers of a beginning.
        Some(place) if is_beginning(bytes) => place.to_string(),
        Some(place) => format!("{place} ({error})"),
        None => error.to_owned(),
    };
    let finding = Finding::wrong(words);
    let unsigned = tree.as_ref().filter(|tree| lacks_signed_attributes(tree));
    let unsigned = unsigned.map(|_| NO_SIGNED_ATTRIBUTES.to_owned());
    layer.findings.push(match cause(bytes).or(unsigned) {
        Some(cause) => finding.advice(cause),
        None => finding,
    });
    reading.annotate(&mut layer, bytes, shape);
    layer
}

/// The attributes of a damaged message, or the extensions of a damaged certificate, that can be read. Those of the certificates in a
/// message say nothing about it.
fn readable(node: &asn1::Node, fields: &mut Vec<Field>) {
    const MOST: usize = 40;
    if node.name == Some("certificates") {
        return;
    }
    if let ("attribute" | "extension", [kind, values, ..]) =
        (node.name.unwrap_or_default(), &node.inside[..])
        && let Some(kind) = &kind.value
        && fields.len() < MOST
    {
        let value = values.value.as_ref().or_else(|| values.inside.first()?.value.as_ref());
        let name = kind.split_once(' ').map_or(kind.as_str(), |(_, name)| name);
        fields.extend(value.map(|value| Field::new(name, value)));
        return;
    }
    node.inside.iter().for_each(|inside| readable(inside, fields));
}

/// What it means that a signer has no signed attributes.
const NO_SIGNED_ATTRIBUTES: &str = "the signer has no signed attributes, where messageType, transactionID and the nonces are: it signed the content alone";

/// True for a signed message whose signer has no signed attributes.
fn lacks_signed_attributes(tree: &asn1::Node) -> bool {
    fn has(node: &asn1::Node, name: &str) -> bool {
        node.name == Some(name) || node.inside.iter().any(|inside| has(inside, name))
    }
    has(tree, "signerInfo") && !has(tree, "signedAttrs")
}

fn is_beginning(bytes: &[u8]) -> bool {
    matches!(Content::of(bytes), Content::Asn1(Asn1::Beginning(..)))
}

/// The most likely reason why bytes are damaged.
fn cause(bytes: &[u8]) -> Option<String> {
    if let Content::Asn1(Asn1::Beginning(announced, came)) = Content::of(bytes) {
        let (feeds, returns) = line_ends(bytes);
        let why = if feeds > 0 && feeds == returns {
            "every line feed in it has a carriage return before it, so it was probably sent or saved as a text, which changes bytes and lengths"
        } else {
            "it was probably cut off: by a limit of a proxy or a URL, by a connection that ended, or when it was copied"
        };
        return Some(format!("{announced} bytes are announced, and {came} came; {why}"));
    }
    let replaced = bytes.windows(3).filter(|three| *three == b"\xef\xbf\xbd").count();
    if replaced > 2 {
        return Some(format!(
            "it has the bytes EF BF BD {replaced} times: something took it for UTF-8 text, and replaced what is none; the original cannot be restored"
        ));
    }
    let (feeds, returns) = line_ends(bytes);
    if feeds > 1 && feeds == returns {
        return Some(
            "every line feed in it has a carriage return before it: it was probably sent or saved as a text, which adds them".to_owned(),
        );
    }
    None
}

/// Numbers of line feeds, and of those with a carriage return before them.
fn line_ends(bytes: &[u8]) -> (usize, usize) {
    let feeds = bytes.split(|byte| *byte == b'\n').count() - 1;
    (feeds, bytes.windows(2).filter(|two| *two == b"\r\n").count())
}

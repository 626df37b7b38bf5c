//! Algorithms, and messages in BER.

use scep::algorithm::Digest;
use scep::clock::Clock;
use scep::danger;
use scep::message::{Parameters, SignatureAlgorithm};
use scep::request::self_signed;

use super::Add;
use super::draft::{KEY, OCTETS, SEQUENCE};
use crate::support::der::{children, content, tlv};

pub(super) fn encodings(add: &mut Add<'_>) {
    add("algorithms without NULL", &|draft| {
        draft.message.parameters = Parameters::Absent;
        draft.seal = |envelope| danger::without_parameters(&envelope).unwrap();
    });
    add("combined signature algorithm", &|draft| {
        draft.message.signature_algorithm = SignatureAlgorithm::WithDigest;
    });
    add("encrypted content in one constructed piece", &|draft| {
        draft.seal = |envelope| danger::wrap_content(&envelope).unwrap();
    });
    add("encrypted content in three pieces", &|draft| draft.seal = |it| in_pieces(&it, false));
    add("encrypted content in three pieces of indefinite length", &|draft| {
        draft.seal = |it| in_pieces(&it, true);
    });
    add("envelope of indefinite lengths", &|draft| {
        draft.seal = |envelope| danger::stream(&envelope).unwrap();
    });
    add("signed content in one constructed piece", &|draft| {
        draft.finish = |it| signed_in_pieces(&it, 1);
    });
    add("signed content in three pieces", &|draft| draft.finish = |it| signed_in_pieces(&it, 3));
    add("message of indefinite lengths", &|draft| {
        draft.finish = |message| danger::stream(&message).unwrap();
    });
    add("bytes after the message", &|draft| draft.finish = |it| [&it[..], &[0; 8]].concat());
    add("two certificates, the signer's last", &|draft| {
        let other =
            self_signed(&draft.subject, &KEY, Digest::Sha256, Clock::system().now()).unwrap();
        draft.message.certificates.push(other.certificate);
    });
    for digest in [Digest::Md5, Digest::Sha1, Digest::Sha224, Digest::Sha384, Digest::Sha512] {
        add(&format!("signed with {digest}"), &|draft| draft.message.digest = digest);
    }
}

/// An envelope with the encrypted content in three pieces.
fn in_pieces(envelope: &[u8], indefinite: bool) -> Vec<u8> {
    let [kind, wrapped] = children(envelope).try_into().unwrap();
    let [version, recipients, encrypted] = children(&children(&wrapped)[0]).try_into().unwrap();
    let [content_type, algorithm, bytes] = children(&encrypted).try_into().unwrap();
    let pieces = pieces(content(&bytes), 3);
    let bytes = if indefinite {
        [&[0xa0, 0x80][..], &pieces, &[0, 0]].concat()
    } else {
        tlv(0xa0, &[&pieces])
    };
    let encrypted = tlv(SEQUENCE, &[&content_type, &algorithm, &bytes]);
    let enveloped = tlv(SEQUENCE, &[&version, &recipients, &encrypted]);
    tlv(SEQUENCE, &[&kind, &tlv(0xa0, &[&enveloped])])
}

/// A message with the signed content in a constructed OCTET STRING of this many pieces.
fn signed_in_pieces(message: &[u8], count: usize) -> Vec<u8> {
    let [kind, wrapped] = children(message).try_into().unwrap();
    let mut parts = children(&children(&wrapped)[0]);
    let [content_type, explicit] = children(&parts[2]).try_into().unwrap();
    let octets = tlv(0x24, &[&pieces(content(&children(&explicit)[0]), count)]);
    parts[2] = tlv(SEQUENCE, &[&content_type, &tlv(0xa0, &[&octets])]);
    tlv(SEQUENCE, &[&kind, &tlv(0xa0, &[&tlv(SEQUENCE, &[&parts.concat()])])])
}

fn pieces(bytes: &[u8], count: usize) -> Vec<u8> {
    let pieces = bytes.chunks(bytes.len().div_ceil(count)).map(|piece| tlv(OCTETS, &[piece]));
    pieces.collect::<Vec<_>>().concat()
}

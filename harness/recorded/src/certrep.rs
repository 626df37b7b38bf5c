//! A CertRep that is made again for another request (RFC 8894 §3.3.2), with the mistakes that it had.
//!
//! Relations are kept, not values: a nonce that was that of the request is that of the new request, one that was another stays another.

use openssl::rand::rand_bytes;
use openssl::x509::X509;
use scep::{
    Error,
    attribute::PkiStatus,
    danger::{Changes, Template},
    message::AttributeName,
};

use crate::content::content;
use crate::grant::Granting;

/// The status of a reply, if it has one.
pub(crate) fn status_of(reply: &Template) -> Option<PkiStatus> {
    let octets = reply.attribute(AttributeName::PkiStatus)?;
    Some(PkiStatus::from_wire(&String::from_utf8(octets).ok()?))
}

/// The reply for the new request. `nonces` are pairs: those of the recorded requests of the transaction, and those of the new ones in their
/// places, the answered request last.
///
/// # Errors
/// Fails if an algorithm is not supported, or a certificate cannot be made.
pub(crate) fn made_again(
    reply: &Template,
    nonces: &[(Vec<u8>, Vec<u8>)],
    granting: &mut Granting<'_>,
) -> Result<Vec<u8>, Error> {
    let status = status_of(reply);
    let new_content = content(reply, status.as_ref(), granting)?;
    let (key, corrupts_signature) = signer(reply, granting)?;
    let later = granting.later;
    let ids = [
        granting.then.map(|then| &then.message.transaction),
        Some(&granting.now.message.transaction),
    ];
    let ids = ids.map(|id| id.and_then(Option::as_deref));
    let is_unknown = granting.then.is_none();
    let own_nonce = granting.now.message.nonce.as_deref();
    let mut attribute = |name: AttributeName, old: &[u8]| match name {
        AttributeName::TransactionId => match ids {
            [Some(then), Some(now)] => in_place_of_id(old, then, now),
            [None, Some(now)] => Some(now.to_vec()),
            _ => None,
        },
        AttributeName::RecipientNonce if is_unknown => own_nonce.map(<[u8]>::to_vec),
        AttributeName::RecipientNonce => in_place_of_nonce(old, nonces),
        AttributeName::SenderNonce => in_place_of_nonce(old, nonces).or_else(|| fresh(old.len())),
        _ => None,
    };
    reply.remake(&mut Changes {
        content: new_content,
        certificate: Some(&mut |der| granting.replaced(der)),
        attribute: Some(&mut attribute),
        later,
        signer: key.as_ref().map(|key| (&**key, None)),
        corrupts_signature,
    })
}

/// The key that signs in the place of the recorded signer's, and whether the signature must be wrong.
fn signer(
    reply: &Template,
    granting: &mut Granting<'_>,
) -> Result<(Option<openssl::pkey::PKey<openssl::pkey::Private>>, bool), Error> {
    if !reply.is_signed() {
        return Ok((None, false));
    }
    let recorded = reply.signer(granting.authorities.shown());
    let issuer = || granting.authorities.issuer();
    let Some(signer) = recorded.clone().or_else(issuer) else {
        return Err(Error::Misuse(
            "the recording has no certificate of the signer, and none of a CA",
        ));
    };
    let is_right = recorded.as_ref().is_none_or(|signer: &X509| reply.is_signed_by(signer));
    if recorded.is_none() {
        granting.note("the recording has no certificate of the signer of an answer: the key of the CA signs it");
    }
    Ok((Some(granting.authorities.of(&signer)?.key), !is_right))
}

/// The id in the place of one that was that of the request, or its beginning.
fn in_place_of_id(old: &[u8], then: &[u8], now: &[u8]) -> Option<Vec<u8>> {
    let missing = then.strip_prefix(old).filter(|_| !old.is_empty())?.len();
    let kept = now.len().saturating_sub(missing);
    Some(now.get(..kept)?.to_vec())
}

/// The nonce in the place of one that was that of a request of the transaction, also if it was written in hexadecimal digits.
fn in_place_of_nonce(old: &[u8], nonces: &[(Vec<u8>, Vec<u8>)]) -> Option<Vec<u8>> {
    nonces.iter().rev().find_map(|(then, now)| {
        if then == old {
            return Some(now.clone());
        }
        let is_in_digits = hex::encode_upper(then).as_bytes() == old;
        is_in_digits.then(|| hex::encode_upper(now).into_bytes())
    })
}

/// A fresh nonce of this length.
fn fresh(length: usize) -> Option<Vec<u8>> {
    let mut nonce = vec![0; length];
    rand_bytes(&mut nonce).ok()?;
    Some(nonce)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relation_of_transaction_ids_is_kept() {
        let id = |old: &str| in_place_of_id(old.as_bytes(), b"ABCD", b"wxyz9");
        assert_eq!(id("ABCD").as_deref(), Some(&b"wxyz9"[..]));
        assert_eq!(id("ABC").as_deref(), Some(&b"wxyz"[..]));
        assert_eq!(id("ANOTHER"), None);
        assert_eq!(id(""), None);
        assert_eq!(in_place_of_id(b"A", b"ABCD", b"x"), Some(Vec::new()));
    }

    #[test]
    fn relation_of_nonces_is_kept() {
        let nonces = [(vec![1], vec![7, 7]), (vec![2], vec![8])];
        assert_eq!(in_place_of_nonce(&[1], &nonces), Some(vec![7, 7]));
        assert_eq!(in_place_of_nonce(&[2], &nonces), Some(vec![8]));
        assert_eq!(in_place_of_nonce(b"02", &nonces), Some(b"08".to_vec()));
        assert_eq!(in_place_of_nonce(&[0xfe], &nonces), None);
    }
}

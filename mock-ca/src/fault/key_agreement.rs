//! An envelope with a key by key agreement (RFC 5652 §6.2.2).

use openssl::x509::X509Ref;
use scep::{Error, body::IssuerAndSerial};

use crate::profile::der::{
    bit_string, context_constructed, elements, integer, octet_string, oid, sequence, set, whole,
};

const EC_PUBLIC_KEY: &str = "1.2.840.10045.2.1";
const P256: &str = "1.2.840.10045.3.1.7";
/// `dhSinglePass-stdDH-sha256kdf-scheme` (RFC 5753 §7.1.4).
const ECDH_SHA256: &str = "1.3.132.1.11.1";
const AES128_WRAP: &str = "2.16.840.1.101.3.4.1.5";

/// The generator of P-256. Any public key will do, because no recipient can open the envelope.
const POINT: &str = "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296\
                     4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";

/// The envelope with another recipient info in place of its own; `None` if it is no envelope.
pub(super) fn by_key_agreement(
    envelope: &[u8],
    recipient: &X509Ref,
) -> Result<Option<Vec<u8>>, Error> {
    let info = recipient_info(&IssuerAndSerial::encode(recipient)?);
    Ok(with_recipient_info(envelope, &info))
}

fn with_recipient_info(envelope: &[u8], info: &[u8]) -> Option<Vec<u8>> {
    let [content_type, content] = elements(envelope)?.try_into().ok()?;
    let [_version, _infos, encrypted] = elements(content.value())?.try_into().ok()?;
    let enveloped = sequence(&[integer(2), set(&[info.to_vec()]), whole(&encrypted)]);
    Some(sequence(&[whole(&content_type), context_constructed(0, &enveloped)]))
}

/// ```text
/// KeyAgreeRecipientInfo ::= SEQUENCE {
///   version CMSVersion,
///   originator [0] EXPLICIT OriginatorIdentifierOrKey,
///   ukm [1] EXPLICIT UserKeyingMaterial OPTIONAL,
///   keyEncryptionAlgorithm KeyEncryptionAlgorithmIdentifier,
///   recipientEncryptedKeys RecipientEncryptedKeys }
/// ```
fn recipient_info(recipient: &[u8]) -> Vec<u8> {
    let algorithm = sequence(&[oid(EC_PUBLIC_KEY), oid(P256)]);
    let originator_key = [algorithm, bit_string(&point())].concat();
    let originator = context_constructed(0, &context_constructed(1, &originator_key));
    let wrap = sequence(&[oid(AES128_WRAP)]);
    let key = sequence(&[recipient.to_vec(), octet_string(&[0x5a; 24])]);
    let fields = [integer(3), originator, sequence(&[oid(ECDH_SHA256), wrap]), sequence(&[key])];
    context_constructed(1, &fields.concat())
}

fn point() -> Vec<u8> {
    hex::decode(POINT).expect("a constant of hexadecimal digits")
}

#[cfg(test)]
mod tests {
    use openssl::{
        ec::{EcGroup, EcPoint},
        nid::Nid,
    };

    use super::*;

    #[test]
    fn point_is_on_the_curve() {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        let mut context = openssl::bn::BigNumContext::new().unwrap();
        assert!(EcPoint::from_bytes(&group, &point(), &mut context).is_ok());
    }
}

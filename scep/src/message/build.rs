//! Building a pkiMessage, also one that is wrong on purpose.

use std::time::SystemTime;

use der::{
    Encode,
    asn1::{Any, ObjectIdentifier, OctetString},
};
use openssl::{hash::hash, sign::Signer, x509::X509};
use x509_cert::spki::AlgorithmIdentifierOwned;

use super::{
    attributes::{
        CONTENT_TYPE, ExtraAttribute, FAIL_INFO, FAIL_INFO_TEXT, MESSAGE_DIGEST, MESSAGE_TYPE,
        PKI_STATUS, RECIPIENT_NONCE, SENDER_NONCE, SIGNING_TIME, TRANSACTION_ID,
    },
    distortion::{Distortion, distort},
    issuer_and_serial,
};
use crate::{
    Error,
    algorithm::Digest,
    attribute::{FailInfo, MessageType, Nonce, PkiStatus, TransactionId},
    cms::{
        ContentInfo, EncapsulatedContentInfo, ID_DATA, ID_ENVELOPED_DATA, ID_SIGNED_DATA, SetOf,
        SignedData, SignerInfo, digest_identifier,
    },
    identity::Identity,
};

/// How the signature algorithm of a message is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureAlgorithm {
    /// `rsaEncryption`, as OpenSSL, NDES and most clients write it.
    RsaEncryption,
    /// The combined form, such as `sha256WithRSAEncryption`.
    WithDigest,
}

/// A pkiMessage to be built; what is `None` or empty is left out of it, be it required or not.
pub struct MessageBuilder<'a> {
    /// What the message is for (RFC 8894 §3.2.1.2).
    pub message_type: Option<MessageType>,
    /// The name of the transaction (RFC 8894 §3.2.1.1).
    pub transaction_id: Option<TransactionId>,
    /// The sender's fresh nonce (RFC 8894 §3.2.1.5).
    pub sender_nonce: Option<Nonce>,
    /// The nonce of the request that is answered (RFC 8894 §3.2.1.5).
    pub recipient_nonce: Option<Nonce>,
    /// How the request is answered (RFC 8894 §3.2.1.3).
    pub pki_status: Option<PkiStatus>,
    /// Why the request is refused (RFC 8894 §3.2.1.4).
    pub fail_info: Option<FailInfo>,
    /// The refusal in words (RFC 8894 §3.2.1.4).
    pub fail_info_text: Option<String>,
    /// When the message is signed (RFC 5652 §11.3).
    pub signing_time: Option<SystemTime>,
    /// Further signed attributes.
    pub extra_attributes: Vec<ExtraAttribute>,
    /// The signed content: the pkcsPKIEnvelope, or nothing.
    pub content: Option<Vec<u8>>,
    /// Who signs.
    pub signer: &'a Identity,
    /// The digest to sign with.
    pub digest: Digest,
    /// How the signature algorithm is named.
    pub signature_algorithm: SignatureAlgorithm,
    /// The certificates that go with the message, in this order; none leaves the field out.
    pub certificates: &'a [X509],
    /// In what the message is wrong, or unusual, on purpose.
    pub distortions: Vec<Distortion>,
}

impl<'a> MessageBuilder<'a> {
    /// A message with no attribute but those that CMS demands, no content and no certificate.
    pub fn new(signer: &'a Identity, digest: Digest) -> Self {
        Self {
            message_type: None,
            transaction_id: None,
            sender_nonce: None,
            recipient_nonce: None,
            pki_status: None,
            fail_info: None,
            fail_info_text: None,
            signing_time: None,
            extra_attributes: Vec::new(),
            content: None,
            signer,
            digest,
            signature_algorithm: SignatureAlgorithm::RsaEncryption,
            certificates: &[],
            distortions: Vec::new(),
        }
    }

    /// Signs and encodes the message, in DER.
    ///
    /// # Errors
    /// When a value cannot be encoded, such as a transaction id outside `PrintableString`, or OpenSSL cannot sign.
    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        let is_plain = self.has(Distortion::NoSignedAttributes);
        let attributes = if is_plain { None } else { Some(self.attributes()?) };
        let signature = self.signature(attributes.as_ref())?;
        let signer_info = self.signer_info(attributes, signature)?;
        let certificates: Result<Vec<_>, _> =
            self.certificates.iter().map(|certificate| certificate.to_der()).collect();
        let certificates = Some(certificates?).filter(|list| !list.is_empty());
        self.wrap(&signer_info, certificates.map(SetOf::in_order))
            .map_err(Error::malformed("pkiMessage"))
    }

    fn has(&self, distortion: Distortion) -> bool {
        self.distortions.contains(&distortion)
    }

    fn signature(&self, attributes: Option<&SetOf>) -> Result<Vec<u8>, Error> {
        let encoded = attributes.map(SetOf::to_der).transpose();
        let encoded = encoded.map_err(Error::malformed("signed attributes"))?;
        let signed = encoded.as_deref().or(self.content.as_deref()).unwrap_or_default();
        let mut signature =
            Signer::new(self.digest.openssl(), &self.signer.key)?.sign_oneshot_to_vec(signed)?;
        if self.has(Distortion::CorruptSignature)
            && let Some(last) = signature.last_mut()
        {
            *last ^= 1;
        }
        Ok(signature)
    }

    fn attributes(&self) -> Result<SetOf, Error> {
        type Kind = super::attributes::AttributeKind;
        let printable = |kind: &Kind, text: Option<&str>| {
            text.map(|text| ExtraAttribute::printable(kind, text)).transpose()
        };
        let octets = |kind: &Kind, nonce: Option<&Nonce>| {
            nonce.map(|nonce| ExtraAttribute::octets(kind, nonce.as_bytes())).transpose()
        };
        let mut content = self.content.clone().unwrap_or_default();
        if self.has(Distortion::WrongMessageDigest) {
            content.push(0);
        }
        let message_digest = hash(self.digest.openssl(), &content)?;
        let known = [
            Some(ExtraAttribute::of(&CONTENT_TYPE, ID_DATA.to_der())?),
            Some(ExtraAttribute::octets(&MESSAGE_DIGEST, &message_digest)?),
            self.signing_time.map(|time| ExtraAttribute::time(&SIGNING_TIME, time)).transpose()?,
            printable(&MESSAGE_TYPE, self.message_type.as_ref().map(MessageType::as_wire))?,
            printable(&TRANSACTION_ID, self.transaction_id.as_ref().map(TransactionId::as_str))?,
            printable(&PKI_STATUS, self.pki_status.as_ref().map(PkiStatus::as_wire))?,
            printable(&FAIL_INFO, self.fail_info.as_ref().map(FailInfo::as_wire))?,
            octets(&SENDER_NONCE, self.sender_nonce.as_ref())?,
            octets(&RECIPIENT_NONCE, self.recipient_nonce.as_ref())?,
            self.fail_info_text
                .as_deref()
                .map(|text| ExtraAttribute::utf8(&FAIL_INFO_TEXT, text))
                .transpose()?,
        ];
        let mut all: Vec<_> =
            known.into_iter().flatten().chain(self.extra_attributes.iter().cloned()).collect();
        distort(&self.distortions, &mut all)?;
        let mut encoded: Vec<_> =
            all.iter().map(ExtraAttribute::encode).collect::<Result<_, _>>()?;
        if self.has(Distortion::UnsortedAttributes) {
            encoded.sort();
            encoded.reverse();
            return Ok(SetOf::in_order(encoded));
        }
        Ok(SetOf::sorted(encoded))
    }

    fn signer_info(
        &self,
        attributes: Option<SetOf>,
        signature: Vec<u8>,
    ) -> Result<SignerInfo, Error> {
        const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
        let oid = match self.signature_algorithm {
            SignatureAlgorithm::RsaEncryption => RSA,
            SignatureAlgorithm::WithDigest => self.digest.rsa_signature_oid(),
        };
        Ok(SignerInfo {
            version: 1,
            sid: issuer_and_serial(&self.signer.certificate)?,
            digest_algorithm: digest_identifier(self.digest),
            signed_attrs: attributes,
            signature_algorithm: AlgorithmIdentifierOwned { oid, parameters: Some(Any::null()) },
            signature: OctetString::new(signature).map_err(Error::malformed("signature"))?,
            unsigned_attrs: None,
        })
    }

    fn wrap(&self, signer_info: &SignerInfo, certificates: Option<SetOf>) -> der::Result<Vec<u8>> {
        let signer_count = if self.has(Distortion::NoSigner) {
            0
        } else {
            1 + usize::from(self.has(Distortion::TwoSigners))
        };
        let is_data = !self.has(Distortion::ContentTypeNotData);
        let signed_data = SignedData {
            version: 1,
            digest_algorithms: SetOf::in_order([digest_identifier(self.digest).to_der()?]),
            encap_content_info: EncapsulatedContentInfo {
                content_type: if is_data { ID_DATA } else { ID_ENVELOPED_DATA },
                content: self.content.as_deref().map(OctetString::new).transpose()?,
            },
            certificates,
            crls: None,
            signer_infos: SetOf::in_order(vec![signer_info.to_der()?; signer_count]),
        };
        ContentInfo::wrap(ID_SIGNED_DATA, &signed_data)
    }
}

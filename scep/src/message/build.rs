//! Building a pkiMessage: a client's request (RFC 8894 §3.3), and any other.

use std::time::SystemTime;

use der::{
    Decode, Encode, Tag,
    asn1::{Any, ObjectIdentifier, OctetString, PrintableStringRef, Utf8StringRef},
    oid::db::rfc5911::{ID_DATA, ID_SIGNED_DATA},
    oid::db::rfc5912::RSA_ENCRYPTION,
};
use openssl::{
    hash::hash,
    pkey::{Id, PKeyRef, Private},
    x509::{X509, X509Ref},
};
use x509_cert::{spki::AlgorithmIdentifierOwned, time::Time};

use super::AttributeName;
use crate::{
    Entropy, Error,
    algorithm::{Cipher, Digest, KeyTransport},
    attribute::{FailInfo, MessageType, Nonce, PkiStatus, TransactionId},
    cms::{
        CertificateIdentifier, ContentInfo, EncapsulatedContentInfo, SetOf, SignedData, SignerInfo,
        attribute,
    },
    envelope,
    identity::Identity,
    signature::{self, RsaPadding},
};

/// The name of the signature algorithm of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignatureAlgorithm {
    /// `rsaEncryption`, as OpenSSL, NDES and most clients write it.
    #[default]
    RsaEncryption,
    /// The combined form, such as `sha256WithRSAEncryption`.
    WithDigest,
}

/// A further signed attribute of a message.
#[derive(Clone, Debug)]
pub struct ExtraAttribute {
    /// The dotted object identifier.
    pub oid: String,
    /// The only value of the attribute, in DER.
    pub value_der: Vec<u8>,
}

/// The parts of a pkiMessage. A part that is `None` or empty is left out, even if the standard requires it.
///
/// Build it with `..MessageBuilder::default()`, because it may get further fields.
#[derive(Debug, Default)]
pub struct MessageBuilder {
    /// The purpose of the message (RFC 8894 §3.2.1.2).
    pub message_type: Option<MessageType>,
    /// The id of the transaction (RFC 8894 §3.2.1.1).
    pub transaction_id: Option<TransactionId>,
    /// The sender's fresh nonce (RFC 8894 §3.2.1.5).
    pub sender_nonce: Option<Nonce>,
    /// The nonce of the answered request (RFC 8894 §3.2.1.5).
    pub recipient_nonce: Option<Nonce>,
    /// The result of the request (RFC 8894 §3.2.1.3).
    pub pki_status: Option<PkiStatus>,
    /// The reason for a refusal (RFC 8894 §3.2.1.4).
    pub fail_info: Option<FailInfo>,
    /// The reason in words (RFC 8894 §3.2.1.4).
    pub fail_info_text: Option<String>,
    /// The time of the signature (RFC 5652 §11.3).
    pub signing_time: Option<SystemTime>,
    /// Further signed attributes.
    pub extra_attributes: Vec<ExtraAttribute>,
    /// The signed content: the pkcsPKIEnvelope, if there is one.
    pub content: Option<Vec<u8>>,
    /// The digest to sign with.
    pub digest: Digest,
    /// The name of the signature algorithm, if the signer has an RSA key.
    pub signature_algorithm: SignatureAlgorithm,
    /// The padding of the signature, if the signer has an RSA key.
    pub rsa_padding: RsaPadding,
    /// The certificates in the message, in this order.
    pub certificates: Vec<X509>,
    /// The string type of a transaction id outside `PrintableString`.
    pub transaction_string: TransactionString,
    /// The parameters of the algorithms of the digest and of the signature.
    pub parameters: Parameters,
}

/// The ASN.1 string type of a transaction id. RFC 8894 §3.2.1.1 says `PrintableString`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransactionString {
    /// `PrintableString`; an id with other characters cannot be encoded.
    #[default]
    Printable,
    /// `PrintableString` if the id allows it, or else `UTF8String`, as Go's encoder writes it.
    PrintableOrUtf8,
}

/// The parameters of an algorithm that has none to tell: old peers expect `NULL` (RFC 5754 §2, RFC 4055 §5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Parameters {
    /// `NULL`.
    #[default]
    Null,
    /// They are left out, as Go's encoder does.
    Absent,
}

impl Parameters {
    pub(crate) fn value(self) -> Option<Any> {
        (self == Self::Null).then(Any::null)
    }
}

/// The parts of a message around its attributes.
pub(crate) struct Frame {
    pub(crate) content_type: ObjectIdentifier,
    /// The number of copies of the signer.
    pub(crate) signers: usize,
    /// True if one byte of the signature is wrong.
    pub(crate) corrupts_signature: bool,
}

impl Default for Frame {
    fn default() -> Self {
        Self { content_type: ID_DATA, signers: 1, corrupts_signature: false }
    }
}

impl MessageBuilder {
    /// Encodes the message, signed by `signer`, in DER.
    ///
    /// # Errors
    /// Fails if a value cannot be encoded, such as a transaction id outside `PrintableString`, or OpenSSL cannot sign.
    pub fn encode(&self, signer: &Identity) -> Result<Vec<u8>, Error> {
        let attributes = SetOf::sorted(encode_attributes(self.attributes()?)?);
        self.sign_and_wrap(Some(attributes), signer, &Frame::default())
    }

    /// Signs the attributes, or the content itself if there are none (RFC 5652 §5.4), and puts everything into the frame.
    pub(crate) fn sign_and_wrap(
        &self,
        attributes: Option<SetOf>,
        signer: &Identity,
        frame: &Frame,
    ) -> Result<Vec<u8>, Error> {
        let encoded = attributes.as_ref().map(SetOf::to_der).transpose()?;
        let covered = encoded.as_deref().or(self.content.as_deref()).unwrap_or_default();
        self.expect_digest(&signer.key)?;
        let mut signature = signature::sign(covered, &signer.key, self.digest, self.rsa_padding)?;
        if frame.corrupts_signature
            && let Some(last) = signature.last_mut()
        {
            *last ^= 1;
        }
        let signer_info = self.signer_info(attributes, signature, signer)?.to_der()?;
        self.wrap(frame.content_type, &vec![signer_info; frame.signers])
    }

    /// Refuses a digest that the key cannot have.
    fn expect_digest(&self, key: &PKeyRef<Private>) -> Result<(), Error> {
        match signature::only_digest(key) {
            Some(only) if only != self.digest => Err(Error::Misuse(
                "a message that is signed with Ed25519 has the digest SHA-512 (RFC 8419 §3.1)",
            )),
            _ => Ok(()),
        }
    }

    pub(crate) fn attributes(&self) -> Result<Vec<(ObjectIdentifier, Any)>, Error> {
        let mut all = self.known_attributes()?;
        for ExtraAttribute { oid, value_der } in &self.extra_attributes {
            let oid = ObjectIdentifier::new(oid).map_err(|_| {
                Error::Misuse("an attribute's object identifier is not dotted decimal")
            })?;
            all.push((oid, Any::from_der(value_der)?));
        }
        Ok(all)
    }

    fn known_attributes(&self) -> Result<Vec<(ObjectIdentifier, Any)>, Error> {
        use AttributeName as Name;
        let content = self.content.as_deref().unwrap_or_default();
        let message_digest = hash(self.digest.openssl(), content)?;
        let printable =
            |text: Option<&str>| text.map(|text| Any::encode_from(&PrintableStringRef::new(text)?));
        let utf8 = |text: &String| Any::encode_from(&Utf8StringRef::new(text)?);
        let octets = |octets: &[u8]| Any::new(Tag::OctetString, octets);
        let nonce = |nonce: &Option<Nonce>| nonce.as_ref().map(|nonce| octets(nonce.as_bytes()));
        let time = |time| Any::encode_from(&Time::try_from(time)?);
        let known = [
            (Name::ContentType, Some(Any::encode_from(&ID_DATA))),
            (Name::MessageDigest, Some(octets(&message_digest))),
            (Name::SigningTime, self.signing_time.map(time)),
            (Name::MessageType, printable(self.message_type.as_ref().map(MessageType::as_wire))),
            (
                Name::TransactionId,
                self.transaction_id.as_ref().map(|id| self.transaction_string.value(id.as_str())),
            ),
            (Name::PkiStatus, printable(self.pki_status.as_ref().map(PkiStatus::as_wire))),
            (Name::FailInfo, printable(self.fail_info.as_ref().map(FailInfo::as_wire))),
            (Name::SenderNonce, nonce(&self.sender_nonce)),
            (Name::RecipientNonce, nonce(&self.recipient_nonce)),
            (Name::FailInfoText, self.fail_info_text.as_ref().map(utf8)),
        ];
        let present = known.into_iter().filter_map(|(name, value)| Some((name, value?)));
        present
            .map(|(name, value)| Ok((name.oid(), value.map_err(Error::malformed(name.as_str()))?)))
            .collect()
    }

    fn signer_info(
        &self,
        attributes: Option<SetOf>,
        signature: Vec<u8>,
        signer: &Identity,
    ) -> Result<SignerInfo, Error> {
        Ok(SignerInfo {
            version: 1,
            sid: CertificateIdentifier::of(&signer.certificate)?,
            digest_algorithm: self.digest_identifier(),
            signed_attrs: attributes,
            signature_algorithm: self.signature_algorithm(&signer.key)?,
            signature: OctetString::new(signature)?,
            unsigned_attrs: None,
        })
    }

    /// The name of the signature algorithm: only one of plain RSA leaves a choice.
    fn signature_algorithm(
        &self,
        key: &PKeyRef<Private>,
    ) -> Result<AlgorithmIdentifierOwned, Error> {
        if key.id() != Id::RSA || self.rsa_padding == RsaPadding::Pss {
            return signature::combined(key, self.digest, self.rsa_padding);
        }
        let oid = match self.signature_algorithm {
            SignatureAlgorithm::RsaEncryption => RSA_ENCRYPTION,
            SignatureAlgorithm::WithDigest => self.digest.rsa_signature_oid(),
        };
        Ok(AlgorithmIdentifierOwned { oid, parameters: self.parameters.value() })
    }

    fn wrap(
        &self,
        content_type: ObjectIdentifier,
        signer_infos: &[Vec<u8>],
    ) -> Result<Vec<u8>, Error> {
        let certificates: Result<Vec<_>, _> =
            self.certificates.iter().map(|certificate| certificate.to_der()).collect();
        let certificates = Some(certificates?).filter(|list| !list.is_empty());
        let signed_data = SignedData {
            version: 1,
            digest_algorithms: SetOf::in_order(&[self.digest_identifier().to_der()?]),
            encap_content_info: EncapsulatedContentInfo {
                content_type,
                content: self.content.as_deref().map(OctetString::new).transpose()?,
            },
            certificates: certificates.as_deref().map(SetOf::in_order),
            crls: None,
            signer_infos: SetOf::in_order(signer_infos),
        };
        ContentInfo::wrap(ID_SIGNED_DATA, &signed_data)
    }

    fn digest_identifier(&self) -> AlgorithmIdentifierOwned {
        AlgorithmIdentifierOwned { oid: self.digest.oid(), parameters: self.parameters.value() }
    }
}

impl TransactionString {
    fn value(self, id: &str) -> der::Result<Any> {
        match (self, PrintableStringRef::new(id)) {
            (Self::PrintableOrUtf8, Err(_)) => Any::encode_from(&Utf8StringRef::new(id)?),
            (_, printable) => Any::encode_from(&printable?),
        }
    }
}

pub(crate) fn encode_attributes(
    attributes: Vec<(ObjectIdentifier, Any)>,
) -> der::Result<Vec<Vec<u8>>> {
    attributes.into_iter().map(|(oid, value)| attribute(oid, value)).collect()
}

/// A request of any type, before it is enciphered and signed.
///
/// # Examples
/// A PKCSReq, signed with a self-signed certificate, because the client has no other yet:
/// ```
/// use std::time::SystemTime;
///
/// use openssl::{pkey::PKey, rand::rand_bytes, rsa::Rsa, x509::X509Ref};
/// use scep::{
///     algorithm::{Cipher, Digest, KeyTransport},
///     attribute::{MessageType, Nonce, TransactionId},
///     message::RequestMessage,
///     name,
///     request::{ChallengeString, CsrBuilder, self_signed},
///     secret::Secret,
/// };
///
/// fn pkcs_req(ca: &X509Ref) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
///     let (subject, digest) = (name::parse("CN=device")?, Digest::Sha256);
///     let key = PKey::from_rsa(Rsa::generate(2048)?)?;
///     let csr = CsrBuilder {
///         subject: &subject,
///         key: &key,
///         challenge_password: Some(&Secret::new("8CE317021F690069")),
///         challenge_string: ChallengeString::default(),
///         extensions: &[],
///         digest,
///     };
///     let message = RequestMessage {
///         message_type: MessageType::PkcsReq,
///         transaction_id: TransactionId::from_public_key(&key)?,
///         sender_nonce: Nonce::generate(&mut rand_bytes)?,
///         signer: self_signed(&subject, &key, digest, SystemTime::now())?,
///         cipher: Cipher::Aes128,
///         key_transport: KeyTransport::Pkcs1v15,
///         digest,
///     };
///     Ok(message.encode(&csr.encode()?, ca, &mut rand_bytes)?)
/// }
/// # let key = PKey::from_rsa(Rsa::generate(2048)?)?;
/// # let ca = self_signed(&*name::parse("CN=CA")?, &key, Digest::Sha256, SystemTime::now())?;
/// # let message = scep::message::Message::parse(&pkcs_req(&ca.certificate)?)?;
/// # let request = scep::server::open(&message, &ca)?;
/// # let scep::server::Body::PkcsReq(csr) = request.body else { panic!("a PKCSReq") };
/// # assert!(csr.verify().is_ok() && csr.challenge_password == Some(Secret::new("8CE317021F690069")));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct RequestMessage {
    /// The purpose of the request.
    pub message_type: MessageType,
    /// The id of the transaction.
    pub transaction_id: TransactionId,
    /// The client's fresh nonce.
    pub sender_nonce: Nonce,
    /// The signer; its certificate is sent with the message (RFC 8894 §2.3).
    pub signer: Identity,
    /// The cipher of the envelope.
    pub cipher: Cipher,
    /// The encryption of the envelope's key.
    pub key_transport: KeyTransport,
    /// The digest to sign with.
    pub digest: Digest,
}

impl RequestMessage {
    /// Enciphers `body` to the CA or RA, signs and encodes the message, in DER.
    ///
    /// # Errors
    /// Fails if the recipient has no RSA key, or OpenSSL fails.
    pub fn encode(
        &self,
        body: &[u8],
        recipient: &X509Ref,
        entropy: Entropy<'_>,
    ) -> Result<Vec<u8>, Error> {
        let content = envelope::seal(body, &[recipient], self.cipher, self.key_transport, entropy)?;
        let message = MessageBuilder {
            message_type: Some(self.message_type.clone()),
            transaction_id: Some(self.transaction_id.clone()),
            sender_nonce: Some(self.sender_nonce.clone()),
            content: Some(content),
            digest: self.digest,
            certificates: vec![self.signer.certificate.clone()],
            ..MessageBuilder::default()
        };
        message.encode(&self.signer)
    }
}

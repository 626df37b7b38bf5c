//! An envelope from outside: its algorithms and recipients.

use der::oid::db::rfc5911::ID_DATA;
use openssl::x509::X509Ref;

use super::{open::in_one_piece, read, transport::recipient_infos};
use crate::{
    Error,
    addressee::Addressee,
    algorithm::{self, Cipher, KeyTransport},
    cms::CertificateIdentifier,
};

/// What an envelope says in the clear: its algorithms and recipients.
#[non_exhaustive]
pub struct Outside {
    /// The cipher of the content, if it is known.
    pub cipher: Option<Cipher>,
    /// The encryption of the key for the first recipient, if it is known.
    pub key_transport: Option<KeyTransport>,
    /// The name of the content encryption algorithm with its object identifier, whether it is known here or not.
    pub content_algorithm: String,
    /// The name of the key encryption algorithm of each recipient with an RSA key, in order.
    pub key_algorithms: Vec<String>,
    /// The number of recipients of other kinds than an RSA key, such as those by key agreement or by a password.
    pub other_recipients: usize,
    /// True if the content has the type data, as RFC 8894 §3.2.2 demands.
    pub is_data: bool,
    /// The length of the enciphered content in bytes; `None` if there is none, or its pieces cannot be joined.
    pub encrypted_bytes: Option<usize>,
    recipients: Vec<CertificateIdentifier>,
}

crate::named::debug_of!(Outside { cipher, key_transport });

impl Outside {
    /// Reads an envelope without opening it.
    ///
    /// # Errors
    /// Fails if the bytes are no envelope.
    pub fn of(bytes: &[u8]) -> Result<Self, Error> {
        let enveloped = read(bytes)?;
        let infos = recipient_infos(&enveloped.recipient_infos)?;
        let content_info = &enveloped.encrypted_content_info;
        let all = enveloped.recipient_infos.elements()?.len();
        let transport = infos.first().and_then(|info| KeyTransport::from_oid(&info.algorithm.oid));
        Ok(Self {
            cipher: Cipher::from_oid(&content_info.algorithm.oid),
            key_transport: transport,
            content_algorithm: algorithm::quoted(&content_info.algorithm.oid),
            key_algorithms: infos.iter().map(|it| algorithm::quoted(&it.algorithm.oid)).collect(),
            other_recipients: all - infos.len(),
            is_data: content_info.content_type == ID_DATA,
            encrypted_bytes: in_one_piece(content_info.encrypted_content.as_ref())
                .ok()
                .map(|encrypted| encrypted.len()),
            recipients: infos.into_iter().map(|info| info.rid).collect(),
        })
    }

    /// The certificates of the recipients with an RSA key, in order.
    pub fn recipients(&self) -> Vec<Addressee> {
        self.recipients.iter().map(Addressee::of).collect()
    }

    /// True if the envelope is addressed to this certificate.
    pub fn is_addressed_to(&self, certificate: &X509Ref) -> bool {
        self.recipients.iter().any(|recipient| recipient.names(certificate))
    }
}

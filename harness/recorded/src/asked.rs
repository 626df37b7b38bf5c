//! What a request says, whether it was recorded or comes now, and as far as it can be read.

use openssl::{
    pkey::{PKey, Public},
    x509::{X509, X509Name},
};
use scep::{
    attribute::MessageType,
    danger::Template,
    envelope::{self, Opened, Outside},
    identity::Identity,
    message::AttributeName,
    request::Csr,
};

/// A request of a client, as far as it can be read.
pub(crate) struct Asked {
    /// The length of the message in bytes.
    pub(crate) length: usize,
    pub(crate) template: Template,
    pub(crate) message_type: Option<MessageType>,
    pub(crate) transaction: Option<Vec<u8>>,
    pub(crate) nonce: Option<Vec<u8>>,
    pub(crate) signer: Option<X509>,
    /// The envelope from outside, if the content is one.
    pub(crate) outside: Option<Outside>,
    /// The certification request in it, if a known key opens it.
    pub(crate) csr: Option<Csr>,
}

impl Asked {
    /// Reads a message, and opens it with one of these keys if one fits.
    pub(crate) fn read(message: &[u8], keys: &[Identity]) -> Option<Self> {
        let template = Template::read(message).ok()?;
        let message_type = template.attribute(AttributeName::MessageType);
        let message_type = message_type.and_then(|octets| String::from_utf8(octets).ok());
        let outside = template.content().and_then(|content| Outside::of(content).ok());
        let opened = template.content().zip(outside.as_ref());
        let opened = opened.and_then(|(content, outside)| open(content, outside, keys));
        let csr = opened.and_then(|opened| Csr::from_der(&opened.content).ok());
        Some(Self {
            length: message.len(),
            message_type: message_type.map(|text| MessageType::from_wire(&text)),
            transaction: template.attribute(AttributeName::TransactionId),
            nonce: template.attribute(AttributeName::SenderNonce),
            signer: template.signer(&[]),
            template,
            outside,
            csr,
        })
    }

    /// True for a request for a certificate.
    pub(crate) fn is_enrolment(&self) -> bool {
        matches!(self.message_type, Some(MessageType::PkcsReq | MessageType::RenewalReq))
    }

    /// The key to be certified: that of the certification request; or else that of the signer, if that has no other certificate.
    pub(crate) fn key(&self) -> Option<PKey<Public>> {
        if let Some(csr) = &self.csr {
            return Some(csr.public_key.clone());
        }
        let is_first = self.message_type != Some(MessageType::RenewalReq);
        self.signer.as_ref().filter(|_| is_first)?.public_key().ok()
    }

    /// The subject that is asked for: that of the certification request, or else that of the signer.
    pub(crate) fn subject(&self) -> Option<X509Name> {
        let subject = match (&self.csr, &self.signer) {
            (Some(csr), _) => csr.subject(),
            (None, Some(signer)) => signer.subject_name(),
            (None, None) => return None,
        };
        subject.to_owned().ok()
    }

    /// True if the subject of this recorded request is not known: it is not open, and the client of `now` signs with another subject than it
    /// asks for, as scepclient does, so that the recorded signer does not tell it either.
    pub(crate) fn hides_its_subject(&self, now: &Self) -> bool {
        let Some((csr, signer)) = now.csr.as_ref().zip(now.signer.as_ref()) else { return false };
        let is_same = csr.subject().try_cmp(signer.subject_name());
        self.csr.is_none() && !is_same.is_ok_and(std::cmp::Ordering::is_eq)
    }

    /// The alternative names that are asked for, as they are encoded; none if the request is not open.
    pub(crate) fn alternative_names(&self) -> Option<&[u8]> {
        const SUBJECT_ALT_NAME: &str = "2.5.29.17";
        let mut extensions = self.csr.as_ref()?.extensions.iter();
        let names = extensions.find(|one| one.extn_id.to_string() == SUBJECT_ALT_NAME)?;
        Some(names.extn_value.as_bytes())
    }
}

/// Opens an envelope with the key of a recipient; or else, if it has only one recipient, with any key that fits.
pub(crate) fn open(envelope: &[u8], outside: &Outside, keys: &[Identity]) -> Option<Opened> {
    let mut named = keys.iter().filter(|one| outside.is_addressed_to(&one.certificate));
    let opened = named.find_map(|one| envelope::open(envelope, one).ok());
    // Each recipient costs a decryption with each key.
    let has_one = outside.recipients().len() == 1;
    let mut others = keys.iter().filter(|_| has_one);
    opened.or_else(|| others.find_map(|one| envelope::open_with_key(envelope, &one.key).ok()))
}

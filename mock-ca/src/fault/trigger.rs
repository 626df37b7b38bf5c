//! What a fault waits for.

use scep::{attribute::MessageType, named};

named! {
    /// The requests at which a fault happens: an operation, or a message of one type.
    Trigger, "request that a fault can wait for" {
        /// The operation GetCACaps (RFC 8894 §3.5.1).
        GetCaCaps = "GetCACaps";
        /// The operation GetCACert (RFC 8894 §4.2).
        GetCaCert = "GetCACert";
        /// The operation GetNextCACert (RFC 8894 §4.7).
        GetNextCaCert = "GetNextCACert";
        /// The operation PKIOperation, whatever its message (RFC 8894 §4.3).
        PkiOperation = "PKIOperation";
        /// A PKCSReq (RFC 8894 §3.3.1).
        PkcsReq = "PKCSReq";
        /// A RenewalReq (RFC 8894 §3.3.1).
        RenewalReq = "RenewalReq";
        /// A CertPoll (RFC 8894 §3.3.3).
        CertPoll = "CertPoll";
        /// A GetCert (RFC 8894 §3.3.4).
        GetCert = "GetCert";
        /// A GetCRL (RFC 8894 §3.3.5).
        GetCrl = "GetCRL";
    }
}

impl Trigger {
    /// The trigger that a message of this type is.
    pub(crate) fn of_message(message_type: &MessageType) -> Option<Self> {
        Some(match message_type {
            MessageType::PkcsReq => Self::PkcsReq,
            MessageType::RenewalReq => Self::RenewalReq,
            MessageType::CertPoll => Self::CertPoll,
            MessageType::GetCert => Self::GetCert,
            MessageType::GetCrl => Self::GetCrl,
            MessageType::CertRep | MessageType::Other(_) => return None,
        })
    }
}

//! What a fault waits for.

use std::{fmt, str::FromStr};

use scep::attribute::MessageType;

use super::FaultError;

/// The requests at which a fault happens: an operation, or a message of one type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trigger {
    /// The operation GetCACaps (RFC 8894 §3.5.1).
    GetCaCaps,
    /// The operation GetCACert (RFC 8894 §4.2).
    GetCaCert,
    /// The operation GetNextCACert (RFC 8894 §4.7).
    GetNextCaCert,
    /// The operation PKIOperation, whatever its message (RFC 8894 §4.3).
    PkiOperation,
    /// A PKCSReq (RFC 8894 §3.3.1).
    PkcsReq,
    /// A RenewalReq (RFC 8894 §3.3.1).
    RenewalReq,
    /// A CertPoll (RFC 8894 §3.3.3).
    CertPoll,
    /// A GetCert (RFC 8894 §3.3.4).
    GetCert,
    /// A GetCRL (RFC 8894 §3.3.5).
    GetCrl,
}

impl Trigger {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::GetCaCaps,
        Self::GetCaCert,
        Self::GetNextCaCert,
        Self::PkiOperation,
        Self::PkcsReq,
        Self::RenewalReq,
        Self::CertPoll,
        Self::GetCert,
        Self::GetCrl,
    ];

    /// The name in files and on the command line, which is the standard's.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::GetCaCaps => "GetCACaps",
            Self::GetCaCert => "GetCACert",
            Self::GetNextCaCert => "GetNextCACert",
            Self::PkiOperation => "PKIOperation",
            Self::PkcsReq => "PKCSReq",
            Self::RenewalReq => "RenewalReq",
            Self::CertPoll => "CertPoll",
            Self::GetCert => "GetCert",
            Self::GetCrl => "GetCRL",
        }
    }

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

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Trigger {
    type Err = FaultError;

    fn from_str(name: &str) -> Result<Self, FaultError> {
        let known = Self::ALL.into_iter().find(|known| known.as_str() == name);
        known.ok_or_else(|| FaultError::UnknownTrigger(name.to_owned()))
    }
}

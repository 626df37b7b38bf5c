//! Reasons for refusals, and their codes in replies.

use openssl::error::ErrorStack;
use scep::attribute::{FailInfo, MessageType};

use crate::state::StateError;

/// The reason for a refusal; its text goes to the log, and to the client if the personality has a `failInfoText`.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("challenge password already used")]
    ChallengeUsed,
    #[error("challenge password expired")]
    ChallengeExpired,
    #[error("no challenge password in the request")]
    NoChallenge,
    #[error("wrong challenge password")]
    WrongChallenge,
    #[error("certificate request's signature does not verify")]
    BadProofOfPossession,
    #[error("no envelope can be sealed to the signer's certificate: {0}")]
    UnusableSigner(scep::Error),
    #[error("`{0}` has a certificate that is still valid")]
    DuplicateName(String),
    #[error("the request was denied")]
    Denied,
    #[error("no request with this transaction id is known")]
    UnknownTransaction,
    #[error("the transaction id belongs to a request signed with another key")]
    NotTheRequester,
    #[error("another request with this transaction id waits for a decision")]
    AnotherRequestWaits,
    #[error("all request numbers or serial numbers are used")]
    NoNumberLeft,
    #[error("the renewal is not signed with a valid certificate of this CA and of the same name")]
    NotARenewal,
    #[error("{0} is not served")]
    Unsupported(MessageType),
    #[error("this server never accepts the algorithm {0}")]
    Forbidden(String),
    #[error("the signingTime is more than {0} s from the server's time")]
    WrongTime(u64),
    #[error("no certificate of this CA has this issuer and serial number")]
    UnknownCertificate,
    #[error("{0} is not among the capabilities that this CA is configured to offer")]
    NotOffered(String),
    #[error("{0} requests wait for a decision, and the CA accepts no further ones")]
    TooManyPending(usize),
    #[error(transparent)]
    State(#[from] StateError),
    #[error("OpenSSL: {0}")]
    Crypto(#[from] ErrorStack),
    #[error(transparent)]
    Scep(#[from] scep::Error),
}

const ERROR_NOT_FOUND: u32 = 0x8007_0490;
const CERT_E_WRONG_USAGE: u32 = 0x800b_0110;
const TRUST_E_CERT_SIGNATURE: u32 = 0x8009_6004;
const NTE_BAD_SIGNATURE: u32 = 0x8009_0006;
const CERTSRV_E_BAD_REQUESTSUBJECT: u32 = 0x8009_4001;
const CERTSRV_E_ADMIN_DENIED_REQUEST: u32 = 0x8009_4014;
const RPC_S_SERVER_UNAVAILABLE: u32 = 0x8007_06ba;
const E_INVALIDARG: u32 = 0x8007_0057;

impl Refusal {
    /// The `failInfo` of a server that distinguishes causes (RFC 8894 §3.2.1.4).
    pub(crate) fn fail_info(&self) -> FailInfo {
        self.codes().0
    }

    /// The Windows error number (`HRESULT`) that NDES adds.
    pub(crate) fn hresult(&self) -> i32 {
        self.codes().1.cast_signed()
    }

    fn codes(&self) -> (FailInfo, u32) {
        use FailInfo::{BadAlg, BadCertId, BadMessageCheck, BadRequest, BadTime};
        match self {
            Self::ChallengeExpired | Self::WrongChallenge => (BadMessageCheck, ERROR_NOT_FOUND),
            Self::ChallengeUsed => (BadMessageCheck, CERT_E_WRONG_USAGE),
            Self::NoChallenge => (BadMessageCheck, TRUST_E_CERT_SIGNATURE),
            Self::BadProofOfPossession => (BadMessageCheck, NTE_BAD_SIGNATURE),
            Self::UnknownTransaction | Self::UnknownCertificate => (BadCertId, ERROR_NOT_FOUND),
            Self::UnusableSigner(_) | Self::NotOffered(_) | Self::Forbidden(_) => {
                (BadAlg, E_INVALIDARG)
            }
            Self::WrongTime(_) => (BadTime, E_INVALIDARG),
            Self::Scep(error) => (error.fail_info(), E_INVALIDARG),
            Self::NotARenewal => (BadRequest, CERTSRV_E_BAD_REQUESTSUBJECT),
            Self::Denied => (BadRequest, CERTSRV_E_ADMIN_DENIED_REQUEST),
            Self::TooManyPending(_) | Self::NoNumberLeft | Self::State(_) | Self::Crypto(_) => {
                (BadRequest, RPC_S_SERVER_UNAVAILABLE)
            }
            Self::DuplicateName(_)
            | Self::NotTheRequester
            | Self::AnotherRequestWaits
            | Self::Unsupported(_) => (BadRequest, E_INVALIDARG),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_numbers_are_those_of_windows() {
        assert_eq!(Refusal::WrongChallenge.hresult(), -2_147_023_728);
        assert_eq!(Refusal::ChallengeUsed.hresult(), -2_146_762_480);
        assert_eq!(Refusal::NoChallenge.hresult(), -2_146_869_244);
        assert_eq!(Refusal::Unsupported(MessageType::GetCrl).hresult(), -2_147_024_809);
    }
    #[test]
    fn error_of_the_message_keeps_its_code() {
        let unsupported = scep::Error::Unsupported { what: "cipher", value: "1.2.3".into() };
        assert_eq!(Refusal::from(unsupported).fail_info(), FailInfo::BadAlg);
        let forged = scep::Error::PeerMisbehaved(scep::PeerMisbehaved::BadSignature);
        assert_eq!(Refusal::from(forged).fail_info(), FailInfo::BadMessageCheck);
    }
}

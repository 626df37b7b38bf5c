//! Reasons for refusals, and their codes in replies.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use openssl::error::ErrorStack;
use scep::{
    Unproven,
    attribute::{FailInfo, MessageType},
    clock,
};

use crate::{password_problem::PasswordProblem, state::StateError};

/// The reason for a refusal; its text goes to the log, and to the client if the personality has a `failInfoText`.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("challenge password already used")]
    ChallengeUsed,
    #[error("challenge password expired")]
    ChallengeExpired,
    #[error("no challenge password in the request")]
    NoChallenge,
    #[error("the challenge password in the request is empty")]
    EmptyChallenge,
    /// The challenge password is at this place, where it authorises nothing.
    #[error(
        "no challenge password in the request: challengePassword (1.2.840.113549.1.9.7) is {0}, and belongs among the attributes of \
         the PKCS#10 request in the envelope (RFC 8894 §2.4)"
    )]
    MisplacedChallenge(&'static str),
    #[error("wrong challenge password")]
    WrongChallenge,
    #[error(transparent)]
    Unproven(#[from] Unproven),
    #[error("no envelope can be sealed to the signer's certificate: {0}")]
    UnusableSigner(scep::Error),
    #[error("`{0}` has a certificate that is still valid")]
    DuplicateName(String),
    #[error("this server certifies RSA keys alone")]
    NotRsa,
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
    #[error(
        "the renewal is not signed with a valid certificate of this CA and of the same name: {0}"
    )]
    NotARenewal(String),
    #[error(
        "the certificate is renewed from {begin} on, and not before: it is valid until {until}"
    )]
    TooEarly { begin: String, until: String },
    #[error("{0} is not served")]
    Unsupported(MessageType),
    #[error("this server never accepts the algorithm {0}")]
    Forbidden(String),
    #[error("the envelope is addressed to {addressed_to}, not to {own}; {note}")]
    AddressedElsewhere {
        addressed_to: String,
        own: String,
        /// The server's certificates, in words.
        note: String,
    },
    #[error("{0}")]
    WrongTime(ClockDifference),
    #[error(
        "the signingTime {signed} is outside of the validity of the signer's certificate, {from} to {until}"
    )]
    SignedOutsideValidity { signed: String, from: String, until: String },
    #[error("no certificate of this CA has this issuer and serial number")]
    UnknownCertificate,
    #[error("{0} is not among the capabilities that this CA is configured to offer")]
    NotOffered(String),
    #[error("{0} requests wait for a decision, and the CA accepts no further ones")]
    TooManyPending(usize),
    #[error("there are too many {0}")]
    TooLarge(PartCount),
    #[error(transparent)]
    State(#[from] StateError),
    #[error("OpenSSL failed at what should work ({})", scep::reasons(.0))]
    Crypto(ErrorStack),
    #[error(transparent)]
    Scep(#[from] scep::Error),
}

impl From<ErrorStack> for Refusal {
    fn from(errors: ErrorStack) -> Self {
        Self::Crypto(errors)
    }
}

/// A part of a message that is larger than the server takes.
#[derive(Debug)]
pub(crate) struct PartCount {
    /// The parts that are counted, such as `attributes in the request`.
    pub(crate) part: &'static str,
    /// Their number.
    pub(crate) count: usize,
    /// The number that the server takes.
    pub(crate) limit: usize,
}

impl fmt::Display for PartCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { part, count, limit } = self;
        write!(f, "{part}: {count}, and this server takes {limit}")
    }
}

/// A signing time that is too far from the server's time.
#[derive(Debug)]
pub(crate) struct ClockDifference {
    /// The signing time of the message.
    pub(crate) signed: SystemTime,
    /// The server's time.
    pub(crate) now: SystemTime,
    /// The difference that the server accepts.
    pub(crate) tolerance: Duration,
}

impl fmt::Display for ClockDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { signed, now, tolerance } = self;
        let (difference, direction) = match now.duration_since(*signed) {
            Ok(behind) => (behind, "behind"),
            Err(early) => (early.duration(), "ahead of"),
        };
        let (signed, now) = (clock::written(*signed), clock::written(*now));
        let apart = clock::apart(difference);
        write!(f, "the signingTime, {signed}, is {apart} {direction} the server's time, {now}")?;
        write!(f, "; at most {} s are accepted", tolerance.as_secs())?;
        if is_zone(difference) {
            f.write_str("; a difference of whole hours may be that of a time zone")?;
        }
        Ok(())
    }
}

/// True if the difference is whole hours, but for the seconds that a message and a clock may take.
fn is_zone(difference: Duration) -> bool {
    const HOUR: u64 = 3_600;
    const SLACK: u64 = 60;
    let seconds = difference.as_secs() + SLACK;
    (HOUR..=14 * HOUR + SLACK).contains(&seconds) && seconds % HOUR <= 2 * SLACK
}

/// What a peer is told of an error inside the server.
pub(crate) const NOT_POSSIBLE_NOW: &str = "the server cannot do this at the moment";

const ERROR_NOT_FOUND: u32 = 0x8007_0490;
const CERT_E_WRONG_USAGE: u32 = 0x800b_0110;
const TRUST_E_CERT_SIGNATURE: u32 = 0x8009_6004;
const NTE_BAD_SIGNATURE: u32 = 0x8009_0006;
const NTE_BAD_ALGID: u32 = 0x8009_0008;
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

    /// What is wrong with the challenge password, if that is the reason.
    pub(crate) fn password_problem(&self) -> Option<PasswordProblem> {
        Some(match self {
            Self::NoChallenge => PasswordProblem::Missing,
            Self::EmptyChallenge => PasswordProblem::Empty,
            Self::MisplacedChallenge(_) => PasswordProblem::Misplaced,
            Self::WrongChallenge => PasswordProblem::Wrong,
            Self::ChallengeUsed => PasswordProblem::Used,
            Self::ChallengeExpired => PasswordProblem::Expired,
            _ => return None,
        })
    }

    /// The reason in words for the peer: without what happened inside the server, such as the paths of its files.
    pub(crate) fn words_for_peer(&self) -> String {
        match self {
            Self::State(_) | Self::Crypto(_) => NOT_POSSIBLE_NOW.to_owned(),
            other => other.to_string(),
        }
    }

    fn codes(&self) -> (FailInfo, u32) {
        use FailInfo::{BadAlg, BadCertId, BadMessageCheck, BadRequest, BadTime};
        match self {
            Self::ChallengeExpired | Self::WrongChallenge => (BadMessageCheck, ERROR_NOT_FOUND),
            Self::ChallengeUsed => (BadMessageCheck, CERT_E_WRONG_USAGE),
            Self::NoChallenge | Self::EmptyChallenge | Self::MisplacedChallenge(_) => {
                (BadMessageCheck, TRUST_E_CERT_SIGNATURE)
            }
            Self::Unproven(Unproven::Algorithm(_)) => (BadAlg, NTE_BAD_ALGID),
            Self::Unproven(
                Unproven::Signature
                | Unproven::SignatureOfBer
                | Unproven::Unreadable(_)
                | Unproven::KeyType { .. },
            ) => (BadMessageCheck, NTE_BAD_SIGNATURE),
            Self::UnknownTransaction | Self::UnknownCertificate => (BadCertId, ERROR_NOT_FOUND),
            Self::UnusableSigner(_) | Self::NotOffered(_) | Self::Forbidden(_) => {
                (BadAlg, E_INVALIDARG)
            }
            Self::WrongTime(_) | Self::SignedOutsideValidity { .. } => (BadTime, E_INVALIDARG),
            Self::Scep(error) => (error.fail_info(), E_INVALIDARG),
            Self::NotARenewal(_) => (BadRequest, CERTSRV_E_BAD_REQUESTSUBJECT),
            Self::Denied | Self::TooEarly { .. } => (BadRequest, CERTSRV_E_ADMIN_DENIED_REQUEST),
            Self::TooManyPending(_) | Self::NoNumberLeft | Self::State(_) | Self::Crypto(_) => {
                (BadRequest, RPC_S_SERVER_UNAVAILABLE)
            }
            // The version, above all.
            Self::Unproven(_)
            | Self::NotRsa
            | Self::AddressedElsewhere { .. }
            | Self::TooLarge(_)
            | Self::DuplicateName(_)
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
    fn times_that_disagree_are_shown_with_their_difference() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_796_000_000);
        let shown = |signed| {
            let tolerance = Duration::from_secs(600);
            Refusal::WrongTime(ClockDifference { signed, now, tolerance }).to_string()
        };
        assert_eq!(
            shown(now - Duration::from_secs(3_601)),
            "the signingTime, Nov 29 23:53:19 2026 GMT, is 1 h behind the server's time, Nov 30 00:53:20 2026 GMT; at \
             most 600 s are accepted; a difference of whole hours may be that of a time zone"
        );
        let ahead = shown(now + Duration::from_secs(86_400 * 3 + 7_800));
        assert!(ahead.contains("is 3 days 2 h ahead of the server's time"), "{ahead}");
        assert!(ahead.ends_with("at most 600 s are accepted"), "{ahead}");
        assert!(!shown(now - Duration::from_secs(5_400)).contains("zone"));
    }

    #[test]
    fn error_of_the_message_keeps_its_code() {
        let unsupported = scep::Error::Unsupported { what: "cipher", value: "1.2.3".into() };
        assert_eq!(Refusal::from(unsupported).fail_info(), FailInfo::BadAlg);
        let forged = scep::Error::PeerMisbehaved(scep::PeerMisbehaved::BadSignature);
        assert_eq!(Refusal::from(forged).fail_info(), FailInfo::BadMessageCheck);
    }
}

//! The reason why there is no TLS connection.

use std::io;
use std::time::Duration;

use openssl::error::ErrorStack;
use openssl::ssl;
use thiserror::Error;

use super::{CertificateProblem, TlsVersion};

/// The reason why there is no TLS connection, or why it ended.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TlsFailure {
    /// The certificate of the server does not verify, for these reasons.
    #[error("the server's certificate does not verify: {}", joined(.0))]
    Certificate(Vec<CertificateProblem>),
    /// The server answers with something else than TLS.
    #[error("the server speaks no TLS at this port: it answered with {what}")]
    NoTls {
        /// What came.
        what: String,
        /// True if it is HTTP, so that a URL of `http://` may be right.
        is_http: bool,
    },
    /// The server ended the connection during the handshake.
    #[error("the server ended the connection {}", if *.is_first { "at the first message of the TLS handshake" } else { "in the middle of the TLS handshake" })]
    Cut {
        /// True if it had sent nothing.
        is_first: bool,
    },
    /// Client and server take no version in common.
    #[error("the server takes no version of TLS from {lowest} on")]
    Version {
        /// The oldest that the client takes.
        lowest: TlsVersion,
    },
    /// Client and server have no cipher suite, group or signature algorithm in common.
    #[error("the server takes none of the algorithms for TLS that are offered here")]
    NoAlgorithm,
    /// The server asks for a certificate of the client, and it has none.
    #[error("the server asks for a certificate of the client in TLS, and none is shown")]
    ClientCertificateWanted,
    /// The server refuses the certificate of the client.
    #[error("the server refuses the certificate of the client in TLS: {0}")]
    ClientCertificateRefused(&'static str),
    /// The server has nothing for this name.
    #[error("the server knows no host of that name (TLS alert `unrecognized_name`)")]
    UnknownName,
    /// The server refused with another alert.
    #[error("the server ended the TLS handshake with the alert {}", alert_words(*.0))]
    Alert(u8),
    /// The handshake did not end in time.
    #[error("the TLS handshake was not complete after {} s", .0.as_secs())]
    TimedOut(Duration),
    /// The server sent a handshake without end.
    #[error("the server sent more than {} KiB in the TLS handshake", .0 / 1024)]
    TooLong(usize),
    /// A message of the server breaks a rule of TLS.
    #[error("a message of the server in the TLS handshake is wrong: {0}")]
    Malformed(String),
    /// The client's end cannot be set up.
    #[error("TLS cannot be set up here: {0}")]
    SetUp(String),
}

/// OpenSSL's number for an alert that came, without that of the alert.
const ALERTS: i32 = 1000;

/// OpenSSL's reasons for a version that the client does not take.
const VERSIONS: [i32; 3] = [258, 266, 191];

/// OpenSSL's reason for a message of the handshake that is longer than its kind may be, such as certificates of more than 100 KiB.
const TOO_LONG: i32 = 152;

/// The longest message with certificates that OpenSSL takes.
const LONGEST_CERTIFICATES: usize = 100 * 1024;

impl TlsFailure {
    /// The client's end cannot be set up.
    pub(super) fn set_up(error: &ErrorStack) -> Self {
        Self::SetUp(reason(error))
    }

    /// The failure that an error means, after the beginning of a handshake.
    pub(super) fn of(
        error: &ssl::Error,
        has_certificate: bool,
        has_identity: bool,
        lowest: TlsVersion,
    ) -> Self {
        let Some(stack) = error.ssl_error() else { return Self::Cut { is_first: false } };
        let codes = stack.errors().iter().map(openssl::error::Error::reason_code);
        for code in codes {
            match code {
                _ if VERSIONS.contains(&code) => return Self::Version { lowest },
                TOO_LONG => return Self::TooLong(LONGEST_CERTIFICATES),
                _ => {}
            }
            if let Ok(alert) = u8::try_from(code - ALERTS) {
                return Self::of_alert(alert, has_certificate, has_identity, lowest);
            }
        }
        if is_end(stack) { Self::Cut { is_first: false } } else { Self::Malformed(reason(stack)) }
    }

    /// The failure that an alert means (RFC 8446 §6.2). A server sends some of them only when it has the client's certificate.
    fn of_alert(alert: u8, has_certificate: bool, has_identity: bool, lowest: TlsVersion) -> Self {
        match alert {
            70 => Self::Version { lowest },
            112 => Self::UnknownName,
            116 => Self::ClientCertificateWanted,
            40 | 42 if has_certificate && !has_identity => Self::ClientCertificateWanted,
            40 => Self::NoAlgorithm,
            42..=46 | 48 | 49 if has_identity => {
                Self::ClientCertificateRefused(alert_name(alert).unwrap_or("for another reason"))
            }
            other => Self::Alert(other),
        }
    }

    /// The failure in an error of a stream that has been TLS, if it has one.
    pub(crate) fn in_error(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }

    /// The failure that an alert after the handshake means: in TLS 1.3 a server refuses the client's certificate only then.
    pub(super) fn after_handshake(error: &io::Error, has_identity: bool) -> Option<Self> {
        let error: &ssl::Error = error.get_ref()?.downcast_ref()?;
        let mut codes = error.ssl_error()?.errors().iter().map(openssl::error::Error::reason_code);
        let alert = codes.find_map(|code| u8::try_from(code - ALERTS).ok())?;
        Some(Self::of_alert(alert, true, has_identity, TlsVersion::default()))
    }
}

/// True if OpenSSL found the end of the stream.
fn is_end(stack: &ErrorStack) -> bool {
    const UNEXPECTED_END: i32 = 294;
    stack.errors().iter().any(|error| error.reason_code() == UNEXPECTED_END)
}

/// The words of the first error.
fn reason(stack: &ErrorStack) -> String {
    let words = stack.errors().iter().find_map(openssl::error::Error::reason);
    words.unwrap_or("OpenSSL gives no reason").to_owned()
}

fn joined(problems: &[CertificateProblem]) -> String {
    problems.iter().map(CertificateProblem::to_string).collect::<Vec<_>>().join("; ")
}

fn alert_words(alert: u8) -> String {
    alert_name(alert).map_or_else(|| alert.to_string(), |name| format!("`{name}`"))
}

/// The name of an alert in RFC 8446 §6.
fn alert_name(alert: u8) -> Option<&'static str> {
    Some(match alert {
        10 => "unexpected_message",
        20 => "bad_record_mac",
        22 => "record_overflow",
        40 => "handshake_failure",
        42 => "bad_certificate",
        43 => "unsupported_certificate",
        44 => "certificate_revoked",
        45 => "certificate_expired",
        46 => "certificate_unknown",
        47 => "illegal_parameter",
        48 => "unknown_ca",
        49 => "access_denied",
        50 => "decode_error",
        51 => "decrypt_error",
        70 => "protocol_version",
        71 => "insufficient_security",
        80 => "internal_error",
        86 => "inappropriate_fallback",
        90 => "user_canceled",
        109 => "missing_extension",
        110 => "unsupported_extension",
        112 => "unrecognized_name",
        116 => "certificate_required",
        120 => "no_application_protocol",
        _ => return None,
    })
}

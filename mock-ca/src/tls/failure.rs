//! Why a handshake failed, in words.

use openssl::{error::Error, ssl};

/// The numbers of OpenSSL for alerts of the peer are those of the alerts (RFC 8446 §6) above this one.
const ALERT: i32 = 1000;

// Numbers of OpenSSL for what the server itself refuses (`sslerr.h`).
const NO_SHARED_CIPHER: i32 = 193;
const NO_CERTIFICATE: i32 = 199;
const NO_PROTOCOL: i32 = 235;
const UNSUPPORTED_PROTOCOL: i32 = 258;

/// The reason why a handshake with a client failed.
pub(super) fn reason(error: &ssl::Error) -> String {
    if let Some(errors) = error.ssl_error() {
        let known = errors.errors().iter().find_map(known);
        return known.unwrap_or_else(|| {
            format!("the client's messages are no TLS handshake ({})", scep::reasons(errors))
        });
    }
    match error.io_error() {
        Some(error) => format!("the connection ended in the handshake: {error}"),
        None => "the client closed the connection in the handshake".to_owned(),
    }
}

fn known(error: &Error) -> Option<String> {
    let number = error.reason_code();
    let own = match number {
        UNSUPPORTED_PROTOCOL => {
            "the client speaks no version of TLS that this server speaks (`--tls-min` allows older ones)"
        }
        NO_SHARED_CIPHER => "client and server have no cipher in common",
        NO_CERTIFICATE => "the client has no certificate, and the server asks for one",
        NO_PROTOCOL => "the client speaks other protocols than HTTP/1.1 within TLS (ALPN)",
        _ => return alert(u8::try_from(number - ALERT).ok()?),
    };
    Some(own.to_owned())
}

/// The words for an alert with which a client ended the handshake (RFC 8446 §6.2).
fn alert(number: u8) -> Option<String> {
    let words = match number {
        40 => "it found no version, cipher or group in common (handshake_failure)",
        42 => "the server's certificate is broken (bad_certificate)",
        43 => "the server's certificate is of an unsupported kind (unsupported_certificate)",
        44 => "the server's certificate was revoked (certificate_revoked)",
        45 => "the server's certificate has expired, or is not valid yet (certificate_expired)",
        46 => "it does not accept the server's certificate (certificate_unknown)",
        48 => "it does not trust the issuer of the server's certificate (unknown_ca)",
        51 => "a signature is wrong (decrypt_error)",
        70 => "it does not speak the server's versions of TLS (protocol_version)",
        71 => "the server's ciphers or keys are too weak (insufficient_security)",
        86 => {
            "the server speaks an older version than the client knew of it (inappropriate_fallback)"
        }
        90 => "its user ended the handshake (user_canceled)",
        112 => "it does not know the server's name (unrecognized_name)",
        120 => "the server speaks none of its protocols (no_application_protocol)",
        0..=127 => return Some(format!("the client ended the handshake with the alert {number}")),
        _ => return None,
    };
    Some(format!("the client ended the handshake: {words}"))
}

//! The reference: a CA that follows RFC 8894 to the letter.

use std::time::Duration;

use scep::{
    algorithm::{Cipher, Digest},
    key_usage::KeyUsage,
    message::{Parameters, Reading, TransactionString},
};

use super::{
    Carried, ErrorPages, Personality, PersonalityName, Renewal, ReplyStyle, Serials, Target,
    UserProfiles,
};
use crate::profile::{
    AuthorityKeyIdentifier, CertificateProfile, Extension, KeyIdentifier, RequestedExtensions,
    Validity,
};

pub(super) static RFC8894: Personality = Personality {
    name: PersonalityName::Rfc8894,
    default_port: 8082,
    serving_port: 8082,
    default_subject: "O=Sceplab, CN=RFC 8894 CA",
    server_header: None,
    // The default path of clients. The server must ignore the path (§4.1).
    routes: &[("/cgi-bin/pkiclient.exe", Target::Scep)],
    serves_any_path: true,
    paths_ignore_case: false,
    limits_query: false,
    capabilities: "AES\nDES3\nGetNextCACert\nPOSTPKIOperation\nRenewal\nSCEPStandard\nSHA-1\nSHA-256\n\
                   SHA-512",
    error_pages: ErrorPages::Text,
    bad_request_status: 400,
    words_for_unknown_operation: None,
    takes_any_csr_version: false,
    bad_method_status: 405,
    ca: CA,
    ca_serial_bytes: 20,
    registration: None,
    user: UserProfiles { general: USER, signature: USER, encryption: USER },
    serials: Serials::Sequential { first: 1 },
    has_next_ca: true,
    // §2.9: implementations must not support them.
    refused_ciphers: &[Cipher::Des],
    refused_digests: &[Digest::Md5],
    refused_key_transports: &[],
    reads_strict_base64: false,
    certifies_rsa_alone: false,
    encrypts_with_password: true,
    reading: Reading::DEFAULT,
    signs_while_valid: false,
    verifies_requests: true,
    clock_tolerance: Some(Duration::from_secs(600)),
    reply: ReplyStyle {
        carries: Carried::SignerInSuccess,
        echoes_nonce: false,
        transaction_string: TransactionString::Printable,
        parameters: Parameters::Null,
        wraps_content: false,
        has_signing_time: true,
        content_without_envelope: None,
        has_windows_attributes: false,
        failures_use_sha1: false,
        distinguishes_causes: true,
        has_fail_info_text: true,
    },
    renewal: Renewal::ByMessageAndCertificate,
    unique_names: false,
    repeats_answers: true,
    serves_certificates: true,
    replies_to_unsupported: true,
    replies_to_unreadable: true,
};

/// One certificate for everything (§2.1.2).
const CA: CertificateProfile = CertificateProfile {
    extensions: &[
        Extension::BasicConstraints { path_length: Some(0) },
        Extension::KeyUsage(&[
            KeyUsage::DIGITAL_SIGNATURE,
            KeyUsage::KEY_ENCIPHERMENT,
            KeyUsage::KEY_CERT_SIGN,
            KeyUsage::CRL_SIGN,
        ]),
        Extension::SubjectKeyIdentifier,
    ],
    requested: RequestedExtensions::Ignored,
    key_identifier: KeyIdentifier::Sha1,
    validity: Validity::days(3650),
};

/// A certificate that can sign a renewal and receive its reply (§2.3).
const USER: CertificateProfile = CertificateProfile {
    extensions: &[
        Extension::KeyUsage(&[KeyUsage::DIGITAL_SIGNATURE, KeyUsage::KEY_ENCIPHERMENT]),
        Extension::ExtendedKeyUsage(&["1.3.6.1.5.5.7.3.2"]), // clientAuth
        Extension::SubjectKeyIdentifier,
        Extension::AuthorityKeyIdentifier(AuthorityKeyIdentifier::KeyIdentifier),
        Extension::SubjectAltName,
    ],
    requested: RequestedExtensions::AsAsked,
    key_identifier: KeyIdentifier::Sha1,
    validity: Validity::days(365),
};

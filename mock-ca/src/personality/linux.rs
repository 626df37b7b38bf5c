//! micromdm's scepserver: one CA, one path, everything in one certificate.

use scep::{
    algorithm::{Cipher, Digest, KeyTransport},
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

pub(super) static LINUX: Personality = Personality {
    name: PersonalityName::Linux,
    default_port: 8080,
    serving_port: 8080,
    default_subject: "CN=Teldat-PKI, O=Teldat, L=Madrid, C=ES",
    server_header: None,
    routes: &[("/scep", Target::Scep)],
    serves_any_path: false,
    paths_ignore_case: false,
    limits_query: false,
    capabilities: "Renewal\nSHA-1\nSHA-256\nAES\nDES3\nSCEPStandard\nPOSTPKIOperation",
    error_pages: ErrorPages::Text,
    bad_request_status: 500,
    words_for_unknown_operation: Some("operation not implemented"),
    // Go's `x509.ParseCertificateRequest` does not look at the version.
    takes_any_csr_version: true,
    bad_method_status: 404,
    ca: CA,
    ca_serial_bytes: 20,
    registration: None,
    user: UserProfiles { general: USER, signature: USER, encryption: USER },
    serials: Serials::Sequential { first: 2 },
    has_next_ca: false,
    // Go's pkcs7 does not know them: reading the message is an error.
    refused_ciphers: &[Cipher::Aes192],
    refused_digests: &[Digest::Md5, Digest::Sha224],
    refused_key_transports: &[KeyTransport::Oaep],
    reads_strict_base64: true,
    certifies_rsa_alone: true,
    encrypts_with_password: false,
    reading: Reading {
        any_content_type: true,
        repeated_attributes: true,
        several_signers: true,
        sorts_attributes: true,
        trailing_bytes: true,
        first_piece_alone: true,
        strict_strings: true,
    },
    signs_while_valid: true,
    verifies_requests: false,
    clock_tolerance: None,
    reply: ReplyStyle {
        carries: Carried::IssuedAndCa,
        echoes_nonce: true,
        transaction_string: TransactionString::PrintableOrUtf8,
        parameters: Parameters::Absent,
        wraps_content: true,
        has_signing_time: true,
        content_without_envelope: Some(&[]),
        has_windows_attributes: false,
        failures_use_sha1: false,
        distinguishes_causes: false,
        has_fail_info_text: false,
    },
    renewal: Renewal::NeedsChallenge,
    unique_names: true,
    repeats_answers: false,
    serves_certificates: false,
    replies_to_unsupported: false,
    replies_to_unreadable: false,
};

/// The documented CA, made with `openssl req -x509`.
const CA: CertificateProfile = CertificateProfile {
    extensions: &[
        Extension::SubjectKeyIdentifier,
        Extension::AuthorityKeyIdentifier(AuthorityKeyIdentifier::KeyIdentifierIssuerSerial),
        Extension::BasicConstraints { path_length: Some(0) },
        Extension::KeyUsage(&[
            KeyUsage::DIGITAL_SIGNATURE,
            KeyUsage::KEY_ENCIPHERMENT,
            KeyUsage::KEY_CERT_SIGN,
            KeyUsage::CRL_SIGN,
        ]),
    ],
    requested: RequestedExtensions::Ignored,
    key_identifier: KeyIdentifier::Sha1,
    validity: Validity::days(7300),
};

/// The certificates of scepserver, in the order of Go's `crypto/x509`.
const USER: CertificateProfile = CertificateProfile {
    extensions: &[
        Extension::KeyUsage(&[KeyUsage::DIGITAL_SIGNATURE]),
        Extension::ExtendedKeyUsage(&["1.3.6.1.5.5.7.3.2"]), // clientAuth
        Extension::SubjectKeyIdentifier,
        Extension::AuthorityKeyIdentifier(AuthorityKeyIdentifier::KeyIdentifier),
        Extension::SubjectAltName,
    ],
    requested: RequestedExtensions::AlternativeNames,
    key_identifier: KeyIdentifier::Sha256,
    validity: Validity::days(365),
};

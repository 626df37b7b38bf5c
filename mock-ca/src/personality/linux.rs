//! micromdm's scepserver: one CA, one path, everything in one certificate.

use scep::{key_usage::KeyUsage, server::SignatureAlgorithm};

use super::{
    CaProfile, ErrorPages, Personality, PersonalityName, Renewal, ReplyStyle, Route, Serials,
    Target, Unsupported, UserProfiles,
};
use crate::profile::{
    AuthorityKeyIdentifier, CertificateProfile, Extension, KeyIdentifier, RequestedExtensions,
    Validity,
};

pub(super) static LINUX: Personality = Personality {
    name: PersonalityName::Linux,
    default_port: 8080,
    default_subject: "CN=Teldat-PKI, O=Teldat, L=Madrid, C=ES",
    server_header: None,
    routes: &[Route { path: "/scep", target: Target::Scep }],
    paths_ignore_case: false,
    limits_query: false,
    capabilities: "Renewal\nSHA-1\nSHA-256\nAES\nDES3\nSCEPStandard\nPOSTPKIOperation",
    capabilities_content_type: "text/plain",
    error_pages: ErrorPages::Text,
    ca: CaProfile { profile: CA, serial_bytes: 20 },
    registration: None,
    user: UserProfiles { general: USER, signature: USER, encryption: USER },
    serials: Serials::Sequential { first: 2 },
    reply: ReplyStyle {
        carries_certificates: true,
        signature_algorithm: SignatureAlgorithm::RsaEncryption,
        has_signing_time: true,
        content_without_envelope: Some(&[]),
        has_windows_attributes: false,
        failures_use_sha1: false,
        tells_causes_apart: false,
    },
    renewal: Renewal::NeedsChallenge,
    unique_names: true,
    unsupported: Unsupported::ServerError,
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
    validity: Validity::Days(7300),
};

/// What scepserver issues, in the order of Go's `crypto/x509`.
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
    validity: Validity::Days(365),
};

//! Microsoft's Network Device Enrollment Service on an enterprise CA, with the documented certificate templates.

use scep::{
    key_usage::KeyUsage,
    message::{Parameters, Reading, TransactionString},
};

use super::{
    Carried, ErrorPages, Personality, PersonalityName, Registration, RegistrationCertificate,
    Renewal, ReplyStyle, Serials, Target, UserProfiles,
};
use crate::profile::{
    AuthorityKeyIdentifier, Capability, CertificateProfile, Extension, KeyIdentifier,
    RequestedExtensions, Template, Validity,
};

pub(super) static NDES: Personality = Personality {
    name: PersonalityName::Ndes,
    default_port: 80,
    // The real server's port is for privileged users.
    serving_port: 8081,
    default_subject: "DC=com, DC=scep, CN=scep-TELDATPKI-CA",
    server_header: Some("Microsoft-IIS/10.0"),
    routes: &[
        ("/certsrv/mscep/mscep.dll", Target::Scep),
        ("/certsrv/mscep/mscep.dll/pkiclient.exe", Target::Scep),
        ("/certsrv/mscep/", Target::Scep),
        ("/certsrv/mscep", Target::Slash),
        ("/certsrv/mscep_admin/", Target::Admin),
        ("/certsrv/mscep_admin/mscep.dll", Target::Admin),
        ("/certsrv/mscep_admin", Target::AdminSlash),
    ],
    serves_any_path: false,
    paths_ignore_case: true,
    limits_query: true,
    capabilities: "POSTPKIOperation\r\nRenewal\r\nSHA-512\r\nSHA-256\r\nSHA-1\r\nDES3",
    error_pages: ErrorPages::Html,
    bad_request_status: 500,
    words_for_unknown_operation: None,
    takes_any_csr_version: false,
    bad_method_status: 405,
    ca: CA,
    ca_serial_bytes: 16,
    registration: Some(Registration {
        signing: RegistrationCertificate {
            profile: ENROLLMENT_AGENT,
            request_id: 2,
            seconds_later: 164,
        },
        encryption: RegistrationCertificate {
            profile: CEP_ENCRYPTION,
            request_id: 3,
            seconds_later: 165,
        },
    }),
    user: UserProfiles { general: GENERAL_PURPOSE, signature: SIGNATURE, encryption: ENCRYPTION },
    serials: Serials::RequestId,
    has_next_ca: false,
    refused_ciphers: &[],
    refused_digests: &[],
    refused_key_transports: &[],
    reads_strict_base64: false,
    certifies_rsa_alone: false,
    encrypts_with_password: false,
    reading: Reading::DEFAULT,
    signs_while_valid: false,
    verifies_requests: true,
    clock_tolerance: None,
    reply: ReplyStyle {
        carries: Carried::Nothing,
        echoes_nonce: false,
        transaction_string: TransactionString::Printable,
        parameters: Parameters::Null,
        wraps_content: false,
        has_signing_time: false,
        content_without_envelope: Some(&[0]),
        has_windows_attributes: true,
        failures_use_sha1: true,
        distinguishes_causes: true,
        has_fail_info_text: false,
    },
    renewal: Renewal::ByCertificate,
    unique_names: false,
    repeats_answers: false,
    serves_certificates: false,
    replies_to_unsupported: true,
    replies_to_unreadable: false,
};

/// An enterprise root CA.
const CA: CertificateProfile = CertificateProfile {
    extensions: &[
        Extension::TemplateName("CA"),
        Extension::KeyUsage(&[
            KeyUsage::DIGITAL_SIGNATURE,
            KeyUsage::KEY_CERT_SIGN,
            KeyUsage::CRL_SIGN,
        ]),
        Extension::BasicConstraints { path_length: None },
        Extension::SubjectKeyIdentifier,
        Extension::CaVersion(0),
    ],
    requested: RequestedExtensions::Ignored,
    key_identifier: KeyIdentifier::Sha1,
    validity: Validity::CalendarYears(30),
};

/// Exchange Enrollment Agent (Offline request): signs replies.
const ENROLLMENT_AGENT: CertificateProfile = registration(&registration_extensions(
    "EnrollmentAgentOffline",
    &[KeyUsage::DIGITAL_SIGNATURE],
));

/// CEP Encryption: requests are encrypted for it.
const CEP_ENCRYPTION: CertificateProfile =
    registration(&registration_extensions("CEPEncryption", &[KeyUsage::KEY_ENCIPHERMENT]));

/// The documented template, for signing and encryption.
const GENERAL_PURPOSE: CertificateProfile = user(&user_extensions(
    &[KeyUsage::DIGITAL_SIGNATURE, KeyUsage::KEY_ENCIPHERMENT, KeyUsage::DATA_ENCIPHERMENT],
    "1.3.6.1.4.1.311.21.8.12870963.10289542.4229807.4605352.2114790.60.14796763.6343645",
));

/// The variant of that template for signing alone.
const SIGNATURE: CertificateProfile = user(&user_extensions(
    &[KeyUsage::DIGITAL_SIGNATURE],
    "1.3.6.1.4.1.311.21.8.12870963.10289542.4229807.4605352.2114790.60.14796763.6343646",
));

/// The variant of that template for encryption alone.
const ENCRYPTION: CertificateProfile = user(&user_extensions(
    &[KeyUsage::KEY_ENCIPHERMENT, KeyUsage::DATA_ENCIPHERMENT],
    "1.3.6.1.4.1.311.21.8.12870963.10289542.4229807.4605352.2114790.60.14796763.6343647",
));

const fn registration(extensions: &'static [Extension]) -> CertificateProfile {
    CertificateProfile {
        extensions,
        requested: RequestedExtensions::Ignored,
        key_identifier: KeyIdentifier::Sha1,
        validity: Validity::template_days(730),
    }
}

/// The order in which a Windows client asks for them, then the CA's own.
const fn registration_extensions(
    template: &'static str,
    key_usage: &'static [KeyUsage],
) -> [Extension; 7] {
    [
        Extension::TemplateName(template),
        Extension::ExtendedKeyUsage(&["1.3.6.1.4.1.311.20.2.1"]), // certificate request agent
        Extension::KeyUsage(key_usage),
        Extension::SubjectKeyIdentifier,
        Extension::AuthorityKeyIdentifier(AuthorityKeyIdentifier::KeyIdentifier),
        Extension::CrlDistributionPoints,
        Extension::AuthorityInfoAccess,
    ]
}

const fn user(extensions: &'static [Extension]) -> CertificateProfile {
    CertificateProfile {
        extensions,
        requested: RequestedExtensions::First,
        key_identifier: KeyIdentifier::Sha1,
        validity: Validity::CalendarYears(2),
    }
}

const fn user_extensions(
    key_usage: &'static [KeyUsage],
    template_oid: &'static str,
) -> [Extension; 9] {
    [
        Extension::SubjectKeyIdentifier,
        Extension::AuthorityKeyIdentifier(AuthorityKeyIdentifier::KeyIdentifier),
        Extension::CrlDistributionPoints,
        Extension::AuthorityInfoAccess,
        Extension::KeyUsage(key_usage),
        Extension::Template(Template { oid: template_oid, major: 100, minor: 4 }),
        Extension::ExtendedKeyUsage(USES),
        Extension::ApplicationPolicies(USES),
        Extension::SmimeCapabilities(CAPABILITIES),
    ]
}

const USES: &[&str] = &[
    "1.3.6.1.4.1.311.20.1",   // certificate trust list usage
    "1.3.6.1.4.1.311.10.3.4", // Encrypting File System
    "1.3.6.1.5.5.7.3.3",      // codeSigning
    "2.5.29.37.0",            // anyExtendedKeyUsage
    "1.3.6.1.5.5.7.3.1",      // serverAuth
    "1.3.6.1.5.2.3.5",        // Kerberos key distribution centre
    "1.3.6.1.5.5.7.3.2",      // clientAuth
    "1.3.6.1.4.1.311.21.5",   // private key archival
    "1.3.6.1.4.1.311.20.2.1", // certificate request agent
    "1.3.6.1.5.5.8.2.2",      // Internet Key Exchange intermediate
];

const CAPABILITIES: &[Capability] = &[
    Capability { oid: "1.2.840.113549.3.2", key_bits: Some(128) }, // rc2-cbc
    Capability { oid: "1.2.840.113549.3.4", key_bits: Some(128) }, // rc4
    Capability { oid: "1.3.14.3.2.7", key_bits: None },            // des-cbc
    Capability { oid: "1.2.840.113549.3.7", key_bits: None },      // des-ede3-cbc
];

//! Microsoft's Network Device Enrollment Service on an enterprise CA.

mod templates;

use scep::server::SignatureAlgorithm;

use super::{
    CaProfile, Carried, ErrorPages, Personality, PersonalityName, RefusedAlgorithms,
    RegistrationCertificate, RegistrationProfile, Renewal, ReplyStyle, Route, Serials, Target,
    Unreadable, Unsupported, UserProfiles,
};

pub(super) static NDES: Personality = Personality {
    name: PersonalityName::Ndes,
    default_port: 80,
    // The real one's is for privileged users.
    serving_port: 8081,
    default_subject: "DC=com, DC=scep, CN=scep-TELDATPKI-CA",
    server_header: Some("Microsoft-IIS/10.0"),
    routes: &[
        Route { path: "/certsrv/mscep/mscep.dll", target: Target::Scep },
        Route { path: "/certsrv/mscep/mscep.dll/pkiclient.exe", target: Target::Scep },
        Route { path: "/certsrv/mscep/", target: Target::Scep },
        Route { path: "/certsrv/mscep", target: Target::Slash },
        Route { path: "/certsrv/mscep_admin/", target: Target::Admin },
        Route { path: "/certsrv/mscep_admin/mscep.dll", target: Target::Admin },
        Route { path: "/certsrv/mscep_admin", target: Target::AdminSlash },
    ],
    serves_any_path: false,
    paths_ignore_case: true,
    limits_query: true,
    capabilities: "POSTPKIOperation\r\nRenewal\r\nSHA-512\r\nSHA-256\r\nSHA-1\r\nDES3",
    capabilities_content_type: "text/plain",
    error_pages: ErrorPages::Html,
    bad_request_status: 500,
    bad_method_status: 405,
    ca: CaProfile { profile: templates::CA, serial_bytes: 16 },
    registration: Some(RegistrationProfile {
        signing: RegistrationCertificate {
            profile: templates::ENROLLMENT_AGENT,
            request_id: 2,
            seconds_later: 164,
        },
        encryption: RegistrationCertificate {
            profile: templates::CEP_ENCRYPTION,
            request_id: 3,
            seconds_later: 165,
        },
    }),
    user: UserProfiles {
        general: templates::GENERAL_PURPOSE,
        signature: templates::SIGNATURE,
        encryption: templates::ENCRYPTION,
    },
    serials: Serials::RequestId,
    has_next_ca: false,
    refused_algorithms: RefusedAlgorithms { ciphers: &[], digests: &[] },
    clock_tolerance: None,
    reply: ReplyStyle {
        carries: Carried::Nothing,
        signature_algorithm: SignatureAlgorithm::RsaEncryption,
        has_signing_time: false,
        content_without_envelope: Some(&[0]),
        has_windows_attributes: true,
        failures_use_sha1: true,
        tells_causes_apart: true,
        has_fail_info_text: false,
    },
    renewal: Renewal::ByCertificate,
    unique_names: false,
    repeats_answers: false,
    serves_certificates: false,
    unsupported: Unsupported::BadRequest,
    unreadable: Unreadable::HttpError,
};

//! Microsoft's Network Device Enrollment Service on an enterprise CA.

mod templates;

use super::{
    Carried, ErrorPages, Personality, PersonalityName, Registration, RegistrationCertificate,
    Renewal, ReplyStyle, Serials, Target, Unreadable, Unsupported, UserProfiles,
};

pub(super) static NDES: Personality = Personality {
    name: PersonalityName::Ndes,
    default_port: 80,
    // The real one's is for privileged users.
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
    bad_method_status: 405,
    ca: templates::CA,
    ca_serial_bytes: 16,
    registration: Some(Registration {
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
    refused_ciphers: &[],
    refused_digests: &[],
    clock_tolerance: None,
    reply: ReplyStyle {
        carries: Carried::Nothing,
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

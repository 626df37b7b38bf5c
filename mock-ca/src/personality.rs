//! Which server the CA behaves like, as data: one value of [`Personality`] each.

mod linux;
mod name;
mod ndes;
mod reply_style;
mod rfc8894;

use std::time::Duration;

use scep::{
    algorithm::{Cipher, Digest},
    key_usage::KeyUsage,
};

pub(crate) use reply_style::{Carried, ReplyStyle};

use crate::profile::CertificateProfile;

name::personalities! {
    /// micromdm's scepserver.
    Linux = "linux", linux::LINUX;
    /// Microsoft's Network Device Enrollment Service.
    Ndes = "ndes", ndes::NDES;
    /// A server that does what RFC 8894 asks, to the letter.
    Rfc8894 = "rfc8894", rfc8894::RFC8894;
}

/// Everything in which one server differs from another.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent habits, each named in the data")]
pub(crate) struct Personality {
    pub(crate) name: PersonalityName,
    /// The TCP port the real server listens on by default.
    pub(crate) default_port: u16,
    /// The TCP port of the command `serve`.
    pub(crate) serving_port: u16,
    /// The distinguished name of the CA in the documentation.
    pub(crate) default_subject: &'static str,
    /// What the server calls itself in HTTP answers.
    pub(crate) server_header: Option<&'static str>,
    pub(crate) routes: &'static [Route],
    /// Whether SCEP is at every path where nothing else is, too.
    pub(crate) serves_any_path: bool,
    pub(crate) paths_ignore_case: bool,
    /// Whether a query over the limit is no page.
    pub(crate) limits_query: bool,
    /// The body of the answer to `GetCACaps`, to the byte.
    pub(crate) capabilities: &'static str,
    pub(crate) capabilities_content_type: &'static str,
    /// What an error looks like in HTTP.
    pub(crate) error_pages: ErrorPages,
    /// The HTTP status for an operation that is not known or a message that cannot be read.
    pub(crate) bad_request_status: u16,
    /// The HTTP status for a method that is not known.
    pub(crate) bad_method_status: u16,
    pub(crate) ca: CaProfile,
    /// The registration authority's certificates, where requests are not sent to the CA itself.
    pub(crate) registration: Option<RegistrationProfile>,
    pub(crate) user: UserProfiles,
    pub(crate) serials: Serials,
    /// Whether `GetNextCACert` shows a CA that is to follow.
    pub(crate) has_next_ca: bool,
    /// What is refused whatever the capabilities say.
    pub(crate) refused_algorithms: RefusedAlgorithms,
    /// How far a message's signingTime may be from the server's time, where that is looked at.
    pub(crate) clock_tolerance: Option<Duration>,
    pub(crate) reply: ReplyStyle,
    pub(crate) renewal: Renewal,
    /// Whether a name may have only one certificate that is valid for long.
    pub(crate) unique_names: bool,
    /// Whether a request sent again is answered with the certificate it got (RFC 8894 §5.2), or judged anew.
    pub(crate) repeats_answers: bool,
    /// Whether GetCert and GetCRL are served.
    pub(crate) serves_certificates: bool,
    /// How messages are answered that the server knows of and does not serve.
    pub(crate) unsupported: Unsupported,
    /// How messages are answered that break off after their header.
    pub(crate) unreadable: Unreadable,
}

/// Algorithms that a server does not take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RefusedAlgorithms {
    pub(crate) ciphers: &'static [Cipher],
    pub(crate) digests: &'static [Digest],
}

impl RefusedAlgorithms {
    /// None at all.
    pub(crate) const NONE: Self = Self { ciphers: &[], digests: &[] };
}

/// A path and what is there.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) path: &'static str,
    pub(crate) target: Target,
}

/// What is at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// SCEP.
    Scep,
    /// The page that gives out challenge passwords, behind authentication; SCEP, too, when an operation is named.
    Admin,
    /// A redirection to the same path with a slash at its end.
    Slash,
    /// The same, behind authentication.
    AdminSlash,
}

/// What an error looks like in HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorPages {
    /// One line of text that says what is wrong, as Go's.
    Text,
    /// A page of HTML that gives the status only, as IIS's.
    Html,
}

/// The shape of the CA's own certificate.
#[derive(Debug)]
pub(crate) struct CaProfile {
    pub(crate) profile: CertificateProfile,
    pub(crate) serial_bytes: usize,
}

/// The shapes of the registration authority's two certificates.
#[derive(Debug)]
pub(crate) struct RegistrationProfile {
    pub(crate) signing: RegistrationCertificate,
    pub(crate) encryption: RegistrationCertificate,
}

/// The shape of one of them, and when it was made.
#[derive(Debug)]
pub(crate) struct RegistrationCertificate {
    pub(crate) profile: CertificateProfile,
    pub(crate) request_id: u32,
    /// Seconds between the CA's installation and this one's.
    pub(crate) seconds_later: u32,
}

/// The shapes of the certificates of clients, by the key usage they ask for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UserProfiles {
    /// For both signing and encryption, or where nothing is asked for.
    pub(crate) general: CertificateProfile,
    /// For signing alone.
    pub(crate) signature: CertificateProfile,
    /// For encryption alone.
    pub(crate) encryption: CertificateProfile,
}

impl UserProfiles {
    /// The profile for a request that asks for this key usage.
    pub(crate) fn select(&self, asked: Option<KeyUsage>) -> &CertificateProfile {
        let asks = |bit| asked.is_some_and(|usage| usage.contains(bit));
        match (asks(KeyUsage::DIGITAL_SIGNATURE), asks(KeyUsage::KEY_ENCIPHERMENT)) {
            (true, false) => &self.signature,
            (false, true) => &self.encryption,
            _ => &self.general,
        }
    }
}

/// How serial numbers are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Serials {
    /// The next number, from this one on.
    Sequential { first: u32 },
    /// The layout of a Windows CA, from the request id of the settings on.
    RequestId,
}

impl Serials {
    /// The number of the first certificate issued to a client; the request id is that of the settings.
    pub(crate) fn first(self, request_id: u32) -> u32 {
        match self {
            Self::Sequential { first } => first,
            Self::RequestId => request_id,
        }
    }
}

/// What makes a request a renewal, which no challenge password needs to authorise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Renewal {
    /// Nothing does: the challenge is asked for in any case, as scepserver does.
    NeedsChallenge,
    /// A signature with a certificate that this CA issued, that is valid, and that has the requested name.
    ByCertificate,
    /// The same, and the message must be a `RenewalReq`.
    ByMessageAndCertificate,
}

/// How messages are answered that the server knows of and does not serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unsupported {
    /// With HTTP status 500.
    ServerError,
    /// With a CertRep that says badRequest.
    BadRequest,
}

/// How messages are answered whose header can be read, and not what follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// With the HTTP status of what cannot be read at all.
    HttpError,
    /// With a CertRep that says why.
    CertRep,
}

impl Personality {
    /// The shapes of clients' certificates, valid for so many days instead of their own.
    pub(crate) fn user_profiles(&self, valid_days: Option<u32>) -> UserProfiles {
        let mut profiles = self.user;
        if let Some(days) = valid_days {
            for profile in
                [&mut profiles.general, &mut profiles.signature, &mut profiles.encryption]
            {
                profile.validity = profile.validity.with_days(days);
            }
        }
        profiles
    }

    /// What is at this path, if anything.
    pub(crate) fn target(&self, path: &str) -> Option<Target> {
        let same = |known: &str| {
            if self.paths_ignore_case { known.eq_ignore_ascii_case(path) } else { known == path }
        };
        let known = self.routes.iter().find(|route| same(route.path)).map(|route| route.target);
        known.or(self.serves_any_path.then_some(Target::Scep))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_told_apart_as_each_server_does() {
        let linux = PersonalityName::Linux.personality();
        assert_eq!(linux.target("/scep"), Some(Target::Scep));
        assert_eq!(linux.target("/SCEP"), None);
        assert_eq!(linux.target("/scep/pkiclient.exe"), None);
        let ndes = PersonalityName::Ndes.personality();
        assert_eq!(ndes.target("/CertSrv/mscep/mscep.dll"), Some(Target::Scep));
        assert_eq!(ndes.target("/certsrv/MSCEP/mscep.dll/pkiclient.exe"), Some(Target::Scep));
        assert_eq!(ndes.target("/certsrv/mscep_admin"), Some(Target::AdminSlash));
        assert_eq!(ndes.target("/certsrv/mscep_admin/"), Some(Target::Admin));
        assert_eq!(ndes.target("/scep"), None);
        let rfc8894 = PersonalityName::Rfc8894.personality();
        assert_eq!(rfc8894.target("/anything"), Some(Target::Scep));
    }

    #[test]
    fn capabilities_are_exact() {
        assert_eq!(
            PersonalityName::Linux.personality().capabilities,
            "Renewal\nSHA-1\nSHA-256\nAES\nDES3\nSCEPStandard\nPOSTPKIOperation"
        );
        let ndes = PersonalityName::Ndes.personality().capabilities;
        assert_eq!(ndes, "POSTPKIOperation\r\nRenewal\r\nSHA-512\r\nSHA-256\r\nSHA-1\r\nDES3");
        assert_eq!(ndes.len(), 56);
    }
}

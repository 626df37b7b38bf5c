//! Which server the CA behaves like, as data: one value of [`Personality`] each.

mod linux;
mod ndes;
mod rfc8894;

use std::time::Duration;

use scep::{
    algorithm::{Cipher, Digest},
    key_usage::KeyUsage,
};

use crate::profile::CertificateProfile;

scep::named! {
    /// A server that the CA can behave like.
    PersonalityName, "personality" {
        /// micromdm's scepserver.
        Linux = "linux";
        /// Microsoft's Network Device Enrollment Service.
        Ndes = "ndes";
        /// A server that does what RFC 8894 asks, to the letter.
        Rfc8894 = "rfc8894";
    }
}

impl PersonalityName {
    pub(crate) fn personality(self) -> &'static Personality {
        match self {
            Self::Linux => &linux::LINUX,
            Self::Ndes => &ndes::NDES,
            Self::Rfc8894 => &rfc8894::RFC8894,
        }
    }

    /// The TCP port the real server listens on by default.
    pub fn default_port(self) -> u16 {
        self.personality().default_port
    }

    /// A TCP port for it on a machine where many run, of which none is for privileged users.
    pub fn serving_port(self) -> u16 {
        self.personality().serving_port
    }

    /// Whether `GetNextCACert` shows a CA that is to follow.
    pub fn has_next_ca(self) -> bool {
        self.personality().has_next_ca
    }

    /// The paths under which SCEP is served.
    pub fn paths(self) -> Vec<&'static str> {
        self.paths_to(Target::Scep).collect()
    }

    /// The path of the page that gives out challenge passwords, where there is one.
    pub fn admin_path(self) -> Option<&'static str> {
        self.paths_to(Target::Admin).next()
    }

    fn paths_to(self, target: Target) -> impl Iterator<Item = &'static str> {
        let routes = self.personality().routes.iter();
        routes.filter(move |(_, known)| *known == target).map(|(path, _)| *path)
    }
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
    /// The paths, and what is at each.
    pub(crate) routes: &'static [(&'static str, Target)],
    /// Whether SCEP is at every path where nothing else is, too.
    pub(crate) serves_any_path: bool,
    pub(crate) paths_ignore_case: bool,
    /// Whether a query over the limit is no page.
    pub(crate) limits_query: bool,
    /// The body of the answer to `GetCACaps`, to the byte.
    pub(crate) capabilities: &'static str,
    /// What an error looks like in HTTP.
    pub(crate) error_pages: ErrorPages,
    /// The HTTP status for an operation that is not known or a message that cannot be read.
    pub(crate) bad_request_status: u16,
    /// The HTTP status for a method that is not known.
    pub(crate) bad_method_status: u16,
    /// The shape of the CA's own certificate.
    pub(crate) ca: CertificateProfile,
    /// The length of the CA's own serial number, in bytes.
    pub(crate) ca_serial_bytes: usize,
    /// The registration authority's certificates, where requests are not sent to the CA itself.
    pub(crate) registration: Option<Registration<RegistrationCertificate>>,
    pub(crate) user: UserProfiles,
    pub(crate) serials: Serials,
    /// Whether `GetNextCACert` shows a CA that is to follow.
    pub(crate) has_next_ca: bool,
    /// The ciphers that are refused whatever the capabilities say.
    pub(crate) refused_ciphers: &'static [Cipher],
    /// The digests that are refused whatever the capabilities say.
    pub(crate) refused_digests: &'static [Digest],
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
    /// Whether messages that the server knows of and does not serve are answered with a CertRep that says badRequest, or
    /// with HTTP status 500.
    pub(crate) replies_to_unsupported: bool,
    /// Whether messages whose header can be read, and not what follows, are answered with a CertRep that says why, or with
    /// the HTTP status of what cannot be read at all.
    pub(crate) replies_to_unreadable: bool,
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

/// The two parts of a registration authority: its certificates' shapes, its keys, or its identities.
#[derive(Clone, Debug)]
pub(crate) struct Registration<T> {
    /// The part that signs replies.
    pub(crate) signing: T,
    /// The part that requests are enciphered to.
    pub(crate) encryption: T,
}

/// The shape of a registration authority's certificate, and when it was made.
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

/// The shape of a CertRep.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent habits, each named in the data")]
pub(crate) struct ReplyStyle {
    /// Which certificates the message carries in the clear.
    pub(crate) carries: Carried,
    pub(crate) has_signing_time: bool,
    /// What stands for an envelope where there is none.
    pub(crate) content_without_envelope: Option<&'static [u8]>,
    /// Whether the Windows attributes are added: an error number to failures, `Issued` to successes.
    pub(crate) has_windows_attributes: bool,
    /// Whether a failure is signed with SHA-1 whatever the request's digest.
    pub(crate) failures_use_sha1: bool,
    /// Whether the failInfo tells causes apart, or is badRequest for every refusal.
    pub(crate) tells_causes_apart: bool,
    /// Whether a failure says in words why.
    pub(crate) has_fail_info_text: bool,
}

/// Which certificates a CertRep carries in the clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carried {
    /// None.
    Nothing,
    /// The issued one, if any, and the CA's.
    IssuedAndCa,
    /// The signer's, in a success.
    SignerInSuccess,
}

/// How serial numbers are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Serials {
    /// The next number, from this one on.
    Sequential { first: u32 },
    /// The layout of a Windows CA, from the request id of the settings on.
    RequestId,
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

impl Personality {
    /// The shape of a client's certificate by the key usage that it asks for, valid for so many days instead of its own.
    pub(crate) fn user_profile(
        &self,
        asked: Option<KeyUsage>,
        valid_days: Option<u32>,
    ) -> CertificateProfile {
        let asks = |bit| asked.is_some_and(|usage| usage.contains(bit));
        let mut profile =
            match (asks(KeyUsage::DIGITAL_SIGNATURE), asks(KeyUsage::KEY_ENCIPHERMENT)) {
                (true, false) => self.user.signature,
                (false, true) => self.user.encryption,
                _ => self.user.general,
            };
        if let Some(days) = valid_days {
            profile.validity = profile.validity.with_days(days);
        }
        profile
    }

    /// What is at this path, if anything.
    pub(crate) fn target(&self, path: &str) -> Option<Target> {
        let same = |known: &str| {
            if self.paths_ignore_case { known.eq_ignore_ascii_case(path) } else { known == path }
        };
        let known = self.routes.iter().find(|(known, _)| same(known)).map(|(_, target)| *target);
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

    #[test]
    fn names_go_both_ways() {
        for name in PersonalityName::ALL {
            assert_eq!(name.as_str().parse(), Ok(name));
        }
        let error = "windows".parse::<PersonalityName>().unwrap_err();
        assert_eq!(error.to_string(), "`windows` is no personality (known: linux, ndes, rfc8894)");
    }

    #[test]
    fn a_windows_server_gives_out_passwords() {
        assert_eq!(PersonalityName::Ndes.admin_path(), Some("/certsrv/mscep_admin/"));
        assert_eq!(PersonalityName::Linux.admin_path(), None);
    }
}

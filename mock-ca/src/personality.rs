//! Personalities: the servers that the CA can behave like, each as a value of [`Personality`].

mod linux;
mod ndes;
mod rfc8894;

use std::time::Duration;

use scep::{
    algorithm::{Cipher, Digest, KeyTransport},
    key_usage::KeyUsage,
    message::{Parameters, Reading, TransactionString},
};

use crate::profile::CertificateProfile;

scep::named! {
    /// A server that the CA can behave like.
    #[non_exhaustive]
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

    /// The TCP port of `sceplab serve`: different for each personality, and open to ordinary users.
    pub fn serving_port(self) -> u16 {
        self.personality().serving_port
    }

    /// True if `GetNextCACert` returns a next CA.
    pub fn has_next_ca(self) -> bool {
        self.personality().has_next_ca
    }

    /// True if a registration authority stands between clients and the CA.
    pub fn has_registration(self) -> bool {
        self.personality().registration.is_some()
    }

    /// The paths under which SCEP is served.
    pub fn paths(self) -> Vec<&'static str> {
        self.paths_to(Target::Scep).collect()
    }

    /// The path of the page that gives out challenge passwords, if there is one.
    pub fn admin_path(self) -> Option<&'static str> {
        self.paths_to(Target::Admin).next()
    }

    fn paths_to(self, target: Target) -> impl Iterator<Item = &'static str> {
        let routes = self.personality().routes.iter();
        routes.filter(move |(_, known)| *known == target).map(|(path, _)| *path)
    }
}

/// Everything that distinguishes one server from another.
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
    /// The value of the header `Server` in HTTP answers.
    pub(crate) server_header: Option<&'static str>,
    /// The paths, each with its target.
    pub(crate) routes: &'static [(&'static str, Target)],
    /// True if SCEP is served at every other path, too.
    pub(crate) serves_any_path: bool,
    pub(crate) paths_ignore_case: bool,
    /// True if a query over the limit is answered with status 404.
    pub(crate) limits_query: bool,
    /// The body of the answer to `GetCACaps`, to the byte.
    pub(crate) capabilities: &'static str,
    /// The form of errors in HTTP.
    pub(crate) error_pages: ErrorPages,
    /// The HTTP status for an unknown operation or an unreadable message.
    pub(crate) bad_request_status: u16,
    /// The text of the answer to an unknown or missing operation, if it is not the reason.
    pub(crate) words_for_unknown_operation: Option<&'static str>,
    /// True if a certification request may have any version, not only PKCS#10's (RFC 2986 §4.1).
    pub(crate) takes_any_csr_version: bool,
    /// The HTTP status for an unknown method.
    pub(crate) bad_method_status: u16,
    /// The shape of the CA's own certificate.
    pub(crate) ca: CertificateProfile,
    /// The length of the CA's own serial number, in bytes.
    pub(crate) ca_serial_bytes: usize,
    /// The registration authority's certificates, if requests are not encrypted for the CA itself.
    pub(crate) registration: Option<Registration<RegistrationCertificate>>,
    pub(crate) user: UserProfiles,
    pub(crate) serials: Serials,
    /// True if `GetNextCACert` returns a next CA.
    pub(crate) has_next_ca: bool,
    /// The ciphers that are refused whatever the capabilities say.
    pub(crate) refused_ciphers: &'static [Cipher],
    /// The digests that are refused whatever the capabilities say.
    pub(crate) refused_digests: &'static [Digest],
    /// The key transports that are refused whatever the capabilities say.
    pub(crate) refused_key_transports: &'static [KeyTransport],
    /// True if the base64 of a message in a query needs its padding, and each `+` must be percent-encoded.
    pub(crate) reads_strict_base64: bool,
    /// True if requests for keys of other kinds than RSA are refused.
    pub(crate) certifies_rsa_alone: bool,
    /// True if a reply to a signer whose key cannot decrypt is encrypted with the challenge password (RFC 8894 §3.1); otherwise such a
    /// request is refused.
    pub(crate) encrypts_with_password: bool,
    /// What the server takes of messages beyond the standard, or refuses although the standard allows it.
    pub(crate) reading: Reading,
    /// True if a signingTime must be within the validity of the signer's certificate.
    pub(crate) signs_while_valid: bool,
    /// True if a certification request must be signed with the key to certify.
    pub(crate) verifies_requests: bool,
    /// The greatest difference between a message's signingTime and the server's time, if the server checks it.
    pub(crate) clock_tolerance: Option<Duration>,
    pub(crate) reply: ReplyStyle,
    pub(crate) renewal: Renewal,
    /// True if a subject may have only one certificate that does not expire soon.
    pub(crate) unique_names: bool,
    /// True if a repeated request is answered with the same certificate (RFC 8894 §5.2), false if it is a new request.
    pub(crate) repeats_answers: bool,
    /// True if GetCert and GetCRL are served.
    pub(crate) serves_certificates: bool,
    /// True if known messages that are not served are answered with a CertRep with badRequest, false if with HTTP status 500.
    pub(crate) replies_to_unsupported: bool,
    /// True if messages with a readable header but an unreadable content are answered with a CertRep, false if with the HTTP
    /// status for unreadable messages.
    pub(crate) replies_to_unreadable: bool,
}

/// The service at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// SCEP.
    Scep,
    /// The page that gives out challenge passwords, behind authentication; SCEP, too, if the request names an operation.
    Admin,
    /// A redirection to the same path with a slash at its end.
    Slash,
    /// The same redirection, behind authentication.
    AdminSlash,
}

/// The form of errors in HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorPages {
    /// One line of text with the reason, as in Go.
    Text,
    /// A page of HTML with the status alone, as in IIS.
    Html,
}

/// A value for each of the two parts of a registration authority: a certificate's shape, a key, or an identity.
#[derive(Clone, Debug)]
pub(crate) struct Registration<T> {
    /// The part that signs replies.
    pub(crate) signing: T,
    /// The part that decrypts requests.
    pub(crate) encryption: T,
}

/// The shape of a registration authority's certificate, and its age.
#[derive(Debug)]
pub(crate) struct RegistrationCertificate {
    pub(crate) profile: CertificateProfile,
    pub(crate) request_id: u32,
    /// The seconds between the installation of the CA and this certificate.
    pub(crate) seconds_later: u32,
}

/// The shapes of clients' certificates, by the requested key usage.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UserProfiles {
    /// For signing and encryption, or if the request asks for no key usage.
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
    /// The certificates that the message carries in the clear.
    pub(crate) carries: Carried,
    /// True if the senderNonce is that of the request, false if it is a fresh one.
    pub(crate) echoes_nonce: bool,
    /// The string type of a transactionID that is no `PrintableString`.
    pub(crate) transaction_string: TransactionString,
    /// The parameters of algorithms that have none to tell.
    pub(crate) parameters: Parameters,
    /// True if the encrypted content is an `OCTET STRING` in a constructed `[0]`, which is BER; false if it is a primitive `[0]`.
    pub(crate) wraps_content: bool,
    pub(crate) has_signing_time: bool,
    /// The content of a message without an envelope.
    pub(crate) content_without_envelope: Option<&'static [u8]>,
    /// True if the Windows attributes are added: an error number to failures, `Issued` to successes.
    pub(crate) has_windows_attributes: bool,
    /// True if a failure is signed with SHA-1, whatever the request's digest.
    pub(crate) failures_use_sha1: bool,
    /// True if the failInfo depends on the cause, false if it is badRequest for every refusal.
    pub(crate) distinguishes_causes: bool,
    /// True if a failure has the reason in words.
    pub(crate) has_fail_info_text: bool,
}

/// The certificates that a CertRep carries in the clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carried {
    /// No certificate.
    Nothing,
    /// The issued certificate, if there is one, and the CA's.
    IssuedAndCa,
    /// The signer's certificate, in a success.
    SignerInSuccess,
}

/// The form of serial numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Serials {
    /// Consecutive numbers that begin with this one.
    Sequential { first: u32 },
    /// The layout of a Windows CA; the request ids begin with that of the settings.
    RequestId,
}

/// The condition for a renewal, which needs no challenge password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Renewal {
    /// No request is a renewal: a challenge password is needed in any case, as at scepserver.
    NeedsChallenge,
    /// The request is signed with a valid certificate of this CA with the requested subject.
    ByCertificate,
    /// The same, and the message is a `RenewalReq`.
    ByMessageAndCertificate,
}

impl Personality {
    /// The shape of a client's certificate, by the requested key usage; `valid_for` replaces the length of the shape's validity.
    pub(crate) fn user_profile(
        &self,
        asked: Option<KeyUsage>,
        valid_for: Option<Duration>,
    ) -> CertificateProfile {
        let asks = |bit| asked.is_some_and(|usage| usage.contains(bit));
        let mut profile =
            match (asks(KeyUsage::DIGITAL_SIGNATURE), asks(KeyUsage::KEY_ENCIPHERMENT)) {
                (true, false) => self.user.signature,
                (false, true) => self.user.encryption,
                _ => self.user.general,
            };
        if let Some(length) = valid_for {
            profile.validity = profile.validity.lasting(length);
        }
        profile
    }

    /// The service at this path, if there is one.
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
    fn paths_are_matched_as_each_server_does() {
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
    fn names_are_parsed_and_printed() {
        for name in PersonalityName::ALL.iter().copied() {
            assert_eq!(name.as_str().parse(), Ok(name));
        }
        let error = "windows".parse::<PersonalityName>().unwrap_err();
        assert_eq!(error.to_string(), "`windows` is no personality (known: linux, ndes, rfc8894)");
    }

    #[test]
    fn windows_server_has_a_page_for_passwords() {
        assert_eq!(PersonalityName::Ndes.admin_path(), Some("/certsrv/mscep_admin/"));
        assert_eq!(PersonalityName::Linux.admin_path(), None);
    }
}

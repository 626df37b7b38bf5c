//! The shape of a CertRep.

use scep::server::SignatureAlgorithm;

/// The shape of a CertRep.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent habits, each named in the data")]
pub(crate) struct ReplyStyle {
    /// Which certificates the message carries in the clear.
    pub(crate) carries: Carried,
    pub(crate) signature_algorithm: SignatureAlgorithm,
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

//! A fact about a client, and what a PKI must show so that it does no harm.

use std::fmt;

use scep::algorithm::{Cipher, Digest};

use crate::{Source, Subject};

/// Something that a PKI must show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing: the client takes what there is.
    Nothing(Subject),
    /// An address that begins with `http://`.
    PlainHttp,
    /// The same answers if this text follows the path.
    PathSuffix(&'static str),
    /// Answers to GetCACaps and GetCACert with this `message=`, which the client sends if no other is configured.
    AnyIdentifier(&'static str),
    /// Answers to GetCACaps and GetCACert without `message=`.
    NoIdentifier,
    /// Answers to HTTP/1.0.
    Http10,
    /// No redirection.
    NotRedirected,
    /// GetCACaps is answered with HTTP 200.
    CapabilitiesAnswered,
    /// Capabilities in the spelling of RFC 8894 §3.5.2.
    ExactCase,
    /// No blank line among the capabilities.
    NoBlankLines,
    /// Capabilities whose lines end in LF, not in CRLF.
    LfAlone,
    /// Capabilities of so many bytes at most.
    ShortList(usize),
    /// Messages are taken by POST.
    Post,
    /// Messages are taken by GET.
    Get,
    /// One of these digests.
    Digest(&'static [Digest]),
    /// One of these ciphers.
    Cipher(&'static [Cipher]),
    /// Envelopes with single DES.
    SingleDes,
    /// The content type of GetCACert that fits the body: one for a certificate alone, another for several.
    ContentType,
    /// The same without a parameter after it, such as a charset.
    BareContentType,
    /// A root's certificate, which is self-issued.
    Root,
    /// A root's certificate, if there are several certificates.
    RootAmongSeveral,
    /// If there are several certificates: an RA below a CA that is among them, with both usages, or one RA for each usage.
    RaInList,
    /// The issuer of each RA among the certificates.
    RaIssuer,
    /// The certificate that requests are enciphered to names keyEncipherment.
    KeyEncipherment,
    /// The certificate that signs replies names digitalSignature.
    DigitalSignature,
    /// The CA's certificate has the basic constraint CA.
    CaFlag,
    /// An RSA key in the certificate that requests are enciphered to.
    RsaRecipient,
    /// A certificate to encipher to and that of its issuer, both valid now.
    UsableRecipient,
    /// RSA keys in all certificates.
    RsaAlone,
    /// Certificates that end before this moment.
    EndsBefore(&'static str),
    /// The word `Renewal`.
    Renewal,
    /// Certificates are issued without a person's decision.
    IssuesAtOnce,
}

impl Need {
    /// An example of a need for nothing.
    #[cfg(test)]
    pub(crate) const NOTHING: Self = Self::Nothing(Subject::Order);

    /// What the need is about.
    pub fn subject(self) -> Subject {
        match self {
            Self::Nothing(subject) => subject,
            Self::PlainHttp => Subject::Transport,
            Self::PathSuffix(_) => Subject::Path,
            Self::AnyIdentifier(_) | Self::NoIdentifier => Subject::Identifier,
            Self::Http10 => Subject::Http,
            Self::NotRedirected => Subject::Redirection,
            Self::CapabilitiesAnswered
            | Self::ExactCase
            | Self::NoBlankLines
            | Self::LfAlone
            | Self::ShortList(_) => Subject::Capabilities,
            Self::Post | Self::Get => Subject::Method,
            Self::Digest(_) => Subject::Digest,
            Self::Cipher(_) | Self::SingleDes => Subject::Cipher,
            Self::ContentType | Self::BareContentType => Subject::ContentType,
            Self::Root | Self::RootAmongSeveral | Self::RaInList | Self::RaIssuer => {
                Subject::Certificates
            }
            Self::KeyEncipherment => Subject::Recipient,
            Self::DigitalSignature => Subject::Signer,
            Self::CaFlag => Subject::CaUsage,
            Self::RsaRecipient | Self::RsaAlone => Subject::Key,
            Self::UsableRecipient | Self::EndsBefore(_) => Subject::Dates,
            Self::Renewal => Subject::Renewal,
            Self::IssuesAtOnce => Subject::Approval,
        }
    }
}

/// The need as the end of "needs …".
impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self {
            Self::Nothing(_) => "nothing",
            Self::PlainHttp => "an address of `http://`",
            Self::PathSuffix(suffix) => {
                return write!(f, "answers at the path with `{suffix}` after it");
            }
            Self::AnyIdentifier("") => "answers with an empty `message=`",
            Self::AnyIdentifier(text) => return write!(f, "answers with `message={text}`"),
            Self::NoIdentifier => "answers without `message=`",
            Self::Http10 => "answers to HTTP/1.0",
            Self::NotRedirected => "answers without a redirection",
            Self::CapabilitiesAnswered => "an answer to GetCACaps with HTTP 200",
            Self::ExactCase => "capabilities in the standard's spelling",
            Self::NoBlankLines => "capabilities without blank lines",
            Self::LfAlone => "capabilities with LF at the ends of lines",
            Self::ShortList(bytes) => return write!(f, "capabilities of {bytes} bytes at most"),
            Self::Post => "messages by POST",
            Self::Get => "messages by GET",
            Self::Digest(digests) => return write!(f, "{}", one_of(digests)),
            Self::Cipher(ciphers) => return write!(f, "{}", one_of(ciphers)),
            Self::SingleDes => "single DES",
            Self::ContentType => "the content type that fits the certificates",
            Self::BareContentType => {
                "the content type that fits the certificates, and nothing after it"
            }
            Self::Root => "the root's certificate",
            Self::RootAmongSeveral => "the root's certificate among several",
            Self::RaInList => "an RA among several certificates",
            Self::RaIssuer => "the certificate of each RA's issuer",
            Self::KeyEncipherment => {
                "keyEncipherment in the certificate that requests are enciphered to"
            }
            Self::DigitalSignature => "digitalSignature in the certificate that signs replies",
            Self::CaFlag => "the basic constraint CA in the CA's certificate",
            Self::RsaRecipient => "an RSA key to encipher to",
            Self::UsableRecipient => {
                "a certificate to encipher to and that of its issuer, valid now"
            }
            Self::RsaAlone => "RSA keys in all certificates",
            Self::EndsBefore(moment) => return write!(f, "certificates that end before {moment}"),
            Self::Renewal => "the capability `Renewal`",
            Self::IssuesAtOnce => "certificates without a person's decision",
        };
        f.write_str(words)
    }
}

fn one_of(names: &[impl fmt::Display]) -> String {
    names.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ")
}

/// What happens if a PKI does not show what is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consequence {
    /// The client does not enrol, and what it does in place of it.
    Fails(&'static str),
    /// The client may not enrol, or not as well, and why.
    MayFail(&'static str),
}

/// A fact about a client.
#[derive(Clone, Copy, Debug)]
pub struct Demand {
    /// What a PKI must show.
    pub need: Need,
    /// What the client does, in one sentence.
    pub fact: &'static str,
    /// What follows if the PKI does not show it; nothing if nothing is needed.
    pub otherwise: Option<Consequence>,
    /// Where the fact is from.
    pub sources: &'static [Source],
}

impl Demand {
    /// A client that takes what there is.
    pub(crate) const fn none(
        subject: Subject,
        fact: &'static str,
        sources: &'static [Source],
    ) -> Self {
        Self { need: Need::Nothing(subject), fact, otherwise: None, sources }
    }

    /// A client that does not enrol without it.
    pub(crate) const fn firm(
        need: Need,
        fact: &'static str,
        otherwise: &'static str,
        sources: &'static [Source],
    ) -> Self {
        Self { need, fact, otherwise: Some(Consequence::Fails(otherwise)), sources }
    }

    /// A client that may not enrol without it, or not as well.
    pub(crate) const fn soft(
        need: Need,
        fact: &'static str,
        otherwise: &'static str,
        sources: &'static [Source],
    ) -> Self {
        Self { need, fact, otherwise: Some(Consequence::MayFail(otherwise)), sources }
    }
}

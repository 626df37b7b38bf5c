//! What is wrong with the certificate of a server.

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use openssl::nid::Nid;
use openssl::ssl::SslRef;
use openssl::x509::{X509Ref, X509StoreContext, X509StoreContextRef, X509VerifyResult};
use openssl_sys as ffi;
use redact::visible;
use scep::certificate::invalidity;
use scep::name::to_text;

use super::TlsFailure;

/// The most names of a certificate that are shown.
const SHOWN_NAMES: usize = 5;

/// The most problems that are collected.
const MOST_PROBLEMS: usize = 8;

/// A certificate in a chain, with its subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// The certificate of the server itself.
    Server,
    /// That of an authority in its chain, with this subject.
    Authority(String),
}

/// A reason why the certificate of a server does not verify.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateProblem {
    /// It is for others.
    OtherName {
        /// The name or address of the server in the URL.
        asked: String,
        /// The names and addresses in the certificate.
        names: Vec<String>,
    },
    /// A certificate has expired or is not valid yet.
    Date {
        /// The certificate.
        whose: Whose,
        /// Since when or until when, and the time of the clock.
        words: String,
    },
    /// It is signed by itself, and is not trusted.
    SelfSigned,
    /// Its chain ends in a root that is not trusted.
    UntrustedRoot {
        /// Subject of the root.
        root: String,
    },
    /// The certificate of an issuer is neither sent nor trusted.
    UnknownIssuer {
        /// The certificate that was issued by it.
        whose: Whose,
        /// Name of the issuer.
        issuer: String,
        /// Number of the certificates that the server sent.
        sent: usize,
    },
    /// A signature was not made by the key of its issuer.
    WrongSignature {
        /// The certificate.
        whose: Whose,
    },
    /// A key is too short, or a digest too weak.
    Weak {
        /// The certificate.
        whose: Whose,
        /// What is too weak.
        what: &'static str,
    },
    /// Its key usages do not allow a TLS server.
    NotForServers,
    /// An issuer is no CA.
    NoCa {
        /// Its certificate.
        whose: Whose,
    },
    /// No certificate that the server sent has the wanted fingerprint.
    NotPinned,
    /// Any other reason, in the words of OpenSSL.
    Other {
        /// The certificate.
        whose: Whose,
        /// The words.
        words: &'static str,
    },
}

impl fmt::Display for Whose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server => f.write_str("it"),
            Self::Authority(subject) => write!(f, "`{subject}` in its chain"),
        }
    }
}

impl fmt::Display for CertificateProblem {
    /// A clause about the certificate of the server, which is "it".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherName { asked, names } if names.is_empty() => {
                write!(f, "it has no name of a server, so it is not for `{asked}`")
            }
            Self::OtherName { asked, names } => {
                write!(f, "it is for {}, not for `{asked}`", listed(names))
            }
            Self::Date { whose, words } => write!(f, "{whose} {words}"),
            Self::SelfSigned => f.write_str("it is signed by itself, and not trusted here"),
            Self::UntrustedRoot { root } => {
                write!(f, "its chain ends in `{root}`, which is not trusted here")
            }
            Self::UnknownIssuer { whose: Whose::Server, issuer, sent: 0 | 1 } => write!(
                f,
                "it was issued by `{issuer}`, whose certificate is neither trusted here nor sent by the server: either the server \
                 leaves out an intermediate certificate, or `{issuer}` is a CA that is not trusted here"
            ),
            Self::UnknownIssuer { whose, issuer, .. } => write!(
                f,
                "{whose} was issued by `{issuer}`, whose certificate is neither trusted here nor sent by the server"
            ),
            Self::WrongSignature { whose } => {
                write!(f, "the signature of {} was not made by its issuer", whose.object())
            }
            Self::Weak { whose, what } => write!(f, "{whose} has {what}"),
            Self::NotForServers => f.write_str("its key usages do not allow a TLS server"),
            Self::NoCa { whose } => write!(f, "{whose} issued a certificate and is no CA"),
            Self::NotPinned => f.write_str(
                "no certificate that the server sent has the fingerprint that is trusted here",
            ),
            Self::Other { whose, words } => write!(f, "{whose} is refused: {words}"),
        }
    }
}

impl Whose {
    fn of(certificate: &X509Ref, depth: u32) -> Self {
        if depth == 0 { Self::Server } else { Self::Authority(name(certificate)) }
    }

    fn object(&self) -> String {
        match self {
            Self::Server => "its certificate".to_owned(),
            Self::Authority(subject) => format!("`{subject}` in its chain"),
        }
    }
}

fn listed(names: &[String]) -> String {
    let shown: Vec<String> =
        names.iter().take(SHOWN_NAMES).map(|name| format!("`{name}`")).collect();
    match names.len().saturating_sub(SHOWN_NAMES) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// The problems of a handshake, which its verification collects; clones share them.
#[derive(Clone)]
pub(super) struct Problems {
    pub(super) host: String,
    pub(super) now: SystemTime,
    found: Arc<Mutex<Vec<(CertificateProblem, X509VerifyResult)>>>,
}

impl Problems {
    /// No problem yet, of a server with that name or address at that time.
    pub(super) fn new(host: &str, now: SystemTime) -> Self {
        Self { host: host.to_owned(), now, found: Arc::default() }
    }

    /// Fails if there are problems.
    pub(super) fn check(&self) -> Result<(), TlsFailure> {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let problems: Vec<_> = found.iter().map(|(problem, _)| problem.clone()).collect();
        if problems.is_empty() { Ok(()) } else { Err(TlsFailure::Certificate(problems)) }
    }

    /// The function that OpenSSL calls for each problem and for each certificate without one, the server's last. It goes on after a
    /// problem, so that all are told, and refuses at the end; the first one decides about the alert that the server gets.
    pub(super) fn collector(&self) -> impl Fn(bool, &mut X509StoreContextRef) -> bool + 'static {
        let problems = self.clone();
        move |is_right, context| {
            let mut found = problems.found.lock().unwrap_or_else(PoisonError::into_inner);
            if !is_right {
                let problem = problems.of(context);
                let is_new = found.iter().all(|(known, _)| !known.covers(&problem));
                if is_new && found.len() < MOST_PROBLEMS {
                    found.push((problem, context.error()));
                }
                return true;
            }
            match found.first() {
                Some((_, first)) if context.error_depth() == 0 => {
                    context.set_error(*first);
                    false
                }
                _ => true,
            }
        }
    }

    /// The problem that the verification is at.
    pub(super) fn of(&self, context: &X509StoreContextRef) -> CertificateProblem {
        let (error, depth) = (context.error(), context.error_depth());
        let Some(certificate) = context.current_cert() else {
            return CertificateProblem::Other { whose: Whose::Server, words: error.error_string() };
        };
        let whose = Whose::of(certificate, depth);
        match error.as_raw() {
            ffi::X509_V_ERR_HOSTNAME_MISMATCH | ffi::X509_V_ERR_IP_ADDRESS_MISMATCH => {
                let names = names(certificate);
                CertificateProblem::OtherName { asked: self.host.clone(), names }
            }
            ffi::X509_V_ERR_CERT_NOT_YET_VALID | ffi::X509_V_ERR_CERT_HAS_EXPIRED => {
                let words = invalidity(certificate, self.now);
                let words = words.unwrap_or_else(|| error.error_string().to_owned());
                CertificateProblem::Date { whose, words }
            }
            ffi::X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT => CertificateProblem::SelfSigned,
            ffi::X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN => {
                CertificateProblem::UntrustedRoot { root: name(certificate) }
            }
            ffi::X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT
            | ffi::X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY
            | ffi::X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE => {
                let issuer = visible(&to_text(certificate.issuer_name()));
                CertificateProblem::UnknownIssuer { whose, issuer, sent: sent(context) }
            }
            ffi::X509_V_ERR_CERT_SIGNATURE_FAILURE => CertificateProblem::WrongSignature { whose },
            ffi::X509_V_ERR_EE_KEY_TOO_SMALL | ffi::X509_V_ERR_CA_KEY_TOO_SMALL => {
                CertificateProblem::Weak { whose, what: "a key that is too short" }
            }
            ffi::X509_V_ERR_CA_MD_TOO_WEAK => {
                let what = "a signature with a digest that is too weak, such as SHA-1";
                CertificateProblem::Weak { whose, what }
            }
            ffi::X509_V_ERR_INVALID_PURPOSE if depth == 0 => CertificateProblem::NotForServers,
            ffi::X509_V_ERR_INVALID_CA | ffi::X509_V_ERR_KEYUSAGE_NO_CERTSIGN => {
                CertificateProblem::NoCa { whose }
            }
            _ => CertificateProblem::Other { whose, words: error.error_string() },
        }
    }
}

impl CertificateProblem {
    /// True if another problem says nothing new after this one.
    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::UnknownIssuer { whose, .. }, Self::UnknownIssuer { whose: other, .. }) => {
                whose == other
            }
            // OpenSSL names the missing issuer, and then that it cannot check the signature of the server's certificate.
            _ => self == other,
        }
    }
}

/// The number of certificates that the server sent.
fn sent(context: &X509StoreContextRef) -> usize {
    let index = X509StoreContext::ssl_idx().ok();
    let ssl = index.and_then(|index| context.ex_data(index));
    ssl.and_then(SslRef::peer_cert_chain).map_or(0, openssl::stack::StackRef::len)
}

fn name(certificate: &X509Ref) -> String {
    visible(&to_text(certificate.subject_name()))
}

/// The names and addresses of servers in a certificate; the common name is one if there is no other (RFC 9110 §4.3.4).
fn names(certificate: &X509Ref) -> Vec<String> {
    let alternatives = certificate.subject_alt_names();
    let names = alternatives.iter().flatten().filter_map(|name| {
        let address = name.ipaddress().and_then(address);
        name.dnsname().map(visible).or(address)
    });
    let names: Vec<String> = names.collect();
    if !names.is_empty() {
        return names;
    }
    let common = certificate.subject_name().entries_by_nid(Nid::COMMONNAME);
    common.filter_map(|entry| entry.data().to_string().ok()).map(|name| visible(&name)).collect()
}

fn address(octets: &[u8]) -> Option<String> {
    let address: IpAddr = match octets.len() {
        4 => <[u8; 4]>::try_from(octets).ok()?.into(),
        _ => <[u8; 16]>::try_from(octets).ok()?.into(),
    };
    Some(address.to_string())
}

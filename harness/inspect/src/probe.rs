//! The harmless requests besides GetCACaps and GetCACert.

use scep::http::{HttpRequest, Method, Operation};
use testbed::http::Form;

/// The name of a CA that clients send if nobody configured one; sscep's is the best known.
pub(crate) const FOREIGN_NAME: &str = "CAIdentifier";

/// The end of the path that Cisco's routers add: the last part of the path that RFC 8894 §4.1 recommends.
pub(crate) const SUFFIX: &str = "/pkiclient.exe";

/// An operation that no server has.
const NO_OPERATION: &str = "SceplabInspect";

scep::named! {
    /// A request that shows how the server treats what some clients do.
    Probe, "probe" {
        /// GetCACaps without the name of a CA, if one was given.
        CapabilitiesUnnamed = "capabilities-unnamed";
        /// GetCACert without the name of a CA, if one was given.
        CertificatesUnnamed = "certificates-unnamed";
        /// GetCACaps with the name of a CA that nobody configured.
        CapabilitiesNamed = "capabilities-named";
        /// GetCACert with the name of a CA that nobody configured.
        CertificatesNamed = "certificates-named";
        /// GetCACaps at the path with `/pkiclient.exe` after it.
        Suffix = "suffix";
        /// GetCACaps at the path with a slash after it.
        Slash = "slash";
        /// GetCACaps in HTTP/1.0.
        Http10 = "http-1.0";
        /// HEAD in place of GET.
        Head = "head";
        /// A PKIOperation by POST with an empty body.
        EmptyPost = "empty-post";
        /// An operation that does not exist.
        Unknown = "unknown-operation";
        /// A second request over one connection.
        Again = "second-request";
    }
}

impl Probe {
    /// True if it is sent to a server for whose CA a name is given, or not.
    pub(crate) fn is_asked(self, is_named: bool) -> bool {
        match self {
            Self::CapabilitiesUnnamed | Self::CertificatesUnnamed => is_named,
            Self::CapabilitiesNamed | Self::CertificatesNamed => !is_named,
            _ => true,
        }
    }

    /// The request.
    pub(crate) fn request(self, name: Option<&str>) -> HttpRequest {
        let foreign = || Some(FOREIGN_NAME.to_owned());
        let operation = match self {
            Self::CapabilitiesUnnamed => Operation::GetCaCaps(None),
            Self::CertificatesUnnamed => Operation::GetCaCert(None),
            Self::CapabilitiesNamed => Operation::GetCaCaps(foreign()),
            Self::CertificatesNamed => Operation::GetCaCert(foreign()),
            Self::EmptyPost => return Operation::PkiOperation(Vec::new()).to_http(Method::Post),
            Self::Unknown => Operation::Other(NO_OPERATION.to_owned()),
            Self::Suffix | Self::Slash | Self::Http10 | Self::Head | Self::Again => {
                Operation::GetCaCaps(name.map(str::to_owned))
            }
        };
        operation.to_http(Method::Get)
    }

    /// The text after the path.
    pub(crate) fn after_path(self) -> &'static str {
        match self {
            Self::Suffix => SUFFIX,
            Self::Slash => "/",
            _ => "",
        }
    }

    /// How the request is written.
    pub(crate) fn form(self) -> Form {
        match self {
            Self::Head => Form::Head,
            Self::Http10 => Form::Http10,
            _ => Form::Usual,
        }
    }

    /// The request in words.
    pub fn in_words(self) -> String {
        match self {
            Self::CapabilitiesUnnamed => "GetCACaps without `message=`".to_owned(),
            Self::CertificatesUnnamed => "GetCACert without `message=`".to_owned(),
            Self::CapabilitiesNamed => format!("GetCACaps with `message={FOREIGN_NAME}`"),
            Self::CertificatesNamed => format!("GetCACert with `message={FOREIGN_NAME}`"),
            Self::Suffix => format!("GetCACaps at the path with `{SUFFIX}` after it"),
            Self::Slash => "GetCACaps at the path with a slash after it".to_owned(),
            Self::Http10 => "GetCACaps in HTTP/1.0".to_owned(),
            Self::Head => "HEAD in place of GET".to_owned(),
            Self::EmptyPost => "PKIOperation by POST with an empty body".to_owned(),
            Self::Unknown => format!("the operation `{NO_OPERATION}`, which does not exist"),
            Self::Again => "a second GetCACaps over one connection".to_owned(),
        }
    }

    /// True if an answer like that to the plain request is the good one.
    pub(crate) fn wants_the_same(self) -> bool {
        !matches!(self, Self::Head | Self::EmptyPost | Self::Unknown)
    }
}

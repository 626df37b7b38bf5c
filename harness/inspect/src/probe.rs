//! The harmless requests besides GetCACaps and GetCACert.

use scep::http::{HttpRequest, Method, Operation};
use transport::http::Form;

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
        /// GetCACaps with the name that sscep sends if nobody configured another.
        CapabilitiesNamed = "capabilities-named";
        /// GetCACert with that name.
        CertificatesNamed = "certificates-named";
        /// GetCACaps with an empty name, as Apple's clients send it without one.
        CapabilitiesEmpty = "capabilities-empty";
        /// GetCACert with an empty name.
        CertificatesEmpty = "certificates-empty";
        /// GetCACaps with the name that Windows sends.
        CapabilitiesDefault = "capabilities-default";
        /// GetCACert with that name.
        CertificatesDefault = "certificates-default";
        /// GetCACaps with the name that certmonger sends.
        CapabilitiesZero = "capabilities-zero";
        /// GetCACert with that name.
        CertificatesZero = "certificates-zero";
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
            _ => self.identifier().is_none() || !is_named,
        }
    }

    /// The name of a CA that it asks for, which nobody configured: what a client sends by itself.
    fn identifier(self) -> Option<&'static str> {
        Some(match self {
            Self::CapabilitiesNamed | Self::CertificatesNamed => "CAIdentifier",
            Self::CapabilitiesEmpty | Self::CertificatesEmpty => "",
            Self::CapabilitiesDefault | Self::CertificatesDefault => "default",
            Self::CapabilitiesZero | Self::CertificatesZero => "0",
            _ => return None,
        })
    }

    /// The requests for capabilities and certificates with the name that a client sends by itself. For a name that depends on its
    /// configuration, such as that of a trustpoint, they are those with sscep's.
    pub(crate) fn with_identifier(identifier: &str) -> [Self; 2] {
        match identifier {
            "" => [Self::CapabilitiesEmpty, Self::CertificatesEmpty],
            "default" => [Self::CapabilitiesDefault, Self::CertificatesDefault],
            "0" => [Self::CapabilitiesZero, Self::CertificatesZero],
            _ => [Self::CapabilitiesNamed, Self::CertificatesNamed],
        }
    }

    /// True for a GetCACert.
    pub(crate) fn is_of_certificates(self) -> bool {
        matches!(
            self,
            Self::CertificatesUnnamed
                | Self::CertificatesNamed
                | Self::CertificatesEmpty
                | Self::CertificatesDefault
                | Self::CertificatesZero
        )
    }

    /// The request.
    pub(crate) fn request(self, name: Option<&str>) -> HttpRequest {
        let identifier = self.identifier().map(str::to_owned);
        let operation = match self {
            Self::EmptyPost => return Operation::PkiOperation(Vec::new()).to_http(Method::Post),
            Self::Unknown => Operation::Other(NO_OPERATION.to_owned()),
            Self::Suffix | Self::Slash | Self::Http10 | Self::Head | Self::Again => {
                Operation::GetCaCaps(name.map(str::to_owned))
            }
            _ if self.is_of_certificates() => Operation::GetCaCert(identifier),
            _ => Operation::GetCaCaps(identifier),
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
            Self::Suffix => format!("GetCACaps at the path with `{SUFFIX}` after it"),
            Self::Slash => "GetCACaps at the path with a slash after it".to_owned(),
            Self::Http10 => "GetCACaps in HTTP/1.0".to_owned(),
            Self::Head => "HEAD in place of GET".to_owned(),
            Self::EmptyPost => "PKIOperation by POST with an empty body".to_owned(),
            Self::Unknown => format!("the operation `{NO_OPERATION}`, which does not exist"),
            Self::Again => "a second GetCACaps over one connection".to_owned(),
            _ => {
                let operation = if self.is_of_certificates() { "GetCACert" } else { "GetCACaps" };
                match self.identifier() {
                    None => format!("{operation} without `message=`"),
                    Some("") => format!("{operation} with an empty `message=`"),
                    Some(identifier) => format!("{operation} with `message={identifier}`"),
                }
            }
        }
    }

    /// True if an answer like that to the plain request is the good one.
    pub(crate) fn wants_the_same(self) -> bool {
        !matches!(self, Self::Head | Self::EmptyPost | Self::Unknown)
    }
}

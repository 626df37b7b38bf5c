//! The options for what a request asks for: its names, usages, purposes, templates, and the key.

use clap::Args;
use scep::key::KeyKind;
use scep::key_usage::KeyUsage;
use scep::request::{AlternativeName, Purpose, RequestedExtensions, Template, TemplateName};

use crate::values::dns_name;

/// What to ask for.
#[derive(Debug, Args)]
pub(super) struct RequestArguments {
    /// The subject of the certificate, such as `CN=r1, O=Smith\, Jones` or `CN=r1+serialNumber=12`, written as in RFC 4514 and
    /// in the order of the certificate. `TYPE:STRING=value` demands a string type, such as `CN:bmp=r1`: printable, utf8, ia5, t61
    /// or bmp [default: "CN=sceplab client", or the subject of the renewed certificate]
    #[arg(long, value_name = "NAME")]
    pub(super) subject: Option<String>,
    /// A DNS name for the certificate; may be given several times [default: none, or the alternative names of the renewed
    /// certificate]
    #[arg(long = "dns", value_name = "NAME", value_parser = dns_name)]
    dns_names: Vec<String>,
    /// An alternative name with its kind, such as `IP:192.0.2.1`, `email:noc@example.com`, `URI:urn:device:1`, `UPN:r1@example.com`,
    /// `otherName:1.2.3.4;utf8:r1`, `dirName:CN=r1` or `RID:1.2.3.4`; may be given several times
    #[arg(long = "san", value_name = "KIND:NAME")]
    alternative_names: Vec<AlternativeName>,
    /// The key usage to ask for, such as `digitalSignature,keyEncipherment` [default: none]
    #[arg(long, value_name = "NAMES")]
    key_usage: Option<KeyUsage>,
    /// A purpose (extended key usage) to ask for, such as `clientAuth`, or its object identifier; may be given several times
    #[arg(long = "purpose", value_name = "NAME")]
    purposes: Vec<Purpose>,
    /// The certificate template of a Windows CA by its name, such as `WebServer`
    #[arg(long, value_name = "NAME")]
    template_name: Option<TemplateName>,
    /// The certificate template of a Windows CA by its object identifier and perhaps its version, such as `1.3.6.1.4.1.311.21.8.1:100.4`
    #[arg(long, value_name = "OID")]
    template: Option<Template>,
    /// The kind of the new key: `rsa`, `rsa:BITS` (1024 to 8192), `rsa:BITS:EXPONENT`, `p256`, `p384`, `p521` or `ed25519`. The reply to
    /// a key that cannot decrypt is encrypted with the challenge password (RFC 8894 §3.1)
    #[arg(long, value_name = "KIND", default_value = "rsa")]
    pub(super) key_type: KeyKind,
}

impl RequestArguments {
    /// The extensions that the options name.
    pub(super) fn extensions(&self) -> RequestedExtensions {
        let dns = self.dns_names.iter().cloned().map(AlternativeName::Dns);
        RequestedExtensions {
            alternative_names: dns.chain(self.alternative_names.iter().cloned()).collect(),
            key_usage: self.key_usage,
            purposes: self.purposes.clone(),
            template_name: self.template_name.clone(),
            template: self.template,
        }
    }
}

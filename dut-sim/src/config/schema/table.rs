//! The nodes themselves. A new setting is a new line here, and a reader in `config::system`.

use super::{Content, Node};
use crate::config::kind::Kind;

/// Everything that can be configured.
pub(super) const ROOT: &[Node] = &[
    branch("interfaces", "Network interfaces", INTERFACES),
    branch("protocols", "Routing", PROTOCOLS),
    branch("system", "The device itself", SYSTEM),
];

const INTERFACES: &[Node] = &[tag(
    "ethernet",
    "An Ethernet interface",
    Kind::Interface,
    &[leaf("address", "An IPv4 address with its prefix length", Kind::InterfaceAddress).multi()],
)];

const PROTOCOLS: &[Node] = &[branch(
    "static",
    "Static routes",
    &[tag(
        "route",
        "A network that is reached through a neighbour",
        Kind::Network,
        &[leaf("next-hop", "The neighbour that forwards to it", Kind::Address)],
    )],
)];

const SYSTEM: &[Node] = &[
    branch("certificate", "X.509 certificates", CERTIFICATE),
    leaf("host-name", "The name in the prompt", Kind::HostName),
    branch("login", "Users", LOGIN),
];

const CERTIFICATE: &[Node] = &[branch(
    "scep",
    "Certificates by SCEP (RFC 8894)",
    &[tag("csr", "A certificate to request", Kind::Name, CSR)],
)];

const CSR: &[Node] = &[
    leaf("cgi-path", "Path of the SCEP service", Kind::Path).default("/cgi-bin/pkiclient.exe"),
    leaf("cipher", "Content encryption; the best that the CA knows when not set", Kind::Cipher),
    leaf("digest", "Digest; the best that the CA knows when not set", Kind::Digest),
    leaf("distinguished-names", "Subject of the certificate", Kind::DistinguishedName),
    leaf("encrypted-password", "Challenge password, sealed", Kind::Sealed),
    clear_text("password", "Challenge password, stored sealed", "encrypted-password"),
    leaf("port", "TCP port of the SCEP service", Kind::Port).default("80"),
    leaf("url", "URL of the SCEP service", Kind::Url),
];

const LOGIN: &[Node] = &[tag(
    "user",
    "A user",
    Kind::Name,
    &[branch(
        "authentication",
        "How the user proves to be the one",
        &[leaf(
            "encrypted-password",
            "Hash of the password, as crypt(5) makes it",
            Kind::CryptHash,
        )],
    )],
)];

const fn branch(name: &'static str, help: &'static str, children: &'static [Node]) -> Node {
    Node { name, help, content: Content::Branch(children) }
}

const fn tag(
    name: &'static str,
    help: &'static str,
    kind: Kind,
    children: &'static [Node],
) -> Node {
    Node { name, help, content: Content::Tag { kind, children } }
}

const fn leaf(name: &'static str, help: &'static str, kind: Kind) -> Node {
    Node { name, help, content: Content::Leaf { kind, multi: false, default: None } }
}

const fn clear_text(name: &'static str, help: &'static str, stored_as: &'static str) -> Node {
    Node { name, help, content: Content::ClearText { stored_as } }
}

impl Node {
    const fn multi(mut self) -> Self {
        if let Content::Leaf { multi, .. } = &mut self.content {
            *multi = true;
        }
        self
    }

    const fn default(mut self, text: &'static str) -> Self {
        if let Content::Leaf { default, .. } = &mut self.content {
            *default = Some(text);
        }
        self
    }
}

//! The table of configuration nodes, and the lookup of a path in it.
//!
//! A new setting needs a new line of the table and code in `config::system` that reads it.

use crate::config::message::PathError;
use crate::config::parse::matching;
use crate::config::value::{Kind, Value};

/// A node of the table.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) name: &'static str,
    pub(crate) help: &'static str,
    pub(crate) content: Content,
}

/// Content of a node.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Content {
    /// Child nodes.
    Branch(&'static [Node]),
    /// Named instances, each with child nodes.
    Tag { kind: Kind, children: &'static [Node] },
    /// A value, or several values if it is `multi`.
    Leaf { kind: Kind, multi: bool, default: Option<&'static str> },
    /// A clear-text value that is not stored: the sibling leaf of this name gets it sealed.
    ClearText { stored_as: &'static str },
}

/// A place in the configuration, with unabbreviated names.
#[derive(Debug)]
pub(crate) struct Location {
    /// Path of node and instance names, without the value of a leaf.
    pub(crate) path: Vec<String>,
    /// Content of the node; for an instance of a tag, and for the root, the child nodes.
    pub(crate) content: Content,
    /// True for an instance of a tag.
    pub(crate) is_instance: bool,
    /// Value of a leaf, if one was given.
    pub(crate) value: Option<Value>,
}

/// Follows `words` from the root. Names may be abbreviated if they stay unambiguous.
pub(crate) fn locate(words: &[String]) -> Result<Location, PathError> {
    let (content, is_instance) = (Content::Branch(ROOT), false);
    let mut location = Location { path: Vec::new(), content, is_instance, value: None };
    for word in words {
        location.step(word)?;
    }
    Ok(location)
}

/// The default of the leaf at `path`, if the table has one.
pub(crate) fn default(path: &[String]) -> Option<Value> {
    match locate(path).ok()?.content {
        Content::Leaf { kind, default, .. } => kind.parse(default?).ok(),
        _ => None,
    }
}

impl Location {
    fn step(&mut self, word: &str) -> Result<(), PathError> {
        self.is_instance = matches!(self.content, Content::Tag { .. });
        match self.content {
            Content::Branch(nodes) => {
                let node = find(nodes, &self.path, word)?;
                self.path.push(node.name.to_owned());
                self.content = node.content;
            }
            Content::Tag { kind, children } => {
                let name = self.parse(kind, word)?;
                self.path.push(name.expose().into_owned());
                self.content = Content::Branch(children);
            }
            _ if self.value.is_some() => {
                return Err(PathError::BeyondValue { path: self.path.clone() });
            }
            Content::Leaf { kind, .. } => self.value = Some(self.parse(kind, word)?),
            Content::ClearText { .. } => self.value = Some(self.parse(Kind::ClearText, word)?),
        }
        Ok(())
    }

    fn parse(&self, kind: Kind, word: &str) -> Result<Value, PathError> {
        kind.parse(word)
            .map_err(|constraint| PathError::BadValue { path: self.path.clone(), constraint })
    }
}

impl Content {
    /// True if this node or one below it contains a secret.
    pub(crate) fn holds_secret(self) -> bool {
        match self {
            Self::Branch(nodes) | Self::Tag { children: nodes, .. } => {
                nodes.iter().any(|node| node.content.holds_secret())
            }
            Self::Leaf { kind, .. } => kind.is_secret(),
            Self::ClearText { .. } => true,
        }
    }

    /// True if the node has child nodes.
    pub(crate) fn has_nodes(self) -> bool {
        matches!(self, Self::Branch(_) | Self::Tag { .. })
    }
}

fn find(nodes: &'static [Node], path: &[String], word: &str) -> Result<&'static Node, PathError> {
    match matching(nodes, |node| node.name, word)[..] {
        [node] => Ok(node),
        [] => Err(PathError::Unknown { good: path.to_vec(), bad: word.to_owned() }),
        ref several => Err(PathError::Ambiguous {
            good: path.to_vec(),
            bad: word.to_owned(),
            completions: several.iter().map(|node| (node.name, node.help)).collect(),
        }),
    }
}

/// The root of the table.
const ROOT: &[Node] = &[
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
    branch("alternative-names", "Further names in the certificate", ALTERNATIVE_NAMES),
    leaf(
        "ca-fingerprint",
        "Fingerprint (SHA-256 or SHA-1) that the CA must have",
        Kind::Fingerprint,
    ),
    leaf("ca-identifier", "Name of the CA, for servers with several", Kind::CaIdentifier),
    leaf("cgi-path", "Path of the SCEP service", Kind::Path).default("/cgi-bin/pkiclient.exe"),
    leaf("cipher", "Content encryption; the best that the CA knows when not set", Kind::Cipher),
    leaf(
        "crl-check",
        "Check of revocation, with lists from there; none when not set",
        Kind::CrlSource,
    ),
    leaf("digest", "Digest; the best that the CA knows when not set", Kind::Digest),
    leaf("distinguished-names", "Subject of the certificate", Kind::DistinguishedName),
    leaf("encrypted-password", "Challenge password, sealed", Kind::Sealed),
    leaf("key-exponent", "Public exponent of the RSA key", Kind::KeyExponent).default("65537"),
    leaf("key-size", "Bits of the RSA key", Kind::KeySize).default("2048"),
    leaf("key-type", "Kind of the key", Kind::KeyType).default("rsa"),
    leaf("key-usage", "Usage of the key to ask for", Kind::KeyUsage).multi(),
    clear_text("password", "Challenge password, stored sealed", "encrypted-password"),
    leaf("port", "TCP port of the SCEP service", Kind::Port).default("80"),
    leaf("purpose", "Purpose (extended key usage) to ask for", Kind::Purpose).multi(),
    leaf("renew-at", "Percentage of its life after which a certificate is renewed", Kind::Percent),
    leaf("renew-before", "Time before its end at which a certificate is renewed", Kind::Duration),
    leaf("renew-jitter", "Longest time by which a renewal begins earlier", Kind::Duration),
    leaf("renew-key", "Key of a renewed certificate", Kind::RenewalKey).default("new"),
    leaf("rollover", "How to learn of the next CA; not at all when not set", Kind::Rollover),
    leaf("template", "Template of a Windows CA, by object identifier", Kind::Template),
    leaf("template-name", "Template of a Windows CA, by name", Kind::TemplateName),
    branch("tls", "TLS, if the URL begins with https", TLS),
    leaf("url", "URL of the SCEP service", Kind::Url),
];

const TLS: &[Node] = &[
    leaf(
        "fingerprint",
        "Fingerprint (SHA-256 or SHA-1) of the server's certificate, or of one that issued it",
        Kind::Fingerprint,
    ),
    leaf("trust", "How the server is recognised without a fingerprint", Kind::TlsTrust)
        .default("ca"),
];

const ALTERNATIVE_NAMES: &[Node] = &[
    leaf("directory", "A distinguished name", Kind::DirectoryName).multi(),
    leaf("dns", "A DNS name", Kind::DnsName).multi(),
    leaf("email", "A mailbox", Kind::Email).multi(),
    leaf("ip", "An address of IPv4 or IPv6", Kind::IpName).multi(),
    leaf("other", "A name of another type", Kind::OtherName).multi(),
    leaf("registered-id", "An object identifier", Kind::RegisteredId).multi(),
    leaf("upn", "A user principal name", Kind::Upn).multi(),
    leaf("uri", "A URI", Kind::Uri).multi(),
];

const LOGIN: &[Node] = &[tag(
    "user",
    "A user",
    Kind::Name,
    &[branch(
        "authentication",
        "How the user proves the identity",
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

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn abbreviated_names_are_expanded() {
        let location = locate(&words("sys cert sc csr CSR dig sha256")).unwrap();
        assert_eq!(location.path, words("system certificate scep csr CSR digest"));
        assert!(matches!(location.value, Some(Value::Digest(_))));
    }

    #[test]
    fn path_errors_name_the_place() {
        let unknown = locate(&words("system certificate spec csr")).unwrap_err();
        let good = words("system certificate");
        assert_eq!(unknown, PathError::Unknown { good, bad: "spec".into() });
        assert!(matches!(
            locate(&words("system certificate scep csr CSR c")).unwrap_err(),
            PathError::Ambiguous { completions, .. } if completions.len() == 5
        ));
        assert!(matches!(
            locate(&words("system certificate scep csr CSR port 99999")).unwrap_err(),
            PathError::BadValue { path, .. } if path.last().unwrap() == "port"
        ));
        assert!(matches!(
            locate(&words("system certificate scep csr CSR port 80 81")).unwrap_err(),
            PathError::BeyondValue { .. }
        ));
    }

    #[test]
    fn defaults_come_from_the_table() {
        let port = default(&words("system certificate scep csr ANY port"));
        assert_eq!(port, Some(Value::Port(80)));
        assert_eq!(default(&words("system certificate scep csr ANY url")), None);
        assert_eq!(default(&words("no such node")), None);
    }

    #[test]
    fn every_default_is_valid_and_every_clear_text_node_has_its_sealed_leaf() {
        fn check(nodes: &[Node]) {
            for node in nodes {
                match node.content {
                    Content::Branch(children) | Content::Tag { children, .. } => check(children),
                    Content::Leaf { kind, default, .. } => {
                        assert!(default.is_none_or(|text| kind.parse(text).is_ok()), "{node:?}");
                    }
                    Content::ClearText { stored_as } => {
                        assert!(nodes.iter().any(|sealed| sealed.name == stored_as), "{node:?}");
                    }
                }
            }
        }
        check(ROOT);
    }
}

//! Kinds of configuration values, with their checks and texts, and the typed values.

mod certificate;
mod key;
mod network;

use std::borrow::Cow;
use std::net::Ipv4Addr;
use std::time::Duration;

use ipnet::Ipv4Net;
use scep::algorithm::{Cipher, Digest};
use scep::certificate::Fingerprint;
use scep::clock::duration_text;
use scep::key_usage::KeyUsage;
use scep::request::{AlternativeName, Purpose, Template, TemplateName};
use scep::secret::Secret;
use scep::url::HttpUrl;

use self::certificate::{CRL_SOURCES, RENEWAL_KEYS, ROLLOVERS, TLS_TRUSTS};
pub(crate) use self::certificate::{CrlSource, RenewalKey, Rollover, TlsTrust};
pub(crate) use self::key::KeyType;
use self::key::{KEY_SIZES, KEY_TYPES, KEY_USAGES};
use self::network::{is_host_name, is_interface};
use crate::secret::{MASK, Sealed};

/// Kind of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Interface,
    InterfaceAddress,
    Network,
    Address,
    Port,
    Url,
    Path,
    Cipher,
    Digest,
    DistinguishedName,
    DnsName,
    Email,
    IpName,
    Uri,
    Upn,
    OtherName,
    DirectoryName,
    RegisteredId,
    CaIdentifier,
    Fingerprint,
    KeyExponent,
    KeySize,
    KeyType,
    KeyUsage,
    Purpose,
    Template,
    TemplateName,
    RenewalKey,
    CrlSource,
    Rollover,
    /// How a server of HTTPS is recognised.
    TlsTrust,
    Percent,
    Duration,
    HostName,
    Name,
    Sealed,
    ClearText,
    CryptHash,
}

impl Kind {
    /// Parses `text`; the error is the constraint that it violates.
    pub(crate) fn parse(self, text: &str) -> Result<Value, String> {
        let parsed = match self {
            Self::InterfaceAddress => network::interface_address(text)?,
            Self::Network => network::network(text)?,
            Self::Address => text.parse().ok().map(Value::Address),
            Self::Port => network::port(text).map(Value::Port),
            Self::Url => Some(network::url(text)?),
            Self::Cipher => choice(CIPHERS, text).map(Value::Cipher),
            Self::Digest => choice(DIGESTS, text).map(Value::Digest),
            Self::Sealed => Sealed::parse(text).map(Value::Sealed),
            Self::DistinguishedName => Some(distinguished_name(text)?),
            Self::DnsName
            | Self::Email
            | Self::IpName
            | Self::Uri
            | Self::Upn
            | Self::OtherName
            | Self::DirectoryName
            | Self::RegisteredId => Some(certificate::alternative_name(self, text)?),
            Self::KeyExponent => key::exponent(text),
            Self::KeyType => choice(KEY_TYPES, text).map(Value::KeyType),
            Self::KeyUsage => choice(KEY_USAGES, text).map(Value::KeyUsage),
            Self::Purpose => Some(Value::Purpose(certificate::said(text.parse())?)),
            Self::Template => Some(Value::Template(certificate::said(text.parse())?)),
            Self::TemplateName => Some(Value::TemplateName(certificate::said(text.parse())?)),
            Self::CaIdentifier => certificate::ca_identifier(text),
            Self::Fingerprint => Some(certificate::fingerprint(text)?),
            Self::KeySize => choice(KEY_SIZES, text).map(Value::KeySize),
            Self::RenewalKey => choice(RENEWAL_KEYS, text).map(Value::RenewalKey),
            Self::CrlSource => choice(CRL_SOURCES, text).map(Value::CrlSource),
            Self::Rollover => choice(ROLLOVERS, text).map(Value::Rollover),
            Self::TlsTrust => choice(TLS_TRUSTS, text).map(Value::TlsTrust),
            Self::Percent => certificate::percent(text),
            Self::Duration => Some(certificate::duration(text)?),
            Self::ClearText => is_clear_text(text).then(|| Value::Secret(Secret::new(text))),
            Self::CryptHash => is_crypt_hash(text).then(|| Value::Hash(Secret::new(text))),
            Self::Interface => is_interface(text).then(|| Value::Text(text.to_owned())),
            Self::Path => network::path(text)?,
            Self::HostName => is_host_name(text).then(|| Value::Text(text.to_owned())),
            Self::Name => is_name(text).then(|| Value::Text(text.to_owned())),
        };
        parsed.ok_or_else(|| self.constraint(text))
    }

    /// Placeholder of the value in help and completion.
    pub(crate) fn placeholder(self) -> &'static str {
        self.words().0
    }

    /// The words to choose from, with their help, if the kind is a choice.
    pub(crate) fn choices(self) -> Vec<(&'static str, &'static str)> {
        match self {
            Self::Cipher => words_of(CIPHERS),
            Self::Digest => words_of(DIGESTS),
            Self::KeySize => words_of(KEY_SIZES),
            Self::KeyType => words_of(KEY_TYPES),
            Self::KeyUsage => words_of(KEY_USAGES),
            Self::RenewalKey => words_of(RENEWAL_KEYS),
            Self::CrlSource => words_of(CRL_SOURCES),
            Self::Rollover => words_of(ROLLOVERS),
            Self::TlsTrust => words_of(TLS_TRUSTS),
            _ => Vec::new(),
        }
    }

    /// True if the value is a secret.
    pub(crate) fn is_secret(self) -> bool {
        matches!(self, Self::Sealed | Self::ClearText | Self::CryptHash)
    }

    fn constraint(self, text: &str) -> String {
        let (_, what) = self.words();
        let choices = self.choices();
        match self {
            _ if !choices.is_empty() => {
                let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
                format!("`{text}` is none of {}", words.join(", "))
            }
            _ if self.is_secret() => format!("the value is not {what}"),
            _ => format!("`{text}` is not {what}"),
        }
    }

    /// Placeholder of the value, and a description of valid values.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Interface => ("<ethN>", "the name of an Ethernet interface, `ethN`"),
            Self::InterfaceAddress => ("<x.x.x.x/x>", "an IPv4 address with a prefix length"),
            Self::Network => ("<x.x.x.x/x>", "an IPv4 network with a prefix length"),
            Self::Address => ("<x.x.x.x>", "an IPv4 address"),
            Self::Port => ("<1-65535>", "a port from 1 to 65535"),
            Self::Url => ("<http://host[:port][/path]>", "a URL"),
            Self::Path => ("<text>", "a path: it may not hold blanks, `?` or `#`"),
            Self::Cipher | Self::Digest => ("<algorithm>", "an algorithm"),
            Self::DistinguishedName | Self::DirectoryName => {
                ("<CN=name, O=organisation, ...>", "a distinguished name")
            }
            Self::DnsName => ("<name>", "a DNS name"),
            Self::Email => ("<name@host>", "a mailbox"),
            Self::IpName => ("<address>", "an address of IPv4 or IPv6"),
            Self::Uri => ("<scheme:...>", "a URI"),
            Self::Upn => ("<name@domain>", "a user principal name"),
            Self::OtherName => ("<oid;type:value>", "a name of another type"),
            Self::RegisteredId => ("<oid>", "an object identifier"),
            Self::KeyExponent => ("<3-4294967295>", "an odd number from 3 to 4294967295"),
            Self::KeyType => ("<kind>", "a kind of key"),
            Self::KeyUsage => ("<usage>", "a key usage"),
            Self::Purpose => ("<name>", "a purpose"),
            Self::Template => ("<oid[:version]>", "the number of a template"),
            Self::TemplateName => ("<text>", "the name of a template"),
            Self::CaIdentifier => ("<text>", "printable text of 1 to 255 characters"),
            Self::Fingerprint => ("<hexadecimal>", "a fingerprint"),
            Self::KeySize => ("<bits>", "a key size"),
            Self::RenewalKey => ("<key>", "a key"),
            Self::CrlSource => ("<source>", "a source of revocation lists"),
            Self::Rollover => ("<way>", "a way to learn of the next CA"),
            Self::TlsTrust => ("<trust>", "a way to recognise the server"),
            Self::Percent => ("<1-99>", "a share from 1 to 99 percent"),
            Self::Duration => ("<duration>", "a duration"),
            Self::HostName => ("<text>", "a host name of 2 to 63 letters, digits and hyphens"),
            Self::Name => ("<text>", "a name of letters, digits, dots, hyphens and underscores"),
            Self::Sealed => ("<password>", "base64 of the OpenSSL salted format"),
            Self::ClearText => ("<password>", "printable text of 1 to 255 characters"),
            Self::CryptHash => ("<password>", "a password hash of crypt(5)"),
        }
    }
}

fn words_of<T>(choices: &[Choice<T>]) -> Vec<(&'static str, &'static str)> {
    choices.iter().map(|(word, _, help)| (*word, *help)).collect()
}

fn choice<T: Copy>(choices: &[Choice<T>], text: &str) -> Option<T> {
    choices.iter().find(|(word, _, _)| *word == text).map(|(_, value, _)| *value)
}

fn distinguished_name(text: &str) -> Result<Value, String> {
    scep::name::parse(text).map_err(|error| error.to_string())?;
    Ok(Value::Text(text.to_owned()))
}

fn is_name(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    (1..=64).contains(&text.len()) && text.chars().all(allowed) && !text.starts_with('.')
}

fn is_clear_text(text: &str) -> bool {
    (1..=255).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

/// True for `$id$salt$hash` as in crypt(5), with parameters if the method takes some.
fn is_crypt_hash(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '$' | '.' | '/' | ',' | '=');
    let fields: Vec<_> = text.split('$').collect();
    (4..=6).contains(&fields.len())
        && fields[0].is_empty()
        && fields[1..].iter().all(|field| !field.is_empty())
        && text.len() <= 384
        && text.chars().all(allowed)
}

/// A value that its kind has checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    InterfaceAddress(Ipv4Net),
    Network(Ipv4Net),
    Address(Ipv4Addr),
    Port(u16),
    Url(HttpUrl),
    Cipher(Cipher),
    Digest(Digest),
    AlternativeName(AlternativeName),
    Fingerprint(Fingerprint),
    /// Public exponent of an RSA key.
    KeyExponent(u32),
    /// Number of bits of an RSA key.
    KeySize(u32),
    KeyType(KeyType),
    KeyUsage(KeyUsage),
    Purpose(Purpose),
    Template(Template),
    TemplateName(TemplateName),
    RenewalKey(RenewalKey),
    CrlSource(CrlSource),
    Rollover(Rollover),
    TlsTrust(TlsTrust),
    /// A share in percent, from 1 to 99.
    Percent(u8),
    Duration(Duration),
    Sealed(Sealed),
    /// A hash of a password; it is shown as entered, as OSDx does.
    Hash(Secret),
    /// A clear-text secret; it is sealed before it is stored, and never shown.
    Secret(Secret),
    /// A name, a path, a distinguished name or the identifier of a CA.
    Text(String),
}

impl Value {
    /// The value as in a `set` line.
    pub(crate) fn expose(&self) -> Cow<'_, str> {
        match self {
            Self::InterfaceAddress(net) | Self::Network(net) => net.to_string().into(),
            Self::Address(address) => address.to_string().into(),
            Self::Port(port) => port.to_string().into(),
            Self::Url(url) => url.to_string().into(),
            Self::Cipher(cipher) => word_of(CIPHERS, *cipher).into(),
            Self::Digest(digest) => word_of(DIGESTS, *digest).into(),
            Self::AlternativeName(name) => name.text().into(),
            Self::Fingerprint(fingerprint) => fingerprint.to_string().into(),
            Self::KeyExponent(exponent) => exponent.to_string().into(),
            Self::KeySize(bits) => bits.to_string().into(),
            Self::KeyType(kind) => word_of(KEY_TYPES, *kind).into(),
            Self::KeyUsage(usage) => word_of(KEY_USAGES, *usage).into(),
            Self::Purpose(purpose) => purpose.to_string().into(),
            Self::Template(template) => template.to_string().into(),
            Self::TemplateName(name) => name.to_string().into(),
            Self::RenewalKey(key) => word_of(RENEWAL_KEYS, *key).into(),
            Self::CrlSource(source) => word_of(CRL_SOURCES, *source).into(),
            Self::Rollover(way) => word_of(ROLLOVERS, *way).into(),
            Self::TlsTrust(trust) => word_of(TLS_TRUSTS, *trust).into(),
            Self::Percent(share) => share.to_string().into(),
            Self::Duration(duration) => duration_text(*duration).into(),
            Self::Sealed(sealed) => sealed.expose().into(),
            Self::Hash(secret) | Self::Secret(secret) => secret.expose().into(),
            Self::Text(text) => text.into(),
        }
    }

    /// The value as in a `set` line, but masked if it is a clear-text secret.
    pub(crate) fn shown(&self) -> Cow<'_, str> {
        match self {
            Self::Secret(_) => MASK.into(),
            other => other.expose(),
        }
    }

    pub(crate) fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }
}

/// Word, value and help of a choice.
type Choice<T> = (&'static str, T, &'static str);

const CIPHERS: &[Choice<Cipher>] = &[
    ("aes", Cipher::Aes128, "AES with 128 bits in CBC mode"),
    ("des3", Cipher::TripleDes, "Triple DES in CBC mode"),
];

const DIGESTS: &[Choice<Digest>] = &[
    ("sha1", Digest::Sha1, "SHA-1"),
    ("sha224", Digest::Sha224, "SHA-224"),
    ("sha256", Digest::Sha256, "SHA-256"),
    ("sha384", Digest::Sha384, "SHA-384"),
    ("sha512", Digest::Sha512, "SHA-512"),
];

fn word_of<T: Copy + PartialEq>(choices: &[Choice<T>], value: T) -> &'static str {
    choices.iter().find(|(_, each, _)| *each == value).map_or("", |(word, _, _)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn accepts(kind: Kind, texts: &[&str]) {
        for text in texts {
            assert_eq!(kind.parse(text).unwrap().expose(), *text);
        }
    }

    #[track_caller]
    fn refuses(kind: Kind, texts: &[&str]) {
        for text in texts {
            assert!(kind.parse(text).is_err(), "`{text}`");
        }
    }

    #[test]
    fn addresses_and_networks_are_checked() {
        accepts(Kind::InterfaceAddress, &["10.215.168.64/24", "10.0.0.0/31", "10.0.0.1/32"]);
        refuses(
            Kind::InterfaceAddress,
            &["10.215.168.64", "10.0.0.0/24", "10.0.0.255/24", "300.0.0.1/8"],
        );
        accepts(Kind::Network, &["192.168.212.0/22", "0.0.0.0/0"]);
        refuses(
            Kind::Network,
            &["192.168.213.25/22", "192.168.212.0", "192.168.212.0/33", "10.0.0.0/08"],
        );
        let error = Kind::Network.parse("192.168.213.25/22").unwrap_err();
        assert_eq!(
            error,
            "`192.168.213.25/22` has host bits set: the network is `192.168.212.0/22`"
        );
    }

    #[test]
    fn algorithms_and_ports_are_checked() {
        accepts(Kind::Cipher, &["aes", "des3"]);
        accepts(Kind::Digest, &["sha1", "sha224", "sha256", "sha384", "sha512"]);
        assert_eq!(Kind::Cipher.parse("aes128").unwrap_err(), "`aes128` is none of aes, des3");
        accepts(Kind::Port, &["1", "8080", "65535"]);
        refuses(Kind::Port, &["0", "65536", "-1", "http", "+80", "080", "80800", ""]);
    }

    #[test]
    fn names_and_paths_are_checked() {
        accepts(Kind::Interface, &["eth0", "eth12"]);
        refuses(Kind::Interface, &["eth", "wlan0", "eth0.1", ""]);
        accepts(Kind::Path, &["/scep", "CertSrv/mscep/mscep.dll/pkiclient.exe"]);
        refuses(Kind::Path, &["", "/scep?x=1", "/scep#a", "/a b", "/a\\b", "/é", "/100%", "/%zz"]);
        let error = Kind::Path.parse("/100%").unwrap_err();
        assert_eq!(error, "`%` in a path must be written in hexadecimal, after a `%`");
        accepts(Kind::HostName, &["osdx", "DUT0"]);
        refuses(Kind::HostName, &["x", "-osdx", "a.b"]);
        accepts(Kind::Name, &["CSR", "my-csr_2.1"]);
        refuses(Kind::Name, &["", "a b", "../x", "a/b"]);
    }

    #[test]
    fn urls_are_kept_as_typed_or_refused_with_the_reason() {
        accepts(
            Kind::Url,
            &["http://10.215.168.1", "http://pki.lab:8080/a%2Fb/", "http://h:80", "https://h/a"],
        );
        for (text, reason) in [
            ("http://[2001:db8::1]/scep", "`2001:db8::1` is an IPv6 address"),
            ("http://[2001:db8::1]:8080/scep", "reaches SCEP servers by IPv4 only"),
            ("http://2001:db8::1/scep", "an IPv6 address must be in brackets"),
            ("http://h:80800/scep", "the port must be a number from 1 to 65535"),
            ("http://h:0", "the port must be a number from 1 to 65535"),
            ("http://h:", "the port is missing"),
            ("http://user:pw@h/scep", "leave out the user and the password"),
            ("https://user:pw@h", "leave out the user and the password"),
            ("http:/h", "begins with `http://`"),
            ("h", "begins with `http://`"),
            ("http://", "the host is missing"),
            ("http://h/?a=b", "leave out the query"),
            ("http://h/#a", "leave out the `#`"),
            ("http://h ", "leave out the blanks"),
            ("http://127.1", "programs would send it as `http://127.0.0.1/`"),
        ] {
            let error = Kind::Url.parse(text).unwrap_err();
            assert!(error.contains(reason), "`{text}`: {error}");
            assert!(!error.contains("pw"), "{error}");
        }
    }

    #[test]
    fn clear_text_secrets_are_masked() {
        let hash = "$6$GSjsCj8gHLv$/VcqU6FLi6CT2Oxn0MJQ2C2tqnRDrYKNF8HIYWJp68nvXvPdFccDsT04.WtigUONbKYrgKg8d6rEs8PjljMkH0";
        accepts(Kind::CryptHash, &[hash]);
        assert_eq!(Kind::CryptHash.parse(hash).unwrap().shown(), hash);
        assert_eq!(Kind::ClearText.parse("hunter2").unwrap().shown(), MASK);
        let error = Kind::Sealed.parse("hunter2").unwrap_err();
        assert!(!error.contains("hunter2"), "{error}");
        refuses(Kind::CryptHash, &["plain", "$6$", "$6$$x"]);
    }

    #[test]
    fn distinguished_names_are_checked() {
        accepts(Kind::DistinguishedName, &["CN=MyUserCert", "C=ES, O=Teldat, CN=My User"]);
        accepts(Kind::DistinguishedName, &["CN=r1+serialNumber=12", r"O=Smith\, Jones,CN=x"]);
        refuses(Kind::DistinguishedName, &["", "MyUserCert", "CN=r1;O=Example", "CN=r1 O=Example"]);
    }
}

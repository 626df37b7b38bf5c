//! Values of certificate requests that OSDx does not document: names, fingerprints, keys and times.

use std::fmt::Display;
use std::time::Duration;

use scep::certificate::Fingerprint;
use scep::clock::{self, BadDuration, meant_duration};
use scep::request::AlternativeName;

use super::{Choice, Kind, Value};

/// The longest time before the end of a certificate, and the longest jitter.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 86_400);

/// The key of a renewed certificate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum RenewalKey {
    #[default]
    New,
    Same,
}

/// Where the device gets the revocation list of its CA.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CrlSource {
    /// From the SCEP service, by GetCRL (RFC 8894 §4.6).
    Scep,
    /// From the distribution points that its certificate names, by HTTP.
    DistributionPoint,
}

/// How the device learns of the next CA.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rollover {
    /// It asks by GetNextCACert (RFC 8894 §4.7).
    GetNextCa,
}

pub(super) const CRL_SOURCES: &[Choice<CrlSource>] = &[
    ("cdp", CrlSource::DistributionPoint, "From the certificate's distribution points, by HTTP"),
    ("scep", CrlSource::Scep, "From the SCEP service, by GetCRL"),
];

/// How a server of HTTPS is recognised.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum TlsTrust {
    /// By a CA that the device trusts.
    #[default]
    Ca,
    /// Not at all.
    Nothing,
}

pub(super) const TLS_TRUSTS: &[Choice<TlsTrust>] = &[
    ("ca", TlsTrust::Ca, "By the CAs that the device trusts"),
    ("none", TlsTrust::Nothing, "Not at all: anybody on the way can answer in its place"),
];

pub(super) const ROLLOVERS: &[Choice<Rollover>] = &[(
    "get-next-ca",
    Rollover::GetNextCa,
    "Ask by GetNextCACert, and keep the answer until its day",
)];

pub(super) const RENEWAL_KEYS: &[Choice<RenewalKey>] = &[
    ("new", RenewalKey::New, "A new key for each certificate"),
    ("same", RenewalKey::Same, "The key of the old certificate"),
];

/// Parses an alternative name of this kind.
pub(super) fn alternative_name(kind: Kind, text: &str) -> Result<Value, String> {
    let name = match kind {
        Kind::Email => AlternativeName::email(text),
        Kind::IpName => AlternativeName::ip(text),
        Kind::Uri => AlternativeName::uri(text),
        Kind::Upn => AlternativeName::upn(text),
        Kind::OtherName => AlternativeName::other(text),
        Kind::DirectoryName => AlternativeName::directory(text),
        Kind::RegisteredId => AlternativeName::registered(text),
        _ => AlternativeName::dns(text),
    };
    name.map(Value::AlternativeName).map_err(|error| {
        let (_, what) = kind.words();
        format!("`{text}` is not {what}: {error}")
    })
}

/// The value, or what is wrong with it in words.
pub(super) fn said<T, E: Display>(parsed: Result<T, E>) -> Result<T, String> {
    parsed.map_err(|error| error.to_string())
}

/// Parses the identifier of a CA, which is sent in the query of a URL.
pub(super) fn ca_identifier(text: &str) -> Option<Value> {
    let printable = !text.chars().any(char::is_control);
    let fits = (1..=255).contains(&text.chars().count());
    (printable && fits).then(|| Value::Text(text.to_owned()))
}

/// Parses a fingerprint, with colons and blanks or without.
pub(super) fn fingerprint(text: &str) -> Result<Value, String> {
    Fingerprint::of_either_digest(text).map(Value::Fingerprint).map_err(|_| {
        let digits = text.chars().filter(|c| !matches!(c, ':' | ' ')).count();
        format!(
            "`{text}` is not a fingerprint: those of SHA-256 have 64 hexadecimal digits, those of SHA-1 40; this has {digits} characters"
        )
    })
}

/// Parses a share of a life, in percent.
pub(super) fn percent(text: &str) -> Option<Value> {
    let share: u8 = text.parse().ok()?;
    let is_share = (1..=99).contains(&share) && share.to_string() == text;
    is_share.then_some(Value::Percent(share))
}

/// Parses a duration of at most a century.
pub(super) fn duration(text: &str) -> Result<Value, String> {
    let refused = |error: BadDuration| match meant_duration(text) {
        Some(meant) => format!("`{text}` is not a duration: {error}; did you mean `{meant}`?"),
        None => format!("`{text}` is not a duration: {error}"),
    };
    let duration = clock::duration(text).map_err(refused)?;
    if duration > LONGEST {
        return Err(format!("`{text}` is longer than a century"));
    }
    Ok(Value::Duration(duration))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(kind: Kind, accepted: &[&str], refused: &[(&str, &str)]) {
        for text in accepted {
            assert_eq!(kind.parse(text).unwrap().expose(), *text);
        }
        for (text, reason) in refused {
            let error = kind.parse(text).unwrap_err();
            assert!(error.contains(reason), "`{text}`: {error}");
        }
    }

    #[test]
    fn names_are_checked_by_their_kinds() {
        check(Kind::DnsName, &["r1.example.com"], &[("a b", "`a b` is not a DNS name: ")]);
        check(Kind::Email, &["noc@example.com"], &[("noc", "`noc` is not a mailbox: ")]);
        check(
            Kind::IpName,
            &["192.0.2.1", "2001:db8::1"],
            &[("192.0.2.1/24", "is not an address")],
        );
        check(Kind::Uri, &["urn:device:1"], &[("device", "is not a URI: ")]);
        check(Kind::Upn, &["r1@example.com"], &[("r1", "is not a user principal name: ")]);
        check(Kind::OtherName, &["1.2.3;utf8:r1"], &[("r1", "is its type, a semicolon")]);
        check(Kind::DirectoryName, &["CN=r1"], &[("r1", "is not of the form `TYPE=value`")]);
        check(Kind::RegisteredId, &["1.2.3"], &[("r1", "is not an object identifier: ")]);
        check(Kind::Purpose, &["clientAuth", "1.2.3"], &[("clientauth", "mean `clientAuth`?")]);
        check(Kind::Template, &["1.2.3:100.4"], &[("User", "its object identifier")]);
        check(Kind::TemplateName, &["User"], &[("", "1 to 64 characters")]);
        check(Kind::CaIdentifier, &["My CA", "ä&=?"], &[("", "is not printable text")]);
    }

    #[test]
    fn fingerprints_of_both_digests_are_read_and_shown_without_colons() {
        let (sha256, sha1) = ("ab".repeat(32), "ab".repeat(20));
        let short = [("abcd", "SHA-1 40; this has 4 characters"), ("", "this has 0 characters")];
        check(Kind::Fingerprint, &[&sha256, &sha1], &short);
        let colons = Kind::Fingerprint.parse("AB:".repeat(20).trim_end_matches(':')).unwrap();
        assert_eq!(colons.expose(), sha1);
    }

    #[test]
    fn keys_and_times_are_checked() {
        let sizes = [("512", "is none of 1024, 2048, 3072, 4096, 8192"), ("02048", "is none of")];
        check(Kind::KeySize, &["1024", "2048", "8192"], &sizes);
        let types = [("P-256", "`P-256` is none of ed25519, p256, p384, p521, rsa")];
        check(Kind::KeyType, &["rsa", "p384", "ed25519"], &types);
        check(Kind::KeyExponent, &["3", "65537"], &[("2", "an odd number"), ("03", "an odd")]);
        check(Kind::KeyUsage, &["keyAgreement"], &[("signing", "is none of cRLSign, ")]);
        check(Kind::CrlSource, &["cdp", "scep"], &[("ocsp", "`ocsp` is none of cdp, scep")]);
        check(Kind::Rollover, &["get-next-ca"], &[("on", "`on` is none of get-next-ca")]);
        check(Kind::RenewalKey, &["new", "same"], &[("old", "`old` is none of new, same")]);
        let shares = ["0", "100", "+80", "080", "80%"].map(|text| (text, "from 1 to 99 percent"));
        check(Kind::Percent, &["1", "80", "99"], &shares);
        let durations = [
            ("30", "did you mean `30s`?"),
            ("30 days", "did you mean `30d`?"),
            ("101y", "longer than a century"),
            ("soon", "is not a duration"),
        ];
        check(Kind::Duration, &["30d", "90m", "0s"], &durations);
    }
}

//! Options for the certificates of a new CA: its own, those of the CAs above it and after it, and those of its registration authority.

use std::time::{Duration, SystemTime};

use clap::Args;
use mock_ca::{
    CaCertificate, Hierarchy, IssuerCa, KEY_BITS, MOST_LEVELS, NextCa, NextKey, NextRegistration,
    PersonalityName,
};
use scep::clock::moment_text;

use crate::values::{moment, one_of, validity};

/// The age that a new CA has by default.
const DAY: Duration = Duration::from_secs(86_400);

/// Options for the certificates of a new CA: its own, those of the CAs above it and after it, and those of its registration authority.
#[derive(Clone, Debug, Args)]
pub(super) struct CertificateOptions {
    /// The name of the CA above a new CA; given again, that of the CA above this one, up to the root
    #[arg(long, value_name = "NAME")]
    issued_by: Vec<String>,
    /// The key of a new CA: rsa:1024, rsa:2048, rsa:3072 or rsa:4096 [default: rsa:2048]
    #[arg(long, value_name = "KEY", value_parser = key_bits)]
    ca_key: Option<u32>,
    /// The first moment at which the certificate of a new CA is valid, such as 2026-01-01T00:00Z [default: a day ago]
    #[arg(long, value_name = "MOMENT", value_parser = moment)]
    ca_valid_from: Option<SystemTime>,
    /// How long the certificate of a new CA is valid, such as 30d or 10y
    #[arg(long, value_name = "DURATION", value_parser = validity)]
    ca_valid_for: Option<Duration>,
    /// The moment at which another CA takes the place of a new one, such as 2027-01-01T00:00Z
    #[arg(long, value_name = "MOMENT", value_parser = moment)]
    next_ca_from: Option<SystemTime>,
    /// The moment from which GetNextCACert gives that CA (rfc8894) [default: always]
    #[arg(long, value_name = "MOMENT", value_parser = moment, requires = "next_ca_from")]
    next_ca_announced: Option<SystemTime>,
    /// The name of that CA [default: that of the CA before]
    #[arg(long, value_name = "NAME", requires = "next_ca_from")]
    next_ca_subject: Option<String>,
    /// The key of that CA: a new one, or that of the CA before [default: new]
    #[arg(long, value_name = "KEY", value_parser = one_of(NextKey::NAMED.to_vec()), requires = "next_ca_from")]
    next_ca_key: Option<NextKey>,
    /// How long the certificate of that CA is valid [default: as that of the CA before]
    #[arg(long, value_name = "DURATION", value_parser = validity, requires = "next_ca_from")]
    next_ca_valid_for: Option<Duration>,
    /// The first moment at which the certificates of a new registration authority are valid (ndes)
    #[arg(long, value_name = "MOMENT", value_parser = moment)]
    ra_valid_from: Option<SystemTime>,
    /// How long the certificates of a new registration authority are valid (ndes) [default: two years]
    #[arg(long, value_name = "DURATION", value_parser = validity)]
    ra_valid_for: Option<Duration>,
    /// The moment at which the registration authority has other certificates, such as 2027-01-01T00:00Z (ndes)
    #[arg(long, value_name = "MOMENT", value_parser = moment)]
    ra_next_from: Option<SystemTime>,
    /// Their keys: new ones, or those before [default: new]
    #[arg(long, value_name = "KEY", value_parser = one_of(NextKey::NAMED.to_vec()), requires = "ra_next_from")]
    ra_next_key: Option<NextKey>,
    /// How long they are valid [default: as those before]
    #[arg(long, value_name = "DURATION", value_parser = validity, requires = "ra_next_from")]
    ra_next_valid_for: Option<Duration>,
}

impl CertificateOptions {
    /// Changes the certificates of a CA that is new at this moment, or may be older if that is `None`; the error says which options do not
    /// fit together.
    pub(super) fn apply(
        &self,
        hierarchy: &mut Hierarchy,
        personality: PersonalityName,
        new_at: Option<SystemTime>,
    ) -> Result<(), String> {
        hierarchy.issued_by = self.issuers()?;
        hierarchy.ca.valid_from = self.ca_valid_from;
        hierarchy.ca.valid_for = self.ca_valid_for;
        if let Some(bits) = self.ca_key {
            hierarchy.ca.key_bits = bits;
        }
        let begin = self.ca_valid_from.or(new_at.and_then(|new_at| new_at.checked_sub(DAY)));
        hierarchy.next_ca = self.next_ca(personality, begin)?;
        let wants_registration = self.ra_valid_from.is_some()
            || self.ra_valid_for.is_some()
            || self.ra_next_from.is_some();
        if wants_registration && !personality.has_registration() {
            return Err(format!(
                "the options `--ra-…` are for a CA with a registration authority, such as `ndes`; `{personality}` has none"
            ));
        }
        hierarchy.registration.valid_from = self.ra_valid_from;
        hierarchy.registration.valid_for = self.ra_valid_for;
        hierarchy.registration.next = self.next_registration(begin)?;
        Ok(())
    }

    /// The CAs above, the nearest first.
    fn issuers(&self) -> Result<Vec<IssuerCa>, String> {
        if self.issued_by.len() >= MOST_LEVELS {
            return Err(format!("`--issued-by` is given {} times at most", MOST_LEVELS - 1));
        }
        let issuer = |subject: &String| {
            expect_name("--issued-by", subject)?;
            let certificate = CaCertificate::default();
            Ok(IssuerCa { subject: subject.clone(), certificate })
        };
        self.issued_by.iter().map(issuer).collect()
    }

    fn next_ca(
        &self,
        personality: PersonalityName,
        begin: Option<SystemTime>,
    ) -> Result<Option<NextCa>, String> {
        let Some(from) = self.next_ca_from else { return Ok(None) };
        expect_after("--next-ca-from", from, begin)?;
        if let Some(subject) = &self.next_ca_subject {
            expect_name("--next-ca-subject", subject)?;
        }
        if let Some(announced) = self.next_ca_announced {
            if !personality.has_next_ca() {
                return Err(format!(
                    "`--next-ca-announced` is for `rfc8894` only, because `{personality}` does not serve GetNextCACert"
                ));
            }
            if announced >= from {
                return Err(
                    "`--next-ca-announced` must be before `--next-ca-from`, or the CA is never announced"
                        .to_owned(),
                );
            }
        }
        Ok(Some(NextCa {
            from,
            announced: self.next_ca_announced,
            subject: self.next_ca_subject.clone(),
            key: self.next_ca_key.unwrap_or(NextKey::New),
            valid_for: self.next_ca_valid_for,
        }))
    }

    fn next_registration(
        &self,
        begin: Option<SystemTime>,
    ) -> Result<Option<NextRegistration>, String> {
        let Some(from) = self.ra_next_from else { return Ok(None) };
        expect_after("--ra-next-from", from, begin)?;
        Ok(Some(NextRegistration {
            from,
            valid_for: self.ra_next_valid_for,
            key: self.ra_next_key.unwrap_or(NextKey::New),
        }))
    }
}

/// Reads the length of an RSA key, in bits.
fn key_bits(text: &str) -> Result<u32, String> {
    let bits = text.strip_prefix("rsa:").and_then(|bits| bits.parse().ok());
    let bits = bits.filter(|bits| KEY_BITS.contains(bits));
    bits.ok_or_else(|| "a key is `rsa:1024`, `rsa:2048`, `rsa:3072` or `rsa:4096`".to_owned())
}

fn expect_name(option: &str, subject: &str) -> Result<(), String> {
    match scep::name::parse(subject) {
        Ok(_) => Ok(()),
        Err(reason) => Err(format!("`{option}` takes a name, and `{subject}` is none: {reason}")),
    }
}

fn expect_after(option: &str, moment: SystemTime, begin: Option<SystemTime>) -> Result<(), String> {
    let Some(begin) = begin.filter(|begin| moment <= *begin) else { return Ok(()) };
    let (moment, begin) = (moment_text(moment), moment_text(begin));
    Err(format!("`{option}` is {moment}, and the CA itself begins at {begin}"))
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use mock_ca::Settings;

    use super::super::Serve;
    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        serve: Serve,
    }

    fn settings(arguments: &[&str]) -> Result<Settings, String> {
        let line = Line::try_parse_from(["serve"].iter().chain(arguments));
        line.map_err(|error| error.to_string())?.serve.settings()
    }

    fn at(text: &str) -> SystemTime {
        scep::clock::moment(text).unwrap()
    }

    #[test]
    fn options_for_the_ca_become_settings() {
        let made = settings(&[
            "rfc8894",
            "--issued-by=CN=Policy",
            "--issued-by=CN=Root",
            "--ca-key=rsa:4096",
            "--ca-valid-from=2025-01-01T00:00Z",
            "--ca-valid-for=30d",
            "--next-ca-from=2030-01-01T00:00Z",
            "--next-ca-announced=2029-12-01T00:00Z",
            "--next-ca-subject=CN=Next",
            "--next-ca-key=same",
            "--next-ca-valid-for=5y",
        ])
        .unwrap();
        let names: Vec<_> = made.hierarchy.issued_by.iter().map(|it| it.subject.as_str()).collect();
        assert_eq!(names, ["CN=Policy", "CN=Root"]);
        let own = CaCertificate {
            key_bits: 4096,
            valid_from: Some(at("2025-01-01T00:00Z")),
            valid_for: Some(30 * DAY),
        };
        assert_eq!(made.hierarchy.ca, own);
        let next = NextCa {
            from: at("2030-01-01T00:00Z"),
            announced: Some(at("2029-12-01T00:00Z")),
            subject: Some("CN=Next".to_owned()),
            key: NextKey::Same,
            valid_for: Some(5 * 365 * DAY),
        };
        assert_eq!(made.hierarchy.next_ca, Some(next));
    }

    #[test]
    fn options_for_the_registration_authority_become_settings() {
        let made = settings(&[
            "ndes",
            "--ra-valid-from=2026-01-01T00:00Z",
            "--ra-valid-for=90d",
            "--ra-next-from=2099-03-01T00:00Z",
            "--ra-next-key=same",
            "--ra-next-valid-for=1y",
        ])
        .unwrap();
        let registration = made.hierarchy.registration;
        assert_eq!(registration.valid_from, Some(at("2026-01-01T00:00Z")));
        assert_eq!(registration.valid_for, Some(90 * DAY));
        let next = NextRegistration {
            from: at("2099-03-01T00:00Z"),
            valid_for: Some(365 * DAY),
            key: NextKey::Same,
        };
        assert_eq!(registration.next, Some(next));
    }

    #[test]
    fn certificates_that_make_no_sense_are_rejected() {
        for (arguments, message) in [
            (&["linux", "--issued-by=root"][..], "`--issued-by` takes a name, and `root` is none"),
            (&["linux", "--ca-key=rsa:512"], "a key is `rsa:1024`"),
            (&["linux", "--ca-valid-for=0s"], "a certificate is valid for a second at least"),
            (&["linux", "--next-ca-from=2030-01-01"], "a moment is a date with its time"),
            (&["linux", "--next-ca-from=1969-01-01T00:00Z"], "a clock begins in 1970"),
            (
                &["linux", "--next-ca-from=1990-01-01T00:00Z"],
                "`--next-ca-from` is 1990-01-01T00:00:00Z, and the CA itself begins at",
            ),
            (&["linux", "--next-ca-key=same"], "--next-ca-from <MOMENT>"),
            (
                &[
                    "linux",
                    "--next-ca-from=2090-01-01T00:00Z",
                    "--next-ca-announced=2089-01-01T00:00Z",
                ],
                "`--next-ca-announced` is for `rfc8894` only",
            ),
            (
                &[
                    "rfc8894",
                    "--next-ca-from=2090-01-01T00:00Z",
                    "--next-ca-announced=2090-01-01T00:00Z",
                ],
                "`--next-ca-announced` must be before `--next-ca-from`",
            ),
            (&["rfc8894", "--ra-valid-for=1y"], "`rfc8894` has none"),
        ] {
            let error = settings(arguments).err().unwrap();
            assert!(error.contains(message), "{arguments:?}: {error}");
        }
        // The CA in the directory may have been followed by then.
        assert!(settings(&["linux", "--next-ca-from=1990-01-01T00:00Z", "--state=ca"]).is_ok());
        let many = ["linux"].into_iter().chain(std::iter::repeat_n("--issued-by=CN=a", 8));
        let error = settings(&many.collect::<Vec<_>>()).err().unwrap();
        assert_eq!(error, "`--issued-by` is given 7 times at most");
    }
}

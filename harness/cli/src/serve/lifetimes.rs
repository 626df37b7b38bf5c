//! Options for the certificates of the CA itself, and for its rules in which time matters.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use clap::Args;
use mock_ca::{
    Approval, ChallengePolicy, DistributionPoint, IssuerCa, LaterDecision, MOST_LEVELS, NextCa,
    NextKey, RenewalWindow, Settings,
};

use crate::values::{distribution_point, moment, renewal_window, validity};

/// Options for the certificates of the CA itself, and for its rules in which time matters.
#[derive(Clone, Debug, Args)]
pub(super) struct LifeOptions {
    /// The name of the CA above a new CA; given again, that of the CA above this one, up to the root
    #[arg(long, value_name = "NAME")]
    issued_by: Vec<String>,
    /// How long the certificate of a new CA is valid, such as 30d or 10y
    #[arg(long, value_name = "DURATION", value_parser = validity)]
    ca_valid_for: Option<Duration>,
    /// The moment at which another CA takes the place of a new one, such as 2027-01-01T00:00Z
    #[arg(long, value_name = "MOMENT", value_parser = moment)]
    next_ca_from: Option<SystemTime>,
    /// How long before its end a certificate may be renewed, such as 30d, or 20% of its life [default: 14d for linux,
    /// otherwise at any time]
    #[arg(long, value_name = "WINDOW", value_parser = renewal_window)]
    renewal_window: Option<RenewalWindow>,
    /// Let each request wait, and grant it by itself after this time, such as 3d, unless you decide before
    #[arg(long, value_name = "DURATION", value_parser = validity)]
    approve_after: Option<Duration>,
    /// How long one-time passwords are valid [default: those of --challenge for ever, those of `mscep_admin` 60m]
    #[arg(long, value_name = "DURATION", value_parser = validity)]
    password_valid_for: Option<Duration>,
    /// How long a revocation list is valid; then another one is made [default: 7d]
    #[arg(long, value_name = "DURATION", value_parser = validity)]
    crl_valid_for: Option<Duration>,
    /// The place of the revocation list in issued certificates: here (it is served at the address of --listen), none, or a URL
    /// [default: none, or in the directory for ndes]
    #[arg(long, value_name = "PLACE", value_parser = distribution_point)]
    distribution_point: Option<DistributionPoint>,
}

impl LifeOptions {
    /// True if the CA lets requests wait.
    pub(super) fn lets_wait(&self) -> bool {
        self.approve_after.is_some()
    }

    /// Changes the settings as the options say; the error says which options do not fit together.
    pub(super) fn apply(&self, settings: &mut Settings) -> Result<(), String> {
        let hierarchy = &mut settings.hierarchy;
        if self.issued_by.len() >= MOST_LEVELS {
            return Err(format!("`--issued-by` is given {} times at most", MOST_LEVELS - 1));
        }
        for subject in &self.issued_by {
            if let Err(reason) = scep::name::parse(subject) {
                return Err(format!(
                    "`--issued-by` takes a name, and `{subject}` is none: {reason}"
                ));
            }
            let certificate = mock_ca::CaCertificate::default();
            hierarchy.issued_by.push(IssuerCa { subject: subject.clone(), certificate });
        }
        hierarchy.ca.valid_for = self.ca_valid_for;
        hierarchy.next_ca = self.next_ca_from.map(|from| NextCa {
            from,
            announced: None,
            subject: None,
            key: NextKey::New,
            valid_for: None,
        });
        settings.renewal_window = self.renewal_window;
        if let Some(after) = self.approve_after {
            settings.approval = Approval::Manual;
            settings.later_decision = Some(LaterDecision { after, denies: false });
        }
        if let Some(life) = self.password_valid_for {
            let ChallengePolicy::OneTime { preset_expires, lifetime, .. } = &mut settings.challenge
            else {
                return Err("`--password-valid-for` is for one-time passwords".to_owned());
            };
            (*preset_expires, *lifetime) = (true, life);
        }
        if let Some(valid_for) = self.crl_valid_for {
            settings.crl.valid_for = valid_for;
        }
        settings.crl.distribution_point.clone_from(&self.distribution_point);
        Ok(())
    }

    /// The address that certificates name as that of the revocation list.
    pub(super) fn address(&self, bound: SocketAddr) -> Result<String, String> {
        let is_here = self.distribution_point == Some(DistributionPoint::Here);
        if is_here && bound.ip().is_unspecified() {
            return Err(format!(
                "`--distribution-point here` needs an address that clients reach in `--listen`, and `{bound}` means all of \
                 this machine: name one, or give the URL of the list"
            ));
        }
        Ok(bound.to_string())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

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

    #[test]
    fn options_become_settings() {
        let made = settings(&[
            "rfc8894",
            "--challenge=abcdef",
            "--issued-by=CN=Policy",
            "--issued-by=CN=Root",
            "--ca-valid-for=30d",
            "--next-ca-from=2030-01-01T00:00Z",
            "--renewal-window=20%",
            "--approve-after=3d",
            "--password-valid-for=60m",
            "--crl-valid-for=1d",
            "--distribution-point=here",
        ])
        .unwrap();
        let names: Vec<_> = made.hierarchy.issued_by.iter().map(|it| it.subject.as_str()).collect();
        assert_eq!(names, ["CN=Policy", "CN=Root"]);
        let day = Duration::from_secs(86_400);
        assert_eq!(made.hierarchy.ca.valid_for, Some(30 * day));
        let from = made.hierarchy.next_ca.unwrap().from;
        assert_eq!(from, scep::clock::moment("2030-01-01T00:00Z").unwrap());
        assert_eq!(made.renewal_window, Some(RenewalWindow::Percent(20)));
        assert_eq!(made.approval, Approval::Manual);
        assert_eq!(made.later_decision, Some(LaterDecision { after: 3 * day, denies: false }));
        let ChallengePolicy::OneTime { preset_expires: true, lifetime, .. } = made.challenge else {
            panic!("{:?}", made.challenge)
        };
        assert_eq!(lifetime, Duration::from_secs(3600));
        assert_eq!(made.crl.valid_for, day);
        assert_eq!(made.crl.distribution_point, Some(DistributionPoint::Here));
    }

    #[test]
    fn options_that_make_no_sense_are_rejected() {
        for (arguments, message) in [
            (
                &["linux", "--password-valid-for=1h"][..],
                "`--password-valid-for` is for one-time passwords",
            ),
            (&["linux", "--issued-by=root"], "`--issued-by` takes a name, and `root` is none"),
            (&["linux", "--ca-valid-for=0s"], "a certificate is valid for a second at least"),
            (&["linux", "--renewal-window=0%"], "from `1%` to `100%`"),
            (&["linux", "--renewal-window=soon"], "a duration is a whole number with its unit"),
            (&["linux", "--next-ca-from=2030-01-01"], "a moment is a date with its time"),
            (&["linux", "--next-ca-from=1969-01-01T00:00Z"], "a clock begins in 1970"),
            (&["linux", "--distribution-point=there"], "`here`, `none` or the URL"),
        ] {
            let error = settings(arguments).err().unwrap();
            assert!(error.contains(message), "{arguments:?}: {error}");
        }
        let many = ["linux"].into_iter().chain(std::iter::repeat_n("--issued-by=CN=a", 8));
        let error = settings(&many.collect::<Vec<_>>()).err().unwrap();
        assert_eq!(error, "`--issued-by` is given 7 times at most");
    }

    #[test]
    fn list_is_served_at_an_address_that_clients_reach() {
        let options = |arguments: &[&str]| {
            Line::try_parse_from(["serve"].iter().chain(arguments)).unwrap().serve.lifetimes
        };
        let all = "0.0.0.0:8080".parse().unwrap();
        let here = options(&["linux", "--distribution-point=here"]);
        assert!(here.address(all).unwrap_err().contains("needs an address that clients reach"));
        assert_eq!(here.address("10.0.0.1:80".parse().unwrap()).unwrap(), "10.0.0.1:80");
        assert!(options(&["linux"]).address(all).is_ok());
    }
}

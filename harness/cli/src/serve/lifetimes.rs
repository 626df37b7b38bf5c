//! Options for the rules of the CA in which time matters.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;
use mock_ca::{
    Approval, ChallengePolicy, DistributionPoint, LaterDecision, RenewalWindow, Settings,
};

use crate::values::{distribution_point, renewal_window, validity};

/// Options for the rules of the CA in which time matters.
#[derive(Clone, Debug, Args)]
pub(super) struct LifeOptions {
    /// How long before its end a certificate may be renewed, such as 30d, or 20% of its life [default: 14d for linux,
    /// otherwise at any time]
    #[arg(long, value_name = "WINDOW", value_parser = renewal_window)]
    renewal_window: Option<RenewalWindow>,
    /// Let each request wait, and grant it by itself after this time, such as 3d, unless you decide before
    #[arg(long, value_name = "DURATION", value_parser = validity)]
    approve_after: Option<Duration>,
    /// Let each request wait, and deny it by itself after this time, unless you decide before
    #[arg(long, value_name = "DURATION", value_parser = validity, conflicts_with = "approve_after")]
    deny_after: Option<Duration>,
    /// How long one-time passwords are valid [default: those of --challenge for ever, those of `mscep_admin` 60m]
    #[arg(long, value_name = "DURATION", value_parser = validity)]
    password_valid_for: Option<Duration>,
    /// How long a revocation list is valid; then another one is made [default: 7d]
    #[arg(long, value_name = "DURATION", value_parser = validity)]
    crl_valid_for: Option<Duration>,
    /// Make no other revocation list when one has expired, until something is revoked
    #[arg(long)]
    crl_never_renewed: bool,
    /// The place of the revocation list in issued certificates: here (it is served at the address of --listen), none, or a URL
    /// [default: none, or in the directory for ndes]
    #[arg(long, value_name = "PLACE", value_parser = distribution_point)]
    distribution_point: Option<DistributionPoint>,
}

impl LifeOptions {
    /// True if the CA lets requests wait.
    pub(super) fn lets_wait(&self) -> bool {
        self.later_decision().is_some()
    }

    /// The decision that the CA takes by itself about a request that waits.
    fn later_decision(&self) -> Option<LaterDecision> {
        let granted = self.approve_after.map(|after| LaterDecision { after, denies: false });
        granted.or(self.deny_after.map(|after| LaterDecision { after, denies: true }))
    }

    /// Changes the settings as the options say; the error says which options do not fit together.
    pub(super) fn apply(&self, settings: &mut Settings) -> Result<(), String> {
        settings.renewal_window = self.renewal_window;
        if let Some(decision) = self.later_decision() {
            settings.approval = Approval::Manual;
            settings.later_decision = Some(decision);
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
        settings.crl.renews = !self.crl_never_renewed;
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
            "--renewal-window=20%",
            "--approve-after=3d",
            "--password-valid-for=60m",
            "--crl-valid-for=1d",
            "--crl-never-renewed",
            "--distribution-point=here",
        ])
        .unwrap();
        let day = Duration::from_secs(86_400);
        assert_eq!(made.renewal_window, Some(RenewalWindow::Percent(20)));
        assert_eq!(made.approval, Approval::Manual);
        assert_eq!(made.later_decision, Some(LaterDecision { after: 3 * day, denies: false }));
        let ChallengePolicy::OneTime { preset_expires: true, lifetime, .. } = made.challenge else {
            panic!("{:?}", made.challenge)
        };
        assert_eq!(lifetime, Duration::from_secs(3600));
        assert_eq!(made.crl.valid_for, day);
        assert!(!made.crl.renews);
        assert_eq!(made.crl.distribution_point, Some(DistributionPoint::Here));
        let denied = settings(&["linux", "--deny-after=3d"]).unwrap();
        assert_eq!(denied.approval, Approval::Manual);
        assert_eq!(denied.later_decision, Some(LaterDecision { after: 3 * day, denies: true }));
        assert!(settings(&["linux"]).unwrap().crl.renews);
    }

    #[test]
    fn options_that_make_no_sense_are_rejected() {
        for (arguments, message) in [
            (
                &["linux", "--password-valid-for=1h"][..],
                "`--password-valid-for` is for one-time passwords",
            ),
            (&["linux", "--renewal-window=0%"], "from `1%` to `100%`"),
            (&["linux", "--renewal-window=soon"], "a duration is a whole number with its unit"),
            (&["linux", "--deny-after=1d", "--approve-after=1d"], "cannot be used with"),
            (&["linux", "--distribution-point=there"], "`here`, `none` or the URL"),
        ] {
            let error = settings(arguments).err().unwrap();
            assert!(error.contains(message), "{arguments:?}: {error}");
        }
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

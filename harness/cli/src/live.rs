//! `--driver live`: real devices and PKIs are used only after the user has seen the list of them and agreed.

use std::sync::Arc;

use clap::Args;

use super::access_arguments::AccessArguments;
use super::conform::challenges::ChallengeArguments;
use super::exit::{CommandError, Exit};
use super::output::{agreed, can_ask, warn};
use super::stop::{Reading, StopSignals};
use super::wiring::{TargetOptions, Targets, Used, used};
use diagnostics::{Diagnostic, visible};
use model::lab::{ChallengeSource, Lab, Secret, SshTarget};
use model::scenario::Scenario;
use recording::Folder;
use testbed::access::Access;
use testbed::{ChangedDevice, Driver, DriverName, UnrestoredDevice};

/// Options for `--driver live`.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "With --driver live")]
pub(super) struct LiveArguments {
    /// Use the listed addresses without asking; needed without a terminal
    #[arg(long, short)]
    yes: bool,
    /// Do not restore the devices: each keeps the configuration of the last scenario
    #[arg(long)]
    keep_config: bool,
    #[command(flatten)]
    challenges: ChallengeArguments,
    #[command(flatten)]
    access: AccessArguments,
}

impl LiveArguments {
    /// Checks that none of these options is given with another driver; the error says what to type.
    pub(super) fn fit(&self, driver: DriverName) -> Result<(), String> {
        let option = match () {
            () if driver == DriverName::Live => return Ok(()),
            () if self.yes => "--yes",
            () if self.keep_config => "--keep-config",
            () => match self.challenges.given().or(self.access.given()) {
                Some(option) => option,
                None => return Ok(()),
            },
        };
        Err(format!("`{option}` is for real devices and PKIs; type `{option} --driver live`"))
    }

    /// The passwords of the options that are known before a file is read.
    pub(super) fn passwords(&self) -> Vec<Secret> {
        self.challenges.known()
    }

    /// Prepares the scenarios: lists the addresses, asks for consent, reads all passwords and logs in to the devices. Before
    /// the consent only names are looked up.
    pub(super) async fn prepare(
        &self,
        scenarios: &[Scenario],
        messages: Option<Folder>,
        stop: &StopSignals,
    ) -> Result<Targets, CommandError> {
        let here = scenarios.iter().filter(|scenario| scenario.skip_reason.is_none());
        let labs = distinct(here.map(|scenario| &scenario.lab));
        if labs.is_empty() {
            // All scenarios are skipped.
            return Ok(Targets::default());
        }
        let reading = Reading::begin(stop);
        let urls = labs.iter().flat_map(|lab| lab.by_url.values()).map(|pki| &pki.url);
        let access = self.access.access(urls.chain(self.challenges.page())).await?;
        let targets =
            self.targets(&labs, messages, access).map_err(|reason| Exit::Usage.because(reason))?;
        drop(reading);
        // If nobody can agree, not even a name server is asked.
        let may_be_used = self.yes || can_ask();
        for line in listed(&used(labs.iter().copied(), &targets, may_be_used).await) {
            warn(&line);
        }
        if let Some(line) = configuration_notice(&labs, self.keep_config) {
            warn(&line);
        }
        self.agree(stop).await?;
        // A question for a password turns the terminal's echo off; Ctrl-C must turn it on again.
        let _saved = dut_sim::console::SavedTerminal::save();
        tokio::select! {
            logged_in = log_in(&labs, &targets) => logged_in?,
            () = stop.clone().received(1) => return Err(Exit::Interrupted.into()),
        }
        Ok(targets)
    }

    fn targets(
        &self,
        labs: &[&Lab],
        messages: Option<Folder>,
        access: Access,
    ) -> Result<Targets, String> {
        let is_live = |lab: &&Lab| lab.is_live();
        if !labs.iter().any(is_live) {
            return Err("`--driver live` needs a lab with devices by SSH and PKIs by URL; type `--lab FILE`".to_owned());
        }
        let pkis: Vec<_> = labs.iter().flat_map(|lab| lab.by_url.values()).collect();
        let challenge = self.challenges.source();
        let of_several = pkis.iter().any(|pki| pki.url != pkis[0].url);
        if let (Some(_), Some(option), true) = (&challenge, self.challenges.given(), of_several) {
            return Err(format!(
                "`{option}` is for one PKI, and there are several; put their challenge passwords into \
                 the lab file"
            ));
        }
        let otherwise = ChallengeArguments::of_environment().filter(|_| !of_several);
        let targets = Targets::new(TargetOptions {
            keep_configuration: self.keep_config,
            challenge,
            otherwise: otherwise.map(ChallengeSource::Static),
            messages,
            access,
        });
        for (name, pki) in labs.iter().flat_map(|lab| &lab.by_url) {
            targets.prepare(pki).map_err(|reason| format!("pki `{name}`: {reason}"))?;
        }
        Ok(targets)
    }

    async fn agree(&self, stop: &StopSignals) -> Result<(), CommandError> {
        if self.yes {
            return Ok(());
        }
        if !can_ask() {
            let refusal =
                "`--driver live` uses this network, and there is no terminal to ask you at";
            let note = "type `--yes` if these are the addresses that you mean";
            return Err(vec![Diagnostic::general(refusal).note(note)].into());
        }
        let agreed = tokio::select! {
            answer = tokio::task::spawn_blocking(|| agreed("Use them?")) => answer,
            () = stop.clone().received(1) => return Err(Exit::Interrupted.into()),
        };
        if agreed.unwrap_or(false) {
            return Ok(());
        }
        Err(Exit::NothingSelected.because("nothing was done"))
    }
}

/// The labs without repetition.
fn distinct<'a>(labs: impl Iterator<Item = &'a Lab>) -> Vec<&'a Lab> {
    let mut distinct: Vec<&Lab> = Vec::new();
    for lab in labs {
        if !distinct.contains(&lab) {
            distinct.push(lab);
        }
    }
    distinct
}

/// A line for each address, with its role in the lab in the first column.
fn listed(all: &[Used]) -> Vec<String> {
    let width = all.iter().map(|used| used.what.chars().count()).max().unwrap_or_default();
    let line = |Used { what, place, addresses }: &Used| {
        let resolved = match addresses {
            Ok(addresses) if place.contains(&addresses.join(", ")) => String::new(),
            Ok(addresses) => format!("  ({})", addresses.join(", ")),
            Err(reason) => format!("  ({})", visible(reason)),
        };
        format!("  {what:width$}  {}{resolved}", visible(place))
    };
    let heading = "Of the network of this machine, this run will use:".to_owned();
    std::iter::once(heading).chain(all.iter().map(line)).collect()
}

/// Announces that the configurations of real devices will change, and whether they are put back.
fn configuration_notice(labs: &[&Lab], keeps: bool) -> Option<String> {
    let mut names: Vec<&str> = real_devices(labs).map(|(name, _)| name).collect();
    names.dedup();
    if names.is_empty() {
        return None;
    }
    let names = names.join(", ");
    Some(if keeps {
        format!("Each scenario replaces the configuration of {names}, and the last one's stays.")
    } else {
        format!(
            "Each scenario replaces the configuration of {names}, which is put back afterwards."
        )
    })
}

fn real_devices<'a>(labs: &[&'a Lab]) -> impl Iterator<Item = (&'a str, &'a SshTarget)> {
    let devices = labs.iter().flat_map(|lab| &lab.devices);
    devices.filter_map(|(name, device)| Some((name.as_str(), device.ssh.as_deref()?)))
}

/// Logs in to each device once, so that passwords and errors come before the first scenario.
async fn log_in(labs: &[&Lab], targets: &Targets) -> Result<(), CommandError> {
    let mut known: Vec<&SshTarget> = Vec::new();
    for (name, target) in real_devices(labs) {
        if known.contains(&target) {
            continue;
        }
        known.push(target);
        targets.check_login(name, target).await?;
    }
    Ok(())
}

/// Announces after the first signal that changed devices are being restored, and returns them.
pub(super) async fn announce_restoring(
    stop: StopSignals,
    driver: Arc<dyn Driver>,
) -> Vec<ChangedDevice> {
    stop.received(1).await;
    let changed = driver.remains().changed;
    for ChangedDevice { device, .. } in &changed {
        warn(&format!(
            "stopping: the configuration of {device} is put back; Ctrl-C again ends at once"
        ));
    }
    changed
}

/// Reports the devices that were restored; `unrestored` has the others.
pub(super) fn report_restored(stopped: &[ChangedDevice], unrestored: &[UnrestoredDevice]) {
    let is_restored =
        |it: &&ChangedDevice| unrestored.iter().all(|other| other.device != it.device);
    for ChangedDevice { device, .. } in stopped.iter().filter(is_restored) {
        warn(&format!("the configuration of {device} was put back"));
    }
}

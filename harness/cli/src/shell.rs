//! `sceplab shell`: a command or a shell at a host of a running lab.

use std::ffi::OsString;
#[cfg(target_os = "linux")]
use std::io::ErrorKind;
use std::process::ExitCode;

use clap::Args;

use super::exit::Exit;
use super::output::complain;
#[cfg(target_os = "linux")]
use super::wiring::NotRun;
#[cfg(target_os = "linux")]
use super::wiring::registry::Entry;

/// Run a command or a shell at a host of a running lab
///
/// A lab of the driver `netns` runs as long as its scenario does, and longer with `sceplab run --keep`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sceplab run --driver netns --keep scenarios/scep/linux-pki.yaml
  sceplab shell gateway                     in another terminal
  sceplab shell DUT0 ip address             show the addresses of the device

Exit codes:
  that of the command; 127 if there is no such command, 126 if it cannot be run, as in a shell
  2  wrong usage, or no such lab or host
  3  the lab cannot be entered")]
pub(super) struct ShellArguments {
    /// The lab, by the id of its scenario or by its process; needed only if several running labs have this host
    #[arg(long, value_name = "ID")]
    lab: Option<String>,
    /// The host or device
    #[arg(value_name = "HOST")]
    host: String,
    /// The command and its arguments [default: $SHELL]
    #[arg(value_name = "COMMAND", trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<OsString>,
}

impl ShellArguments {
    /// Runs the command to its end; the process has one thread, because only such a process can enter namespaces.
    pub(super) fn perform(&self) -> ExitCode {
        self.outcome().unwrap_or_else(|(code, reason)| {
            complain(&reason);
            code
        })
    }

    #[cfg(target_os = "linux")]
    fn outcome(&self) -> Result<ExitCode, (ExitCode, String)> {
        use super::wiring::{registry, run_in};
        let entries = registry::entries().map_err(|error| (Exit::Lab.into(), error.to_string()))?;
        let entry = self.choose(&entries).map_err(|reason| (Exit::Usage.into(), reason))?;
        match run_in(entry, &self.host, &self.command) {
            Ok(code) => Ok(ExitCode::from(code)),
            Err(error) => Err((exit_code(&error), error.to_string())),
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn outcome(&self) -> Result<ExitCode, (ExitCode, String)> {
        Err((Exit::Lab.into(), "this operating system has no network namespaces".to_owned()))
    }

    /// The lab that has the host; the error lists the possible ones.
    #[cfg(target_os = "linux")]
    fn choose<'a>(&self, entries: &'a [Entry]) -> Result<&'a Entry, String> {
        if entries.is_empty() {
            return Err(
                "no lab is running; `sceplab run --driver netns --keep PATH` leaves labs running"
                    .into(),
            );
        }
        let is_meant = |entry: &Entry, lab| entry.id == lab || entry.process.to_string() == lab;
        let wanted = |entry: &Entry| self.lab.as_deref().is_none_or(|lab| is_meant(entry, lab));
        let named: Vec<_> = entries.iter().filter(|entry| wanted(entry)).collect();
        if named.is_empty() {
            let asked = self.lab.as_deref().unwrap_or_default();
            let known = list(entries.iter().map(|entry| &entry.id));
            return Err(format!("no lab `{asked}` is running (running labs: {known})"));
        }
        let with_host: Vec<_> =
            named.iter().filter(|entry| entry.namespaces.contains_key(&self.host)).collect();
        match with_host.as_slice() {
            [only] => Ok(only),
            [] => {
                let known = list(named.iter().flat_map(|entry| entry.namespaces.keys()));
                Err(format!("no running lab has a host `{}` (known hosts: {known})", self.host))
            }
            several => {
                let labs =
                    several.iter().map(|entry| format!("`{}` ({})", entry.process, entry.id));
                let labs: Vec<_> = labs.collect();
                Err(format!("which lab? `--lab` takes one of: {}", labs.join(", ")))
            }
        }
    }
}

/// 127 if there is no such command, 126 if it cannot be run, as in shells.
#[cfg(target_os = "linux")]
fn exit_code(error: &NotRun) -> ExitCode {
    match error {
        NotRun::Outside { .. } => Exit::Lab.into(),
        NotRun::Command { error, .. } if error.kind() == ErrorKind::NotFound => ExitCode::from(127),
        NotRun::Command { .. } => ExitCode::from(126),
    }
}

/// Each name once.
#[cfg(target_os = "linux")]
fn list<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let names: std::collections::BTreeSet<String> = names.map(|name| format!("`{name}`")).collect();
    names.into_iter().collect::<Vec<_>>().join(", ")
}

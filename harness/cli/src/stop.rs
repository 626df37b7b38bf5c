//! The end: of the process, which Ctrl-C, `kill`, service managers and the end of a terminal ask for, and of labs.

use std::future::pending;
use std::sync::{Arc, OnceLock};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::exit::Exit;
use super::output::warn;
use diagnostics::{Diagnostic, Palette, render};
use testbed::{ChangedDevice, Driver, Remains};

/// How often the process was told to stop since this was made.
#[derive(Clone)]
pub(super) struct StopSignals(watch::Receiver<usize>);

impl StopSignals {
    /// Listens from here on, so that no signal is missed, however early.
    pub(super) fn listen() -> Self {
        let (count, told) = watch::channel(0);
        let mut kinds = vec![SignalKind::interrupt(), SignalKind::terminate()];
        kinds.extend((!outlives_its_terminal()).then(SignalKind::hangup));
        // Where signals cannot be had, the process is ended from outside.
        for mut signal in kinds.into_iter().filter_map(|kind| signal(kind).ok()) {
            let count = count.clone();
            tokio::spawn(async move {
                while signal.recv().await.is_some() {
                    count.send_modify(|count| *count += 1);
                }
            });
        }
        Self(told)
    }

    /// Waits until the process was told so often.
    pub(super) async fn told(mut self, times: usize) {
        if self.0.wait_for(|count| *count >= times).await.is_err() {
            pending::<()>().await;
        }
    }
}

/// Whoever says it twice does not want to wait, be it for the reader of a pipe.
pub(super) async fn end_at_once(stop: StopSignals) {
    stop.told(2).await;
    std::process::exit(Exit::Interrupted as i32);
}

/// The same, and says first what the driver leaves changed, once there is a driver.
pub(super) async fn end_at_once_and_warn(
    stop: StopSignals,
    driver: Arc<OnceLock<Arc<dyn Driver>>>,
) {
    stop.clone().told(2).await;
    let remains = driver.get().map(|driver| driver.remains()).unwrap_or_default();
    for complaint in remains.devices {
        warn(&format!("warning: {complaint}"));
    }
    for ChangedDevice { device, saved_in } in remains.changed {
        warn(&format!(
            "warning: the configuration of {device} was not put back; as it was before it is in `{}`",
            saved_in.display()
        ));
    }
    end_at_once(stop).await;
}

/// Waits until nothing is left of any lab, says what was wrong with that, and tells what was wrong with real devices.
pub(super) async fn settle(driver: &dyn Driver) -> Vec<String> {
    let palette = Palette::of(&std::io::stderr());
    let Remains { complaints, devices, .. } = driver.settle().await;
    for complaint in complaints.iter().chain(&devices) {
        warn(&render("warning", &Diagnostic::general(complaint), palette));
    }
    devices
}

/// Whether SIGHUP is ignored, as `nohup` asks for; where the system does not tell, it is as it ever was.
fn outlives_its_terminal() -> bool {
    std::fs::read_to_string("/proc/self/status").map_or(true, |status| ignores_hangup(&status))
}

/// The field `SigIgn` of proc(5): a bit for each signal that is ignored, that of SIGHUP the lowest.
fn ignores_hangup(status: &str) -> bool {
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok());
    ignored.is_none_or(|ignored| ignored & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hangup_that_is_ignored_is_told_from_others() {
        let status = |mask: &str| format!("Name:\tsceplab\nSigBlk:\t0001\nSigIgn:\t{mask}\n");
        assert!(ignores_hangup(&status("0000000000001001")));
        assert!(!ignores_hangup(&status("0000000000001000")));
        assert!(ignores_hangup("Name:\tsceplab\n"));
    }
}

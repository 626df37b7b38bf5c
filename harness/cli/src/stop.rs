//! Signals that stop the process, and the cleanup of labs at its end.

use std::future::pending;
use std::sync::{Arc, OnceLock};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::exit::{CommandError, Exit};
use super::output::{self, warn};
use diagnostics::{Diagnostic, Palette, render};
use testbed::{ChangedDevice, Driver, Remains, UnrestoredDevice};

/// Counts the signals to stop: SIGINT, SIGTERM and SIGHUP.
#[derive(Clone)]
pub(super) struct StopSignals(watch::Receiver<usize>);

impl StopSignals {
    /// Starts to listen; call it early, because signals before it are not counted.
    pub(super) fn listen() -> Self {
        let (count, received) = watch::channel(0);
        let mut kinds = vec![SignalKind::interrupt(), SignalKind::terminate()];
        if is_hangup_ignored() {
            // A handler that does nothing ignores it too, but is not passed on: `ssh` must end when its terminal is closed.
            let _ = signal(SignalKind::hangup());
        } else {
            kinds.push(SignalKind::hangup());
        }
        // If a signal cannot be handled, it ends the process as usual.
        for mut signal in kinds.into_iter().filter_map(|kind| signal(kind).ok()) {
            let count = count.clone();
            tokio::spawn(async move {
                while signal.recv().await.is_some() {
                    output::stop();
                    count.send_modify(|count| *count += 1);
                }
            });
        }
        Self(received)
    }

    /// Waits for one more signal than were received so far.
    pub(super) async fn another(&self) {
        let received = *self.0.borrow();
        self.clone().received(received + 1).await;
    }

    /// Waits until so many signals were received.
    pub(super) async fn received(mut self, times: usize) {
        if self.0.wait_for(|count| *count >= times).await.is_err() {
            pending::<()>().await;
        }
    }
}

/// Runs what may wait, such as reading a file that is a pipe, so that the caller can be dropped by a signal.
///
/// # Errors
/// If it panics.
pub(super) async fn interruptible<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, CommandError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Exit::Internal.because(error))
}

/// The time in which files are read that may be pipes, and nothing has begun yet; a signal then ends the process.
pub(super) struct Reading(JoinHandle<()>);

impl Reading {
    /// Begins; dropping the value ends it.
    pub(super) fn begin(stop: &StopSignals) -> Self {
        let stop = stop.clone();
        Self(tokio::spawn(async move {
            stop.another().await;
            std::process::exit(Exit::Interrupted as i32);
        }))
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Ends the process at the second signal, without waiting for anything.
pub(super) async fn end_at_once(stop: StopSignals) {
    stop.received(2).await;
    std::process::exit(Exit::Interrupted as i32);
}

/// Ends the process at the second signal, and first warns about devices that the driver leaves changed.
pub(super) async fn end_at_once_and_warn(
    stop: StopSignals,
    driver: Arc<OnceLock<Arc<dyn Driver>>>,
) {
    stop.clone().received(2).await;
    let remains = driver.get().map(|driver| driver.remains()).unwrap_or_default();
    for UnrestoredDevice { complaint, .. } in remains.devices {
        warn(&format!("warning: {complaint}"));
    }
    for ChangedDevice { device, saved_in } in remains.changed {
        warn(&format!(
            "warning: the configuration of {device} was not put back; its earlier configuration is in `{}`",
            saved_in.display()
        ));
    }
    end_at_once(stop).await;
}

/// Waits until all labs are removed, warns about what could not be removed, and returns it.
pub(super) async fn settle(driver: &dyn Driver) -> Remains {
    let palette = Palette::of(&std::io::stderr());
    let remains = driver.settle().await;
    for complaint in remains.complaints.iter().map(String::as_str).chain(remains.decisive()) {
        warn(&render("warning", &Diagnostic::general(complaint), palette));
    }
    remains
}

/// True if SIGHUP is ignored, as under `nohup`, or if the system does not say.
fn is_hangup_ignored() -> bool {
    std::fs::read_to_string("/proc/self/status").map_or(true, |status| ignores_hangup(&status))
}

/// Reads the field `SigIgn` of proc(5): a bit for each ignored signal; SIGHUP is the lowest.
fn ignores_hangup(status: &str) -> bool {
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok());
    ignored.is_none_or(|ignored| ignored & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignored_hangup_is_recognised() {
        let status = |mask: &str| format!("Name:\tsceplab\nSigBlk:\t0001\nSigIgn:\t{mask}\n");
        assert!(ignores_hangup(&status("0000000000001001")));
        assert!(!ignores_hangup(&status("0000000000001000")));
        assert!(ignores_hangup("Name:\tsceplab\n"));
    }
}

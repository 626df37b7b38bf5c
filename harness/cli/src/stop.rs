//! Ctrl-C, what `kill` and service managers send, and what the end of a terminal does.

use std::future::pending;
use std::sync::{Arc, OnceLock};

use tokio::sync::watch;

use super::exit::Exit;
use super::output::warn;
use testbed::{ChangedDevice, Driver};

/// How often the process was told to stop since this was made.
#[derive(Clone)]
pub(super) struct StopSignals(watch::Receiver<usize>);

impl StopSignals {
    /// Listens from here on, so that no signal is missed, however early.
    pub(super) fn listen() -> Self {
        let (count, told) = watch::channel(0);
        let mut signals = Signals::listen();
        tokio::spawn(async move {
            loop {
                signals.next().await;
                count.send_modify(|count| *count += 1);
            }
        });
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

#[cfg(unix)]
struct Signals([Option<tokio::signal::unix::Signal>; 3]);

#[cfg(unix)]
impl Signals {
    fn listen() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        let listen = |kind| signal(kind).ok();
        let hangup = if outlives_its_terminal() { None } else { listen(SignalKind::hangup()) };
        Self([listen(SignalKind::interrupt()), listen(SignalKind::terminate()), hangup])
    }

    async fn next(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            () = received(interrupt) => {}
            () = received(terminate) => {}
            () = received(hangup) => {}
        }
    }
}

/// Whether SIGHUP is ignored, as `nohup` asks for; where the system does not tell, it is as it ever was.
#[cfg(unix)]
fn outlives_its_terminal() -> bool {
    std::fs::read_to_string("/proc/self/status").map_or(true, |status| ignores_hangup(&status))
}

/// The field `SigIgn` of proc(5): a bit for each signal that is ignored, that of SIGHUP the lowest.
#[cfg(unix)]
fn ignores_hangup(status: &str) -> bool {
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok());
    ignored.is_none_or(|ignored| ignored & 1 == 1)
}

/// Where signals cannot be had, the process is ended from outside.
#[cfg(unix)]
async fn received(signal: &mut Option<tokio::signal::unix::Signal>) {
    let received = match signal {
        Some(signal) => signal.recv().await,
        None => None,
    };
    if received.is_none() {
        pending::<()>().await;
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> Self {
        Self
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            pending::<()>().await;
        }
    }
}

#[cfg(all(test, unix))]
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

//! Ctrl-C, and what `kill` and service managers send.

use std::future::pending;

use tokio::sync::watch;

use super::exit::Exit;

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

#[cfg(unix)]
struct Signals([Option<tokio::signal::unix::Signal>; 2]);

#[cfg(unix)]
impl Signals {
    fn listen() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        Self([SignalKind::interrupt(), SignalKind::terminate()].map(|kind| signal(kind).ok()))
    }

    async fn next(&mut self) {
        let [interrupt, terminate] = &mut self.0;
        tokio::select! {
            () = received(interrupt) => {}
            () = received(terminate) => {}
        }
    }
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

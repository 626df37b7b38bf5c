//! Restarts: users are logged out, what was not saved is gone, and after a moment the device is up again.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;

use super::{Device, Login, Reply, Step};
use crate::config::system::System;
use crate::config::tree::Configuration;
use crate::network::Addressing;

/// What is said to whoever is logged in.
pub(crate) const RESTARTS: &str = "the device restarts";

/// Whether the device is up, and how often it was started anew.
pub(super) struct Restarts {
    life: watch::Sender<Life>,
    start_time: Duration,
    /// Commits until the one in whose middle the device restarts; 0 is never.
    commits_left: AtomicU64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Life {
    start: u64,
    up: bool,
}

impl Restarts {
    pub(super) fn new(start_time: Duration, in_commit: Option<u64>) -> Self {
        let life = watch::Sender::new(Life { start: 0, up: true });
        Self { life, start_time, commits_left: AtomicU64::new(in_commit.unwrap_or_default()) }
    }

    /// Waits until the device is up; the number of its start.
    pub(super) async fn up(&self) -> u64 {
        let mut life = self.life.subscribe();
        // The sender is here, so that the wait has an end.
        life.wait_for(|life| life.up).await.map(|life| life.start).unwrap_or_default()
    }

    /// Does `work`, unless the device restarts after that start.
    pub(super) async fn cut<T>(&self, start: u64, work: impl Future<Output = T>) -> Option<T> {
        let mut life = self.life.subscribe();
        tokio::select! {
            biased;
            done = work => Some(done),
            _ = life.wait_for(|life| *life != Life { start, up: true }) => None,
        }
    }

    /// Whether this commit is the one in whose middle the device restarts.
    fn is_cutting_commit(&self) -> bool {
        let less = |left: u64| left.checked_sub(1);
        self.commits_left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less) == Ok(1)
    }
}

impl Device {
    /// Whether the device is up.
    pub(crate) fn is_up(&self) -> bool {
        self.restarts.life.borrow().up
    }

    /// What came of a command that a restart ended: whoever it logs out hears of that alone.
    pub(super) async fn cut_short(&self, login: &Login) -> Step {
        if !login.is_console {
            std::future::pending::<()>().await;
        }
        Reply::refused("").stay()
    }

    /// Waits until the device goes down next.
    pub(crate) async fn goes_down(&self) {
        let mut life = self.restarts.life.subscribe();
        let start = life.borrow().start;
        let _ = life.wait_for(|life| *life != Life { start, up: true }).await;
    }

    /// Leaves the network as a device that is switched off does.
    pub async fn switch_off(&self) {
        self.restarts.life.send_modify(|life| life.up = false);
        let _committing = self.committing.lock().await;
        self.lose_everything().await;
    }

    /// Goes down, and comes up by itself with the saved configuration and without certificates.
    pub(super) fn restart(&self) {
        let went_down = self.restarts.life.send_if_modified(|life| std::mem::take(&mut life.up));
        if let (true, Some(device)) = (went_down, self.itself.upgrade()) {
            tokio::spawn(async move { device.start_anew().await });
        }
    }

    /// In the middle of a commit that is to be cut short: the network has changed, and nothing else.
    pub(super) async fn restart_in_commit(&self) {
        if self.restarts.is_cutting_commit() {
            self.restart();
            std::future::pending::<()>().await;
        }
    }

    async fn start_anew(&self) {
        let _committing = self.committing.lock().await;
        self.lose_everything().await;
        tokio::time::sleep(self.restarts.start_time).await;
        let saved = self.state.lock().saved.clone();
        if let Err(refusal) = self.make_active(&saved).await {
            let reason = refusal.to_string().replace('\n', "; ");
            self.surroundings.log.add(&format!("the saved configuration is not taken: {reason}"));
        }
        self.restarts.life.send_modify(|life| *life = Life { start: life.start + 1, up: true });
        self.surroundings.changed();
    }

    async fn lose_everything(&self) {
        // What cannot be taken away now is when the saved configuration is applied.
        let _ = self.surroundings.network.apply(&Addressing::default()).await;
        self.activate(Configuration::default(), System::default());
    }
}

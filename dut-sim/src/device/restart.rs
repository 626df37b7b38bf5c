//! Restarts: users are logged out, unsaved changes are lost, and after a moment the device is up again.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;

use super::{Device, Login, Reply, Step};
use crate::config::system::System;
use crate::config::tree::Configuration;
use crate::network::Addressing;

/// Message to the users who are logged in.
pub(crate) const RESTARTS: &str = "the device restarts";

/// Whether the device is up, and how often it has restarted.
pub(super) struct Restarts {
    power: watch::Sender<Power>,
    start_time: Duration,
    /// Commits up to the one that a restart interrupts; 0 means never.
    commits_left: AtomicU64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Power {
    start: u64,
    up: bool,
}

impl Restarts {
    pub(super) fn new(start_time: Duration, in_commit: Option<u64>) -> Self {
        let power = watch::Sender::new(Power { start: 0, up: true });
        Self { power, start_time, commits_left: AtomicU64::new(in_commit.unwrap_or_default()) }
    }

    /// Waits until the device is up; returns the number of its start.
    pub(super) async fn up(&self) -> u64 {
        let mut power = self.power.subscribe();
        // The sender is a field of this type, so the wait cannot fail.
        power.wait_for(|power| power.up).await.map(|power| power.start).unwrap_or_default()
    }

    /// Runs `work` until the device goes down after start number `start`; returns `None` in that case.
    pub(super) async fn while_up<T>(&self, start: u64, work: impl Future<Output = T>) -> Option<T> {
        let mut power = self.power.subscribe();
        tokio::select! {
            biased;
            done = work => Some(done),
            _ = power.wait_for(|power| *power != Power { start, up: true }) => None,
        }
    }

    /// True if a restart must interrupt this commit.
    fn interrupts_commit(&self) -> bool {
        let less = |left: u64| left.checked_sub(1);
        self.commits_left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less) == Ok(1)
    }
}

impl Device {
    /// True if the device is up.
    pub(crate) fn is_up(&self) -> bool {
        self.restarts.power.borrow().up
    }

    /// Result of a command that a restart ended. A user who is logged out gets none.
    pub(super) async fn interrupted_step(&self, login: &Login) -> Step {
        if !login.is_console {
            std::future::pending::<()>().await;
        }
        Reply::refused("").stay()
    }

    /// Waits until the device goes down.
    pub(crate) async fn goes_down(&self) {
        let mut power = self.restarts.power.subscribe();
        let start = power.borrow().start;
        let _ = power.wait_for(|power| *power != Power { start, up: true }).await;
    }

    /// Removes the device's addresses, routes and enrolments, as if it were switched off.
    pub async fn switch_off(&self) {
        self.restarts.power.send_modify(|power| power.up = false);
        let _committing = self.committing.lock().await;
        self.reset().await;
    }

    /// Goes down, then comes up with the saved configuration. Certificates, keys and enrolments under way of saved requests stay.
    pub(super) fn restart(&self) {
        let went_down = self.restarts.power.send_if_modified(|power| std::mem::take(&mut power.up));
        if went_down {
            self.come_up("");
        }
    }

    /// Cuts the power for a moment: the device goes down at once, and then comes up with the saved configuration. What it was doing and has
    /// not written to its flash is lost; an enrolment goes on with the key and the request that the flash has.
    ///
    /// A device that is going down or coming up already goes on with that.
    pub fn cut_power(&self) {
        let went_down = self.restarts.power.send_if_modified(|power| std::mem::take(&mut power.up));
        self.enrolments.lock().lose_power();
        if went_down {
            self.come_up("the device has started after a power cut");
        }
        self.context.changed();
    }

    /// Restarts if this commit must be interrupted: the network has changed, and nothing else.
    pub(super) async fn restart_in_commit(&self) {
        if self.restarts.interrupts_commit() {
            self.restart();
            std::future::pending::<()>().await;
        }
    }

    /// Begins to start again. Until that is done, the device counts as busy, so that a move of its time does not pass over it.
    fn come_up(&self, message: &'static str) {
        let Some(device) = self.itself.upgrade() else { return };
        let counted = self.context.timer.task();
        tokio::spawn(async move {
            device.boot(message).await;
            drop(counted);
        });
    }

    /// Starts with the saved configuration; the message is added to the journal, unless it is empty.
    async fn boot(&self, message: &str) {
        let _committing = self.committing.lock().await;
        self.reset().await;
        self.context.timer.rest(Some(self.restarts.start_time)).await;
        if !message.is_empty() {
            self.context.log(message);
        }
        let saved = self.state.lock().saved.clone();
        if let Err(refusal) = self.make_active(&saved).await {
            let reason = refusal.to_string().replace('\n', "; ");
            self.context.log(&format!("the saved configuration is refused: {reason}"));
        }
        self.enrolments.lock().forget_kept();
        self.restarts.power.send_modify(|it| *it = Power { start: it.start + 1, up: true });
        self.context.changed();
    }

    async fn reset(&self) {
        // Anything that cannot be removed now is removed when the saved configuration is applied.
        let _ = self.context.network.apply(&Addressing::default()).await;
        self.enrolments.lock().stop();
        self.activate(Configuration::default(), System::default());
    }
}

//! Users: each has a session of his own.

use std::sync::Arc;

use tokio::sync::{Mutex, MutexGuard, Notify};

use super::Device;
use crate::config::session::Candidate;

/// A user who is logged in.
#[derive(Default)]
pub(crate) struct Login {
    /// Held for as long as a command of his runs.
    session: Mutex<Session>,
    interrupted: Arc<Notify>,
    console: bool,
}

/// Where a user is: in configuration mode there is a candidate.
#[derive(Default)]
pub(super) struct Session {
    pub(super) candidate: Option<Candidate>,
    pub(super) terminal_length: Option<u16>,
    /// Ends what takes its time.
    pub(super) interrupted: Arc<Notify>,
    /// The start of the device that it belongs to.
    start: u64,
}

impl Login {
    /// The user at the device's own console.
    pub(super) fn at_the_console() -> Self {
        Self { console: true, ..Self::default() }
    }

    /// Whether a restart leaves him where he is.
    pub(crate) fn is_console(&self) -> bool {
        self.console
    }

    /// Ends what takes its time, if anything does.
    pub(crate) fn interrupt(&self) {
        self.interrupted.notify_waiters();
    }

    /// The session, where no command of his runs.
    pub(super) fn idle(&self) -> Option<MutexGuard<'_, Session>> {
        self.session.try_lock().ok()
    }
}

impl Device {
    /// The user's session, for him alone, as soon as the device is up; a restart has made it new.
    pub(super) async fn enter<'a>(&self, login: &'a Login) -> (u64, MutexGuard<'a, Session>) {
        let mut session = login.session.lock().await;
        let start = self.restarts.up().await;
        if session.start != start {
            *session = Session { start, ..Session::default() };
        }
        session.interrupted = Arc::clone(&login.interrupted);
        (start, session)
    }
}

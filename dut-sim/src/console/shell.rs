//! What a console talks to: a device in this process, or one in another.

use std::io;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::completion::Candidate;
use crate::device::{Device, Step};
use crate::ping::Screen;
use crate::remote::{RemoteConsole, RemoteError};

/// How long a completion from another process is waited for.
const COMPLETION_LIMIT: Duration = Duration::from_secs(2);

/// The command line of a device, wherever the device is.
#[derive(Clone)]
pub enum Shell {
    /// The device is in this process.
    Here(Arc<Device>),
    /// The device is in another process.
    There(Arc<RemoteConsole>),
}

impl Shell {
    pub(super) async fn prompt(&self) -> io::Result<String> {
        match self {
            Self::Here(device) => Ok(device.prompt().await),
            Self::There(device) => device.prompt().await.map_err(|error| gone(&error)),
        }
    }

    pub(super) async fn step(&self, line: &str, screen: Screen<'_>) -> io::Result<Step> {
        match self {
            Self::Here(device) => Ok(device.step(device.console(), line, screen).await),
            Self::There(device) => device.step(line, screen).await.map_err(|error| gone(&error)),
        }
    }

    /// Waits until the device has ended the session.
    pub(super) async fn gone(&self) -> io::Error {
        match self {
            Self::Here(_) => std::future::pending().await,
            Self::There(device) => gone(&RemoteError::Closed(device.closed().await)),
        }
    }

    pub(super) fn interrupt(&self) {
        match self {
            Self::Here(device) => device.console().interrupt(),
            Self::There(device) => device.interrupt(),
        }
    }

    /// To be called outside the runtime, for it waits.
    fn complete(&self, words: Vec<String>, partial: &str, runtime: &Handle) -> Vec<Candidate> {
        match self {
            Self::Here(device) => device.complete(device.console(), &words, partial),
            Self::There(device) => {
                let offered = device.complete(words, partial.to_owned());
                let offered = runtime.block_on(async { timeout(COMPLETION_LIMIT, offered).await });
                offered.ok().and_then(Result::ok).unwrap_or_default()
            }
        }
    }

    /// What completes words as long as the device is used elsewhere; to be called within the runtime.
    pub(super) fn completions(&self) -> Completions {
        let device = match self {
            Self::Here(device) => WeakShell::Here(Arc::downgrade(device)),
            Self::There(device) => WeakShell::There(Arc::downgrade(device)),
        };
        Completions { device, runtime: Handle::current() }
    }
}

/// Offers words from the tables of the device.
pub(super) struct Completions {
    device: WeakShell,
    runtime: Handle,
}

enum WeakShell {
    Here(Weak<Device>),
    There(Weak<RemoteConsole>),
}

impl Completions {
    /// What may be typed after `words`; nothing once the console has ended.
    pub(super) fn after(&self, words: Vec<String>, partial: &str) -> Vec<Candidate> {
        let device = match &self.device {
            WeakShell::Here(device) => device.upgrade().map(Shell::Here),
            WeakShell::There(device) => device.upgrade().map(Shell::There),
        };
        device.map_or_else(Vec::new, |device| device.complete(words, partial, &self.runtime))
    }
}

fn gone(error: &RemoteError) -> io::Error {
    io::Error::other(format!("the device cannot be reached: {error}"))
}

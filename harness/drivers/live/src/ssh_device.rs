//! A real device behind the harness's seam: its command line, over SSH.
//!
//! The configuration is saved when the device is connected to, and put back at the end, however that comes.

mod configuration;
mod connection;
mod console;
mod keeper;
mod passwords;
mod prompt;
mod refusal;
mod saved;
mod screen;
mod session;
mod wire;

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::{oneshot, watch};

use self::connection::Caller;
use self::keeper::{Opened, Order};
pub use self::passwords::{AtTerminal, Passwords};
pub use self::session::Restored;
use self::session::Session;
use model::lab::SshTarget;
use testbed::BenchError;
use testbed::device::{Change, Device, DeviceError};

/// A device over SSH; when it is dropped, its configuration is put back, and [`settled`] waits for that.
#[derive(Debug)]
pub struct SshDevice {
    orders: std::sync::mpsc::Sender<Order>,
    notes: Vec<String>,
    gone: watch::Receiver<Option<String>>,
}

impl SshDevice {
    /// Logs in and saves the configuration, which is put back at the end unless it is to be kept.
    ///
    /// # Errors
    /// What is in the way, and what to do: no connection, another host key, no login, no prompt, no configuration to
    /// be read.
    pub async fn connect(
        name: &str,
        target: &SshTarget,
        passwords: Arc<dyn Passwords>,
        keep_config: bool,
    ) -> Result<Self, BenchError> {
        let (device, target) = (name.to_owned(), target.clone());
        let told_as = format!("device `{name}` (`{target}`)");
        let caller = Box::new(Caller::new(target.clone(), passwords));
        let open = move || Session::open(&device, &target, caller, keep_config);
        let opened = keeper::open(told_as, open).await;
        let broken = |reason| BenchError::Device { name: name.to_owned(), reason };
        let Opened { orders, notes, gone } = opened.map_err(broken)?;
        Ok(Self { orders, notes, gone })
    }

    /// Puts the configuration back and logs out; nothing can be ordered afterwards.
    pub async fn restore(&self) -> Restored {
        let ended = || Restored::NotPutBack { reason: keeper::ended(), saved_in: None };
        self.order(|reply| Order::Restore { reply }).await.unwrap_or_else(|_| ended())
    }

    async fn order<T>(&self, order: impl FnOnce(oneshot::Sender<T>) -> Order) -> Result<T, String> {
        let (reply, answer) = oneshot::channel();
        self.orders.send(order(reply)).map_err(|_| keeper::ended())?;
        answer.await.map_err(|_| keeper::ended())
    }
}

/// The devices whose configuration this process has yet to put back, and the files that have it as it was.
pub(super) fn not_put_back() -> Vec<(String, std::path::PathBuf)> {
    keeper::not_put_back()
}

/// What was wrong with sessions that have ended already, as far as nobody was told.
pub(super) fn complaints() -> Vec<String> {
    keeper::complaints()
}

/// Waits until no session with a device is left; tells once what could not be put back, and where it is.
pub async fn settled() -> Vec<String> {
    keeper::settled().await
}

#[async_trait]
impl Device for SshDevice {
    async fn configure(&self, change: Change<'_>) -> Result<(), DeviceError> {
        let lines = change.lines().to_owned();
        let replace = matches!(change, Change::Replace(_));
        let done = self.order(|reply| Order::Configure { lines, replace, reply }).await;
        done.unwrap_or_else(|reason| Err(DeviceError::Broken { reason }))
    }

    async fn execute(&self, command: &str) -> Result<String, DeviceError> {
        let command = command.to_owned();
        let done = self.order(|reply| Order::Execute { command, reply }).await;
        done.unwrap_or_else(|reason| Err(DeviceError::Broken { reason }))
    }

    async fn protocol_log(&self) -> Vec<String> {
        self.order(|reply| Order::Journal { reply }).await.unwrap_or_default()
    }

    async fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }

    async fn broken(&self) -> String {
        let mut gone = self.gone.clone();
        match gone.wait_for(Option::is_some).await.map(|gone| gone.clone()) {
            Ok(Some(reason)) => reason,
            // Whoever has ended its session on purpose is not broken.
            _ => std::future::pending().await,
        }
    }
}

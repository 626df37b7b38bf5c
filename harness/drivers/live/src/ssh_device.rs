//! A real device behind the harness's seam: its command line, over SSH.
//!
//! The configuration is saved when the device is connected to, and put back at the end, however that comes.

mod configuration;
mod connection;
mod console;
mod passwords;
mod prompt;
mod refusal;
mod saved;
mod screen;
mod session;
mod sessions;
mod wire;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use tokio::sync::oneshot;

pub use self::connection::{Route, answer_ssh};
use self::console::Stopped;
pub use self::passwords::{AtTerminal, Passwords};
pub use self::session::Restored;
use self::session::Session;
pub use self::sessions::SshSessions;
use self::sessions::{Opened, Order};
use model::lab::SshTarget;
use testbed::BenchError;
use testbed::device::{Change, Device, DeviceError};

/// A device over SSH; when it is dropped, its configuration is put back, and [`SshSessions::settled`] waits for that.
#[derive(Debug)]
pub struct SshDevice(Opened);

impl SshSessions {
    /// Logs in and saves the configuration, which is put back at the end unless it is to be kept.
    ///
    /// # Errors
    /// What is in the way, and what to do: no connection, another host key, no login, no prompt, no configuration to
    /// be read.
    pub async fn open(
        &self,
        name: &str,
        target: &SshTarget,
        keep_config: bool,
    ) -> Result<SshDevice, BenchError> {
        let broken = |reason| BenchError::Device { name: name.to_owned(), reason };
        self.start(name, target, keep_config).await.map(SshDevice).map_err(broken)
    }
}

impl SshDevice {
    /// Puts the configuration back and logs out; nothing can be ordered afterwards.
    pub async fn restore(&self) -> Restored {
        let restored = self.order(|session, _| Box::pin(session.restore())).await;
        restored.unwrap_or_else(|reason| Restored::NotPutBack { reason, saved_in: None })
    }

    /// Has something done in the session; whoever does not wait for it stops it.
    async fn order<T: Send + 'static>(
        &self,
        work: impl for<'a> FnOnce(&'a mut Session, Stopped<'a>) -> BoxFuture<'a, T> + Send + 'static,
    ) -> Result<T, String> {
        let (reply, answer) = oneshot::channel();
        let order: Order = Box::new(move |session| {
            Box::pin(async move {
                let done = work(session, &|| reply.is_closed()).await;
                let _ = reply.send(done);
            })
        });
        self.0.orders.send(order).map_err(|_| sessions::ended())?;
        answer.await.map_err(|_| sessions::ended())
    }
}

#[async_trait]
impl Device for SshDevice {
    async fn configure(&self, change: Change<'_>) -> Result<(), DeviceError> {
        let lines = change.lines().to_owned();
        let replace = matches!(change, Change::Replace(_));
        let done = self.order(move |session, stopped| {
            Box::pin(async move { session.configure(&lines, replace, stopped).await })
        });
        done.await.unwrap_or_else(|reason| Err(DeviceError::Broken { reason }))
    }

    async fn execute(&self, command: &str) -> Result<String, DeviceError> {
        let command = command.to_owned();
        let done = self.order(move |session, stopped| {
            Box::pin(async move { session.execute(&command, stopped).await })
        });
        done.await.unwrap_or_else(|reason| Err(DeviceError::Broken { reason }))
    }

    async fn protocol_log(&self) -> Vec<String> {
        self.order(|session, _| Box::pin(session.journal())).await.unwrap_or_default()
    }

    async fn notes(&self) -> Vec<String> {
        self.0.notes.clone()
    }

    async fn broken(&self) -> String {
        let mut gone = self.0.gone.clone();
        match gone.wait_for(Option::is_some).await.map(|gone| gone.clone()) {
            Ok(Some(reason)) => reason,
            // Whoever has ended its session on purpose is not broken.
            _ => std::future::pending().await,
        }
    }
}

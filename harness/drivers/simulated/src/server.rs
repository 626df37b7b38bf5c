//! A server program other than the mock CA, as a PKI: its output, its exit and its readiness.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use async_trait::async_trait;
use ipnet::Ipv4Net;
use process::Output;
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use model::lab::{Lab, Ready};
use testbed::pki::Pki;

/// The pause between attempts to connect.
const PAUSE: Duration = Duration::from_millis(10);

/// The timeout of one attempt to connect.
const TRY: Duration = Duration::from_secs(1);

/// A server program, until it exits or is dropped.
pub struct Server {
    /// The output of the program.
    pub output: Output,
    /// The reason, once the server has ended.
    pub ended: watch::Receiver<Option<String>>,
}

impl Server {
    /// Waits until everything is true that the lab file lists as `ready` for the server on `host`. `connect` tries to connect to
    /// an address of the host.
    ///
    /// # Errors
    /// The condition that is not true yet, or how the server ended, with the end of its output.
    pub async fn when_ready<F>(
        self,
        (lab, host, name): (&Lab, &str, &str),
        ready: &Ready,
        connect: impl Fn(SocketAddr) -> F + Send,
    ) -> Result<Self, String>
    where
        F: Future<Output = Result<(), NotListening>> + Send,
    {
        tokio::select! {
            // An ended server is not ready, even if both are true at the first poll.
            biased;
            reason = self.end() => Err(format!("{reason}\nit was not ready yet")),
            lacking = self.lacking((lab, host), ready, connect) => lacking.map_err(|lacking| {
                let within = ready.within;
                self.output.under(&format!("`{name}` was not ready within {within:?}: {lacking}"))
            }),
        }?;
        Ok(self)
    }

    async fn lacking<F: Future<Output = Result<(), NotListening>>>(
        &self,
        (lab, host): (&Lab, &str),
        ready: &Ready,
        connect: impl Fn(SocketAddr) -> F,
    ) -> Result<(), String> {
        let deadline = Instant::now() + ready.within;
        if let Some(pattern) = &ready.output
            && timeout_at(deadline, self.output.matched()).await.is_err()
        {
            return Err(format!("no line of its output matches `{pattern}`"));
        }
        let Some(port) = ready.port else { return Ok(()) };
        let first = lab.hosts.get(host).and_then(|host| host.addresses.first());
        let address = first.map_or(Ipv4Addr::LOCALHOST, Ipv4Net::addr);
        let address = SocketAddr::from((address, port));
        let mut last = String::new();
        let listening = async {
            while let Err(reason) = connect(address).await {
                last = match reason {
                    NotListening::Refused => String::new(),
                    NotListening::Other(reason) => format!(" ({reason})"),
                };
                sleep(PAUSE).await;
            }
        };
        if timeout_at(deadline, listening).await.is_err() {
            return Err(format!("nothing listens at {address}{last}"));
        }
        Ok(())
    }

    /// Waits until the server ends; returns the reason.
    pub async fn end(&self) -> String {
        match self.ended.clone().wait_for(Option::is_some).await {
            Ok(reason) => reason.clone().unwrap_or_default(),
            Err(_) => "it is no longer watched".to_owned(),
        }
    }
}

/// The reason why there is no connection to a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum NotListening {
    /// Nothing listens at the address.
    Refused,
    /// Another reason, in words.
    Other(String),
}

/// Waits for a connection attempt.
///
/// # Errors
/// If there is no connection.
pub async fn is_answered(
    connecting: impl Future<Output = io::Result<TcpStream>>,
) -> Result<(), NotListening> {
    match timeout(TRY, connecting).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {
            Err(NotListening::Refused)
        }
        Ok(Err(error)) => Err(NotListening::Other(error.to_string())),
        Err(_) => Err(NotListening::Other("a connection is not answered".to_owned())),
    }
}

#[async_trait]
impl Pki for Server {
    async fn log(&self) -> Vec<String> {
        self.output.lines()
    }

    async fn broken(&self) -> String {
        self.end().await
    }
}

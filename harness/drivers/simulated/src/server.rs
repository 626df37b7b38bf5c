//! A server that is no mock CA, as a PKI: all there is of it is its output, its end, and whether it serves yet.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use async_trait::async_trait;
use ipnet::Ipv4Net;
use process::Output;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use model::lab::{Lab, Ready};
use testbed::pki::Pki;

/// How long after one try to connect the next one is made.
const PAUSE: Duration = Duration::from_millis(10);

/// How long an unanswered connection is waited for before it is tried anew.
const TRY: Duration = Duration::from_secs(1);

/// A server, until it ends by itself or is dropped.
pub struct Server {
    /// What it writes.
    pub output: Output,
    /// Where its end is told, with the reason.
    pub ended: watch::Receiver<Option<String>>,
}

impl Server {
    /// Waits until all holds that the lab file names for what `host` runs; `connect` tries to connect to an address of the
    /// host, and gives the reason if it cannot, which is empty if nobody listens.
    ///
    /// # Errors
    /// What does not hold, or how the server ended, and the end of its output.
    pub async fn when_ready<F>(
        self,
        (lab, host, name): (&Lab, &str, &str),
        ready: &Ready,
        connect: impl Fn(SocketAddr) -> F + Send,
    ) -> Result<Self, String>
    where
        F: Future<Output = Result<(), String>> + Send,
    {
        tokio::select! {
            // Whoever has ended is not ready, even if both are true at the first look.
            biased;
            reason = self.end() => Err(format!("{reason}\nit was not ready yet")),
            lacking = self.lacking((lab, host), ready, connect) => lacking.map_err(|lacking| {
                let within = ready.within;
                self.output.under(&format!("`{name}` was not ready within {within:?}: {lacking}"))
            }),
        }?;
        Ok(self)
    }

    async fn lacking<F: Future<Output = Result<(), String>>>(
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
                last = if reason.is_empty() { reason } else { format!(" ({reason})") };
                sleep(PAUSE).await;
            }
        };
        if timeout_at(deadline, listening).await.is_err() {
            return Err(format!("nobody listens at {address}{last}"));
        }
        Ok(())
    }

    /// Waits until it ends by itself; gives the reason.
    pub async fn end(&self) -> String {
        match self.ended.clone().wait_for(Option::is_some).await {
            Ok(reason) => reason.clone().unwrap_or_default(),
            Err(_) => "it is attended to no more".to_owned(),
        }
    }
}

/// Waits for a connection that is tried.
///
/// # Errors
/// Why there is none; nothing is said if nobody listens.
pub async fn is_answered(
    connecting: impl Future<Output = io::Result<TcpStream>>,
) -> Result<(), String> {
    match timeout(TRY, connecting).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => Err(String::new()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("a connection is not answered".to_owned()),
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

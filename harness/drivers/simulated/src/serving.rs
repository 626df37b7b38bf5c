//! Whether the SCEP service of a mock CA takes connections.

use std::io;
use std::net::TcpListener;

use parking_lot::Mutex;
use tokio::sync::watch;

/// A switch for a service and its listeners.
pub struct Serving {
    is_on: watch::Sender<bool>,
    listeners: Mutex<Vec<TcpListener>>,
}

impl Default for Serving {
    fn default() -> Self {
        Self { is_on: watch::Sender::new(true), listeners: Mutex::default() }
    }
}

impl Serving {
    /// True if the service takes connections.
    pub fn is_on(&self) -> bool {
        *self.is_on.borrow()
    }

    /// Waits until it takes no more connections.
    pub async fn stopped(&self) {
        // The sender is in `self`, so the channel is not closed.
        let _ = self.is_on.subscribe().wait_for(|is_on| !is_on).await;
    }

    /// Waits until it takes connections.
    #[cfg(target_os = "linux")]
    pub(crate) async fn started(&self) {
        let _ = self.is_on.subscribe().wait_for(|is_on| *is_on).await;
    }

    /// Adds a listener on a port that was chosen for it; the kernel refuses its connections while the service is stopped.
    ///
    /// # Errors
    /// If the kernel refuses.
    #[cfg(target_os = "linux")]
    pub(crate) fn add(&self, listener: &TcpListener) -> io::Result<()> {
        self.listeners.lock().push(listener.try_clone()?);
        Ok(())
    }

    /// Stops or starts the service; its listeners keep their ports.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn set(&self, is_on: bool) -> io::Result<()> {
        for listener in &*self.listeners.lock() {
            switch(listener, is_on)?;
        }
        self.is_on.send_replace(is_on);
        Ok(())
    }
}

/// Closes a listening socket for connections, or opens it again. Linux keeps its port meanwhile.
#[cfg(target_os = "linux")]
fn switch(listener: &TcpListener, is_on: bool) -> io::Result<()> {
    use std::os::fd::AsRawFd;

    use nix::sys::socket::{Backlog, Shutdown, listen, shutdown};

    if is_on {
        listen(listener, Backlog::MAXCONN)?;
    } else {
        shutdown(listener.as_raw_fd(), Shutdown::Both)?;
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn switch(_: &TcpListener, _: bool) -> io::Result<()> {
    Err(io::Error::other("a listener is only stopped on Linux"))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::{Ipv4Addr, TcpStream};

    use super::*;

    #[test]
    fn stopped_listener_refuses_and_keeps_its_port() {
        // Linux keeps a port that was asked for, and gives up one that it chose itself. No other process uses this address.
        let [.., high, low] = std::process::id().to_be_bytes();
        let address = (Ipv4Addr::new(127, 83, high, low), 8080);
        let listener = TcpListener::bind(address).unwrap();
        let serving = Serving::default();
        serving.add(&listener).unwrap();
        for _ in 0..2 {
            drop(TcpStream::connect(address).unwrap());
            serving.set(false).unwrap();
            let refused = TcpStream::connect(address).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
            assert!(!serving.is_on());
            serving.set(true).unwrap();
        }
        let connected = TcpStream::connect(address).unwrap();
        let (_, peer) = listener.accept().unwrap();
        assert_eq!(connected.local_addr().unwrap(), peer);
    }
}

//! `sceplab serve`: the mock CA by itself, on a real port.

mod arguments;
mod banner;
mod decisions;
mod faults;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use mock_ca::control::Control;
use mock_ca::{Ca, OpenError};
use thiserror::Error;
use tokio::net::TcpListener;

use self::arguments::ArgumentError;
pub(super) use self::arguments::{Serve, listening_port};
use super::output::{say, warn};
use super::stop::StopSignals;

/// Why the server did not run to its end.
#[derive(Debug, Error)]
pub(super) enum ServeError {
    /// The options do not fit together.
    #[error(transparent)]
    Arguments(#[from] ArgumentError),
    /// The address cannot be listened on.
    #[error("cannot listen on `{address}`: {source}")]
    Listen {
        /// As given.
        address: SocketAddr,
        /// What the operating system says.
        source: io::Error,
    },
    /// The CA cannot be made, or its state cannot be read.
    #[error("cannot open the CA: {0}")]
    Open(#[from] OpenError),
}

impl Serve {
    /// Serves until Ctrl-C or SIGTERM.
    ///
    /// # Errors
    /// When the options do not fit together, the address is taken, or the CA cannot be opened.
    pub(super) async fn run(&self) -> Result<(), ServeError> {
        if self.list_faults {
            faults::list();
            return Ok(());
        }
        let stop = StopSignals::listen();
        let settings = self.settings()?;
        let address = self.address()?;
        // A port in use is told before keys are made, which takes a while.
        let listener = listen(address).await?;
        let control = match self.control()? {
            Some(address) => Some(listen(address).await?),
            None => None,
        };
        let bound = listener.local_addr().unwrap_or(address);
        let warnings = self.warnings(&settings, bound);
        let ca = Ca::open(settings, SystemTime::now())?;
        for warning in warnings {
            warn(&format!("warning: {warning}"));
        }
        for fact in banner::lines(&ca, bound) {
            say(&fact);
        }
        if let Some(address) = control.as_ref().and_then(|it| it.local_addr().ok()) {
            say(&banner::fact("control", &format!("http://{address}")));
        }
        if self.decides_by_hand() {
            decisions::read_from_stdin(&ca);
        }
        serve(listener, control, ca, &stop).await;
        Ok(())
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address).await.map_err(|source| ServeError::Listen { address, source })
}

/// Ends when told to, at the latest [`mock_ca::SHUTDOWN_TIMEOUT`] later, or at once when told twice.
async fn serve(
    listener: TcpListener,
    control: Option<TcpListener>,
    ca: Arc<Ca>,
    stop: &StopSignals,
) {
    let controlling = async {
        match control {
            Some(listener) => Control::new(Arc::clone(&ca)).serve(listener).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = controlling => {}
        () = mock_ca::serve(listener, Arc::clone(&ca), stop.clone().told(1)) => {}
        () = stop.clone().told(2) => {}
    }
}

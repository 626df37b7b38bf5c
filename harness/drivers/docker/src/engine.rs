//! The Docker engine: found as testcontainers finds it, and what its errors mean.

mod fault;
mod unreachable;

use std::error::Error;
use std::time::Duration;

use bollard::Docker;
use testcontainers::core::client::docker_client_instance;
use tokio::time::timeout;

pub use self::fault::Fault;
use testbed::BenchError;

/// How long an engine may take to say who it is.
const PATIENCE: Duration = Duration::from_secs(5);

/// The oldest version of the engine's interface that will do: that of Docker 19.03.
const OLDEST: (usize, usize) = (1, 40);

/// A Docker engine that answers and runs Linux containers.
#[derive(Debug, Clone)]
pub struct Engine {
    client: Docker,
    /// Its processor, as Go calls it: `amd64`.
    architecture: String,
    /// The folder that it keeps images and containers in, on its own machine.
    folder: Option<String>,
}

impl Engine {
    /// Finds the engine: by `DOCKER_HOST`, or else at its usual sockets.
    ///
    /// # Errors
    /// [`BenchError::NoEngine`] with what is in the way, and what to do about it, a few seconds later at the latest.
    pub async fn connect() -> Result<Self, BenchError> {
        let met = async {
            let client =
                docker_client_instance().await.map_err(|error| unreachable::why(&error))?;
            Self::meet(client).await
        };
        in_time(met).await
    }

    /// The engine behind a client.
    ///
    /// # Errors
    /// As [`Engine::connect`].
    pub async fn behind(client: Docker) -> Result<Self, BenchError> {
        in_time(Self::meet(client)).await
    }

    /// Whether no engine is named, and none is where one would be.
    pub fn is_absent() -> bool {
        unreachable::is_absent()
    }

    async fn meet(client: Docker) -> Result<Self, String> {
        let client = client.negotiate_version().await.map_err(|error| unreachable::why(&error))?;
        let spoken = client.client_version();
        if (spoken.major_version, spoken.minor_version) < OLDEST {
            return Err(unreachable::too_old(spoken.major_version, spoken.minor_version, OLDEST));
        }
        let version = client.version().await.map_err(|error| unreachable::why(&error))?;
        match version.os.as_deref() {
            None | Some("linux") => {}
            Some(system) => return Err(unreachable::no_linux(system)),
        }
        let info = client.info().await.map_err(|error| unreachable::why(&error))?;
        let architecture = version.arch.unwrap_or_default();
        Ok(Self { client, architecture, folder: info.docker_root_dir })
    }

    /// What it is asked by; no answer takes longer than two minutes.
    pub fn client(&self) -> &Docker {
        &self.client
    }

    /// The processor of the machine that it runs on, as Go calls it: `amd64`, `arm64`.
    pub fn architecture(&self) -> &str {
        &self.architecture
    }

    /// What an error of the engine, or of testcontainers, that came while `doing` something means, and what to do next.
    pub fn explain(&self, doing: &str, error: &(dyn Error + 'static)) -> BenchError {
        let fault = Fault::of(error);
        let reason = fault.explanation(doing, &fault::text(error), self.folder.as_deref());
        BenchError::Engine { reason }
    }
}

async fn in_time(met: impl Future<Output = Result<Engine, String>>) -> Result<Engine, BenchError> {
    let met = timeout(PATIENCE, met).await;
    let met = met.unwrap_or_else(|_| Err(unreachable::silent(PATIENCE)));
    met.map_err(|reason| BenchError::NoEngine { reason })
}

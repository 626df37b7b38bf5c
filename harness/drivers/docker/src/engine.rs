//! Connects to the Docker engine, which is found as testcontainers finds it, and explains its errors.

mod error;

use std::error::Error;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::Duration;

use bollard::query_parameters::CreateImageOptions;
use bollard::{Docker, body_full};
use futures_util::StreamExt;
use testcontainers::core::client::docker_client_instance;
use tokio::time::error::Elapsed;
use tokio::time::timeout;

pub use self::error::EngineError;
use self::error::{kind, text};
use testbed::TestbedError;

/// The timeout for an engine to report its version.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The oldest supported version of the engine's API: that of Docker 19.03.
const OLDEST_API: (usize, usize) = (1, 40);

/// A Docker engine that responds and runs Linux containers.
#[derive(Debug, Clone)]
pub struct Engine {
    client: Docker,
    /// The processor architecture of its machine, in Go's terms: `amd64`.
    architecture: String,
    /// The folder on its machine in which it keeps images and containers.
    folder: Option<String>,
}

impl Engine {
    /// Connects to the engine at `DOCKER_HOST`, or else at one of the usual sockets.
    ///
    /// # Errors
    /// [`TestbedError::NoEngine`], with the reason and advice, after a few seconds at the latest.
    pub async fn connect() -> Result<Self, TestbedError> {
        let connecting = async {
            let client = docker_client_instance().await.map_err(|error| why(&error))?;
            Self::identify(client).await
        };
        in_time(connecting).await
    }

    /// The engine that a client is connected to.
    ///
    /// # Errors
    /// As [`Engine::connect`].
    pub async fn with_client(client: Docker) -> Result<Self, TestbedError> {
        in_time(Self::identify(client)).await
    }

    /// True if `DOCKER_HOST` is not set and none of the usual sockets exists.
    pub fn is_absent() -> bool {
        std::env::var_os("DOCKER_HOST").is_none() && !usual().iter().any(|path| path.exists())
    }

    async fn identify(client: Docker) -> Result<Self, String> {
        let client = client.negotiate_version().await.map_err(|error| why(&error))?;
        let spoken = client.client_version();
        let (major, minor) = (spoken.major_version, spoken.minor_version);
        if (major, minor) < OLDEST_API {
            let (address, (oldest_major, oldest_minor)) = (address(), OLDEST_API);
            return Err(format!(
                "the Docker engine at `{address}` is too old: it has version {major}.{minor} of the API, and \
                 {oldest_major}.{oldest_minor} (Docker 19.03) is the oldest supported"
            ));
        }
        let version = client.version().await.map_err(|error| why(&error))?;
        if let Some(system) = version.os.filter(|system| system != "linux") {
            let address = address();
            return Err(format!(
                "the Docker engine at `{address}` runs containers of {system}; labs need one that runs Linux containers"
            ));
        }
        let info = client.info().await.map_err(|error| why(&error))?;
        let architecture = version.arch.unwrap_or_default();
        Ok(Self { client, architecture, folder: info.docker_root_dir })
    }

    /// The client for the engine; its timeout is two minutes.
    pub fn client(&self) -> &Docker {
        &self.client
    }

    /// The processor architecture of the engine's machine, in Go's terms: `amd64`, `arm64`.
    pub fn architecture(&self) -> &str {
        &self.architecture
    }

    /// Creates an image from an archive or from a registry, and waits until it is complete.
    ///
    /// # Errors
    /// The outer error if the engine has reported nothing for `silence`, the inner one if it refuses.
    pub(super) async fn create_image(
        &self,
        options: CreateImageOptions,
        archive: Option<Vec<u8>>,
        silence: Duration,
    ) -> Result<Result<(), bollard::errors::Error>, Elapsed> {
        let archive = archive.map(|archive| body_full(archive.into()));
        let mut steps = pin!(self.client.create_image(Some(options), archive, None));
        while let Some(step) = timeout(silence, steps.next()).await? {
            if let Err(error) = step {
                return Ok(Err(error));
            }
        }
        Ok(Ok(()))
    }

    /// Explains an error of the engine or of testcontainers that came while `doing` something, with advice.
    pub fn explain(&self, doing: &str, error: &(dyn Error + 'static)) -> TestbedError {
        let class = EngineError::of(error);
        let reason = class.explanation(doing, &text(error), self.folder.as_deref());
        TestbedError::Engine { reason }
    }
}

async fn in_time(
    connecting: impl Future<Output = Result<Engine, String>>,
) -> Result<Engine, TestbedError> {
    let connected = timeout(TIMEOUT, connecting).await;
    let connected = connected.unwrap_or_else(|_| {
        let (address, seconds) = (address(), TIMEOUT.as_secs());
        Err(format!(
            "the Docker engine at `{address}` did not report its version within {seconds} s; is it an engine, and does it work?"
        ))
    });
    connected.map_err(|reason| TestbedError::NoEngine { reason })
}

/// Explains why an engine cannot be used.
fn why(error: &(dyn Error + 'static)) -> String {
    explain(&address(), kind(error), &text(error))
}

/// The address of the engine as testcontainers chooses it: `DOCKER_HOST`, the first usual socket that exists, or the first one.
fn address() -> String {
    let found = || {
        let sockets = usual();
        let socket = sockets.iter().find(|path| path.exists()).unwrap_or(&sockets[0]);
        format!("unix://{}", socket.display())
    };
    std::env::var("DOCKER_HOST").unwrap_or_else(|_| found())
}

/// The usual sockets: the system's, then those of rootless engines and of Docker Desktop. Never empty.
fn usual() -> Vec<PathBuf> {
    let mut sockets = vec![PathBuf::from("/var/run/docker.sock")];
    let below =
        |variable, path: &str| std::env::var_os(variable).map(|dir| Path::new(&dir).join(path));
    sockets.extend(below("XDG_RUNTIME_DIR", ".docker/run/docker.sock"));
    sockets.extend(below("HOME", ".docker/run/docker.sock"));
    sockets.extend(below("HOME", ".docker/desktop/docker.sock"));
    sockets
}

fn explain(address: &str, kind: Option<ErrorKind>, message: &str) -> String {
    if kind == Some(ErrorKind::PermissionDenied) {
        return format!(
            "no permission to use the Docker engine at `{address}`: become a member of the group `docker` (`sudo \
             usermod -aG docker $USER`, then log in again), or use a rootless engine (DOCKER_HOST)"
        );
    }
    if kind == Some(ErrorKind::ConnectionRefused) {
        return format!(
            "no Docker engine answers at `{address}`: start it (`sudo systemctl start docker`), or set DOCKER_HOST to its \
             address"
        );
    }
    if message.starts_with("Socket not found")
        || message.contains("ocket not found:")
        || kind == Some(ErrorKind::NotFound)
    {
        return format!(
            "there is no Docker engine at `{address}`: install one (package `docker.io`), start it (`sudo systemctl start \
             docker`), or set DOCKER_HOST to its address"
        );
    }
    if message.contains("HTTPS server") || message.contains("scheme is not supported") {
        return format!(
            "the Docker engine at `{address}` cannot be reached: DOCKER_HOST must begin with `unix://`, or with `tcp://` for an \
             engine without TLS ({message}); for an engine on another machine, forward its socket with \
             `ssh -NL /tmp/docker.sock:/var/run/docker.sock HOST`"
        );
    }
    format!("the Docker engine at `{address}` cannot be used: {message}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_connection_error_has_its_own_advice() {
        let at = |kind, message| explain("unix:///x", kind, message);
        assert!(at(Some(ErrorKind::PermissionDenied), "").contains("group `docker`"));
        assert!(at(Some(ErrorKind::ConnectionRefused), "").contains("no Docker engine answers"));
        assert!(at(None, "Socket not found: /x").contains("there is no Docker engine"));
        let plain = "Client sent an HTTP request to an HTTPS server.";
        assert!(at(None, plain).contains("without TLS"));
        assert!(at(None, "strange").ends_with("cannot be used: strange"));
    }
}

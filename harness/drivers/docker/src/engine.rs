//! The Docker engine: found as testcontainers finds it, and what its errors mean.

mod fault;

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

pub use self::fault::Fault;
use self::fault::{kind, text};
use testbed::TestbedError;

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
    /// [`TestbedError::NoEngine`] with what is in the way, and what to do about it, a few seconds later at the latest.
    pub async fn connect() -> Result<Self, TestbedError> {
        let met = async {
            let client = docker_client_instance().await.map_err(|error| why(&error))?;
            Self::meet(client).await
        };
        in_time(met).await
    }

    /// The engine behind a client.
    ///
    /// # Errors
    /// As [`Engine::connect`].
    pub async fn behind(client: Docker) -> Result<Self, TestbedError> {
        in_time(Self::meet(client)).await
    }

    /// Whether no engine is named, and no socket of one is where testcontainers looks.
    pub fn is_absent() -> bool {
        std::env::var_os("DOCKER_HOST").is_none() && !usual().iter().any(|path| path.exists())
    }

    async fn meet(client: Docker) -> Result<Self, String> {
        let client = client.negotiate_version().await.map_err(|error| why(&error))?;
        let spoken = client.client_version();
        let (major, minor) = (spoken.major_version, spoken.minor_version);
        if (major, minor) < OLDEST {
            let (address, (least, so)) = (address(), OLDEST);
            return Err(format!(
                "the Docker engine at `{address}` is too old: it speaks version {major}.{minor} of its interface, and \
                 {least}.{so} (Docker 19.03) is the oldest that will do"
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

    /// What it is asked by; no answer takes longer than two minutes.
    pub fn client(&self) -> &Docker {
        &self.client
    }

    /// The processor of the machine that it runs on, as Go calls it: `amd64`, `arm64`.
    pub fn architecture(&self) -> &str {
        &self.architecture
    }

    /// Has an image made, of an archive or of what a registry has, and waits for it.
    ///
    /// # Errors
    /// The outer one when the engine has said nothing for as long as `silence`, the inner one when it refuses.
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

    /// What an error of the engine, or of testcontainers, that came while `doing` something means, and what to do next.
    pub fn explain(&self, doing: &str, error: &(dyn Error + 'static)) -> TestbedError {
        let fault = Fault::of(error);
        let reason = fault.explanation(doing, &text(error), self.folder.as_deref());
        TestbedError::Engine { reason }
    }
}

async fn in_time(
    met: impl Future<Output = Result<Engine, String>>,
) -> Result<Engine, TestbedError> {
    let met = timeout(PATIENCE, met).await;
    let met = met.unwrap_or_else(|_| {
        let (address, seconds) = (address(), PATIENCE.as_secs());
        Err(format!(
            "the Docker engine at `{address}` did not say who it is within {seconds} s; is it one, and is it well?"
        ))
    });
    met.map_err(|reason| TestbedError::NoEngine { reason })
}

/// Why an engine could not be spoken to.
fn why(error: &(dyn Error + 'static)) -> String {
    explain(&address(), kind(error), &text(error))
}

/// Where the engine is sought, as testcontainers does it: the first of the usual sockets that is there, or else the first.
fn address() -> String {
    let found = || {
        let sockets = usual();
        let socket = sockets.iter().find(|path| path.exists()).unwrap_or(&sockets[0]);
        format!("unix://{}", socket.display())
    };
    std::env::var("DOCKER_HOST").unwrap_or_else(|_| found())
}

/// Never empty; the latter ones are those of rootless engines and of Docker Desktop.
fn usual() -> Vec<PathBuf> {
    let mut sockets = vec![PathBuf::from("/var/run/docker.sock")];
    let below =
        |variable, path: &str| std::env::var_os(variable).map(|dir| Path::new(&dir).join(path));
    sockets.extend(below("XDG_RUNTIME_DIR", ".docker/run/docker.sock"));
    sockets.extend(below("HOME", ".docker/run/docker.sock"));
    sockets.extend(below("HOME", ".docker/desktop/docker.sock"));
    sockets
}

fn explain(address: &str, kind: Option<ErrorKind>, said: &str) -> String {
    if kind == Some(ErrorKind::PermissionDenied) {
        return format!(
            "no permission to speak to the Docker engine at `{address}`: become a member of the group `docker` (`sudo \
             usermod -aG docker $USER`, then log in again), or use a rootless engine (DOCKER_HOST)"
        );
    }
    if kind == Some(ErrorKind::ConnectionRefused) {
        return format!(
            "no Docker engine answers at `{address}`: start it (`sudo systemctl start docker`), or say where it is \
             (DOCKER_HOST)"
        );
    }
    if said.starts_with("Socket not found")
        || said.contains("ocket not found:")
        || kind == Some(ErrorKind::NotFound)
    {
        return format!(
            "there is no Docker engine at `{address}`: install one (package `docker.io`), start it (`sudo systemctl start \
             docker`), or say where it is (DOCKER_HOST)"
        );
    }
    if said.contains("HTTPS server") || said.contains("scheme is not supported") {
        return format!(
            "the Docker engine at `{address}` cannot be spoken to: of DOCKER_HOST's schemes, `unix://`, and `tcp://` without \
             TLS will do ({said}); for an engine elsewhere, `ssh -NL /tmp/docker.sock:/var/run/docker.sock HOST` brings its \
             socket here"
        );
    }
    format!("the Docker engine at `{address}` cannot be used: {said}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_obstacle_has_its_own_way_out() {
        let at = |kind, said| explain("unix:///x", kind, said);
        assert!(at(Some(ErrorKind::PermissionDenied), "").contains("group `docker`"));
        assert!(at(Some(ErrorKind::ConnectionRefused), "").contains("no Docker engine answers"));
        assert!(at(None, "Socket not found: /x").contains("there is no Docker engine"));
        let plain = "Client sent an HTTP request to an HTTPS server.";
        assert!(at(None, plain).contains("without TLS"));
        assert!(at(None, "strange").ends_with("cannot be used: strange"));
    }
}

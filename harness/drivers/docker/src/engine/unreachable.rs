//! Why there is no engine to work with, and what to do about it.

use std::error::Error;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::fault::{kind, text};

/// Why an engine could not be spoken to.
pub(super) fn why(error: &(dyn Error + 'static)) -> String {
    explain(&address(), kind(error), &text(error))
}

/// The engine took the connection and said nothing.
pub(super) fn silent(patience: Duration) -> String {
    let (address, seconds) = (address(), patience.as_secs());
    format!(
        "the Docker engine at `{address}` did not say who it is within {seconds} s; is it one, and is it well?"
    )
}

/// The engine speaks no version of the interface that will do.
pub(super) fn too_old(major: usize, minor: usize, oldest: (usize, usize)) -> String {
    let (address, (least, so)) = (address(), oldest);
    format!(
        "the Docker engine at `{address}` is too old: it speaks version {major}.{minor} of its interface, and {least}.{so} \
         (Docker 19.03) is the oldest that will do"
    )
}

/// The engine runs containers of another operating system.
pub(super) fn no_linux(system: &str) -> String {
    let address = address();
    format!(
        "the Docker engine at `{address}` runs containers of {system}; labs need one that runs Linux containers"
    )
}

/// Whether no engine is named, and no socket of one is where testcontainers looks.
pub(super) fn is_absent() -> bool {
    std::env::var_os("DOCKER_HOST").is_none() && !usual().iter().any(|path| path.exists())
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

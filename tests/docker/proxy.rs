//! A connection to the engine that can be cut and restored.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::support::trials::Need;

/// The usual socket of the engine.
const ENGINE: &str = "/var/run/docker.sock";

/// A socket that forwards to the engine until this is cut.
pub(super) struct Proxy {
    path: PathBuf,
    open: Arc<Mutex<Vec<UnixStream>>>,
}

/// An engine that listens at the usual socket.
pub(super) fn need() -> Need {
    let reason = || format!("the engine does not listen at `{ENGINE}`");
    Need::new("docker-socket", UnixStream::connect(ENGINE).is_err().then(reason))
}

/// A proxy that has been cut.
pub(super) struct Cut(PathBuf);

impl Proxy {
    /// Listens at a socket in a folder.
    pub(super) fn start(folder: &Path) -> Self {
        Self::listen(folder.join("engine.sock"))
    }

    fn listen(path: PathBuf) -> Self {
        let _ = std::fs::remove_file(&path);
        let listener = UnixListener::bind(&path).unwrap();
        let open = Arc::<Mutex<Vec<UnixStream>>>::default();
        let shared = Arc::clone(&open);
        thread::spawn(move || {
            while let Ok((near, _)) = listener.accept() {
                let Ok(far) = UnixStream::connect(ENGINE) else { return };
                carry(near.try_clone().unwrap(), far.try_clone().unwrap());
                carry(far.try_clone().unwrap(), near.try_clone().unwrap());
                shared.lock().unwrap().extend([near, far]);
            }
        });
        Self { path, open }
    }

    /// The value for `DOCKER_HOST`.
    pub(super) fn address(&self) -> String {
        format!("unix://{}", self.path.display())
    }

    /// Number of connections so far.
    pub(super) fn connections(&self) -> usize {
        self.open.lock().unwrap().len() / 2
    }

    /// Ends every connection and accepts no further ones.
    pub(super) fn cut(self) -> Cut {
        std::fs::remove_file(&self.path).unwrap();
        for stream in self.open.lock().unwrap().iter() {
            let _ = stream.shutdown(Shutdown::Both);
        }
        Cut(self.path.clone())
    }
}

impl Cut {
    /// Forwards to the engine again.
    pub(super) fn mend(self) -> Proxy {
        Proxy::listen(self.0)
    }
}

fn carry(mut from: UnixStream, mut to: UnixStream) {
    thread::spawn(move || {
        let mut buffer = [0; 16 * 1024];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            if to.write_all(&buffer[..length]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Write);
    });
}

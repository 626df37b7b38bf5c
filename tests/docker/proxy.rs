//! A way to the engine that can be cut and mended.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::support::trials::Need;

/// Where the engine of this machine listens.
const ENGINE: &str = "/var/run/docker.sock";

/// A socket that leads to the engine, as long as this lives.
pub(super) struct Proxy {
    path: PathBuf,
    open: Arc<Mutex<Vec<UnixStream>>>,
}

/// An engine whose socket is where engines have it.
pub(super) fn need() -> Need {
    let reason = || format!("the engine does not listen at `{ENGINE}`");
    Need::new("docker-socket", UnixStream::connect(ENGINE).is_err().then(reason))
}

/// A way that has been cut.
pub(super) struct Cut(PathBuf);

impl Proxy {
    /// Listens in a folder.
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

    /// What `DOCKER_HOST` is to be.
    pub(super) fn address(&self) -> String {
        format!("unix://{}", self.path.display())
    }

    /// How many connections there were.
    pub(super) fn connections(&self) -> usize {
        self.open.lock().unwrap().len() / 2
    }

    /// Ends every connection, and lets nobody in any more.
    pub(super) fn cut(self) -> Cut {
        std::fs::remove_file(&self.path).unwrap();
        for stream in self.open.lock().unwrap().iter() {
            let _ = stream.shutdown(Shutdown::Both);
        }
        Cut(self.path.clone())
    }
}

impl Cut {
    /// Leads to the engine once more.
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

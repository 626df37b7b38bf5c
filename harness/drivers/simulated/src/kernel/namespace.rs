//! A network namespace that is kept by a descriptor and entered for a moment.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::thread;

use nix::sched::{CloneFlags, setns, unshare};
use tokio::process::{Child, Command};
use tokio::runtime::Handle;

/// A network namespace; it is gone with the last of its descriptors and processes.
#[derive(Debug)]
pub struct Namespace(File);

impl Namespace {
    /// Makes a namespace in which `prepare` was carried out.
    ///
    /// # Errors
    /// When there may be none, or `prepare` fails.
    pub fn new<T: Send>(prepare: impl FnOnce() -> io::Result<T> + Send) -> io::Result<(Self, T)> {
        on_a_thread(|| {
            unshare(CloneFlags::CLONE_NEWNET)?;
            let kept = File::open("/proc/thread-self/ns/net")?;
            Ok((Self(kept), prepare()?))
        })
    }

    /// Runs `inside` in the namespace, on a thread of its own that ends with it.
    ///
    /// Sockets that are opened there, and processes that are started there, stay there.
    ///
    /// # Errors
    /// When it cannot be entered, or `inside` fails.
    pub fn run<T: Send>(&self, inside: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
        on_a_thread(|| {
            setns(&self.0, CloneFlags::CLONE_NEWNET)?;
            inside()
        })
    }

    /// Starts a process in the namespace; the tokio runtime of the caller waits for it.
    ///
    /// # Errors
    /// When the process cannot be started.
    pub fn spawn(&self, command: &mut Command) -> io::Result<Child> {
        let runtime = Handle::current();
        self.run(move || {
            let _entered = runtime.enter();
            command.spawn()
        })
    }

    /// The same namespace by a descriptor of its own.
    ///
    /// # Errors
    /// When there are too many descriptors.
    pub fn try_clone(&self) -> io::Result<Self> {
        self.0.try_clone().map(Self)
    }

    /// The number of its descriptor in this process.
    pub fn descriptor(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// Whoever enters a namespace is a thread that never comes back from it.
fn on_a_thread<T: Send>(inside: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().spawn_scoped(scope, inside)?;
        thread.join().unwrap_or_else(|_| Err(io::Error::other("it panicked in a namespace")))
    })
}

//! A network namespace that is kept open by a descriptor and entered by short-lived threads.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::thread;

use nix::sched::{CloneFlags, setns, unshare};
use tokio::process::{Child, Command};
use tokio::runtime::Handle;

/// A network namespace; the kernel removes it with the last of its descriptors and processes.
#[derive(Debug)]
pub struct Namespace(File);

impl Namespace {
    /// Creates a namespace and runs `prepare` in it.
    ///
    /// # Errors
    /// If it cannot be created, or `prepare` fails.
    pub fn new<T: Send>(prepare: impl FnOnce() -> io::Result<T> + Send) -> io::Result<(Self, T)> {
        on_a_thread(|| {
            unshare(CloneFlags::CLONE_NEWNET)?;
            let kept = File::open("/proc/thread-self/ns/net")?;
            Ok((Self(kept), prepare()?))
        })
    }

    /// Runs `inside` in the namespace, on a new thread.
    ///
    /// Sockets that are opened there, and processes that are started there, stay there.
    ///
    /// # Errors
    /// If it cannot be entered, or `inside` fails.
    pub fn run<T: Send>(&self, inside: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
        on_a_thread(|| {
            setns(&self.0, CloneFlags::CLONE_NEWNET)?;
            inside()
        })
    }

    /// Starts a process in the namespace; the tokio runtime of the caller waits for it.
    ///
    /// # Errors
    /// If the process cannot be started.
    pub fn spawn(&self, command: &mut Command) -> io::Result<Child> {
        let runtime = Handle::current();
        self.run(move || {
            let _entered = runtime.enter();
            command.spawn()
        })
    }

    /// The same namespace with a second descriptor.
    ///
    /// # Errors
    /// If there are too many descriptors.
    pub fn try_clone(&self) -> io::Result<Self> {
        self.0.try_clone().map(Self)
    }

    /// The number of the descriptor in this process.
    pub fn descriptor(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// Runs `inside` on a new thread that ends with it, because a thread cannot leave a namespace that it has entered.
fn on_a_thread<T: Send>(inside: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().spawn_scoped(scope, inside)?;
        thread.join().unwrap_or_else(|_| Err(io::Error::other("a thread panicked in a namespace")))
    })
}

//! Forwards a loopback port of one network to the same port of another, as `ssh -L` does.

use std::io;
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nix::sched::{CloneFlags, setns};

/// A forwarded port; if dropped, it accepts no further connections.
pub(super) struct Relay {
    is_stopped: Arc<AtomicBool>,
    listening: Option<JoinHandle<()>>,
}

impl Relay {
    /// `from` and `to` are the files of network namespaces.
    #[track_caller]
    pub(super) fn start(from: &Path, to: &Path, port: u16) -> Self {
        let is_stopped = Arc::new(AtomicBool::new(false));
        let (ends, to, from) = (Arc::clone(&is_stopped), to.to_owned(), from.to_owned());
        let (ready, is_ready) = std::sync::mpsc::channel();
        let listening = thread::spawn(move || {
            enter(&from).unwrap();
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
            listener.set_nonblocking(true).unwrap();
            ready.send(()).unwrap();
            while !ends.load(Ordering::Relaxed) {
                match listener.accept() {
                    Ok((near, _)) => forward(near, to.clone(), port),
                    Err(_) => thread::sleep(Duration::from_millis(2)),
                }
            }
        });
        is_ready.recv().unwrap();
        Self { is_stopped, listening: Some(listening) }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.is_stopped.store(true, Ordering::Relaxed);
        if let Some(listening) = self.listening.take() {
            let _ = listening.join();
        }
    }
}

/// Moves the calling thread, and no other, into that network.
fn enter(network: &Path) -> io::Result<()> {
    Ok(setns(std::fs::File::open(network)?, CloneFlags::CLONE_NEWNET)?)
}

/// Forwards both directions; closes `near` if no server listens at the far end.
fn forward(near: TcpStream, to: PathBuf, port: u16) {
    near.set_nonblocking(false).unwrap();
    thread::spawn(move || {
        // The network may have been removed.
        let Ok(()) = enter(&to) else { return };
        let Ok(far) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else { return };
        let (there, back) = (pair(&near, &far), pair(&far, &near));
        let asking = thread::spawn(move || copy(there));
        copy(back);
        let _ = asking.join();
    });
}

fn pair(from: &TcpStream, to: &TcpStream) -> (TcpStream, TcpStream) {
    (from.try_clone().unwrap(), to.try_clone().unwrap())
}

fn copy((mut from, mut to): (TcpStream, TcpStream)) {
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}

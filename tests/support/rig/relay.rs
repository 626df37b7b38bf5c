//! A port of one network's loopback that leads to the same port of another's, as `ssh -L` makes one.

use std::io;
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nix::sched::{CloneFlags, setns};

/// The way; once it is dropped there are no further connections.
pub(super) struct Relay {
    is_over: Arc<AtomicBool>,
    listening: Option<JoinHandle<()>>,
}

impl Relay {
    /// From and to are the files of network namespaces.
    #[track_caller]
    pub(super) fn start(from: &Path, to: &Path, port: u16) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let (ends, to, from) = (Arc::clone(&is_over), to.to_owned(), from.to_owned());
        let (ready, is_ready) = std::sync::mpsc::channel();
        let listening = thread::spawn(move || {
            enter(&from).unwrap();
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
            listener.set_nonblocking(true).unwrap();
            ready.send(()).unwrap();
            while !ends.load(Ordering::Relaxed) {
                match listener.accept() {
                    Ok((near, _)) => carry(near, to.clone(), port),
                    Err(_) => thread::sleep(Duration::from_millis(2)),
                }
            }
        });
        is_ready.recv().unwrap();
        Self { is_over, listening: Some(listening) }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(listening) = self.listening.take() {
            let _ = listening.join();
        }
    }
}

/// The calling thread, and no other, is in that network from here on.
fn enter(network: &Path) -> io::Result<()> {
    Ok(setns(std::fs::File::open(network)?, CloneFlags::CLONE_NEWNET)?)
}

/// Carries both directions; where nobody listens at the far end, the near one is closed.
fn carry(near: TcpStream, to: PathBuf, port: u16) {
    near.set_nonblocking(false).unwrap();
    thread::spawn(move || {
        // The network may be gone by now.
        let Ok(()) = enter(&to) else { return };
        let Ok(far) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else { return };
        let (there, back) = (pair(&near, &far), pair(&far, &near));
        let asking = thread::spawn(move || pour(there));
        pour(back);
        let _ = asking.join();
    });
}

fn pair(from: &TcpStream, to: &TcpStream) -> (TcpStream, TcpStream) {
    (from.try_clone().unwrap(), to.try_clone().unwrap())
}

fn pour((mut from, mut to): (TcpStream, TcpStream)) {
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}

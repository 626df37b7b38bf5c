//! What is done after the runner has gone.

use std::path::PathBuf;
use std::{fs, io};

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::wait;
use nix::unistd::Pid;
use parking_lot::Mutex;

use super::namespaces::Namespaces;
use crate::capture::Capture;

/// What must be seen to at the end.
#[derive(Default)]
pub(super) struct Remains {
    folder: Mutex<Option<PathBuf>>,
    captures: Mutex<Vec<Capture>>,
    /// Nobody may be in a namespace for a while, and others enter it by the descriptor that is kept here.
    namespaces: Mutex<Namespaces>,
}

impl Remains {
    /// A folder that is to be gone with the lab.
    pub(super) fn note_folder(&self, folder: PathBuf) {
        *self.folder.lock() = Some(folder);
    }

    /// A capture that is to be complete.
    pub(super) fn note_capture(&self, capture: Capture) {
        self.captures.lock().push(capture);
    }

    /// The namespaces, to be there as long as the lab.
    pub(super) fn keep(&self, namespaces: Namespaces) {
        *self.namespaces.lock() = namespaces;
    }

    /// Ends every process of the lab, completes the captures and removes the folder.
    ///
    /// # Errors
    /// When a capture is incomplete, or the folder cannot be removed.
    pub(super) fn clear_away(&self) -> io::Result<()> {
        // From the first process of a namespace this reaches that namespace and nothing else. There may be nobody left.
        let _ = kill(Pid::from_raw(-1), Signal::SIGKILL);
        while wait().is_ok() {}
        let captures = std::mem::take(&mut *self.captures.lock());
        let finish = |capture: Capture| capture.finish().err();
        let incomplete: Vec<String> = captures.into_iter().filter_map(finish).collect();
        if let Some(folder) = self.folder.lock().take() {
            remove(folder)?;
        }
        if incomplete.is_empty() { Ok(()) } else { Err(io::Error::other(incomplete.join("; "))) }
    }
}

/// The runner removes it as well, if there is one yet.
fn remove(folder: PathBuf) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

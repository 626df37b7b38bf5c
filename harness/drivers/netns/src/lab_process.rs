//! Process 1 of a lab: makes what is in it, does what the runner asks for, and takes everything with it when it ends.

mod build;
mod pkis;

use std::collections::BTreeMap;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::{fs, io};

use nix::sys::prctl;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::wait;
use nix::unistd::{Pid, getpid};
use process::messages::{Messages, encode, write};
use tokio::io::BufReader;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;

use self::build::build;
use self::pkis::Programs;
use super::capture::Capture;
use super::isolation::control_channel;
use simulated::control::{Ask, LabEvent, Reply, Request};
use simulated::kernel::namespace::Namespace;
use testbed::TestbedError;

/// Requests that the runner may have made and that are not begun.
const WAITING: usize = 16;

/// Sends events to the runner.
type EventSender = mpsc::UnboundedSender<LabEvent>;

/// The namespaces of a lab by the names of its hosts and devices.
type Namespaces = BTreeMap<String, Namespace>;

/// Serves the runner until it is gone, then ends everything that is in the lab.
///
/// # Errors
/// When the process is not the first of its namespaces, or has no control channel.
pub fn serve() -> io::Result<()> {
    // Whoever ends a lab ends every process that it can see.
    if getpid().as_raw() != 1 {
        return Err(io::Error::other("this process is not the first of a lab"));
    }
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    let control = control_channel()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut remains = Remains::default();
    runtime.block_on(serve_until_gone(control, &mut remains))?;
    remains.clear_away()
}

async fn serve_until_gone(control: UnixStream, remains: &mut Remains) -> io::Result<()> {
    control.set_nonblocking(true)?;
    let (reader, writer) = tokio::net::UnixStream::from_std(control)?.into_split();
    let (ask, asked) = mpsc::channel(WAITING);
    let (events, to_write) = mpsc::unbounded_channel();
    let writing = tokio::spawn(tell(to_write, writer));
    let gone = tokio::spawn(listen(reader, ask));
    tokio::select! {
        () = answer(asked, events, remains) => {}
        _ = gone => {}
        _ = writing => {}
    }
    Ok(())
}

/// Ends when the runner is gone, or talks nonsense.
async fn listen(reader: OwnedReadHalf, ask: mpsc::Sender<Request>) {
    let mut messages = Messages::new(BufReader::new(reader));
    while let Ok(request) = messages.next().await {
        if ask.send(request).await.is_err() {
            return;
        }
    }
}

/// Tells the runner what happens, until there is nobody left who does, or nobody who listens.
async fn tell(mut events: mpsc::UnboundedReceiver<LabEvent>, mut writer: OwnedWriteHalf) {
    while let Some(event) = events.recv().await {
        let Some(line) = encode(&event) else { return };
        if write(&mut writer, &line).await.is_err() {
            return;
        }
    }
}

async fn answer(mut asked: mpsc::Receiver<Request>, events: EventSender, remains: &mut Remains) {
    let mut programs = Programs::new();
    while let Some(Request { id, ask }) = asked.recv().await {
        let reply = match ask {
            Ask::Build(order) => {
                let built = build(&order, &events, remains).await;
                Reply::Built(built.map(|(built, started)| {
                    programs = started;
                    built
                }))
            }
            Ask::ReadOutput(host) => Reply::Output(
                programs.get(&host).map(|program| program.output.lines()).unwrap_or_default(),
            ),
            Ask::Furnish(_) | Ask::Listens(_) => {
                let reason = "a lab process is no container".to_owned();
                Reply::Furnished(Err(TestbedError::Network { reason }))
            }
        };
        let _ = events.send(LabEvent::Reply { id, reply });
    }
}

/// What must be seen to after the runner has gone.
#[derive(Default)]
struct Remains {
    /// A folder that must be gone with the lab.
    folder: Option<PathBuf>,
    /// Captures that must be complete.
    captures: Vec<Capture>,
    /// Nobody may be in a namespace for a while, and others enter it by the descriptor that is kept here.
    namespaces: Namespaces,
}

impl Remains {
    /// Ends every process of the lab, completes the captures and removes the folder.
    ///
    /// # Errors
    /// When a capture is incomplete, or the folder cannot be removed.
    fn clear_away(self) -> io::Result<()> {
        // From the first process of a namespace this reaches that namespace and nothing else. There may be nobody left.
        let _ = kill(Pid::from_raw(-1), Signal::SIGKILL);
        while wait().is_ok() {}
        let incomplete: Vec<String> =
            self.captures.into_iter().filter_map(|capture| capture.finish().err()).collect();
        match self.folder.map(fs::remove_dir_all) {
            // The runner removes it as well, if there is one yet.
            Some(Err(error)) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        if incomplete.is_empty() { Ok(()) } else { Err(io::Error::other(incomplete.join("; "))) }
    }
}

/// The namespace of a host or device of the lab.
///
/// # Errors
/// When there is none of that name.
fn namespace_of<'a>(namespaces: &'a Namespaces, name: &str) -> Result<&'a Namespace, TestbedError> {
    let reason = || format!("`{name}` is no host of the lab");
    namespaces.get(name).ok_or_else(|| TestbedError::Network { reason: reason() })
}

/// Makes a socket in the folder of the lab that is `what`, such as a console.
///
/// # Errors
/// When it cannot be made: its path has room for some hundred bytes, of which a long `TMPDIR` may take too many.
fn bind(what: &str, path: &Path) -> io::Result<UnixListener> {
    UnixListener::bind(path).map_err(|error| {
        let help = match error.kind() {
            io::ErrorKind::InvalidInput => "; a shorter `TMPDIR` helps",
            _ => "",
        };
        let path = path.display();
        io::Error::new(error.kind(), format!("its {what} `{path}` cannot be made: {error}{help}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_is_too_long_for_a_socket_is_named_with_what_makes_it_shorter() {
        let folder = tempfile::tempdir().unwrap();
        let console = folder.path().join("x".repeat(120));
        let error = bind("console", &console).unwrap_err().to_string();
        let told = format!("its console `{}` cannot be made: path must be", console.display());
        assert!(error.starts_with(&told), "{error}");
        assert!(error.ends_with("; a shorter `TMPDIR` helps"), "{error}");
        let nowhere = folder.path().join("nowhere/console");
        let nowhere = bind("console", &nowhere).unwrap_err().to_string();
        assert!(!nowhere.contains("TMPDIR"), "{nowhere}");
    }
}

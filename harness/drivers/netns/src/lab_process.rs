//! Process 1 of a lab: builds the lab, handles the runner's requests, and ends all processes of the lab when it ends.

mod build;
mod pkis;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use diagnostics::bugs;
use nix::sys::prctl;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::wait;
use nix::unistd::{Pid, getpid};
use process::messages::{Messages, encode, write};
use recording::Recorder;
use tokio::io::BufReader;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;

use self::build::{Switch, build};
use self::pkis::Programs;
use super::capture::Capture;
use super::isolation::control_channel;
use simulated::control::{LabEvent, Operation, Reply, Request};
use simulated::kernel::namespace::Namespace;
use testbed::TestbedError;

/// The maximum number of unprocessed requests.
const QUEUE_LENGTH: usize = 16;

/// The exit code of a lab process that could not complete a capture.
pub(super) const INCOMPLETE_CAPTURE: u8 = 7;

/// Sends events to the runner.
type EventSender = mpsc::UnboundedSender<LabEvent>;

/// The namespaces of a lab by the names of its hosts and devices.
type Namespaces = BTreeMap<String, Namespace>;

/// Serves the runner until it has ended or a bug of this program is noticed, then ends everything in the lab. The exit code is
/// [`INCOMPLETE_CAPTURE`] if a capture is incomplete; standard error says which.
///
/// # Errors
/// If the process is not the first of its namespaces, or has no control channel.
pub fn serve() -> io::Result<ExitCode> {
    // The end of a lab kills every process that this one can see.
    if getpid().as_raw() != 1 {
        return Err(io::Error::other("this process is not the first of a lab"));
    }
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    let control = control_channel()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut remains = Remains::default();
    runtime.block_on(serve_until_closed(control, &mut remains))?;
    remains.clean_up()
}

async fn serve_until_closed(control: UnixStream, remains: &mut Remains) -> io::Result<()> {
    control.set_nonblocking(true)?;
    let (reader, writer) = tokio::net::UnixStream::from_std(control)?.into_split();
    let (sender, requests) = mpsc::channel(QUEUE_LENGTH);
    let (events, to_write) = mpsc::unbounded_channel();
    let writing = tokio::spawn(write_events(to_write, writer));
    let reading = tokio::spawn(read_requests(reader, sender));
    tokio::select! {
        () = answer(requests, events, remains) => {}
        _ = reading => {}
        _ = writing => {}
        _ = bugs::first() => {}
    }
    Ok(())
}

/// Reads requests until the runner has ended, or sends an invalid message.
async fn read_requests(reader: OwnedReadHalf, sender: mpsc::Sender<Request>) {
    let mut messages = Messages::new(BufReader::new(reader));
    while let Ok(request) = messages.next().await {
        if sender.send(request).await.is_err() {
            return;
        }
    }
}

/// Writes events to the runner until there are no more senders, or the runner has ended.
async fn write_events(mut events: mpsc::UnboundedReceiver<LabEvent>, mut writer: OwnedWriteHalf) {
    while let Some(event) = events.recv().await {
        let Some(line) = encode(&event) else { return };
        if write(&mut writer, &line).await.is_err() {
            return;
        }
    }
}

async fn answer(mut requests: mpsc::Receiver<Request>, events: EventSender, remains: &mut Remains) {
    let mut programs = Programs::new();
    while let Some(Request { id, operation }) = requests.recv().await {
        let reply = match operation {
            Operation::Build(spec) => {
                let built = build(&spec, &events, remains).await;
                Reply::Built(built.map(|(built, started)| {
                    programs = started;
                    built
                }))
            }
            Operation::ReadOutput(host) => Reply::Output(
                programs.get(&host).map(|program| program.output.lines()).unwrap_or_default(),
            ),
            Operation::ReadExchanges => Reply::Exchanges(
                remains.recorder.as_ref().map(Recorder::newest).unwrap_or_default(),
            ),
            Operation::SwitchLink { device, interface, is_up } => {
                Reply::Switched(match &remains.switch {
                    Some(switch) => switch.set(&device, &interface, is_up).await,
                    None => Err("the lab has not been built".to_owned()),
                })
            }
            Operation::Configure(_) | Operation::Listens(_) => {
                let reason = "a lab process is not a container".to_owned();
                Reply::Configured(Err(TestbedError::Network { reason }))
            }
        };
        let _ = events.send(LabEvent::Reply { id, reply });
    }
}

/// The parts of a lab that must be cleaned up after the runner has ended.
#[derive(Default)]
struct Remains {
    /// A folder to remove.
    folder: Option<PathBuf>,
    /// Captures to complete.
    captures: Vec<Capture>,
    /// Which links are not captured, and why.
    missing_captures: Vec<String>,
    /// The newest exchanges with the mock CAs, and saved messages to complete.
    recorder: Option<Recorder>,
    /// The namespaces, kept open because one may have no process for a while, and others enter it through its descriptor here.
    namespaces: Namespaces,
    /// The links, once they have been made.
    switch: Option<Switch>,
}

impl Remains {
    /// Ends every process of the lab, completes captures and saved messages, and removes the folder.
    ///
    /// # Errors
    /// If the folder cannot be removed.
    fn clean_up(self) -> io::Result<ExitCode> {
        // From the first process of a PID namespace, -1 means all other processes of that namespace. There may be none.
        let _ = kill(Pid::from_raw(-1), Signal::SIGKILL);
        while wait().is_ok() {}
        let captures = self.captures.into_iter().filter_map(|capture| capture.finish().err());
        let messages = self.recorder.map(|recorder| recorder.finish()).unwrap_or_default();
        let captures = self.missing_captures.into_iter().chain(captures);
        let incomplete: Vec<String> = captures.chain(messages).collect();
        match self.folder.map(fs::remove_dir_all) {
            // The runner, if it still runs, removes the folder as well.
            Some(Err(error)) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        if incomplete.is_empty() {
            return Ok(ExitCode::SUCCESS);
        }
        writeln!(io::stderr(), "{}", incomplete.join("; "))?;
        Ok(ExitCode::from(INCOMPLETE_CAPTURE))
    }
}

/// The namespace of a host or device of the lab.
///
/// # Errors
/// If the lab has no host of that name.
fn namespace_of<'a>(namespaces: &'a Namespaces, name: &str) -> Result<&'a Namespace, TestbedError> {
    let reason = || format!("`{name}` is not a host of the lab");
    namespaces.get(name).ok_or_else(|| TestbedError::Network { reason: reason() })
}

/// Creates a socket in the folder of the lab for `what`, such as a console.
///
/// # Errors
/// If the socket cannot be created. The path of a socket is limited to about 100 bytes, and a long `TMPDIR` may exceed that.
fn bind(what: &str, path: &Path) -> io::Result<UnixListener> {
    UnixListener::bind(path).map_err(|error| {
        let help = match error.kind() {
            io::ErrorKind::InvalidInput => "; a shorter `TMPDIR` helps",
            _ => "",
        };
        let path = path.display();
        io::Error::new(
            error.kind(),
            format!("its {what} `{path}` cannot be created: {error}{help}"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_long_socket_path_is_reported_with_advice() {
        let folder = tempfile::tempdir().unwrap();
        let console = folder.path().join("x".repeat(120));
        let error = bind("console", &console).unwrap_err().to_string();
        let expected =
            format!("its console `{}` cannot be created: path must be", console.display());
        assert!(error.starts_with(&expected), "{error}");
        assert!(error.ends_with("; a shorter `TMPDIR` helps"), "{error}");
        let nowhere = folder.path().join("nowhere/console");
        let nowhere = bind("console", &nowhere).unwrap_err().to_string();
        assert!(!nowhere.contains("TMPDIR"), "{nowhere}");
    }
}

//! From a lab file's `ssh` to a terminal on the device: the system's `ssh`, on a terminal that is a pair of this process.

mod askpass;
mod command;
mod diagnosis;

use std::fs::File;
use std::io;
use std::net::{IpAddr, UdpSocket};
use std::path::PathBuf;
use std::pin::pin;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use pty_process::{Pty, Size};
use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStderr};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use self::askpass::Askpass;
pub use self::askpass::{AtTerminal, Passwords, answer_ssh};
pub use self::command::Route;
use self::command::{OLD_ALGORITHMS, not_started, ssh};
use self::diagnosis::{after, key_tried, own_words, trouble, wants_old_algorithms};
use super::console::{Fault, Wire};
use super::screen::WIDTH;
use model::lab::SshTarget;

/// How long a login may bring no news.
const STEP_LIMIT: Duration = Duration::from_secs(15);

/// For the device to take what is typed.
const WRITE_LIMIT: Duration = Duration::from_secs(15);

/// How long a session that is over may take to say how it ended.
const CLOSE_LIMIT: Duration = Duration::from_secs(2);

/// The height that devices are told, in rows: what has pages is to have few.
const HEIGHT: u16 = 1000;

/// The most that is kept of what `ssh` says, in bytes.
const WORDS: usize = 64 * 1024;

/// What `ssh` logs once there is a session.
const LOGGED_IN: &str = "Entering interactive session.";

/// What it says if the device opens a shell, and no terminal for it.
const NO_TERMINAL: &str = "PTY allocation request failed";

/// Why there is no command line, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum Trouble {
    /// The device does not answer, which may change.
    #[error("{0}")]
    Unreachable(String),
    /// The device let nobody in.
    #[error("{0}")]
    NotLetIn(String),
    /// Something is wrong that stays so: another host key, a configuration that is refused.
    #[error("{0}")]
    Stranger(String),
}

/// How the device is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Way {
    /// The device, as it is reached.
    pub(super) device: String,
    /// Its address, as far as it is known: behind a jump host, names are others' to look up.
    pub(super) address: Option<IpAddr>,
    /// The address that it is reached from; it is not known behind a jump host.
    pub(super) here: Option<IpAddr>,
}

/// Opens shells on a device.
pub(super) struct Caller {
    pub(super) target: SshTarget,
    /// Who is asked for passwords where the lab file names none.
    pub(super) passwords: Arc<dyn Passwords>,
    /// The program `sceplab`, which `ssh` asks by.
    pub(super) program: PathBuf,
}

impl Caller {
    /// Opens one, and tells how the device is reached.
    pub(super) async fn dial(&self) -> Result<(Box<dyn Wire>, Way), Trouble> {
        if let Some(path) = &self.target.identity {
            let unread = |error| format!("the key `{}` cannot be read: {error}", path.display());
            File::open(path).map_err(|error| Trouble::NotLetIn(unread(error)))?;
        }
        self.log_in(&[]).await
    }

    /// Logs in with further options; if the algorithms of old routers may help, once more with those.
    async fn log_in(&self, options: &[&str]) -> Result<(Box<dyn Wire>, Way), Trouble> {
        let target = &self.target;
        let mut command = ssh(target, "-tt", options).map_err(Trouble::Stranger)?;
        let askpass = Askpass::listen(self, &mut command)
            .map_err(|error| Trouble::Stranger(format!("no password can be asked for: {error}")))?;
        let (terminal, mut child) =
            start(command).map_err(|error| Trouble::Stranger(not_started(&error)))?;
        let mut words = listen(child.stderr.take());
        let mut serving = pin!(askpass.serve(child.id()));
        let (unanswered, stalled) = loop {
            if words.borrow_and_update().contains(LOGGED_IN) {
                let way = way(&words.borrow());
                return Ok((Box::new(SshWire { child, terminal, words }), way));
            }
            tokio::select! {
                _ = child.wait() => break (None, ""),
                Ok(()) = words.changed() => {}
                reason = &mut serving => break (Some(reason), ""),
                () = sleep(STEP_LIMIT) => {
                    if !askpass.is_asking.load(Ordering::Relaxed) {
                        break (None, "no answer came in 15 s");
                    }
                }
            }
        };
        let _ = child.start_kill();
        let _ = timeout(CLOSE_LIMIT, words.wait_for(|_| false)).await;
        let said = format!("{}\n{stalled}", words.borrow().as_str());
        let password = askpass.password_tried();
        if options.is_empty() && password.is_none() && wants_old_algorithms(&said) {
            return Box::pin(self.log_in(&OLD_ALGORITHMS)).await;
        }
        let is_unanswered = unanswered.is_some();
        let tried = key_tried(target, &said).into_iter().chain(password).chain(unanswered);
        let tried = tried.collect::<Vec<_>>().join("; ");
        if is_unanswered {
            return Err(Trouble::NotLetIn(tried));
        }
        Err(trouble(target, &said, &tried).await)
    }
}

/// Starts `ssh` on a terminal of its own, as wide and high as the device is told: so it is no part of this process's session,
/// does not see its Ctrl-C, and ends with it.
fn start(command: tokio::process::Command) -> io::Result<(Pty, Child)> {
    let failed = |error| match error {
        pty_process::Error::Io(error) => error,
        other => io::Error::other(other),
    };
    let (terminal, line) = pty_process::open().map_err(failed)?;
    let width = u16::try_from(WIDTH).unwrap_or(u16::MAX);
    terminal.resize(Size::new(HEIGHT, width)).map_err(failed)?;
    let command = pty_process::Command::from(command).stderr(Stdio::piped());
    Ok((terminal, command.spawn(line).map_err(failed)?))
}

/// What `ssh` says, as far as it has been said; of too much, what came last is left out.
fn listen(stderr: Option<ChildStderr>) -> watch::Receiver<String> {
    let (said, heard) = watch::channel(String::new());
    tokio::spawn(async move {
        let Some(mut stderr) = stderr else { return };
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = stderr.read(&mut buffer).await {
            let text = String::from_utf8_lossy(&buffer[..count]);
            said.send_if_modified(|said| {
                let is_room = said.len() < WORDS;
                said.push_str(if is_room { &text } else { "" });
                is_room
            });
        }
    });
    heard
}

/// As in `Authenticated to dut ([198.51.100.7]:22) using "publickey".`, or `dut (via proxy)`.
fn way(said: &str) -> Way {
    let told = after(said, "Authenticated to ").unwrap_or_default();
    let (name, rest) = told.split_once(" (").unwrap_or((told, ""));
    let address = rest.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let address = address.and_then(|(address, _)| address.parse::<IpAddr>().ok());
    let here = address.and_then(|address| from_here(address).ok());
    let address = address.or_else(|| name.parse().ok());
    let device = address.map_or_else(|| name.to_owned(), |it| it.to_canonical().to_string());
    let canonical = |address: IpAddr| address.to_canonical();
    Way { device, address: address.map(canonical), here: here.map(canonical) }
}

/// The address of this machine that an address is reached from; nothing is sent for that.
fn from_here(address: IpAddr) -> io::Result<IpAddr> {
    let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any)?;
    socket.connect((address, 22))?;
    Ok(socket.local_addr()?.ip())
}

/// A shell over SSH.
struct SshWire {
    child: Child,
    terminal: Pty,
    words: watch::Receiver<String>,
}

#[async_trait]
impl Wire for SshWire {
    async fn read(&mut self, buffer: &mut [u8], limit: Duration) -> Result<usize, Fault> {
        if self.words.borrow().contains(NO_TERMINAL) {
            return Err(Fault::Lost("the device gives no terminal".to_owned()));
        }
        match timeout(limit, self.terminal.read(buffer)).await {
            Err(_) => Ok(0),
            Ok(Ok(count @ 1..)) => Ok(count),
            // The other end of the terminal is closed.
            Ok(_) => Err(Fault::Lost(self.closed().await)),
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        match timeout(WRITE_LIMIT, self.terminal.write_all(bytes)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Fault::Lost(self.closed().await)),
            Err(_) => Err(Fault::Lost("nothing can be typed".to_owned())),
        }
    }
}

impl SshWire {
    /// How the shell ended, as far as is known.
    async fn closed(&mut self) -> String {
        let status = timeout(CLOSE_LIMIT, self.child.wait()).await;
        match status.ok().and_then(Result::ok).and_then(|status| status.code()) {
            // The status of `ssh` itself.
            Some(255) => {
                let _ = timeout(CLOSE_LIMIT, self.words.wait_for(|_| false)).await;
                own_words(&self.words.borrow())
            }
            Some(status @ 1..) => format!("the device ended the session with status {status}"),
            _ => "the device closed it".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_is_what_ssh_logs() {
        let direct =
            way("debug1: x\r\nAuthenticated to dut ([127.0.0.1]:2222) using \"none\".\r\n");
        let here = Some("127.0.0.1".parse().unwrap());
        assert_eq!(direct, Way { device: "127.0.0.1".to_owned(), address: here, here });
        let jumped = way("Authenticated to 10.0.0.1 (via proxy) using \"publickey\".\n");
        assert_eq!(jumped.address, Some("10.0.0.1".parse().unwrap()));
        assert_eq!(jumped.here, None);
        let named = way("Authenticated to dut (via proxy) using \"publickey\".\n");
        assert_eq!(named, Way { device: "dut".to_owned(), address: None, here: None });
    }
}

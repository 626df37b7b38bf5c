//! Opens a terminal on the device that `ssh` in the lab file names: by the system's `ssh`, on a pseudo-terminal of this process.

mod askpass;
mod command;
mod diagnosis;

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
use self::diagnosis::{after, diagnose, key_tried, own_output, wants_old_algorithms};
use super::console::{ConsoleError, Terminal};
use super::screen::WIDTH;
use model::lab::SshTarget;

/// The timeout for each step of a login.
const STEP_LIMIT: Duration = Duration::from_secs(15);

/// The timeout for writing to the device.
const WRITE_LIMIT: Duration = Duration::from_secs(15);

/// The timeout for an ended `ssh` to report why.
const CLOSE_LIMIT: Duration = Duration::from_secs(2);

/// The height of the terminal in rows; large, so that output has few pages.
const HEIGHT: u16 = 1000;

/// The maximum number of bytes of `ssh`'s output that are kept.
const LOG_LIMIT: usize = 64 * 1024;

/// The line that `ssh` logs when the session begins.
const LOGGED_IN: &str = "Entering interactive session.";

/// The line that `ssh` logs if the device opens a shell without a terminal.
const NO_TERMINAL: &str = "PTY allocation request failed";

/// Why there is no session, with advice.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum SessionError {
    /// The device does not answer, which may be temporary.
    #[error("{0}")]
    Unreachable(String),
    /// The login failed.
    #[error("{0}")]
    LoginFailed(String),
    /// An error that will not go away: another host key, a refused configuration.
    #[error("{0}")]
    Permanent(String),
}

/// The addresses at both ends of the connection to a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Addresses {
    /// The device's address, or its name if the address is not known.
    pub(super) device: String,
    /// The device's address if it is known; behind a jump host, names are resolved there.
    pub(super) address: Option<IpAddr>,
    /// The address of this machine's end; not known behind a jump host.
    pub(super) local: Option<IpAddr>,
}

/// The longest file of a private key, in bytes.
const LONGEST_KEY: u64 = 1024 * 1024;

/// Opens shells on a device.
pub(super) struct SshConnector {
    pub(super) target: SshTarget,
    /// Supplies passwords that the lab file does not name.
    pub(super) passwords: Arc<dyn Passwords>,
    /// The program `sceplab`, by which `ssh` asks for passwords.
    pub(super) program: PathBuf,
}

impl SshConnector {
    /// Opens a shell; also returns the addresses of its ends.
    pub(super) async fn connect(&self) -> Result<(Box<dyn Terminal>, Addresses), SessionError> {
        if let Some(path) = &self.target.identity {
            let unread = |error| format!("the key `{}` cannot be read: {error}", path.display());
            files::regular(path, LONGEST_KEY)
                .map_err(|error| SessionError::LoginFailed(unread(error)))?;
        }
        self.log_in(&[]).await
    }

    /// Logs in with further options; tries again with old routers' algorithms if those may help.
    async fn log_in(
        &self,
        options: &[&str],
    ) -> Result<(Box<dyn Terminal>, Addresses), SessionError> {
        let target = &self.target;
        let mut command = ssh(target, "-tt", options).map_err(SessionError::Permanent)?;
        let askpass = Askpass::listen(self, &mut command).map_err(|error| {
            SessionError::Permanent(format!("no password can be asked for: {error}"))
        })?;
        let (terminal, mut child) =
            start(command).map_err(|error| SessionError::Permanent(not_started(&error)))?;
        let mut log = read_log(child.stderr.take());
        let mut serving = pin!(askpass.serve(child.id()));
        let (unanswered, stalled) = loop {
            if log.borrow_and_update().contains(LOGGED_IN) {
                let addresses = parse_addresses(&log.borrow());
                return Ok((Box::new(SshTerminal { child, terminal, log }), addresses));
            }
            tokio::select! {
                _ = child.wait() => break (None, ""),
                Ok(()) = log.changed() => {}
                reason = &mut serving => break (Some(reason), ""),
                () = sleep(STEP_LIMIT) => {
                    if !askpass.is_asking.load(Ordering::Relaxed) {
                        break (None, "there was no answer in 15 s");
                    }
                }
            }
        };
        let _ = child.start_kill();
        let _ = timeout(CLOSE_LIMIT, log.wait_for(|_| false)).await;
        let output = format!("{}\n{stalled}", log.borrow().as_str());
        let password = askpass.password_tried();
        if options.is_empty() && password.is_none() && wants_old_algorithms(&output) {
            return Box::pin(self.log_in(&OLD_ALGORITHMS)).await;
        }
        let is_unanswered = unanswered.is_some();
        let tried = key_tried(target, &output).into_iter().chain(password).chain(unanswered);
        let tried = tried.collect::<Vec<_>>().join("; ");
        if is_unanswered {
            return Err(SessionError::LoginFailed(tried));
        }
        Err(diagnose(target, &output, &tried).await)
    }
}

/// Starts `ssh` on a pseudo-terminal of the announced size. It is not part of this process's session, does not receive its
/// Ctrl-C, and ends with it.
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

/// The output of `ssh` so far; what exceeds the limit is dropped.
fn read_log(stderr: Option<ChildStderr>) -> watch::Receiver<String> {
    let (sender, log) = watch::channel(String::new());
    tokio::spawn(async move {
        let Some(mut stderr) = stderr else { return };
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = stderr.read(&mut buffer).await {
            let text = String::from_utf8_lossy(&buffer[..count]);
            sender.send_if_modified(|log| {
                let is_room = log.len() < LOG_LIMIT;
                log.push_str(if is_room { &text } else { "" });
                is_room
            });
        }
    });
    log
}

/// Parses `Authenticated to dut ([198.51.100.7]:22) using "publickey".`, or `dut (via proxy)`.
fn parse_addresses(log: &str) -> Addresses {
    let login = after(log, "Authenticated to ").unwrap_or_default();
    let (name, rest) = login.split_once(" (").unwrap_or((login, ""));
    let address = rest.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let address = address.and_then(|(address, _)| address.parse::<IpAddr>().ok());
    let local = address.and_then(|address| local_address(address).ok());
    let address = address.or_else(|| name.parse().ok());
    let device = address.map_or_else(|| name.to_owned(), |it| it.to_canonical().to_string());
    let canonical = |address: IpAddr| address.to_canonical();
    Addresses { device, address: address.map(canonical), local: local.map(canonical) }
}

/// The local address from which an address is reached; nothing is sent.
fn local_address(address: IpAddr) -> io::Result<IpAddr> {
    let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any)?;
    socket.connect((address, 22))?;
    Ok(socket.local_addr()?.ip())
}

/// A shell over SSH.
struct SshTerminal {
    child: Child,
    terminal: Pty,
    log: watch::Receiver<String>,
}

#[async_trait]
impl Terminal for SshTerminal {
    async fn read(&mut self, buffer: &mut [u8], limit: Duration) -> Result<usize, ConsoleError> {
        if self.log.borrow().contains(NO_TERMINAL) {
            return Err(ConsoleError::Closed("the device provides no terminal".to_owned()));
        }
        match timeout(limit, self.terminal.read(buffer)).await {
            Err(_) => Ok(0),
            Ok(Ok(count @ 1..)) => Ok(count),
            // The other end of the terminal is closed.
            Ok(_) => Err(ConsoleError::Closed(self.closed().await)),
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), ConsoleError> {
        match timeout(WRITE_LIMIT, self.terminal.write_all(bytes)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(ConsoleError::Closed(self.closed().await)),
            Err(_) => Err(ConsoleError::Closed("the device accepts no input".to_owned())),
        }
    }
}

impl SshTerminal {
    /// How the shell ended, if that is known.
    async fn closed(&mut self) -> String {
        let status = timeout(CLOSE_LIMIT, self.child.wait()).await;
        match status.ok().and_then(Result::ok).and_then(|status| status.code()) {
            // The exit status of `ssh` itself.
            Some(255) => {
                let _ = timeout(CLOSE_LIMIT, self.log.wait_for(|_| false)).await;
                own_output(&self.log.borrow())
            }
            Some(status @ 1..) => format!("the device ended the session with status {status}"),
            _ => "the device closed the session".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_of_the_connection_are_parsed_from_the_log() {
        let direct = parse_addresses(
            "debug1: x\r\nAuthenticated to dut ([127.0.0.1]:2222) using \"none\".\r\n",
        );
        let local = Some("127.0.0.1".parse().unwrap());
        assert_eq!(direct, Addresses { device: "127.0.0.1".to_owned(), address: local, local });
        let jumped =
            parse_addresses("Authenticated to 10.0.0.1 (via proxy) using \"publickey\".\n");
        assert_eq!(jumped.address, Some("10.0.0.1".parse().unwrap()));
        assert_eq!(jumped.local, None);
        let named = parse_addresses("Authenticated to dut (via proxy) using \"publickey\".\n");
        assert_eq!(named, Addresses { device: "dut".to_owned(), address: None, local: None });
    }
}

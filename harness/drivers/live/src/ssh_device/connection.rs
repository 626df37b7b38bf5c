//! From a lab file's `ssh` to a terminal on the device: connection, host key, login, shell.

mod host_key;
mod known_hosts;
mod login;

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ssh2::{Channel, ErrorCode, MethodType, Session};
use thiserror::Error;

use self::known_hosts::KnownHosts;
use super::Passwords;
use super::screen::WIDTH;
use super::session::{Dial, Dialled};
use super::wire::{Lost, Wire};
use model::lab::SshTarget;

/// For a connection to be opened.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// For each message of the other side until there is a shell.
const STEP_LIMIT_MS: u32 = 15_000;

/// For the device to take what is typed.
const WRITE_LIMIT_MS: u32 = 15_000;

/// How long a session that is over may take to say how it ended, in milliseconds.
const CLOSE_LIMIT_MS: u32 = 2_000;

/// The height that devices are told, in rows: what has pages is to have few.
const HEIGHT: u32 = 1000;

/// How often the other side is asked whether it is there, in seconds.
const KEEPALIVE_S: u32 = 10;

/// libssh2's number for a time limit that was passed.
const TIMEOUT: i32 = -9;

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

/// Opens shells on a device.
pub(super) struct Caller {
    target: SshTarget,
    passwords: Arc<dyn Passwords>,
}

impl Caller {
    /// Who is asked for passwords where a lab file names none.
    pub(super) fn new(target: SshTarget, passwords: Arc<dyn Passwords>) -> Self {
        Self { target, passwords }
    }
}

impl Dial for Caller {
    fn dial(&self) -> Result<Dialled, Trouble> {
        let target = &self.target;
        let known = KnownHosts::of(target).map_err(Trouble::Stranger)?;
        let stream = connect(target).map_err(Trouble::Unreachable)?;
        let unusable = |error: io::Error| {
            Trouble::Unreachable(format!("the connection to {target} cannot be used: {error}"))
        };
        let device = stream.peer_addr().map_err(unusable)?.ip().to_canonical();
        let here = stream.local_addr().map_err(unusable)?.ip().to_canonical();
        stream.set_nodelay(true).map_err(unusable)?;
        let session = shake_hands(target, stream, &known).map_err(Trouble::Unreachable)?;
        host_key::check(target, &session, &known).map_err(Trouble::Stranger)?;
        login::log_in(target, &session, self.passwords.as_ref()).map_err(Trouble::NotLetIn)?;
        let channel = shell(&session).map_err(|error| {
            Trouble::Unreachable(format!("{target} opens no shell on a terminal: {error}"))
        })?;
        session.set_keepalive(true, KEEPALIVE_S);
        Ok(Dialled { wire: Box::new(SshWire { session, channel }), device, here })
    }
}

fn connect(target: &SshTarget) -> Result<TcpStream, String> {
    let (host, port) = (target.host.as_str(), target.port);
    let addresses = (host, port).to_socket_addrs();
    let addresses: Vec<_> =
        addresses.map_err(|error| format!("`{host}` is not resolved: {error}"))?.collect();
    let deadline = Instant::now() + CONNECT_LIMIT;
    let mut last = io::Error::new(ErrorKind::NotFound, "it has no address");
    for address in addresses {
        let left = deadline.saturating_duration_since(Instant::now());
        match TcpStream::connect_timeout(&address, left.max(Duration::from_millis(1))) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(not_connected(target, &last))
}

fn not_connected(target: &SshTarget, error: &io::Error) -> String {
    let (host, port) = (&target.host, target.port);
    match error.kind() {
        ErrorKind::ConnectionRefused => format!(
            "`{host}` refused the connection to port {port}: it is there and no SSH server listens; \
             is SSH switched on (`set service ssh`), and the port right?"
        ),
        ErrorKind::TimedOut => format!(
            "`{host}` gave no answer on port {port} in {} s: is it on, the address right, and nothing in between that \
             drops what is sent?",
            CONNECT_LIMIT.as_secs()
        ),
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
            format!("`{host}` cannot be reached from here ({error}): is there a route?")
        }
        _ => format!("cannot connect to `{host}` port {port}: {error}"),
    }
}

/// Agrees on keys. The kinds of host keys that are known of the device go first, so that it shows one of them.
fn shake_hands(
    target: &SshTarget,
    stream: TcpStream,
    known: &KnownHosts,
) -> Result<Session, String> {
    let broken = |error: ssh2::Error| format!("SSH cannot be spoken here: {error}");
    let mut session = Session::new().map_err(broken)?;
    session.set_timeout(STEP_LIMIT_MS);
    let ours = session.supported_algs(MethodType::HostKey).map_err(broken)?;
    session.method_pref(MethodType::HostKey, &known.preferred(&ours)).map_err(broken)?;
    session.set_tcp_stream(stream);
    session.handshake().map_err(|error| no_handshake(target, &session, &error))?;
    Ok(session)
}

fn no_handshake(target: &SshTarget, session: &Session, error: &ssh2::Error) -> String {
    match error.code() {
        ErrorCode::Session(TIMEOUT) => format!(
            "{target} took the connection, and did not go through the SSH handshake in {} s",
            STEP_LIMIT_MS / 1000
        ),
        // Key exchange and its beginnings, as libssh2 numbers them.
        ErrorCode::Session(-5 | -8) => {
            let kinds = [
                ("key exchanges", MethodType::Kex),
                ("host keys", MethodType::HostKey),
                ("ciphers", MethodType::CryptCs),
                ("MACs", MethodType::MacCs),
            ];
            let ours = kinds.map(|(name, kind)| {
                let algorithms = session.supported_algs(kind).unwrap_or_default();
                format!("{name} {}", algorithms.join(", "))
            });
            format!(
                "{target} and this side found no algorithms in common ({error}); this side has {}; \
                 `ssh -vv` shows what the device offers",
                ours.join("; ")
            )
        }
        ErrorCode::Session(-2 | -13 | -43) => format!(
            "{target} closed the connection before the SSH handshake was through ({error}): it may be no SSH server, \
             allow no more sessions, or refuse this address"
        ),
        _ => format!("the SSH handshake with {target} failed: {error}"),
    }
}

/// A shell on a terminal of its own: a device's command line is nowhere else.
fn shell(session: &Session) -> Result<Channel, ssh2::Error> {
    let mut channel = session.channel_session()?;
    let width = u32::try_from(WIDTH).unwrap_or(u32::MAX);
    // A terminal that can do nothing, so that little is drawn on it.
    channel.request_pty("dumb", None, Some((width, HEIGHT, 0, 0)))?;
    channel.shell()?;
    Ok(channel)
}

/// A shell over SSH.
pub(super) struct SshWire {
    session: Session,
    channel: Channel,
}

impl Wire for SshWire {
    fn read(&mut self, buffer: &mut [u8], limit: Duration) -> Result<usize, Lost> {
        if limit.is_zero() {
            // Nobody else asks while nothing is waited for; what is lost is noticed below.
            let _ = self.session.keepalive_send();
        }
        let limit = u32::try_from(limit.as_millis()).unwrap_or(u32::MAX);
        // No time at all would be for ever.
        self.session.set_blocking(limit > 0);
        self.session.set_timeout(limit.max(1));
        let read = self.channel.read(buffer);
        self.session.set_blocking(true);
        match read {
            Ok(0) if self.channel.eof() => Err(Lost(self.closed())),
            Ok(count) => Ok(count),
            Err(error) if is_patience(&error) => Ok(0),
            Err(error) => Err(Lost(error.to_string())),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Lost> {
        self.session.set_timeout(WRITE_LIMIT_MS);
        let lost = |error: io::Error| Lost(format!("nothing can be typed: {error}"));
        self.channel.write_all(bytes).map_err(lost)?;
        self.channel.flush().map_err(lost)
    }
}

impl SshWire {
    /// How the shell ended, as far as the device told.
    fn closed(&mut self) -> String {
        // The status comes behind the end of what was printed.
        self.session.set_timeout(CLOSE_LIMIT_MS);
        let _ = self.channel.wait_close();
        match self.channel.exit_status() {
            Ok(status) if status != 0 => {
                format!("the device ended the session with status {status}")
            }
            _ => "the device closed it".to_owned(),
        }
    }
}

fn is_patience(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_the_way_of_a_connection_is_told_with_what_to_do() {
        let target = SshTarget::new("admin", "198.51.100.7", 22);
        let told = |kind: ErrorKind| not_connected(&target, &kind.into());
        assert!(told(ErrorKind::ConnectionRefused).contains("`set service ssh`"));
        assert!(told(ErrorKind::TimedOut).contains("no answer on port 22 in 10 s"));
        assert!(told(ErrorKind::NetworkUnreachable).contains("is there a route?"));
    }
}

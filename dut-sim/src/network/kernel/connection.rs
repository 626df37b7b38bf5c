//! TCP connections, and why there is none.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use nix::errno::Errno;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpStream;

use crate::network::ConnectError;

/// Opens a connection; how long that may take is the system's choice.
pub(super) async fn connect(address: Ipv4Addr, port: u16) -> Result<TcpStream, ConnectError> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    let destination = SocketAddr::from(SocketAddrV4::new(address, port));
    match socket.connect(&destination.into()) {
        Err(error) if errno(&error) != Errno::EINPROGRESS => return Err(at_once(error)),
        _ => {}
    }
    let stream = TcpStream::from_std(socket.into())?;
    stream.writable().await?;
    match stream.take_error()? {
        Some(error) => Err(later(error)),
        None => Ok(stream),
    }
}

/// What the system knows before it has sent anything.
fn at_once(error: io::Error) -> ConnectError {
    match errno(&error) {
        Errno::ENETUNREACH => ConnectError::NoRoute,
        _ => later(error),
    }
}

/// What came back, or did not.
fn later(error: io::Error) -> ConnectError {
    match errno(&error) {
        Errno::ECONNREFUSED => ConnectError::Refused,
        Errno::ENETUNREACH => ConnectError::NetworkUnreachable,
        Errno::EHOSTUNREACH => ConnectError::HostUnreachable,
        Errno::ETIMEDOUT => ConnectError::TimedOut,
        _ => ConnectError::Other(error),
    }
}

fn errno(error: &io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or_default())
}

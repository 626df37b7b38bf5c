//! ICMP echo requests and their outcomes (RFC 792).

use std::io::{self, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::os::fd::AsRawFd;

use nix::cmsg_space;
use nix::errno::Errno;
use nix::libc::{SO_EE_ORIGIN_ICMP, sock_extended_err, sockaddr_in};
use nix::sys::socket::sockopt::{Ipv4RecvErr, Ipv4RecvTtl};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrIn, recvmsg, setsockopt};
use pnet_packet::Packet;
use pnet_packet::icmp::echo_reply::EchoReplyPacket;
use pnet_packet::icmp::echo_request::{EchoRequestPacket, MutableEchoRequestPacket};
use pnet_packet::icmp::{self, IcmpPacket, IcmpTypes};
use pnet_packet::ipv4::Ipv4Packet;
use scep::clock::Stopwatch;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::time::timeout;

use super::errno;
use crate::network::{EchoOutcome, EchoRequest, UnreachableCode};

/// Maximum length of an IPv4 packet.
const LONGEST_PACKET: usize = 65_535;

/// Sends the request and waits for the outcome, at most for the request's timeout.
pub(super) async fn echo(request: &EchoRequest) -> EchoOutcome {
    match SentRequest::begin(request) {
        Ok(sent) => match timeout(request.timeout, sent.outcome()).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(error)) => EchoOutcome::Failed { reason: format!("recvmsg: {}", text(&error)) },
            Err(_elapsed) => EchoOutcome::TimedOut,
        },
        Err(outcome) => outcome,
    }
}

/// A request that was sent.
struct SentRequest<'a> {
    /// An ICMP socket; waiting for its messages works as for UDP.
    socket: UdpSocket,
    kind: SocketKind,
    request: &'a EchoRequest,
    sent: Stopwatch,
}

/// Kind of the socket.
#[derive(Clone, Copy, PartialEq, Eq)]
enum SocketKind {
    /// A datagram socket. It receives only the answers to its own requests, because the kernel chooses the identifier.
    Datagram,
    /// A raw socket. It receives all IP packets with ICMP messages.
    Raw,
}

impl<'a> SentRequest<'a> {
    fn begin(request: &'a EchoRequest) -> Result<Self, EchoOutcome> {
        let failed = |what: &str, error: &io::Error| EchoOutcome::Failed {
            reason: format!("{what}: {}", text(error)),
        };
        let (socket, kind) = open(request.identifier).map_err(|error| failed("socket", &error))?;
        let destination = SocketAddr::from(SocketAddrV4::new(request.destination, 0));
        let sent = Stopwatch::start();
        match socket.send_to(&message(request), &destination.into()) {
            Ok(_) => {}
            Err(error) if errno(&error) == Errno::ENETUNREACH => return Err(EchoOutcome::NoRoute),
            Err(error) => return Err(failed("sendmsg", &error)),
        }
        let socket = UdpSocket::from_std(socket.into());
        let socket = socket.map_err(|error| failed("socket", &error))?;
        Ok(Self { socket, kind, request, sent })
    }

    async fn outcome(&self) -> io::Result<EchoOutcome> {
        let mut buffer = vec![0; LONGEST_PACKET];
        loop {
            let ready = self.socket.ready(Interest::READABLE | Interest::ERROR).await?;
            // One by one, because `try_io` does not support two interests at once.
            let reported = ready.is_error().then_some((Interest::ERROR, MsgFlags::MSG_ERRQUEUE));
            let arrived = ready.is_readable().then_some((Interest::READABLE, MsgFlags::empty()));
            for (interest, flags) in reported.into_iter().chain(arrived) {
                match self.socket.try_io(interest, || self.receive(&mut buffer, flags)) {
                    Ok(Some(outcome)) => return Ok(outcome),
                    Ok(None) => {}
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => return Err(error),
                }
            }
        }
    }

    fn receive(&self, buffer: &mut [u8], flags: MsgFlags) -> io::Result<Option<EchoOutcome>> {
        let mut control = cmsg_space!(i32, sock_extended_err, sockaddr_in);
        let mut parts = [IoSliceMut::new(buffer)];
        let descriptor = self.socket.as_raw_fd();
        let flags = flags | MsgFlags::MSG_DONTWAIT;
        let received = recvmsg::<SockaddrIn>(descriptor, &mut parts, Some(&mut control), flags);
        let received = match received {
            Ok(received) => received,
            // An ICMP error is also reported here; the error queue has it with its sender.
            Err(
                Errno::EHOSTUNREACH
                | Errno::ENETUNREACH
                | Errno::ECONNREFUSED
                | Errno::ENOPROTOOPT
                | Errno::EOPNOTSUPP
                | Errno::EMSGSIZE
                | Errno::EPROTO
                | Errno::EINTR,
            ) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let from = received.address.map(|address| address.ip());
        let messages: Vec<_> = received.cmsgs()?.collect();
        let bytes = received.iovs().next().unwrap_or_default();
        Ok(match messages.iter().find_map(reported) {
            Some(report) => self.is_own_request(bytes).then_some(report),
            None => self.reply(bytes, from, messages.iter().find_map(ttl)),
        })
    }

    fn reply(&self, bytes: &[u8], from: Option<Ipv4Addr>, ttl: Option<u8>) -> Option<EchoOutcome> {
        let (bytes, ttl) = match self.kind {
            SocketKind::Datagram => (bytes.to_vec(), ttl),
            SocketKind::Raw => {
                let packet = Ipv4Packet::new(bytes)?;
                (packet.payload().to_vec(), Some(packet.get_ttl()))
            }
        };
        let is_reply = IcmpPacket::new(&bytes)?.get_icmp_type() == IcmpTypes::EchoReply;
        let reply = EchoReplyPacket::new(&bytes)?;
        let is_own = self.is_own(reply.get_identifier(), reply.get_sequence_number())
            && reply.payload() == self.request.payload;
        let (from, ttl) = (from?, ttl?);
        (is_reply && is_own).then(|| EchoOutcome::Reply {
            from,
            ttl,
            payload: reply.payload().to_vec(),
            round_trip: self.sent.elapsed(),
        })
    }

    /// True if the packet in an error message is the request that was sent.
    fn is_own_request(&self, bytes: &[u8]) -> bool {
        EchoRequestPacket::new(bytes).is_some_and(|request| {
            request.get_icmp_type() == IcmpTypes::EchoRequest
                && self.is_own(request.get_identifier(), request.get_sequence_number())
        })
    }

    fn is_own(&self, identifier: u16, sequence: u16) -> bool {
        sequence == self.request.sequence
            && (self.kind == SocketKind::Datagram || identifier == self.request.identifier)
    }
}

/// Opens a socket with that identifier; if another datagram socket has it, the kernel chooses one.
fn open(identifier: u16) -> io::Result<(Socket, SocketKind)> {
    let open = |kind| Socket::new(Domain::IPV4, kind, Some(Protocol::ICMPV4));
    // Users in `net.ipv4.ping_group_range` may open the former, root the latter.
    let (socket, kind) = match open(Type::DGRAM) {
        Ok(socket) => (socket, SocketKind::Datagram),
        Err(refused) => (open(Type::RAW).map_err(|_| refused)?, SocketKind::Raw),
    };
    if kind == SocketKind::Datagram {
        let own = SocketAddr::from(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, identifier));
        let _taken = socket.bind(&own.into());
    }
    socket.set_nonblocking(true)?;
    // Broadcasts are allowed too; hosts do not answer them.
    socket.set_broadcast(true)?;
    setsockopt(&socket, Ipv4RecvErr, &true)?;
    setsockopt(&socket, Ipv4RecvTtl, &true)?;
    Ok((socket, kind))
}

fn message(request: &EchoRequest) -> Vec<u8> {
    let length = MutableEchoRequestPacket::minimum_packet_size() + request.payload.len();
    let mut bytes = vec![0; length];
    if let Some(mut echo) = MutableEchoRequestPacket::new(&mut bytes) {
        echo.set_icmp_type(IcmpTypes::EchoRequest);
        echo.set_identifier(request.identifier);
        echo.set_sequence_number(request.sequence);
        echo.set_payload(&request.payload);
    }
    let checksum = IcmpPacket::new(&bytes).map(|packet| icmp::checksum(&packet));
    if let Some((checksum, mut echo)) = checksum.zip(MutableEchoRequestPacket::new(&mut bytes)) {
        echo.set_checksum(checksum);
    }
    bytes
}

/// The outcome for a message of the error queue, if it is an ICMP message.
fn reported(message: &ControlMessageOwned) -> Option<EchoOutcome> {
    let ControlMessageOwned::Ipv4RecvErr(error, Some(offender)) = message else { return None };
    if error.ee_origin != SO_EE_ORIGIN_ICMP {
        return None;
    }
    let from = Ipv4Addr::from(u32::from_be(offender.sin_addr.s_addr));
    match error.ee_type {
        kind if kind == IcmpTypes::DestinationUnreachable.0 => {
            let code = UnreachableCode(error.ee_code);
            Some(EchoOutcome::Unreachable { from, code })
        }
        kind if kind == IcmpTypes::TimeExceeded.0 => Some(EchoOutcome::TtlExceeded { from }),
        _ => None,
    }
}

fn ttl(message: &ControlMessageOwned) -> Option<u8> {
    match message {
        ControlMessageOwned::Ipv4Ttl(ttl) => u8::try_from(*ttl).ok(),
        _ => None,
    }
}

/// The error's text without its number, as `ping` prints it.
fn text(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(code) => Errno::from_raw(code).desc().to_owned(),
        None => error.to_string(),
    }
}

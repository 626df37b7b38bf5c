//! A server in front of a mock CA that comes to an end.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use tokio::net::TcpSocket;

use crate::suite::serve::Server;

pub(in super::super) const PASSWORD: &str = "ended-s3cret-42";

/// What becomes of a server after its last message.
#[derive(Clone, Copy, PartialEq)]
pub(in super::super) enum Ending {
    /// It ends at the next message, and its port is closed.
    Dies,
    /// It answers no connection any more.
    Hangs,
    /// It ends at the next message, and is started again.
    Restarts,
    /// It ends at each message that comes by GET, and is started again.
    RestartsAtGets,
    /// It ends after its last answer, and is started again, as if its operator restarted it between two requests.
    Pauses,
    /// It ends after its last answer, as if its operator stopped it between two requests.
    Stops,
    /// It ends at the next GET, whose like it answered before.
    DiesAtGet,
    /// It answers the next message when the client does not wait any more, and all others in time.
    Slows,
    /// It answers this to everything.
    Says(&'static str),
    /// It answers this to everything after this number of requests, whatever it has answered.
    SaysFrom(usize, &'static str),
    /// It answers this to messages, and serves the rest.
    SaysToMessages(&'static str),
    /// Another server answers in its place, with the same password and another CA.
    IsReplaced,
    /// It denies every request, as a server does whose password was changed.
    Denies,
    /// It takes messages, and answers none of them; it serves the rest.
    KeepsMessages,
    /// It resets each connection without an answer.
    Resets,
}

/// A server in front of a mock CA that answers this number of messages; then comes its ending.
pub(in super::super) struct EndingServer {
    address: SocketAddr,
    _port: TcpSocket,
    _behind: [Server; 2],
}

impl EndingServer {
    pub(in super::super) fn start(answered: usize, ending: Ending) -> Self {
        let behind = if ending == Ending::Denies { with_two_passwords() } else { with_two_cas() };
        let [origin, other] = [&behind[0], &behind[1]].map(|it| it.authority.parse().unwrap());
        // This socket keeps the port while nobody listens there.
        let port = TcpSocket::new_v4().unwrap();
        port.set_reuseaddr(true).unwrap();
        port.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let address = port.local_addr().unwrap();
        let listener = TcpListener::bind(address).unwrap();
        let front = Front {
            origin,
            other,
            answered,
            ending,
            messages: AtomicUsize::new(0),
            requests: AtomicUsize::new(0),
        };
        thread::spawn(move || {
            let held = front.serve(&listener);
            match ending {
                // The connections that hang are held open, and further ones wait in the backlog.
                Ending::Hangs => thread::sleep(Duration::from_secs(600)),
                Ending::Restarts | Ending::Pauses => {
                    drop((listener, held));
                    let again = Front { answered: usize::MAX, ..front };
                    again.serve(&listener_after_a_pause(address));
                }
                Ending::RestartsAtGets => {
                    drop((listener, held));
                    loop {
                        drop(front.serve(&listener_after_a_pause(address)));
                    }
                }
                _ => drop(listener),
            }
        });
        Self { address, _port: port, _behind: behind }
    }

    pub(in super::super) fn url(&self) -> String {
        format!("http://{}/scep", self.address)
    }
}

/// Listens again. The command has 3 s to see that nothing listens at the address, and then that the server does again.
fn listener_after_a_pause(address: SocketAddr) -> TcpListener {
    thread::sleep(Duration::from_millis(1500));
    TcpListener::bind(address).unwrap()
}

/// Two servers with the same password and different CAs.
fn with_two_cas() -> [Server; 2] {
    [(); 2].map(|()| Server::start(&["linux", "--challenge", PASSWORD]))
}

/// Two servers with the same CA and different passwords.
fn with_two_passwords() -> [Server; 2] {
    let folder = tempfile::tempdir().unwrap();
    let [first, second] = ["first", "second"].map(|name| folder.path().join(name));
    let serve = |state: &Path, password: &str| {
        Server::start(&["linux", "--challenge", password, "--state", state.to_str().unwrap()])
    };
    drop(serve(&first, PASSWORD));
    fs::create_dir(&second).unwrap();
    for entry in fs::read_dir(&first).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), second.join(entry.file_name())).unwrap();
    }
    [serve(&first, PASSWORD), serve(&second, "another-password")]
}

/// The side of the server that clients see.
struct Front {
    origin: SocketAddr,
    other: SocketAddr,
    /// Number of messages that are answered before the ending.
    answered: usize,
    ending: Ending,
    messages: AtomicUsize,
    requests: AtomicUsize,
}

impl Front {
    /// Passes requests on, one by one, until the ending; returns the connection that is open then.
    fn serve(&self, listener: &TcpListener) -> Option<TcpStream> {
        let mut kept = Vec::new();
        for mut stream in listener.incoming().flatten() {
            if self.ending == Ending::Resets {
                // What was sent and not read makes the end of a connection a reset.
                let _ = stream.read(&mut [0; 1]);
                continue;
            }
            let request = read_request(&mut stream);
            let is_message = request.windows(12).any(|window| window == b"PKIOperation");
            let before = self.messages.fetch_add(usize::from(is_message), Ordering::SeqCst);
            let is_over = before >= self.answered;
            let number = self.requests.fetch_add(1, Ordering::SeqCst);
            if self.ending == Ending::KeepsMessages && is_message && is_over {
                kept.push(stream);
                continue;
            }
            let instead = match self.ending {
                Ending::Dies | Ending::Hangs | Ending::Restarts if is_message && is_over => {
                    return Some(stream);
                }
                Ending::DiesAtGet if !is_message && is_over => return Some(stream),
                Ending::RestartsAtGets if is_message && request.starts_with(b"GET ") => {
                    return Some(stream);
                }
                Ending::Says(answer) if is_over => Some(answer),
                Ending::SaysFrom(first, answer) if number >= first => Some(answer),
                Ending::SaysToMessages(answer) if is_message && is_over => Some(answer),
                _ => None,
            };
            if let Some(answer) = instead {
                let _ = stream.write_all(answer.as_bytes());
                continue;
            }
            if self.ending == Ending::Slows && is_message && before == self.answered {
                // The client closes the connection when it waits no more.
                while let Ok(1..) = stream.read(&mut [0; 1]) {}
            }
            let _ = stream.write_all(&self.pass_on(&request, is_over));
            let ends_after_answer = matches!(self.ending, Ending::Stops | Ending::Pauses);
            if ends_after_answer && is_message && before + 1 >= self.answered {
                return None;
            }
        }
        None
    }

    fn pass_on(&self, request: &[u8], is_over: bool) -> Vec<u8> {
        let is_other = is_over && matches!(self.ending, Ending::IsReplaced | Ending::Denies);
        let origin = if is_other { self.other } else { self.origin };
        let mut behind = TcpStream::connect(origin).unwrap();
        behind.write_all(request).unwrap();
        let mut answer = Vec::new();
        let _ = behind.read_to_end(&mut answer);
        answer
    }
}

/// The head and the body of a request; the answer must end the connection.
fn read_request(stream: &mut TcpStream) -> Vec<u8> {
    let (mut request, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        if let Some(end) = request.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&request[..end]).to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
            let length = length.map_or(0, |length| length.trim().parse::<usize>().unwrap());
            if request.len() >= end + 4 + length {
                let head = String::from_utf8_lossy(&request[..end]).into_owned();
                let body = request.split_off(end + 4);
                return [format!("{head}\r\nConnection: close\r\n\r\n").as_bytes(), &body].concat();
            }
        }
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return request,
            Ok(count) => request.extend_from_slice(&buffer[..count]),
        }
    }
}

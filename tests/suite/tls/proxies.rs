//! Addresses that are reached through an HTTP proxy.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use super::{Stand, succeeds};
use crate::suite::sceplab::{Ended, command, finish};
use crate::support::server::LINUX;

/// A proxy that connects to one server, whatever the host in the request is.
struct TestProxy {
    authority: String,
    /// The first line of each request.
    seen: Arc<Mutex<Vec<String>>>,
}

/// What a proxy does with a request.
#[derive(Clone)]
enum Manner {
    /// It connects.
    Open,
    /// It wants this value of `Proxy-Authorization`.
    Login(&'static str),
    /// It answers each request with these bytes.
    Says(&'static [u8]),
}

impl TestProxy {
    fn start(behind: &str, manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let authority = listener.local_addr().unwrap().to_string();
        let seen = Arc::<Mutex<Vec<String>>>::default();
        let (behind, requests) = (behind.to_owned(), Arc::clone(&seen));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (behind, requests) = (behind.clone(), Arc::clone(&requests));
                let manner = manner.clone();
                thread::spawn(move || serve(&stream, &behind, &manner, &requests));
            }
        });
        Self { authority, seen }
    }

    fn url(&self) -> String {
        format!("http://{}", self.authority)
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

fn serve(
    stream: &TcpStream,
    behind: &str,
    manner: &Manner,
    seen: &Mutex<Vec<String>>,
) -> io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let lines = reader.by_ref().lines().map_while(Result::ok);
    let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    let first = head.first().cloned().unwrap_or_default();
    seen.lock().unwrap().push(first.clone());
    let mut out = stream;
    match manner {
        Manner::Says(bytes) => return out.write_all(bytes),
        Manner::Login(login)
            if !head.contains(&format!("proxy-authorization: {login}"))
                && !head.contains(&format!("Proxy-Authorization: {login}")) =>
        {
            return out.write_all(
                b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\"\r\n\
                  Content-Length: 0\r\nConnection: close\r\n\r\n",
            );
        }
        _ => {}
    }
    let mut server = TcpStream::connect(behind)?;
    if first.starts_with("CONNECT ") {
        out.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    } else {
        let (method, rest) = first.split_once(" http://").unwrap();
        let path = &rest[rest.find('/').unwrap()..];
        let kept = head[1..].iter().filter(|line| !line.to_lowercase().starts_with("proxy-"));
        let kept: Vec<&str> = kept.map(String::as_str).collect();
        let kept = kept.join("\r\n");
        server.write_all(format!("{method} {path}\r\n{kept}\r\n\r\n").as_bytes())?;
    }
    let (mut back, mut to_client) = (server.try_clone()?, stream.try_clone()?);
    let answers = thread::spawn(move || {
        let _ = io::copy(&mut back, &mut to_client);
        let _ = to_client.shutdown(Shutdown::Write);
    });
    let _ = io::copy(&mut reader, &mut server);
    let _ = server.shutdown(Shutdown::Write);
    answers.join().map_err(|_| io::Error::other("the thread has panicked"))
}

impl Stand {
    fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
        let mut command = command(self.folder.path(), arguments);
        command.envs(variables.iter().copied());
        finish(command)
    }
}

#[test]
fn requests_in_clear_text_are_forwarded_by_the_proxy() {
    let stand = Stand::start();
    let proxy = TestProxy::start(&stand.ca.authority, Manner::Open);
    let health = stand.run(&["health", "http://pki.example.com/scep", "--proxy", &proxy.url()]);
    succeeds(&health);
    let seen = proxy.seen();
    let first = "GET http://pki.example.com/scep?operation=GetCACaps HTTP/1.1";
    assert_eq!(seen.first().map(String::as_str), Some(first), "{seen:?}");
    let note =
        format!("requests to pki.example.com go through the proxy {} (`--proxy`)", proxy.url());
    assert!(health.stderr.contains(&note), "{}", health.transcript());
    let enrol = ["enrol", "http://pki.example.com/scep", "--proxy", &proxy.url()];
    succeeds(&stand.run(&[&enrol[..], &["--challenge", "s3cret-s3cret"]].concat()));
    assert!(proxy.seen().iter().any(|line| line.starts_with("POST http://pki.example.com/scep?")));
}

#[test]
fn requests_over_tls_go_through_a_tunnel() {
    let stand = Stand::start();
    let url = stand.front.url("localhost");
    let host = url.trim_start_matches("https://").trim_end_matches("/scep").to_owned();
    let proxy = TestProxy::start(&host.replace("localhost", "127.0.0.1"), Manner::Open);
    let health = ["health", &url, "--tls-ca", "root.pem", "--proxy", &proxy.url()];
    succeeds(&stand.run(&health));
    assert!(proxy.seen().iter().all(|line| *line == format!("CONNECT {host} HTTP/1.1")));
    assert!(!proxy.seen().is_empty());
}

#[test]
fn variables_of_the_environment_are_used_and_told() {
    let stand = Stand::start();
    let proxy = TestProxy::start(&stand.ca.authority, Manner::Open);
    let (url, with) = ("http://pki.example.com/scep", proxy.url());
    for name in ["http_proxy", "HTTP_PROXY"] {
        let health = stand.run_with(&["health", url], &[(name, &with), ("no_proxy", ".test")]);
        succeeds(&health);
        let told = format!("proxy {with} (`{name}`; `--proxy none` goes without)");
        assert!(health.stderr.contains(&told), "{}", health.transcript());
    }
    let before = proxy.seen().len();
    let local = stand.ca.url(LINUX);
    succeeds(&stand.run_with(&["health", &local], &[("http_proxy", &with)]));
    for (more, variables) in [
        (&["--proxy", "none"][..], &[("http_proxy", with.as_str())][..]),
        (&[], &[("http_proxy", &with), ("NO_PROXY", "127.0.0.0/8,example.com")]),
    ] {
        let health = ["health", "http://pki.example.com:1/scep", "--timeout", "2"];
        let ended = stand.run_with(&[&health[..], more].concat(), variables);
        assert!(!ended.stderr.contains("go through"), "{}", ended.transcript());
    }
    assert_eq!(proxy.seen().len(), before);
    let wrong = stand.run_with(&["health", url], &[("http_proxy", "socks5://h:1")]);
    assert_eq!(wrong.code, Some(2), "{}", wrong.transcript());
    assert!(wrong.stderr.contains("the variable `http_proxy` cannot be used"), "{}", wrong.stderr);
}

#[test]
fn login_of_a_proxy_is_sent_and_never_shown() {
    let stand = Stand::start();
    let front = stand.front.url("localhost");
    let behind = front.trim_start_matches("https://localhost").trim_end_matches("/scep");
    let behind = format!("127.0.0.1{behind}");
    // me:hunter2-hunter2
    let manner = Manner::Login("Basic bWU6aHVudGVyMi1odW50ZXIy");
    let proxy = TestProxy::start(&behind, manner);
    let with = |login: &str| format!("http://{login}{}", proxy.authority);
    let health = ["health", &front, "--tls-ca", "root.pem", "--proxy"];
    let right = stand.run(&[&health[..], &[&with("me:hunter2-hunter2@")]].concat());
    succeeds(&right);
    for (login, words) in [
        ("", "the proxy wants a login (HTTP 407; it offers Basic)"),
        ("me:hunter3-hunter3@", "the proxy refuses the login (HTTP 407; it offers Basic)"),
    ] {
        let ended = stand.run(&[&health[..], &[&with(login)]].concat());
        assert_eq!(ended.code, Some(3), "{}", ended.transcript());
        assert!(ended.stderr.contains(words), "{}", ended.transcript());
        assert!(!ended.transcript().contains("hunter"), "{}", ended.transcript());
    }
    assert!(!right.transcript().contains("hunter2"), "{}", right.transcript());
}

#[test]
fn proxies_that_refuse_or_are_none_are_explained() {
    let stand = Stand::start();
    let url = stand.front.url("localhost");
    for (says, words) in [
        (&b"HTTP/1.1 403 Forbidden by rule\r\n\r\n"[..], "answered HTTP 403 `Forbidden by rule`"),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "answered HTTP 502 `Bad Gateway`"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "came in place of a proxy's answer"),
        (b"", "the proxy closed the connection without a complete answer"),
        (b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 400 Bad Request\r\n\r\n", "no TLS connection: "),
    ] {
        let proxy = TestProxy::start(&stand.ca.authority, Manner::Says(says));
        let health = ["health", &url, "--tls-ca", "root.pem", "--proxy", &proxy.url()];
        let ended = stand.run(&health);
        assert_eq!(ended.code, Some(3), "{}", ended.transcript());
        assert!(ended.stderr.contains(words), "{words}: {}", ended.transcript());
    }
    let gone = stand.run(&["health", &url, "--tls-ca", "root.pem", "--proxy", "127.0.0.1:1"]);
    assert!(
        gone.stderr.contains("the proxy: cannot connect to 127.0.0.1:1"),
        "{}",
        gone.transcript()
    );
}

//! `sceplab health`, and the address in the environment variable `SCEPLAB_LISTEN`.

use std::process::Stdio;

use super::{LINUX, NDES, Server};
use crate::suite::sceplab::{Running, command, finish, refusing, run, workspace};

#[test]
fn answering_server_is_healthy() {
    for (personality, path) in [("linux", LINUX), ("ndes", NDES)] {
        let server = Server::start(&[personality]);
        let asked = run(&["health", &server.url(path)]);
        assert_eq!(asked.code, Some(0), "{asked:?}");
        assert!(
            asked.stdout.contains(" answers as a SCEP service") && asked.stdout.contains("SHA-256"),
            "{asked:?}"
        );
        // A line for each check, with what came.
        let checks = asked.stdout.lines().filter(|line| line.starts_with("ok    ")).count();
        assert_eq!(checks, 3, "{asked:?}");
        assert!(asked.stdout.contains("addressee of requests: `CN = "), "{asked:?}");
    }
}

#[test]
fn refusing_server_and_status_503_are_unhealthy() {
    let (_socket, address) = refusing();
    let asked = run(&["health", &format!("http://{address}/scep")]);
    assert_eq!(asked.code, Some(3), "{asked:?}");
    assert!(asked.stderr.contains("is not healthy: cannot connect"), "{asked:?}");
    assert!(asked.stderr.contains("probably the server is not running"), "{asked:?}");

    let ill = Server::start(&["linux", "--fault", "on: GetCACaps, do: http-status 503"]);
    let asked = run(&["health", &ill.url(LINUX)]);
    assert_eq!(asked.code, Some(3), "{asked:?}");
    assert!(asked.stderr.contains("GetCACaps was answered HTTP 503: plain text"), "{asked:?}");
    assert!(asked.stderr.contains("busy or not ready: try again later"), "{asked:?}");
    assert_eq!(run(&["health", "pki.example.com"]).code, Some(2));
}

#[test]
fn health_shows_all_capabilities_and_refuses_other_replies() {
    let server = Server::start(&["rfc8894"]);
    let asked = run(&["health", &server.url("/scep")]);
    let line = asked.stdout.lines().next().unwrap();
    assert!(
        line.len() > 120 && line.contains("SCEPStandard") && line.contains("SHA-512"),
        "{asked:?}"
    );
    assert!(line.split(", ").all(|word| !word.is_empty()), "{asked:?}");
    let page = Server::start(&["linux", "--fault", "on: GetCACaps, do: html-page"]);
    let asked = run(&["health", &page.url(LINUX)]);
    assert_eq!(asked.code, Some(3), "{asked:?}");
    assert!(
        asked.stderr.contains("GetCACaps is answered with a web page (`text/html`) with the title"),
        "{asked:?}"
    );
    let empty = Server::start(&["linux", "--fault", "on: GetCACaps, do: caps-none"]);
    let asked = run(&["health", &empty.url(LINUX)]);
    assert!(asked.stdout.starts_with("ok    capabilities (GetCACaps): none\n"), "{asked:?}");
}

/// Without usable certificates no client can enrol, whatever the capabilities are.
#[test]
fn server_without_usable_ca_certificate_is_unhealthy() {
    for (personality, path, fault, reason) in [
        ("linux", LINUX, "http-status 404", "GetCACert was answered HTTP 404"),
        ("linux", LINUX, "http-status 404", "needs `--ca-identifier`"),
        ("linux", LINUX, "empty-body", "GetCACert: "),
        ("linux", LINUX, "html-page", "GetCACert: "),
        ("linux", LINUX, "truncated-body", "GetCACert: "),
        ("linux", LINUX, "close-connection", "GetCACaps is answered, and GetCACert is not: "),
        ("linux", LINUX, "delay 5s", "GetCACert is not: no answer in 1 s"),
        ("linux", LINUX, "ca-expired", "expired"),
        ("ndes", NDES, "ca-missing", "the response has no CA certificate"),
        ("ndes", NDES, "ra-expired", "expired"),
        ("ndes", NDES, "ra-foreign", "is not issued by the CA"),
    ] {
        let fault = format!("on: GetCACert, do: {fault}");
        let server = Server::start(&[personality, "--fault", &fault]);
        let asked = run(&["health", &server.url(path), "--timeout", "1"]);
        assert_eq!(asked.code, Some(3), "{fault}: {asked:?}");
        let lines: Vec<&str> = asked.stdout.lines().collect();
        let (failed, passed) = lines.split_last().unwrap();
        assert!(failed.starts_with("FAIL  "), "{fault}: {asked:?}");
        assert!(passed.iter().all(|line| line.starts_with("ok    ")), "{fault}: {asked:?}");
        assert!(asked.stderr.contains(" is not healthy: GetCAC"), "{fault}: {asked:?}");
        assert!(asked.stderr.contains(reason), "{fault}: {asked:?}");
        assert_eq!(asked.stderr.matches("\n  = ").count(), 1, "{fault}: {asked:?}");
    }
}

#[test]
fn health_takes_the_address_from_the_environment() {
    let mut serve = command(workspace(), &["serve", "ndes"]);
    serve.env("SCEPLAB_LISTEN", "127.0.0.1:0").stdin(Stdio::null());
    let mut server = Running::start(serve);
    let address = server.stdout_line(|line| {
        let url = line.strip_prefix("url")?.trim().strip_prefix("http://")?;
        Some(url.split('/').next()?.to_owned())
    });
    let mut health = command(workspace(), &["health"]);
    health.env("SCEPLAB_LISTEN", &address);
    let asked = finish(health);
    assert_eq!(asked.code, Some(0), "{asked:?}");
    assert!(asked.stdout.contains("/mscep/mscep.dll answers as a SCEP service"), "{asked:?}");
}

#[test]
fn invalid_listen_variable_is_rejected() {
    for arguments in [["serve", "linux"].as_slice(), &["health"]] {
        let mut command = command(workspace(), arguments);
        command.env("SCEPLAB_LISTEN", "everywhere");
        let refused = finish(command);
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert!(refused.stderr.contains("`SCEPLAB_LISTEN` is `everywhere`"), "{refused:?}");
    }
}

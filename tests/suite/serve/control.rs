//! The control port and the faults of a running server.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use openssl::rand::rand_bytes;
use openssl::x509::X509;
use scep::client::Client;
use scep::clock::{Clock, moment, moment_text, system_time};
use serde_json::{Value, json};

use super::client::{drive, enrol, settings};
use super::{LINUX, Server};
use crate::suite::sceplab::run;

const PASSWORD: &str = "Kohlrabi-7Xq";

const JSON: &str = "Content-Type: application/json\r\n";

/// A server with a control port, and the port's address.
#[track_caller]
pub(crate) fn controlled(arguments: &[&str]) -> (Server, String) {
    let whole = [arguments, &["--control", "127.0.0.1:0"]].concat();
    let mut server = Server::start(&whole);
    let control = server.running.stdout_line(|line| {
        let url = line.strip_prefix("control")?.trim().strip_prefix("http://")?;
        Some(url.to_owned())
    });
    (server, control)
}

/// Sends these bytes, reads until the server closes the connection, and returns status and JSON.
#[track_caller]
fn raw(control: &str, request: &str) -> (u16, Value) {
    let mut stream = TcpStream::connect(control).unwrap();
    // The server may close the connection before it has read everything.
    let _ = stream.write_all(request.as_bytes());
    let mut response = String::new();
    let _ = stream.read_to_string(&mut response);
    let (head, body) = response.split_once("\r\n\r\n").expect("an answer");
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap())
}

/// The answer to a GET, or to a POST with this value; null means a GET.
#[track_caller]
pub(crate) fn answer_to(control: &str, path: &str, value: &Value) -> (u16, Value) {
    if value.is_null() { (200, get(control, path)) } else { post(control, path, value) }
}

#[track_caller]
fn get(control: &str, path: &str) -> Value {
    let (status, value) = raw(control, &format!("GET {path} HTTP/1.1\r\nHost: {control}\r\n\r\n"));
    assert_eq!(status, 200, "{value}");
    value
}

fn post(control: &str, path: &str, body: &Value) -> (u16, Value) {
    let body = body.to_string();
    raw(
        control,
        &format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        ),
    )
}

#[tokio::test]
async fn certificates_and_requests_are_listed_without_secrets() {
    let (server, control) = controlled(&["linux", "--challenge", PASSWORD]);
    enrol(&server.authority, LINUX, settings("CN=a", Some(PASSWORD))).await.unwrap();
    let issued = get(&control, "/issued");
    assert_eq!(issued[0]["serial"], "02");
    assert_eq!(issued[0]["revoked"], Value::Null);
    assert!(issued[0]["certificate"].as_str().unwrap().contains("BEGIN CERTIFICATE"));
    let requests = get(&control, "/requests");
    let last = requests.as_array().unwrap().last().unwrap();
    assert_eq!(last["message"]["message_type"], "PKCSReq");
    assert_eq!(last["message"]["csr"]["has_challenge"], true);
    assert_eq!(last["message"]["cipher"], "AES-128");
    for told in [issued, requests, get(&control, "/pending"), get(&control, "/faults")] {
        let told = told.to_string();
        assert!(!told.contains("Kohlrabi") && !told.contains("PRIVATE"), "{told}");
    }
}

#[tokio::test]
async fn requests_are_decided_and_certificates_revoked() {
    let (server, control) = controlled(&["rfc8894", "--approval", "manual"]);
    let mut client = Client::new(settings("CN=a", None));
    let first = client.start();
    assert!(drive(&server.authority, "/", &mut client, first).await.unwrap().is_none());
    let waiting = get(&control, "/pending");
    assert_eq!(waiting[0]["subject"], "CN = a");
    let decision = json!({"transaction_id": waiting[0]["transaction_id"]});
    let (status, approved) = post(&control, "/approve", &decision);
    assert_eq!((status, &approved["serial"]), (200, &json!("01")));
    assert_eq!(post(&control, "/deny", &decision).0, 409);
    let poll = client.poll(&mut rand_bytes).unwrap();
    assert!(drive(&server.authority, "/", &mut client, poll).await.unwrap().is_some());

    let revocation = json!({"serial": "01"});
    assert_eq!(post(&control, "/revoke", &revocation).0, 200);
    assert!(get(&control, "/issued")[0]["revoked"].is_u64());
    let (status, again) = post(&control, "/revoke", &revocation);
    assert_eq!(status, 409);
    assert!(again["error"].as_str().unwrap().ends_with("is revoked already"), "{again}");
}

#[tokio::test]
async fn fault_is_injected_and_counted() {
    let first = "on: GetCACaps, nth: 1, do: http-status 503";
    let (mut server, control) = controlled(&["linux", "--fault", first]);
    let get_ca_caps = || async {
        super::client::get(&server.authority, LINUX, "operation=GetCACaps").await.status
    };
    assert_eq!((get_ca_caps().await, get_ca_caps().await), (503, 200));
    let second = "on: GetCACaps, do: http-status 404";
    assert_eq!(post(&control, "/faults", &json!({"fault": second})).0, 200);
    assert_eq!(get_ca_caps().await, 404);
    assert_eq!(
        get(&control, "/faults"),
        json!([{"fault": first, "fired": 1}, {"fault": second, "fired": 1}])
    );
    let (status, wrong) = post(&control, "/faults", &json!({"fault": "on: GetCACaps, do: caps"}));
    assert_eq!(status, 400);
    assert!(wrong["error"].as_str().unwrap().contains("did you mean `caps-"), "{wrong}");
    server.running.stdout_line(|line| line.contains("[fault: http-status 503]").then_some(()));
}

#[tokio::test]
async fn control_port_shows_no_password_that_a_subject_contains() {
    let (server, control) = controlled(&["linux", "--challenge", PASSWORD]);
    let subject = format!("CN={PASSWORD}");
    enrol(&server.authority, LINUX, settings(&subject, Some(PASSWORD))).await.unwrap();
    for path in ["/issued", "/requests", "/log"] {
        let shown = get(&control, path).to_string();
        assert!(shown.contains("****") && !shown.contains(PASSWORD), "{path}: {shown}");
    }
    let (_, refused) = post(&control, "/faults", &json!({"fault": format!("do: {PASSWORD}")}));
    assert!(!refused.to_string().contains(PASSWORD), "{refused}");
}

#[test]
fn control_port_rejects_malformed_requests() {
    let (_server, control) = controlled(&["linux"]);
    let post_as = |content_type: &str, body: &str| {
        let head = format!("POST /faults HTTP/1.1\r\nHost: {control}\r\n{content_type}");
        raw(&control, &format!("{head}Content-Length: {}\r\n\r\n{body}", body.len())).0
    };
    let injection = json!({"fault": "on: GetCACaps, do: caps-none"}).to_string();
    // A page in a browser can send the first two without a CORS preflight.
    assert_eq!(post_as("Content-Type: text/plain\r\n", &injection), 415);
    assert_eq!(post_as("", &injection), 415);
    assert_eq!(post_as(JSON, "{}"), 400);
    assert_eq!(post_as(JSON, "{\"fault\": 1, \"more\": 2}"), 400);
    assert_eq!(post_as(JSON, &"[".repeat(16_000)), 400);
    assert_eq!(post_as(JSON, &" ".repeat(20_000)), 413);
    let status = |request: &str, host: &str| {
        raw(&control, &format!("{request} HTTP/1.1\r\nHost: {host}\r\n\r\n")).0
    };
    assert_eq!(status("GET /faults", "elsewhere.example"), 403);
    assert_eq!(status("GET /faults", "127.0.0.1.elsewhere.example:80"), 403);
    assert_eq!(status("GET /", "localhost"), 404);
    assert_eq!(status("DELETE /faults", "[::1]:80"), 405);
    assert_eq!(get(&control, "/faults"), json!([]));
}

#[test]
fn control_port_reads_headers_as_http_demands() {
    let (_server, control) = controlled(&["linux"]);
    let status = |head: &str| raw(&control, &format!("{head}\r\n\r\n")).0;
    assert_eq!(status("GET /faults HTTP/1.1"), 400);
    assert_eq!(status("GET /faults HTTP/1.1\r\nHost: localhost\r\nHost: localhost"), 400);
    assert_eq!(status("GET /faults HTTP/1.1\r\nHost: local host"), 400);
    // The host of a whole URL counts, whatever the header says.
    let elsewhere = "GET http://elsewhere.example/faults HTTP/1.1\r\nHost: localhost";
    assert_eq!(status(elsewhere), 403);
    assert_eq!(status("GET http://localhost/faults HTTP/1.1\r\nHost: elsewhere.example"), 200);
    let body = json!({"fault": "on: GetCACaps, do: caps-none"}).to_string();
    let post = |content_type: &str| {
        let length = body.len();
        let head = format!("POST /faults HTTP/1.1\r\nHost: {control}\r\n{content_type}");
        raw(&control, &format!("{head}Content-Length: {length}\r\n\r\n{body}")).0
    };
    assert_eq!(post("Content-Type: application/json; charset=utf-8\r\n"), 200);
    assert_eq!(post("Content-Type: Application/JSON\r\n"), 200);
    assert_eq!(post("Content-Type: application/json-seq\r\n"), 415);
    assert_eq!(post("Content-Type: application/json\r\nContent-Type: text/plain\r\n"), 415);
}

#[test]
fn faults_are_listed_and_impossible_ones_rejected() {
    let listed = run(&["serve", "--list-faults"]);
    assert_eq!(listed.code, Some(0));
    assert!(listed.stdout.contains("\n  http-status STATUS "), "{}", listed.stdout);
    assert!(listed.stdout.contains("\non: GetCACaps\n"), "{}", listed.stdout);
    for (arguments, reason) in [
        (&["serve", "linux", "--fault", "on: PKIOperation, do: http-stat 1"][..], "`http-status`"),
        (&["serve", "linux", "--fault", "on: GetCACert, do: ra-expired"], "cannot happen at a"),
        (&["serve", "linux", "--control", "0.0.0.0:0"], "takes a loopback address"),
    ] {
        let whole = [arguments, &["--listen", "127.0.0.1:0"]].concat();
        let refused = run(&whole);
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert!(refused.stderr.contains(reason), "{}", refused.stderr);
    }
}

#[tokio::test]
async fn clock_is_shown_and_moved() {
    let day = Duration::from_secs(86_400);
    let before = Clock::system().now();
    let (server, control) = controlled(&["linux", "--clock", "-5d", "--valid-for", "10m"]);
    let shown = |value: &Value| moment(value["now"].as_str().unwrap()).unwrap();
    let at = shown(&get(&control, "/clock"));
    // It is shown in whole seconds.
    assert!(at + Duration::from_secs(1) > before - 5 * day, "{at:?}");
    assert!(at <= Clock::system().now() - 5 * day, "{at:?}");

    enrol(&server.authority, LINUX, settings("CN=a", None)).await.unwrap();
    let (status, moved) = post(&control, "/clock", &json!({"by": "1d"}));
    assert_eq!(status, 200, "{moved}");
    assert!(shown(&moved) >= at + day, "{moved}");
    enrol(&server.authority, LINUX, settings("CN=b", None)).await.unwrap();
    let issued = get(&control, "/issued");
    let validity = |index: usize| {
        let pem = issued[index]["certificate"].as_str().unwrap();
        let certificate = X509::from_pem(pem.as_bytes()).unwrap();
        let times = [certificate.not_before(), certificate.not_after()];
        times.map(|time| system_time(time).unwrap())
    };
    let ([first, end], [second, _]) = (validity(0), validity(1));
    assert!(first >= at && end == first + Duration::from_secs(600));
    assert!(second >= first + day);

    for (order, status, told) in [
        (json!({"by": "-1d"}), 400, "`-1d`: a duration is a whole number with its unit"),
        (json!({"to": "2026-01-01T00:00"}), 400, "needs its time zone"),
        (json!({"to": "2026-12-31T23:59:60Z"}), 400, "leap second"),
        (json!({"to": "2000-01-01T00:00Z"}), 409, "and only goes forward"),
        (json!({"by": "8000y"}), 409, "beyond the year 9999"),
        (json!({}), 400, "either `by`, such as `330d`, or `to`"),
        (json!({"by": "1d", "to": "2026-01-01T00:00Z"}), 400, "either `by`"),
        (json!({"days": 1}), 400, "unknown field `days`"),
    ] {
        let (refused, answer) = post(&control, "/clock", &order);
        assert_eq!(refused, status, "{order}: {answer}");
        assert!(answer["error"].as_str().unwrap().contains(told), "{order}: {answer}");
    }
}

#[test]
fn authorities_of_the_options_take_over_at_their_moments() {
    let day = Duration::from_secs(86_400);
    let in_days = |days| moment_text(Clock::system().now() + days * day);
    let (_server, control) = controlled(&[
        "ndes",
        "--ra-next-from",
        &in_days(30),
        "--ra-next-key=same",
        "--next-ca-from",
        &in_days(60),
        "--next-ca-subject=CN=Second",
    ]);
    let first = get(&control, "/ca");
    assert_eq!(first["registration"].as_array().map(Vec::len), Some(2), "{first}");
    let key = |ca: &Value| {
        let pem = ca["registration"][0].as_str().unwrap();
        X509::from_pem(pem.as_bytes()).unwrap().public_key().unwrap().public_key_to_der().unwrap()
    };
    post(&control, "/clock", &json!({"by": "31d"}));
    let second = get(&control, "/ca");
    assert_eq!(second["certificate"], first["certificate"]);
    assert_ne!(second["registration"], first["registration"]);
    assert_eq!(key(&second), key(&first));
    post(&control, "/clock", &json!({"by": "30d"}));
    let third = get(&control, "/ca");
    assert_eq!(third["certificate"], second["next"]["certificate"]);
    let events = get(&control, "/events").to_string();
    for told in ["the registration authority has new certificates", "the CA `CN = Second` issues"] {
        assert!(events.contains(told), "{told}: {events}");
    }
}

#[test]
fn wrong_clocks_and_validities_are_refused() {
    for (option, value, told) in [
        ("--clock", "330d", "an offset has a sign"),
        ("--clock", "-90y", "would not be in the years 1970 to 9999"),
        ("--clock", "+8000y", "would not be in the years 1970 to 9999"),
        ("--valid-for", "10", "a duration is a whole number with its unit"),
        ("--valid-for", "999ms", "a certificate is valid for a second at least"),
    ] {
        let ended = run(&["serve", "linux", option, value]);
        assert_eq!(ended.code, Some(2), "{option} {value}: {}", ended.transcript());
        assert!(ended.stderr.contains(told), "{option} {value}: {}", ended.transcript());
    }
}

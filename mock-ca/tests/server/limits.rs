//! Limits on what peers may send and what the CA holds for them, on real sockets: each refusal, and what continues to work.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use mock_ca::{
    DecisionError, LogObserver, LogOutcome, MockCa, RunningCa, StateError,
    scep::attribute::TransactionId,
};
use scep::{
    attribute::{FailInfo, PkiStatus},
    client::{self, Refusal},
    clock::Clock,
    request::dns_names,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};

use crate::client::{Response, key, parse, settings};

const SOON: Duration = Duration::from_secs(60);

/// Sends a request whole, then reads until the CA closes the connection.
async fn send(ca: &RunningCa, request: &[u8]) -> Response {
    let mut stream = TcpStream::connect(ca.address()).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut response = Vec::new();
    timeout(SOON, stream.read_to_end(&mut response)).await.expect("an answer").unwrap();
    parse(&response)
}

async fn get(ca: &RunningCa, headers: &str) -> Response {
    let target = "/scep?operation=GetCACaps";
    send(ca, format!("GET {target} HTTP/1.1\r\nConnection: close\r\n{headers}\r\n").as_bytes())
        .await
}

fn post(headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST /scep?operation=PKIOperation HTTP/1.1\r\nHost: ca\r\nConnection: close\r\n{headers}\r\n"
    );
    [head.as_bytes(), body].concat()
}

fn chunks(count: usize, chunk: &str) -> Vec<u8> {
    post("Transfer-Encoding: chunked\r\n", (chunk.repeat(count) + "0\r\n\r\n").as_bytes())
}

fn last_reason(ca: &RunningCa) -> String {
    ca.log().last().unwrap().reason.clone().unwrap_or_default()
}

#[tokio::test]
async fn body_in_many_small_pieces_is_refused() {
    let ca = MockCa::linux().start().await.unwrap();
    let refused = send(&ca, &chunks(5_000, "1\r\na\r\n")).await;
    assert_eq!(refused.status, 413);
    assert_eq!(last_reason(&ca), "the body comes in more than 4096 pieces");
    // What comes in fewer pieces is read, and is no message.
    assert_eq!(send(&ca, &chunks(4_000, "1\r\na\r\n")).await.status, 500);
    assert_eq!(get(&ca, "Host: a\r\n").await.status, 200);
}

#[tokio::test]
async fn client_that_sends_a_long_body_reads_its_refusal() {
    let ca = MockCa::linux().start().await.unwrap();
    let long = vec![b'x'; 900_000];
    let length = format!("Content-Length: {}\r\n", long.len());
    let chunked = chunks(9, &format!("186a0\r\n{}\r\n", "x".repeat(100_000)));
    for request in [post(&length, &long), chunked] {
        let refused = send(&ca, &request).await;
        assert_eq!(refused.status, 413);
        assert_eq!(refused.header("Connection"), Some("close"));
        assert_eq!(last_reason(&ca), "the body is longer than 65536 bytes");
    }
}

#[tokio::test]
async fn client_that_asks_first_sends_no_long_body() {
    let ca = MockCa::linux().start().await.unwrap();
    let head = post("Content-Length: 70000\r\nExpect: 100-continue\r\n", b"");
    assert_eq!(send(&ca, &head).await.status, 413);
}

#[tokio::test]
async fn request_names_its_host_once() {
    let ca = MockCa::rfc8894().start().await.unwrap();
    for headers in ["", "Host: a\r\nHost: a\r\n", "Host: a b\r\n", "Host: user@a\r\n"] {
        assert_eq!(get(&ca, headers).await.status, 400, "{headers}");
        assert!(last_reason(&ca).contains("Host header"), "{}", last_reason(&ca));
    }
    let old = b"GET /cgi-bin/pkiclient.exe?operation=GetCACaps HTTP/1.0\r\n\r\n";
    assert_eq!(send(&ca, old).await.status, 200);
    let two = b"GET /x HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n";
    assert_eq!(send(&ca, two).await.status, 400);
}

/// The settings of a client whose request has two alternative names.
fn with_names() -> client::Settings {
    let mut settings = settings(Some("x"));
    settings.extensions = vec![dns_names(&["a.example", "b.example"]).unwrap()];
    settings
}

/// An enrolment over a real socket: true if there is a certificate, false if the request waits. The error has the header
/// `Retry-After` of the refusal.
async fn enrol(
    ca: &RunningCa,
    settings: client::Settings,
) -> Result<bool, (Refusal, Option<String>)> {
    let mut client = client::Client::new(settings);
    let mut request = client.start();
    loop {
        let method = request.method.as_str();
        let path = ca.paths()[0];
        let head = format!(
            "{method} {path}?{} HTTP/1.1\r\nHost: ca\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            request.query,
            request.body.len()
        );
        let response = send(ca, &[head.as_bytes(), &request.body].concat()).await;
        let retry_after = response.header("Retry-After").map(str::to_owned);
        let response = scep::http::HttpResponse {
            status: response.status,
            content_type: response.header("Content-Type").map(str::to_owned),
            body: response.body,
            ..scep::http::HttpResponse::default()
        };
        let now = Clock::system().now();
        let received = client.receive(&response, now, &mut openssl::rand::rand_bytes);
        match received.map_err(|refusal| (refusal, retry_after))? {
            client::Next::Send(next) => request = next,
            client::Next::Pending => return Ok(false),
            client::Next::Issued(_) => return Ok(true),
        }
    }
}

#[tokio::test]
async fn large_parts_of_a_message_are_refused() {
    type Change = fn(&mut mock_ca::PartLimits);
    let changes: [(Change, &str); 7] = [
        (
            |limits| limits.transaction_id = 39,
            "characters in the transactionID: 40, and this server takes 39",
        ),
        (
            |limits| limits.certificates = 0,
            "certificates in the message: 1, and this server takes 0",
        ),
        (|limits| limits.subject_bytes = 20, "bytes in the subject: 23, and this server takes 20"),
        (
            |limits| limits.subject_attributes = 0,
            "attributes in the subject: 1, and this server takes 0",
        ),
        (|limits| limits.attributes = 1, "attributes in the request: 2, and this server takes 1"),
        (|limits| limits.extensions = 0, "extensions in the request: 1, and this server takes 0"),
        (
            |limits| limits.alternative_names = 1,
            "names in the subjectAltName: 2, and this server takes 1",
        ),
    ];
    for (change, reason) in changes {
        let ca = MockCa::rfc8894().with(|settings| change(&mut settings.limits.parts));
        let ca = ca.start().await.unwrap();
        enrol(&ca, with_names()).await.unwrap_err();
        let last = ca.log().pop().unwrap();
        let badly = LogOutcome::CertRep(PkiStatus::Failure, Some(FailInfo::BadRequest));
        assert_eq!(
            (last.outcome, last.reason),
            (badly, Some(format!("there are too many {reason}")))
        );
        assert!(ca.issued().unwrap().is_empty());
    }
    let ca = MockCa::rfc8894().start().await.unwrap();
    assert!(enrol(&ca, with_names()).await.unwrap());
}

/// The settings of a client with a subject and a key of its own, from which the transactionID comes.
fn named(number: usize) -> client::Settings {
    let subject = scep::name::parse(&format!("CN=device {number}")).unwrap();
    client::Settings::new(key(), subject)
}

/// The number of requests that a CA takes until it refuses one for want of memory.
async fn fill(ca: &RunningCa, first: usize) -> usize {
    for number in first.. {
        if let Err((_, retry_after)) = enrol(ca, named(number)).await {
            assert_eq!(retry_after.as_deref(), Some("60"));
            let last = ca.log().pop().unwrap();
            assert_eq!(last.outcome, LogOutcome::Http(503), "{last}");
            assert!(last.to_string().contains("memory for certificates"), "{last}");
            return number - first;
        }
    }
    unreachable!("the memory is never used up")
}

#[tokio::test]
async fn full_memory_refuses_new_requests_and_forgets_no_certificate() {
    let ca = MockCa::rfc8894().with(|settings| settings.limits.memory = 256 * 1024);
    let ca = ca.start().await.unwrap();
    let issued = fill(&ca, 0).await;
    assert!(issued > 10 && ca.issued().unwrap().len() == issued, "{issued}");
    // A second one is refused alike, and what needs no memory is served.
    enrol(&ca, named(issued)).await.unwrap_err();
    let caps = b"GET /cgi-bin/pkiclient.exe?operation=GetCACaps HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    assert_eq!(send(&ca, caps).await.status, 200);
    assert_eq!(ca.issued().unwrap().len(), issued);
}

#[tokio::test]
async fn certificates_on_disk_need_no_memory() {
    let directory = tempfile::TempDir::new().unwrap();
    let little = |settings: &mut mock_ca::Settings| settings.limits.memory = 64 * 1024;
    let in_memory = MockCa::rfc8894().with(little).start().await.unwrap();
    assert_eq!(fill(&in_memory, 0).await, 0);
    let on_disk = MockCa::rfc8894().with(little);
    let on_disk = on_disk.with(|settings| settings.state = Some(directory.path().join("state")));
    let on_disk = on_disk.start().await.unwrap();
    for number in 0..3 {
        assert!(enrol(&on_disk, named(number)).await.unwrap());
    }
}

#[tokio::test]
async fn decided_requests_make_room_for_others() {
    let ca = MockCa::rfc8894().manual_approval();
    let ca = ca.with(|settings| settings.limits.memory = 256 * 1024).start().await.unwrap();
    let waiting = fill(&ca, 0).await;
    assert_eq!(ca.pending().unwrap().len(), waiting);
    let ids: Vec<TransactionId> =
        ca.pending().unwrap().into_iter().map(|it| it.transaction_id).collect();
    ca.approve(&ids[0]).unwrap();
    assert_eq!(ca.issued().unwrap().len(), 1);
    for id in &ids[1..] {
        ca.deny(id).unwrap();
    }
    let again = fill(&ca, waiting).await;
    // Not as many, because pages are not free in parts.
    assert!(again * 2 >= waiting, "{again} after {waiting}");
    assert_eq!(ca.issued().unwrap().len(), 1);
}

#[tokio::test]
async fn approval_for_which_there_is_no_memory_fails_and_its_request_waits() {
    let ca = MockCa::rfc8894().manual_approval();
    let ca = ca.with(|settings| settings.limits.memory = 512 * 1024).start().await.unwrap();
    let waiting = fill(&ca, 0).await;
    let pending = ca.pending().unwrap().into_iter();
    let ids: Vec<TransactionId> = pending.map(|it| it.transaction_id).collect();
    let refused = ids.iter().position(|id| match ca.approve(id) {
        Ok(_) => false,
        Err(error) => {
            assert!(matches!(error, DecisionError::State(StateError::NoMemory)), "{error}");
            true
        }
    });
    let refused = refused.expect("certificates need more memory than requests");
    assert!(refused > 0, "an eighth is left for certificates");
    let rest = ca.pending().unwrap();
    assert_eq!((ca.issued().unwrap().len(), rest.len()), (refused, waiting - refused));
    assert_eq!(rest[0].transaction_id, ids[refused]);
    // A denied request makes room.
    ids[refused + 1..].iter().for_each(|id| ca.deny(id).unwrap());
    ca.approve(&ids[refused]).unwrap();
    assert_eq!((ca.issued().unwrap().len(), ca.pending().unwrap().len()), (refused + 1, 0));
}

/// The outcome of a request whose answer is delayed, as the log has it before the delay.
async fn logged(outcomes: &Mutex<Vec<LogOutcome>>, requests: usize) -> LogOutcome {
    timeout(SOON, async {
        while outcomes.lock().unwrap().len() < requests {
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("an entry of the log");
    outcomes.lock().unwrap()[requests - 1].clone()
}

#[tokio::test]
async fn long_answers_that_are_not_sent_yet_are_bounded() {
    let ca = MockCa::rfc8894().fault("on: GetCACert, do: delay 10m").unwrap();
    let outcomes = Arc::<Mutex<Vec<LogOutcome>>>::default();
    let seen = Arc::clone(&outcomes);
    let ca = ca.with(|settings| {
        settings.on_log = Some(LogObserver::new(move |entry| {
            seen.lock().unwrap().push(entry.outcome.clone());
        }));
        // Each answer is longer than a body, and some of them fill a sixteenth of the memory.
        (settings.limits.body_bytes, settings.limits.head_bytes) = (256, 1024);
        settings.limits.memory = 64 * 1024;
    });
    let ca = ca.start().await.unwrap();
    let request = b"GET /cgi-bin/pkiclient.exe?operation=GetCACert HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let mut held = Vec::new();
    let mut refused = loop {
        let mut stream = TcpStream::connect(ca.address()).await.unwrap();
        stream.write_all(request).await.unwrap();
        match logged(&outcomes, held.len() + 1).await {
            LogOutcome::Http(200) => held.push(stream),
            outcome => {
                assert_eq!(outcome, LogOutcome::Http(503));
                break stream;
            }
        }
    };
    assert!((1..8).contains(&held.len()), "{}", held.len());
    let mut response = Vec::new();
    timeout(SOON, refused.read_to_end(&mut response)).await.expect("an answer").unwrap();
    let response = parse(&response);
    assert_eq!((response.status, response.header("Retry-After")), (503, Some("60")));
    assert_eq!(last_reason(&ca), "the memory for long answers is used up");
    // Short answers need none of it, and there is room again when the long ones are gone.
    let caps = String::from_utf8_lossy(request).replace("GetCACert", "GetCACaps");
    assert_eq!(send(&ca, caps.as_bytes()).await.status, 200);
    let known = outcomes.lock().unwrap().len();
    drop(held);
    timeout(SOON, async {
        for more in 1.. {
            let mut stream = TcpStream::connect(ca.address()).await.unwrap();
            stream.write_all(request).await.unwrap();
            if logged(&outcomes, known + more).await == LogOutcome::Http(200) {
                break;
            }
        }
    })
    .await
    .expect("room");
}

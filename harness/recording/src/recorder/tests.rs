use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

use super::*;
use crate::index::FILE;
use crate::room::MOST_WAITING;
use crate::{End, Folder, Gap, Peers, ReadError, Request, Tap, folders_in, read};

const GET: &str = "GET /scep?operation=PKIOperation&message=MIA%3D HTTP/1.1\r\nHost: a\r\n\r\n";
const POST: &str =
    "POST /scep?operation=PKIOperation HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n";

fn recorder(folder: &Path) -> Recorder {
    let clock = Clock::reading(|| UNIX_EPOCH + Duration::from_millis(1_234));
    Folder::begin(folder).unwrap().whole("serve", clock).unwrap()
}

fn peers() -> Peers {
    let client = Some("10.0.0.1:40000".to_owned());
    Peers { seen_by: End::Server, pki: Some("pki".to_owned()), client, server: None }
}

fn exchange() -> Exchange {
    Exchange { seen_by: Some(End::Client), at: Some(UNIX_EPOCH), ..Exchange::default() }
}

#[tokio::test]
async fn exchanges_are_read_as_they_were_on_the_wire() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("messages");
    let recorder = recorder(&folder);
    let (mut client, server) = duplex(1_000);
    let mut server = Tap::new(server, Some(&recorder), peers);
    client.write_all(format!("{GET}{POST}").as_bytes()).await.unwrap();
    client.write_all(&[0x30, 0x80]).await.unwrap();
    let mut received = vec![0; GET.len() + POST.len() + 2];
    server.read_exact(&mut received).await.unwrap();
    server.write_all(OK.as_bytes()).await.unwrap();
    server.write_all(&[0x30, 1, 0xff]).await.unwrap();
    drop(server);
    assert_eq!(recorder.finish(), Vec::<String>::new());

    let names = fs::read_dir(&folder).unwrap().map(|it| it.unwrap().file_name());
    let mut names: Vec<String> = names.map(|it| it.into_string().unwrap()).collect();
    names.sort();
    let expected = [
        "001-PKIOperation-reply.der",
        "001-PKIOperation-reply.http",
        "001-PKIOperation-request.der",
        "001-PKIOperation-request.http",
        "002-PKIOperation-request.der",
        "002-PKIOperation-request.http",
        "index.json",
    ];
    assert_eq!(names, expected);
    for name in names {
        let mode = fs::metadata(folder.join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let recording = read(&folder).unwrap();
    assert_eq!((recording.of.as_str(), recording.left_out), ("serve", 0));
    let [first, second] = <[Exchange; 2]>::try_from(recording.exchanges).unwrap();
    assert_eq!(first.at, Some(UNIX_EPOCH + Duration::from_millis(1_234)));
    assert_eq!(first.client.as_deref(), Some("10.0.0.1:40000"));
    let request = first.request.unwrap();
    assert_eq!((request.head, request.body), (GET.as_bytes().to_vec(), Vec::new()));
    let reply = first.reply.unwrap();
    assert_eq!((reply.head, reply.body), (OK.as_bytes().to_vec(), vec![0x30, 1, 0xff]));
    assert_eq!((reply.status, reply.fields.len()), (Some(200), 1));
    assert_eq!(second.request.unwrap().body, [0x30, 0x80]);
    let gap = "no reply came in 0.0 s; the server ended the connection";
    assert_eq!(second.gaps, [Gap::Unanswered(gap.to_owned())]);
}

#[test]
fn number_and_size_of_exchanges_are_limited() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("messages");
    let recorder = recorder(&folder);
    let body = vec![0x16; 80 << 20];
    let big = Exchange { request: Some(Request { body, ..Request::default() }), ..exchange() };
    for _ in 0..4 {
        recorder.record_all(vec![big.clone()]);
    }
    recorder.record_all(vec![exchange()]);
    let [complaint] = <[String; 1]>::try_from(recorder.finish()).unwrap();
    assert!(complaint.ends_with("10000 exchanges and 256 MiB at most"), "{complaint}");
    drop(recorder);
    let recording = read(&folder).unwrap();
    assert_eq!((recording.exchanges.len(), recording.left_out), (3, 2));
}

#[test]
fn folder_that_cannot_be_written_is_reported_once() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("messages");
    let recorder = recorder(&folder);
    fs::remove_dir_all(&folder).unwrap();
    recorder.record_all(vec![exchange(), exchange()]);
    let [complaint] = <[String; 1]>::try_from(recorder.finish()).unwrap();
    assert!(complaint.contains("are incomplete: No such file or directory"), "{complaint}");
}

#[test]
fn index_that_leads_out_of_the_folder_is_refused() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("messages");
    let recorder = recorder(&folder);
    recorder.record_all(vec![Exchange { request: Some(Request::default()), ..exchange() }]);
    recorder.finish();
    let index = folder.join(FILE);
    let text = fs::read_to_string(&index).unwrap();
    for (from, to, expected) in [
        ("001-HTTP-request.http", "../secret", "not in this folder"),
        ("001-HTTP-request.http", "/etc/passwd", "not in this folder"),
        ("001-HTTP-request.http", "missing", "cannot be read"),
        ("\"version\": 1", "\"version\": 2", "has version 2 of the format"),
        ("sceplab saved messages", "another", "is not the index"),
        ("1970-01-01", "yesterday", "a time that is none"),
        ("{", "", "is not the index"),
    ] {
        fs::write(&index, text.replace(from, to)).unwrap();
        let error = read(&folder).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    fs::remove_file(&index).unwrap();
    assert!(matches!(read(&folder), Err(ReadError::File { .. })));
}

#[test]
fn folders_of_scenarios_are_found() {
    let parent = tempfile::tempdir().unwrap();
    let folder = Folder::begin(&parent.path().join("messages")).unwrap();
    for id in ["b", "a"] {
        folder.recorder(id, Clock::system()).unwrap();
    }
    let found = folders_in(&parent.path().join("messages")).unwrap();
    assert!(found[0].ends_with("a") && found[1].ends_with("b") && found.len() == 2);
    assert_eq!(folders_in(&found[0]).unwrap(), [found[0].clone()]);
}

#[tokio::test]
async fn stream_waits_for_a_slow_disk_and_its_thread_does_not() {
    let parent = tempfile::tempdir().unwrap();
    let recorder = recorder(&parent.path().join("messages"));
    let room = Arc::clone(&recorder.saving().unwrap().room);
    for _ in 0..MOST_WAITING {
        room.enter();
    }
    let (mut client, server) = duplex(1_000);
    let mut server = Tap::new(server, Some(&recorder), peers);
    client.write_all(GET.as_bytes()).await.unwrap();
    let mut received = [0; GET.len()];
    let mut reading = std::pin::pin!(server.read_exact(&mut received));
    for _ in 0..10 {
        tokio::select! {
            biased;
            _ = &mut reading => panic!("it was read although the disk is slow"),
            () = tokio::task::yield_now() => {}
        }
    }
    room.leave();
    assert_eq!(reading.await.unwrap(), GET.len());
}

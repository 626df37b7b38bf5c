//! Folders of saved messages.

use super::*;
use crate::input::{InputError, Source, exhibits};

#[test]
fn files_of_an_exchange_are_put_together() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("client-at-server");
    fs::create_dir(&inner).unwrap();
    let reply = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nAES\n";
    let request = seed("http_head/scepclient-2.1.0-pkioperation.http");
    for (name, bytes) in [
        ("01-GetCACaps-request.http", &seed("http_head/scepclient-2.1.0-getcacaps.http")[..]),
        ("01-GetCACaps-reply.http", reply),
        ("02-PKIOperation-request.http", &request),
        ("03-reply.der", &seed("message/pending.der")),
        ("ca.key", b"-----BEGIN PRIVATE KEY-----\nMC4CAQ==\n-----END PRIVATE KEY-----\n"),
        ("notes", b"nothing of interest"),
    ] {
        fs::write(inner.join(name), bytes).unwrap();
    }
    let exhibits = exhibits(vec![Source::Folder(folder.path().to_owned())]).unwrap();
    let [first, second, third] = &exhibits[..] else { panic!("{exhibits:?}") };
    assert_eq!(exchange(first).reply.as_ref().unwrap().body, b"AES\n");
    assert!(first.origin.ends_with("01-GetCACaps-reply.http"), "{}", first.origin);
    assert_eq!(sent(exchange(second)), message());
    assert!(exchange(second).reply.is_none());
    assert_eq!(third.content, Content::Bytes(seed("message/pending.der")));
}

#[test]
fn folder_without_messages_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("notes"), "nothing of interest").unwrap();
    let error = exhibits(vec![Source::Folder(folder.path().to_owned())]).unwrap_err();
    assert!(matches!(error, InputError::Unrecognised(_)), "{error}");
    assert!(error.to_string().contains("a folder of 1 file in which nothing"), "{error}");
}

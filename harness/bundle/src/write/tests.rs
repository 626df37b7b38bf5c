use std::os::unix::fs::symlink;
use std::time::{Duration, UNIX_EPOCH};

use openssl::asn1::Asn1Time;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use openssl::x509::X509;
use recording::{End, Exchange, Gap, Reply, Request};
use scep::identity::Identity;

use super::*;
use crate::index::Verdict;
use crate::key::Role;
use crate::read::{OpenError, bundles_in, open};

fn identity() -> Identity {
    let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    let mut certificate = X509::builder().unwrap();
    certificate.set_pubkey(&key).unwrap();
    certificate.set_not_before(&Asn1Time::from_unix(0).unwrap()).unwrap();
    certificate.set_not_after(&Asn1Time::from_unix(1_000).unwrap()).unwrap();
    certificate.sign(&key, MessageDigest::sha256()).unwrap();
    Identity { certificate: certificate.build(), key }
}

fn draft() -> Draft {
    let head = |text: &str| text.as_bytes().to_vec();
    let request = Request {
        head: head("POST /scep?operation=PKIOperation HTTP/1.1\r\nContent-Length: 2\r\n\r\n"),
        method: "POST".to_owned(),
        target: "/scep?operation=PKIOperation".to_owned(),
        fields: vec![("Content-Length".to_owned(), "2".to_owned())],
        body: vec![0x30, 0],
        ..Request::default()
    };
    let reply =
        Reply { head: head("HTTP/1.1 200 OK\r\n\r\n"), status: Some(200), ..Reply::default() };
    let exchange = Exchange {
        connection: 1,
        pki: Some("ca".to_owned()),
        seen_by: Some(End::Server),
        client: None,
        server: None,
        at: Some(UNIX_EPOCH + Duration::from_secs(5)),
        replied_at: None,
        request: Some(request),
        reply: Some(reply),
        gaps: vec![Gap::Other("something is missing".to_owned())],
    };
    let verdict = Verdict {
        status: "failed".to_owned(),
        reason: "output does not match".to_owned(),
        step: Some(2),
        explained: None,
    };
    let began = Some(UNIX_EPOCH + Duration::from_secs(3));
    let index = Index { began, verdict: Some(verdict), ..Index::new("scep/linux-pki") };
    let key = Key { pki: Some("ca".to_owned()), role: Role::Ca, identity: identity() };
    let recording =
        Recording { of: "scep/linux-pki".to_owned(), exchanges: vec![exchange], left_out: 0 };
    let file = FileEntry::new("files/scep/linux-pki.yaml", FileKind::Scenario);
    Draft { index, recording, keys: vec![key], files: vec![(file, "title: T\n".to_owned())] }
}

fn written(parent: &Path) -> PathBuf {
    Shelf::begin(&parent.join("b")).unwrap().add(&draft()).unwrap()
}

#[test]
fn bundle_is_read_as_it_was_written() {
    let parent = tempfile::tempdir().unwrap();
    let folder = written(parent.path());
    assert_eq!(folder.file_name().unwrap(), "scep-linux-pki");
    let bundle = open(&folder).unwrap();
    assert_eq!(bundle.recording, draft().recording);
    assert_eq!(bundle.file(FileKind::Scenario).unwrap().text, "title: T\n");
    let [key] = bundle.keys.as_slice() else { panic!("{:?}", bundle.keys) };
    assert_eq!((key.pki.as_deref(), key.role), (Some("ca"), Role::Ca));
    let Index { files, keys, .. } = bundle.index.clone();
    assert_eq!(bundle.index, Index { files, keys, ..draft().index });
    assert_eq!(bundles_in(folder.parent().unwrap()).unwrap(), std::slice::from_ref(&folder));
    assert!(matches!(open(folder.parent().unwrap()), Err(OpenError::Several { count: 1, .. })));
}

#[test]
fn second_bundle_of_an_id_gets_another_name() {
    let parent = tempfile::tempdir().unwrap();
    let shelf = Shelf::begin(parent.path()).unwrap();
    let names = [(); 2].map(|()| shelf.add(&draft()).unwrap());
    let names = names.map(|path| path.file_name().unwrap().to_owned().into_string().unwrap());
    assert_eq!(names, ["scep-linux-pki", "scep-linux-pki-2"]);
}

#[test]
fn nothing_is_left_of_a_bundle_that_cannot_be_written() {
    let parent = tempfile::tempdir().unwrap();
    let shelf = Shelf::begin(parent.path()).unwrap();
    let mut broken = draft();
    broken.files.push((FileEntry::new("../a", FileKind::Log), String::new()));
    let error = shelf.add(&broken).unwrap_err();
    assert!(matches!(&error, ShelfError::Unwritable { .. }), "{error}");
    assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
}

#[test]
fn plain_folder_of_messages_is_a_bundle_without_keys() {
    let parent = tempfile::tempdir().unwrap();
    let bundle = open(&written(parent.path()).join(MESSAGES)).unwrap();
    assert_eq!(bundle.index.id, "scep/linux-pki");
    assert_eq!(bundle.recording, draft().recording);
    assert!(bundle.keys.is_empty() && bundle.index.verdict.is_none());
}

/// The error about a bundle that somebody has changed.
fn refused(change: impl FnOnce(&Path)) -> String {
    let parent = tempfile::tempdir().unwrap();
    let folder = written(parent.path());
    change(&folder);
    let error = open(&folder).unwrap_err().to_string();
    error.replace(&folder.display().to_string(), "B")
}

fn rewrite(folder: &Path, from: &str, to: &str) {
    let index = folder.join(INDEX);
    let text = fs::read_to_string(&index).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(index, text.replace(from, to)).unwrap();
}

#[test]
fn changed_bundle_is_refused_in_words() {
    let named = "files/scep/linux-pki.yaml";
    let leaves = refused(|folder| rewrite(folder, named, "../../secret"));
    assert!(
        leaves.starts_with("`B/bundle.json` names `../../secret`, which is no path"),
        "{leaves}"
    );
    let absolute = refused(|folder| rewrite(folder, named, "/etc/passwd"));
    assert!(absolute.starts_with("`B/bundle.json` names `/etc/passwd`"), "{absolute}");
    let missing = refused(|folder| fs::remove_file(folder.join(named)).unwrap());
    assert!(missing.starts_with(&format!("`B/{named}` cannot be read: No such file")), "{missing}");
    let broken = refused(|folder| fs::write(folder.join(INDEX), "{\"a\": [").unwrap());
    assert!(broken.starts_with("`B/bundle.json` is not the index of a bundle: EOF"), "{broken}");
    let foreign = refused(|folder| fs::write(folder.join(INDEX), "{}").unwrap());
    assert!(foreign.ends_with("its `format` is not `sceplab bundle`"), "{foreign}");
    let later = refused(|folder| rewrite(folder, "\"version\": 1", "\"version\": 2"));
    assert!(later.starts_with("`B/bundle.json` has version 2 of the format"), "{later}");
    let key = refused(|folder| fs::write(folder.join("keys/01-ca-ca.pem"), "").unwrap());
    assert!(key.ends_with("cannot be read: it has no certificate in PEM"), "{key}");
    let link = refused(|folder| symlink("/etc/passwd", folder.join("messages/x")).unwrap());
    assert!(link.starts_with("`B/messages/x` is a symbolic link"), "{link}");
    let long = refused(|folder| {
        let file = File::create(folder.join(named)).unwrap();
        file.set_len((64 << 20) + 1).unwrap();
    });
    assert!(long.ends_with("all its files together have 64 MiB at most"), "{long}");
    let messages = refused(|folder| fs::write(folder.join("messages/index.json"), "").unwrap());
    assert!(messages.starts_with("the messages of the bundle cannot be read"), "{messages}");
}

#[test]
fn key_of_another_certificate_is_refused() {
    let other = Key { pki: None, role: Role::Client, identity: identity() };
    let pem = String::from_utf8(other.to_pem().unwrap()).unwrap();
    let error = refused(|folder| {
        let path = folder.join("keys/01-ca-ca.pem");
        let own = fs::read_to_string(&path).unwrap();
        let private = "-----BEGIN PRIVATE KEY-----";
        let (certificate, _) = own.split_once(private).unwrap();
        let (_, key) = pem.split_once(private).unwrap();
        fs::write(path, format!("{certificate}{private}{key}")).unwrap();
    });
    assert!(error.ends_with("its certificate has another key"), "{error}");
}

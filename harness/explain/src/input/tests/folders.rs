//! Folders of saved messages.

use openssl::{
    ec::{EcGroup, EcKey},
    nid::Nid,
    pkey::PKey,
};

use super::*;
use crate::input::{InputError, Source, items};

#[test]
fn request_comes_before_its_reply_and_other_files_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("client-at-server");
    fs::create_dir(&inner).unwrap();
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nAES\n";
    let sending = seed("http_head/scepclient-2.1.0-pkioperation.http");
    for (name, bytes) in [
        ("01-GetCACaps-request.http", &seed("http_head/scepclient-2.1.0-getcacaps.http")[..]),
        ("01-GetCACaps-reply.http", answer),
        ("02-PKIOperation-request.http", &sending),
        ("03-reply.der", &seed("message/pending.der")),
        ("ca.key", &key.private_key_to_pem_pkcs8().unwrap()),
        ("device.der", &key.private_key_to_der().unwrap()),
        ("notes", b"nothing of interest"),
    ] {
        fs::write(inner.join(name), bytes).unwrap();
    }
    let items = items(vec![Source::Folder(folder.path().to_owned())]).unwrap();
    let [asked, answered, request, reply] = &items[..] else { panic!("{items:?}") };
    assert!(exchange(asked).reply.is_none());
    assert_eq!(exchange(answered).reply.as_ref().unwrap().body, b"AES\n");
    assert!(answered.origin.ends_with("01-GetCACaps-reply.http"), "{}", answered.origin);
    assert_eq!(sent(exchange(request)), message());
    assert_eq!(reply.content, Content::Bytes(seed("message/pending.der")));
}

#[test]
fn folder_without_messages_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("notes"), "nothing of interest").unwrap();
    let error = items(vec![Source::Folder(folder.path().to_owned())]).unwrap_err();
    assert!(matches!(error, InputError::Unrecognised(_)), "{error}");
    assert!(error.to_string().contains("a folder of 1 file in which nothing"), "{error}");
}

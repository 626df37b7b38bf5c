//! Files and passwords on the command line.

use std::fs;

use scep::algorithm::Digest;
use scep::clock::Clock;
use scep::request::self_signed;

use super::{Canned, enrol_in, says, typed};

#[test]
fn short_password_of_the_page_is_not_told_as_a_challenge_password() {
    let server = Canned::start(&[("*", typed("200 OK", "text/html", b"<html></html>"))]);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("pw"), "pw\n").unwrap();
    let page = format!("http://{}/certsrv/mscep_admin/", server.authority);
    let admin = ["--ndes-admin", &page, "--admin-user", "u", "--admin-password-file", "pw"];
    let ended = enrol_in(folder.path(), &server.url(), &admin);
    says(&ended, 3, "warning: the password of `--admin-user` has fewer than six characters");
    assert!(!ended.stderr.contains("the challenge password has"), "{}", ended.stderr);
    let own = enrol_in(folder.path(), &server.url(), &["--challenge", "pw"]);
    says(&own, 3, "warning: the challenge password has fewer than six characters");
}

#[test]
fn file_that_is_not_pem_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    let key = openssl::pkey::PKey::from_rsa(openssl::rsa::Rsa::generate(2048).unwrap()).unwrap();
    let subject = scep::name::parse("CN=CA").unwrap();
    let now = Clock::system().now();
    let certificate = self_signed(&subject, &key, Digest::Sha256, now).unwrap().certificate;
    let pem = certificate.to_pem().unwrap();
    let damaged = [&pem[..100], b"\n-----END CERTIFICATE-----\n"].concat();
    for (bytes, words) in [
        (b"".to_vec(), "it is empty"),
        (
            certificate.to_der().unwrap(),
            "it is a certificate of `CN = CA` in DER; `openssl` converts it",
        ),
        (key.private_key_to_pem_pkcs8().unwrap(), "it is PEM with the label `PRIVATE KEY`"),
        (b"<html></html>".to_vec(), "it is a web page"),
        (b"hello".to_vec(), "it is plain text"),
        (damaged, "its PEM is damaged ("),
    ] {
        write("ca.pem", &bytes);
        let ended = enrol_in(folder.path(), "http://127.0.0.1:1/", &["--ca", "ca.pem"]);
        says(&ended, 2, &format!("`ca.pem` has no certificate in PEM: {words}"));
        assert!(!ended.stderr.contains("error:0"), "{}", ended.stderr);
    }
    fs::create_dir(folder.path().join("out")).unwrap();
    write("out/cert.pem", &pem);
    let cipher = openssl::symm::Cipher::aes_128_cbc();
    for (bytes, words) in [
        (pem.clone(), "it is PEM with the label `CERTIFICATE`"),
        (
            key.private_key_to_pem_pkcs8_passphrase(cipher, b"pass").unwrap(),
            "its key is enciphered with a passphrase, which is not supported",
        ),
        (b"s3cret key".to_vec(), "it is plain text"),
    ] {
        write("out/key.pem", &bytes);
        let ended = enrol_in(folder.path(), "http://127.0.0.1:1/", &["--out", "out", "--renew"]);
        says(&ended, 2, &format!("key.pem` has no private key in PEM: {words}"));
        assert!(!ended.stderr.contains("s3cret"), "{}", ended.stderr);
    }
}

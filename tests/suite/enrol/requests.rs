//! What requests ask for, and keys that cannot decrypt.

use std::fs;
use std::path::Path;

use openssl::x509::X509;
use scep::extension::{name, of, words};
use scep::key;

use super::{LINUX, PASSWORD, PATH, Server, enrol};

/// The extensions of the certificate in a folder, each as its name and its words.
fn extensions(folder: &Path) -> Vec<String> {
    let certificate = X509::from_pem(&fs::read(folder.join("cert.pem")).unwrap()).unwrap();
    let shown = |one| words(one).map(|words| format!("{}: {words}", name(one)));
    of(&certificate).iter().filter_map(shown).collect()
}

fn key_of(folder: &Path) -> String {
    let certificate = X509::from_pem(&fs::read(folder.join("cert.pem")).unwrap()).unwrap();
    key::words(&certificate.public_key().unwrap())
}

#[test]
fn options_ask_for_names_usages_and_a_key() {
    let server = Server::start(&["rfc8894", "--single-password", "--challenge", PASSWORD]);
    let folder = tempfile::tempdir().unwrap();
    let asked = [
        "--challenge",
        PASSWORD,
        "--out",
        "r1",
        "--key-type",
        "rsa:1024:3",
        "--subject",
        "CN:bmp=r1 + serialNumber=12, unstructuredName=r1.example",
        "--dns",
        "r1.example",
        "--san",
        "IP:2001:db8::1",
        "--san",
        "UPN:r1@example",
        "--key-usage",
        "digitalSignature",
        "--purpose",
        "clientAuth",
        "--purpose",
        "1.2.3.4",
    ];
    let ended = enrol(folder.path(), &server.url(PATH), &asked);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    assert!(!ended.stderr.contains("warning: its"), "{}", ended.stderr);
    let issued = extensions(&folder.path().join("r1"));
    for expected in [
        "subjectAltName: DNS:r1.example, IP Address:2001:db8::1, UPN:r1@example",
        "keyUsage: digitalSignature",
        "extKeyUsage: clientAuth, 1.2.3.4",
    ] {
        assert!(issued.iter().any(|it| it == expected), "{expected}: {issued:?}");
    }
    assert_eq!(key_of(&folder.path().join("r1")), "RSA 1024 with the exponent 3");
}

#[cfg(unix)]
#[test]
fn dropped_wishes_are_told_to_the_client_and_in_the_log_of_the_server() {
    let server = Server::start(&["linux"]);
    let folder = tempfile::tempdir().unwrap();
    let asked = ["--san", "UPN:r1@example", "--purpose", "serverAuth", "--template-name", "User"];
    let ended = enrol(folder.path(), &server.url(LINUX), &asked);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    let (_, log, _) = server.interrupt();
    for dropped in [
        "the certificate lacks the alternative name `UPN:r1@example`, which was asked for",
        "its extKeyUsage is `clientAuth`, and `serverAuth` was asked for",
        "the certificate has no certificate template name of Windows, `User`, which was asked for",
    ] {
        assert!(ended.stderr.contains(dropped), "{dropped}: {}", ended.stderr);
        assert!(log.contains(dropped), "{dropped}: {log}");
    }
}

#[test]
fn keys_that_cannot_decrypt_get_replies_that_are_encrypted_with_the_password() {
    let server = Server::start(&["rfc8894", "--single-password", "--challenge", PASSWORD]);
    for (kind, words) in [("p256", "P-256"), ("p521", "P-521"), ("ed25519", "Ed25519")] {
        let folder = tempfile::tempdir().unwrap();
        let asked = ["--challenge", PASSWORD, "--out", "r1", "--key-type", kind];
        let ended = enrol(folder.path(), &server.url(PATH), &asked);
        assert_eq!(ended.code, Some(0), "{kind}: {}", ended.transcript());
        assert_eq!(key_of(&folder.path().join("r1")), words);
        let renewed = enrol(folder.path(), &server.url(PATH), &[&asked[..], &["--renew"]].concat());
        assert_eq!(renewed.code, Some(0), "{kind}: {}", renewed.transcript());
    }
}

#[test]
fn renewal_without_the_password_is_refused_in_words_by_both_ends() {
    let server = Server::start(&["rfc8894", "--single-password", "--challenge", PASSWORD]);
    for (kind, reason) in [
        ("p384", "its key cannot decrypt, and without a challenge password the reply cannot"),
        ("ed25519", "a key of the kind Ed25519 decrypts nothing, and without a challenge password"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let first = ["--challenge", PASSWORD, "--out", "r1", "--key-type", kind];
        let ended = enrol(folder.path(), &server.url(PATH), &first);
        assert_eq!(ended.code, Some(0), "{kind}: {}", ended.transcript());
        let renewal = ["--out", "r1", "--key-type", kind, "--renew"];
        let refused = enrol(folder.path(), &server.url(PATH), &renewal);
        assert_eq!(refused.code, Some(4), "{kind}: {}", refused.transcript());
        assert!(refused.stderr.contains(reason), "{kind}: {}", refused.stderr);
    }
}

#[test]
fn ed25519_signs_with_its_only_digest() {
    let server = Server::start(&["rfc8894", "--single-password", "--challenge", PASSWORD]);
    let folder = tempfile::tempdir().unwrap();
    let asked = ["--challenge", PASSWORD, "--key-type", "ed25519", "--digest", "sha256"];
    let ended = enrol(folder.path(), &server.url(PATH), &asked);
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    assert!(ended.stderr.contains("signs messages with SHA-512 alone"), "{}", ended.stderr);
}

#[test]
fn values_that_cannot_be_asked_for_are_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    for (option, value, reason) in [
        ("--san", "r1.example", "its kind is missing before a colon"),
        ("--san", "IP:192.0.2.300", "no address of IPv4 or IPv6"),
        ("--san", "otherName:1.2.3;utf9:x", "the string types are printable"),
        ("--key-usage", "digitalsignature", "did you mean `digitalSignature`?"),
        ("--purpose", "clientauth", "did you mean `clientAuth`?"),
        ("--template", "WebServer", "a template is its object identifier"),
        ("--template-name", "", "1 to 64 characters"),
        ("--key-type", "rsa:512", "1024 to 8192 bits"),
        ("--key-type", "rsa:2048:4", "an odd number from 3"),
        ("--key-type", "P-256", "did you mean `p256`?"),
    ] {
        let ended = enrol(folder.path(), "http://127.0.0.1:9/", &[option, value]);
        assert_eq!(ended.code, Some(2), "{value}: {}", ended.transcript());
        assert!(ended.stderr.contains(reason), "{value}: {}", ended.stderr);
    }
}

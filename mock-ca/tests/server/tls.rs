//! The SCEP service within TLS: handshakes, what comes in place of them, and their faults.

mod client;
mod faults;

use std::{sync::Arc, time::Duration};

use mock_ca::{
    Ca, GivenCertificate, GivenCertificateError, LogOutcome, MockCa, OpenError, PersonalityName,
    TlsSettings, TlsVersion, lab_tls_root,
};
use openssl::{pkey::PKey, rsa::Rsa, ssl::SslVersion, symm::Cipher};
use scep::{algorithm::Digest, clock::Clock, request::self_signed};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::client::{connect, open_with, parse, raw, settings_with};
use client::{GET, Shaken, accepting, connector, logged, shake, trusting};

const SOON: Duration = Duration::from_secs(60);

/// A CA whose server has these names.
fn ca_for(names: &[&str]) -> Arc<Ca> {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    open_with(PersonalityName::Linux, |settings| {
        settings.tls = Some(TlsSettings::made_for(names));
    })
}

async fn answer(ca: &Arc<Ca>, host: &str) -> Shaken {
    shake(ca, host, connector(trusting(&ca.tls_root().unwrap()))).await
}

#[tokio::test]
async fn scep_is_served_within_tls_for_the_names_and_addresses_of_the_server() {
    let ca = ca_for(&["10.0.0.1", "pki.example", "2001:db8::1"]);
    for host in ["10.0.0.1", "pki.example", "2001:db8::1"] {
        let shaken = answer(&ca, host).await;
        let mut stream = shaken.stream.unwrap();
        assert_eq!(stream.ssl().version_str(), "TLSv1.3");
        assert_eq!(stream.ssl().selected_alpn_protocol(), Some(&b"http/1.1"[..]));
        stream.write_all(GET).await.unwrap();
        let mut response = Vec::new();
        timeout(SOON, stream.read_to_end(&mut response)).await.unwrap().unwrap();
        assert_eq!(parse(&response).status, 200);
    }
    let other = answer(&ca, "elsewhere.example").await;
    assert_eq!(other.verified, 62, "a name that is not its own");
    assert_eq!(ca.log().iter().filter(|it| it.outcome == LogOutcome::Http(200)).count(), 3);
}

#[tokio::test]
async fn root_of_a_lab_is_the_same_and_that_of_another_server_is_its_own() {
    let lab = ca_for(&["a"]);
    assert_eq!(lab.tls_root().unwrap(), lab_tls_root());
    assert_eq!(open_with(PersonalityName::Linux, |_| ()).tls_root(), None);
    let fresh = open_with(PersonalityName::Linux, |settings| {
        settings.keys = mock_ca::Keys::Fresh;
        settings.tls = Some(TlsSettings::made_for(vec!["a".to_owned()]));
    });
    let root = fresh.tls_root().unwrap();
    assert!(!root.public_key().unwrap().public_eq(&lab_tls_root().public_key().unwrap()));
    assert!(answer(&fresh, "a").await.stream.is_ok());
}

#[tokio::test]
async fn plain_http_is_answered_with_400_in_words() {
    let ca = ca_for(&["a"]);
    for (number, method) in ["GET", "POST", "OPTIONS"].into_iter().enumerate() {
        let request = format!("{method} /scep HTTP/1.1\r\nHost: a\r\n\r\n");
        let response = parse(&raw(&ca, request.as_bytes()).await);
        let body = String::from_utf8(response.body).unwrap();
        assert_eq!((response.status, body.contains("https://")), (400, true), "{body}");
        let line = logged(&ca, number + 1).await;
        assert!(line.contains("TLS 400: plain HTTP came to a port that speaks HTTPS"), "{line}");
    }
    // On a real socket, the answer arrives although the client still sends.
    let ca = MockCa::linux()
        .with(|settings| settings.tls = Some(TlsSettings::made_for(vec!["a".to_owned()])))
        .start()
        .await
        .unwrap();
    assert!(ca.url().starts_with("https://"));
    let mut stream = TcpStream::connect(ca.address()).await.unwrap();
    let head = "POST /scep HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&vec![b'x'; 300_000]).await.unwrap();
    let mut response = Vec::new();
    timeout(SOON, stream.read_to_end(&mut response)).await.unwrap().unwrap();
    assert_eq!(parse(&response).status, 400);
}

#[tokio::test]
async fn tls_at_a_port_of_plain_http_is_explained() {
    let ca = open_with(PersonalityName::Linux, |_| ());
    let shaken = shake(&ca, "a", connector(|_| ())).await;
    assert!(shaken.stream.is_err());
    let line = logged(&ca, 1).await;
    assert!(line.contains("TLS (the beginning of a handshake) came in place of"), "{line}");
}

#[tokio::test]
async fn what_is_no_handshake_is_named_and_ends_nothing() {
    let ca = ca_for(&["a"]);
    let long = [&b"\x16\x03\x01\x40\x00"[..], &vec![1; 20_000]].concat();
    let others = [
        (&b"SSH-2.0-x\r\n"[..], "SSH: `SSH-2.0-x` came in place of a TLS handshake"),
        (b"\x16\x03\x01\x00\x05hello", "the client's messages are no TLS handshake"),
        (b"\x16\x03\x01\x02\x00\x01\x00", "the client closed the connection in the handshake"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "came in place of a TLS handshake"),
        (&long, "the client's messages are no TLS handshake"),
    ];
    for (number, (bytes, words)) in others.into_iter().enumerate() {
        let mut stream = connect(&ca);
        let _ = stream.write_all(bytes).await;
        let _ = stream.shutdown().await;
        let _ = timeout(SOON, stream.read_to_end(&mut Vec::new())).await.expect("closed");
        let line = logged(&ca, number + 1).await;
        assert!(line.contains(words), "{bytes:02x?}: {line}");
    }
    assert!(answer(&ca, "a").await.stream.is_ok());
}

/// The clock is paused and advances only while the test waits, so that a timeout costs no time.
#[tokio::test(start_paused = true)]
async fn slow_handshake_is_cut_off() {
    let ca = ca_for(&["a"]);
    for (number, bytes) in [&b""[..], b"\x16\x03\x01\x02\x00\x01\x00"].into_iter().enumerate() {
        let mut stream = connect(&ca);
        stream.write_all(bytes).await.unwrap();
        let _ = timeout(SOON, stream.read_to_end(&mut Vec::new())).await.expect("cut off");
        let line = logged(&ca, number + 1).await;
        assert!(line.ends_with("the handshake did not end within 25 s"), "{line}");
    }
}

#[tokio::test]
async fn idle_handshake_makes_room_for_another_connection() {
    let ca = MockCa::linux().with(|settings| {
        settings.tls = Some(TlsSettings::made_for(vec!["a".to_owned()]));
        settings.limits.connections = 1;
        settings.limits.least_wait = Duration::ZERO;
        settings.limits.read_timeout = Duration::from_secs(3_600);
    });
    let ca = ca.start().await.unwrap();
    let mut idle = TcpStream::connect(ca.address()).await.unwrap();
    idle.write_all(b"\x16").await.unwrap();
    let stream = TcpStream::connect(ca.address()).await.unwrap();
    let shaken = Shaken::over(stream, "a", connector(trusting(&ca.tls_root().unwrap()))).await;
    assert!(shaken.stream.is_ok());
    let _ = timeout(SOON, idle.read_to_end(&mut Vec::new())).await.expect("closed");
    let lines: Vec<_> = ca.log().iter().map(ToString::to_string).collect();
    assert!(lines.iter().any(|line| line.contains("TLS cut off: it made room")), "{lines:?}");
}

#[tokio::test]
async fn old_versions_are_spoken_only_if_asked_for() {
    let old = |builder: &mut openssl::ssl::SslConnectorBuilder| {
        trusting(&lab_tls_root())(builder);
        builder.set_cipher_list("DEFAULT:@SECLEVEL=0").unwrap();
        builder.set_min_proto_version(Some(SslVersion::TLS1)).unwrap();
        builder.set_max_proto_version(Some(SslVersion::TLS1_1)).unwrap();
    };
    let modern = ca_for(&["a"]);
    assert!(shake(&modern, "a", connector(old)).await.stream.is_err());
    let line = logged(&modern, 1).await;
    assert!(line.contains("no version of TLS that this server speaks"), "{line}");
    let lenient = open_with(PersonalityName::Linux, |settings| {
        let mut tls = TlsSettings::made_for(vec!["a".to_owned()]);
        tls.least_version = TlsVersion::V1_0;
        settings.tls = Some(tls);
    });
    let stream = shake(&lenient, "a", connector(old)).await.stream.unwrap();
    assert_eq!(stream.ssl().version_str(), "TLSv1.1");
}

#[tokio::test]
async fn reason_of_a_client_that_ends_the_handshake_is_in_the_log() {
    let ca = ca_for(&["a"]);
    let distrusting = shake(&ca, "a", connector(|_| ())).await;
    assert!(distrusting.stream.is_err());
    let line = logged(&ca, 1).await;
    assert!(line.contains("it does not trust the issuer"), "{line}");
    let only_h2 = connector(|builder| builder.set_alpn_protos(b"\x02h2").unwrap());
    assert!(shake(&ca, "a", only_h2).await.stream.is_err());
    let line = logged(&ca, 2).await;
    assert!(line.contains("(ALPN)"), "{line}");
}

fn given(certificate: &[u8], key: &[u8]) -> Result<GivenCertificate, GivenCertificateError> {
    GivenCertificate::from_pem(certificate, key)
}

#[tokio::test]
async fn given_certificate_is_served_if_its_key_fits() {
    let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    let subject = scep::name::parse("CN=given").unwrap();
    let own = self_signed(&subject, &key, Digest::Sha256, Clock::system().now()).unwrap();
    let pem = own.certificate.to_pem().unwrap();
    let key_pem = key.private_key_to_pem_pkcs8().unwrap();

    let tls = TlsSettings::given(given(&pem, &key_pem).unwrap());
    let ca = open_with(PersonalityName::Linux, |settings| settings.tls = Some(tls.clone()));
    assert_eq!(ca.tls_root(), None);
    let shaken = shake(&ca, "given", connector(accepting)).await;
    assert_eq!(shaken.certificate.unwrap(), own.certificate);

    let other = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    let wrong = given(&pem, &other.private_key_to_pem_pkcs8().unwrap()).unwrap_err();
    assert!(wrong.to_string().contains("does not belong to the first certificate, `CN = given`"));
    let sealed = key.private_key_to_pem_pkcs8_passphrase(Cipher::aes_128_cbc(), b"x").unwrap();
    let wrong = given(&pem, &sealed).unwrap_err();
    assert!(wrong.to_string().contains("without a passphrase"), "{wrong}");
    assert_eq!(given(b"", &key_pem).unwrap_err(), GivenCertificateError::NoCertificate);

    // A certificate that was given cannot be made again with a fault.
    let rule = "on: handshake, do: tls-expired".parse().unwrap();
    let settings = settings_with(PersonalityName::Linux, |settings| {
        settings.tls = Some(tls);
        settings.faults = vec![rule];
    });
    let refused = Ca::open(settings, Clock::system()).unwrap_err();
    assert!(matches!(refused, OpenError::Fault(_)), "{refused}");
}

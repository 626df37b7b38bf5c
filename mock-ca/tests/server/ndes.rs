//! The Windows personality.

use std::sync::Arc;

use der::asn1::OctetString;
use mock_ca::{AdminCredentials, Ca, ChallengePolicy, PersonalityName, Settings};
use openssl::{hash::MessageDigest, rand::rand_bytes};
use scep::{
    algorithm::{Cipher, Digest},
    attribute::{FailInfo, PkiStatus},
    client::{self, Client, Next},
    clock::Clock,
    identity::Identity,
    key_usage::KeyUsage,
    message::Message,
    request::Extension,
};

use crate::client::{
    NDES, Response, ca, carry, enrol, get, key, last_reason, open, password, send, settings,
};

const ONCE: &str = "8CE317021F6900691ED0DD50F7459D6E";

fn ndes() -> Arc<Ca> {
    ca(PersonalityName::Ndes, ChallengePolicy::one_time(vec![password(ONCE)]))
}

/// The settings of the documented device: no cipher and no digest configured.
fn with(challenge: &str) -> client::Settings {
    settings(Some(challenge))
}

/// The CertRep for a client with these settings.
async fn reply(ca: &Arc<Ca>, settings: client::Settings) -> Message {
    let mut client = Client::new(settings);
    let mut request = client.start();
    loop {
        let response = carry(ca, NDES, &request).await;
        if request.query.starts_with("operation=PKIOperation") {
            return Message::parse(&response.body).unwrap();
        }
        match client.receive(&response, Clock::system().now(), &mut rand_bytes).unwrap() {
            Next::Send(next) => request = next,
            _ => panic!("a further request"),
        }
    }
}

#[tokio::test]
async fn capabilities_and_certificates_are_those_of_ndes() {
    let ca = ndes();
    let capabilities = get(&ca, "/certsrv/mscep/mscep.dll?operation=GetCACaps").await;
    assert_eq!(
        capabilities.body,
        b"POSTPKIOperation\r\nRenewal\r\nSHA-512\r\nSHA-256\r\nSHA-1\r\nDES3"
    );
    let names: Vec<&str> =
        capabilities.head.lines().skip(1).map(|line| line.split_once(':').unwrap().0).collect();
    assert_eq!(names[..3], ["Content-Length", "Content-Type", "Server"]);
    assert_eq!(capabilities.header("Server"), Some("Microsoft-IIS/10.0"));

    let certificates = get(&ca, &format!("{NDES}?operation=GetCACert")).await;
    assert_eq!(certificates.header("Content-Type"), Some("application/x-x509-ca-ra-cert"));
    let list = scep::certs_only::decode(&certificates.body).unwrap().certificates;
    let usages: Vec<_> =
        list.iter().map(|certificate| KeyUsage::of(certificate).unwrap()).collect();
    assert_eq!(usages[0], KeyUsage::DIGITAL_SIGNATURE);
    assert_eq!(usages[1], KeyUsage::KEY_ENCIPHERMENT);
    assert!(usages[2].contains(KeyUsage::KEY_CERT_SIGN));
    assert_eq!(list.len(), 3);
}

#[tokio::test]
async fn paths_are_served_in_any_case() {
    let ca = ndes();
    for path in ["/certsrv/mscep/mscep.dll", NDES, "/CERTSRV/MSCEP/MSCEP.DLL", "/certsrv/mscep/"] {
        assert_eq!(get(&ca, &format!("{path}?operation=GetCACaps")).await.status, 200, "{path}");
    }
    let moved = get(&ca, "/certsrv/mscep?operation=GetCACaps").await;
    assert_eq!(
        (moved.status, moved.header("Location")),
        (301, Some("/certsrv/mscep/?operation=GetCACaps"))
    );
    assert_eq!(get(&ca, "/scep?operation=GetCACaps").await.status, 404);
    assert_eq!(get(&ca, "/certsrv/mscep/mscep.dll?operation=GetNextCACert").await.status, 500);
    assert_eq!(send(&ca, "PUT", NDES, "", b"").await.status, 405);
    let plain = get(&ca, "/certsrv/mscep/mscep.dll").await;
    assert!(
        plain
            .utf16()
            .contains("This URL is used by network devices to submit certificate requests.")
    );
}

#[tokio::test]
async fn documented_device_enrols_once_with_a_password() {
    let ca = ndes();
    let certificate = enrol(&ca, NDES, with(ONCE)).await.unwrap();
    let serial = certificate.serial_number().to_bn().unwrap().to_vec();
    assert_eq!(serial[..5], [0x11, 0x00, 0x00, 0x14, 0x23]);
    assert!(ca.issued().unwrap()[0].serial.starts_with("1100001423"));

    let again = enrol(&ca, NDES, with(ONCE)).await.unwrap_err();
    assert!(again.to_string().contains("badMessageCheck"), "{again}");
    assert_eq!(last_reason(&ca), "challenge password already used");
    let other = enrol(&ca, NDES, with("ABBFE34CF11C2C04")).await.unwrap_err();
    assert!(other.to_string().contains("badMessageCheck"), "{other}");
    assert_eq!(last_reason(&ca), "wrong challenge password");
    assert!(!format!("{:?}", ca.log()).contains(ONCE));
}

#[tokio::test]
async fn failure_has_the_form_of_the_captured_one() {
    let ca = ndes();
    let reply =
        reply(&ca, client::Settings { digest: Some(Digest::Sha512), ..with("wrong") }).await;
    assert_eq!(reply.digest(), Digest::Sha1);
    assert_eq!(reply.content(), Some(&[0][..]));
    assert!(reply.certificates().is_empty());
    let attributes = reply.attributes();
    assert_eq!(attributes.pki_status().unwrap(), PkiStatus::Failure);
    assert_eq!(attributes.fail_info().unwrap(), FailInfo::BadMessageCheck);
    assert_eq!(attributes.signing_time().unwrap(), None);
    assert_eq!(attributes.raw("1.3.6.1.4.1.311.21.33"), [b"\x13\x0b-2147023728".to_vec()]);
    assert!(attributes.raw("1.3.6.1.4.1.311.21.38").is_empty());
    let signer = &ca.certificates()[0];
    reply.verify(&[signer]).unwrap();
}

#[tokio::test]
async fn success_says_issued_and_carries_no_certificate_in_the_clear() {
    let ca = ndes();
    let settings = client::Settings {
        digest: Some(Digest::Sha512),
        cipher: Some(Cipher::TripleDes),
        ..with(ONCE)
    };
    let key = settings.key.clone();
    let reply = reply(&ca, settings).await;
    assert_eq!(reply.digest(), Digest::Sha512);
    assert!(reply.certificates().is_empty());
    assert_eq!(reply.attributes().raw("1.3.6.1.4.1.311.21.38"), [b"\x0c\x06Issued".to_vec()]);
    assert!(!key.public_key_to_der().unwrap().is_empty());
}

#[tokio::test]
async fn requested_key_usage_selects_the_template() {
    let usages = [
        (KeyUsage::DIGITAL_SIGNATURE, KeyUsage::DIGITAL_SIGNATURE),
        (KeyUsage::KEY_ENCIPHERMENT, KeyUsage::KEY_ENCIPHERMENT | KeyUsage::DATA_ENCIPHERMENT),
        (
            KeyUsage::DIGITAL_SIGNATURE | KeyUsage::KEY_ENCIPHERMENT,
            KeyUsage::DIGITAL_SIGNATURE | KeyUsage::KEY_ENCIPHERMENT | KeyUsage::DATA_ENCIPHERMENT,
        ),
    ];
    let ca = ca(PersonalityName::Ndes, ChallengePolicy::None);
    for (asked, given) in usages {
        let mut settings = settings(None);
        settings.extensions = vec![Extension {
            extn_id: "2.5.29.15".parse().unwrap(),
            critical: true,
            extn_value: OctetString::new(asked.to_der()).unwrap(),
        }];
        let certificate = enrol(&ca, NDES, settings).await.unwrap();
        assert_eq!(KeyUsage::of(&certificate), Some(given));
    }
}

#[tokio::test]
async fn existing_certificate_is_renewed_without_a_password() {
    let ca = ndes();
    let first = with(ONCE);
    let old_key = first.key.clone();
    let certificate = enrol(&ca, NDES, first).await.unwrap();
    let existing = Identity { certificate, key: old_key };
    let renewal = client::Settings { existing: Some(existing.clone()), ..settings(None) };
    enrol(&ca, NDES, renewal).await.unwrap();
    assert_eq!(ca.issued().unwrap().len(), 2);

    let other_name = scep::name::parse("CN=Somebody").unwrap();
    let stolen =
        client::Settings { existing: Some(existing), ..client::Settings::new(key(), other_name) };
    enrol(&ca, NDES, stolen).await.unwrap_err();
    assert!(last_reason(&ca).starts_with("the renewal is not signed with"), "{}", last_reason(&ca));
}

fn shown_password(page: &Response) -> String {
    let text = page.utf16();
    let (_, rest) = text.split_once("The enrollment challenge password is: <B> ").unwrap();
    rest.split_once(' ').unwrap().0.to_owned()
}

#[tokio::test]
async fn admin_page_gives_five_passwords() {
    let ca = ndes();
    let page = get(&ca, "/CertSrv/mscep_admin/").await;
    assert_eq!((page.status, page.header("Content-Type")), (200, Some("text/html")));
    let digest = ca.ca_certificate().digest(MessageDigest::md5()).unwrap();
    let digits: Vec<String> = digest.iter().map(|byte| format!("{byte:02X}")).collect();
    let groups: Vec<String> = digits.chunks(4).map(<[String]>::concat).collect();
    let thumbprint = groups.join(" ");
    assert!(page.utf16().contains(&format!("<B> {thumbprint} </B>")));
    enrol(&ca, NDES, with(&shown_password(&page))).await.unwrap();

    for _ in 0..5 {
        assert_eq!(shown_password(&get(&ca, "/certsrv/mscep_admin/").await).len(), 16);
    }
    let full = get(&ca, "/certsrv/mscep_admin/mscep.dll").await;
    assert_eq!(full.status, 200);
    assert!(full.utf16().contains("<P> The password cache is full. <P>"));
}

#[tokio::test]
async fn admin_page_needs_user_and_password() {
    let mut settings = Settings::new("test", PersonalityName::Ndes);
    settings.challenge = ChallengePolicy::Static(password(ONCE));
    settings.admin = Some(AdminCredentials { user: "admin".into(), password: password("p:w") });
    let ca = open(settings);
    for headers in ["", "Authorization: Basic YWRtaW46\r\n", "Authorization: Bearer x\r\n"] {
        let refused = send(&ca, "GET", "/certsrv/mscep_admin", headers, b"").await;
        assert_eq!(refused.status, 401);
        assert_eq!(refused.header("Www-Authenticate"), Some("Basic realm=\"TeldatPKI\""));
    }
    let right = "Authorization: Basic YWRtaW46cDp3\r\n";
    let moved = send(&ca, "GET", "/certsrv/mscep_admin", right, b"").await;
    assert_eq!((moved.status, moved.header("Location")), (301, Some("/certsrv/mscep_admin/")));
    let page = send(&ca, "GET", "/certsrv/mscep_admin/", right, b"").await;
    assert_eq!(shown_password(&page), ONCE);
    assert!(
        page.utf16()
            .contains("</B> <P> This password can be used multiple times and will not expire.")
    );
    for _ in 0..2 {
        enrol(&ca, NDES, with(ONCE)).await.unwrap();
    }
}

#[tokio::test]
async fn user_without_permission_gets_no_password() {
    let mut settings = Settings::new("test", PersonalityName::Ndes);
    settings.challenge = ChallengePolicy::one_time(Vec::new());
    settings.windows.admin_may_enroll = false;
    let page = get(&open(settings), "/certsrv/mscep_admin/").await;
    assert!(page.utf16().contains("You do not have sufficient permission to enroll with SCEP."));
}

#[tokio::test]
async fn get_crl_is_refused_like_the_captured_one() {
    let ca = ndes();
    let reply = post(&ca, &get_crl(&ca, 1)).await;
    let reply = Message::parse(&reply.body).unwrap();
    assert_eq!(reply.attributes().fail_info().unwrap(), FailInfo::BadRequest);
    assert_eq!(reply.attributes().raw("1.3.6.1.4.1.311.21.33"), [b"\x13\x0b-2147024809".to_vec()]);
}

#[tokio::test]
async fn message_for_another_certificate_is_not_opened() {
    let ca = ndes();
    for recipient in [0, 2] {
        assert_eq!(post(&ca, &get_crl(&ca, recipient)).await.status, 500);
        assert!(last_reason(&ca).contains("the envelope is addressed to"), "{}", last_reason(&ca));
    }
    let mut settings = Settings::new("test", PersonalityName::Ndes);
    settings.windows.opens_with_signing_key = true;
    let ca = open(settings);
    assert_eq!(post(&ca, &get_crl(&ca, 0)).await.status, 200);
    assert_eq!(post(&ca, &get_crl(&ca, 2)).await.status, 500);
}

async fn post(ca: &Arc<Ca>, message: &[u8]) -> Response {
    send(ca, "POST", &format!("{NDES}?operation=PKIOperation"), "", message).await
}

/// A GetCRL that is encrypted for one of the certificates of `GetCACert`.
fn get_crl(ca: &Ca, recipient: usize) -> Vec<u8> {
    let certificates = ca.certificates();
    let key = key();
    let subject = scep::name::parse("CN=MyUserCert").unwrap();
    let signer =
        scep::request::self_signed(&subject, &key, Digest::Sha256, Clock::system().now()).unwrap();
    let body = scep::body::IssuerAndSerial::encode(&certificates[2]).unwrap();
    client::RequestMessage {
        message_type: scep::attribute::MessageType::GetCrl,
        transaction_id: scep::attribute::TransactionId::new("1"),
        sender_nonce: scep::attribute::Nonce::generate(&mut rand_bytes).unwrap(),
        signer,
        cipher: Cipher::Aes256,
        key_transport: scep::algorithm::KeyTransport::Pkcs1v15,
        digest: Digest::Sha256,
    }
    .encode(&body, &certificates[recipient], &mut rand_bytes)
    .unwrap()
}

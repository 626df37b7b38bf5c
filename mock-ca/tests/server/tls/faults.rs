//! Faults of the handshake: each one is visible on the wire, and is counted.

use std::sync::Arc;

use mock_ca::{
    Ca, Fault, FaultCount, FaultError, FaultRule, OpenError, PersonalityName, TlsSettings, Trigger,
};
use openssl::{
    pkey::PKey,
    rsa::Rsa,
    ssl::{SslConnectorBuilder, SslVersion},
};
use scep::{algorithm::Digest, clock::Clock, request::self_signed};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::client::{GET, Shaken, accepting, connector, logged, shake, trusting};
use crate::client::{open_with, settings_with};

// Results of a verification by OpenSSL (`x509_vfy.h`).
const NOT_YET_VALID: i32 = 9;
const EXPIRED: i32 = 10;
const SELF_SIGNED: i32 = 18;
const UNKNOWN_ROOT: i32 = 19;
const NO_ISSUER: i32 = 20;
const OTHER_NAME: i32 = 62;

fn with_fault(rule: Option<FaultRule>) -> Arc<Ca> {
    open_with(PersonalityName::Linux, |settings| {
        settings.tls = Some(TlsSettings::made_for(vec!["pki.example".to_owned()]));
        settings.faults = rule.into_iter().collect();
    })
}

async fn client(ca: &Arc<Ca>, change: impl FnOnce(&mut SslConnectorBuilder)) -> Shaken {
    let trust = trusting(&ca.tls_root().unwrap());
    let both = |builder: &mut SslConnectorBuilder| {
        trust(builder);
        change(builder);
    };
    shake(ca, "pki.example", connector(both)).await
}

/// True if the server answers a request after the handshake.
async fn answers(shaken: Shaken) -> bool {
    let Ok(mut stream) = shaken.stream else { return false };
    let mut answer = Vec::new();
    let sent = stream.write_all(GET).await;
    let read = stream.read_to_end(&mut answer).await;
    sent.is_ok() && read.is_ok() && answer.starts_with(b"HTTP/1.1 200 ")
}

/// True if the fault is visible to clients of this server.
async fn shows(fault: Fault, ca: &Arc<Ca>) -> bool {
    let shaken = client(ca, |_| ()).await;
    match fault {
        Fault::TlsExpired => shaken.verified == EXPIRED,
        Fault::TlsNotYetValid => shaken.verified == NOT_YET_VALID,
        Fault::TlsOtherName => shaken.verified == OTHER_NAME,
        Fault::TlsUnknownIssuer => shaken.verified == UNKNOWN_ROOT,
        Fault::TlsSelfSigned => shaken.verified == SELF_SIGNED,
        Fault::TlsChainIncomplete => shaken.verified == NO_ISSUER,
        Fault::TlsCut => shaken.stream.is_err() && shaken.verified == 0,
        Fault::TlsOldVersion => {
            let text = shaken.stream.err().map(|error| error.to_string()).unwrap_or_default();
            text.contains("protocol version")
        }
        Fault::TlsClientCertificate => !answers(shaken).await,
        other => panic!("`{other}` is no fault of the handshake"),
    }
}

#[tokio::test]
async fn each_fault_of_the_handshake_is_visible_on_the_wire_and_is_counted() {
    for fault in Fault::ALL.iter().filter(|fault| fault.fits(Trigger::Handshake)) {
        assert!(!shows(*fault, &with_fault(None)).await, "`{fault}` is visible without a rule");
        let rule = FaultRule::new(Trigger::Handshake, None, *fault).unwrap();
        let ca = with_fault(Some(rule));
        assert!(shows(*fault, &ca).await, "`{fault}` is not visible");
        let line = logged(&ca, 1).await;
        let end = format!("[fault: {fault}]");
        assert!(line.contains(" TLS cut off") && line.ends_with(&end), "{line}");
        assert_eq!(ca.faults(), [FaultCount { rule, fired: 1 }]);
    }
}

#[tokio::test]
async fn client_that_takes_a_wrong_certificate_is_seen() {
    let rule = "on: handshake, nth: 1, do: tls-expired".parse().unwrap();
    let ca = with_fault(Some(rule));
    assert!(answers(client(&ca, accepting).await).await);
    let lines: Vec<_> = ca.log().iter().map(ToString::to_string).collect();
    assert!(lines[0].ends_with(" TLS accepted by the client [fault: tls-expired]"), "{lines:?}");
    // The next handshake has no fault.
    assert!(answers(client(&ca, |_| ()).await).await);
    assert_eq!(ca.faults()[0].fired, 1);
}

#[tokio::test]
async fn client_with_a_certificate_and_client_with_old_versions_are_served() {
    let rule = |text: &str| Some(text.parse().unwrap());
    let asks = with_fault(rule("on: handshake, do: tls-client-certificate"));
    let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    let subject = scep::name::parse("CN=client").unwrap();
    let own = self_signed(&subject, &key, Digest::Sha256, Clock::system().now()).unwrap();
    let certified = move |builder: &mut SslConnectorBuilder| {
        builder.set_certificate(&own.certificate).unwrap();
        builder.set_private_key(&own.key).unwrap();
    };
    assert!(answers(client(&asks, certified).await).await);

    let old = with_fault(rule("on: handshake, do: tls-old-version"));
    let lenient = |builder: &mut SslConnectorBuilder| {
        builder.set_cipher_list("DEFAULT:@SECLEVEL=0").unwrap();
        builder.set_min_proto_version(Some(SslVersion::TLS1)).unwrap();
    };
    assert!(answers(client(&old, lenient).await).await);
}

#[tokio::test]
async fn faults_of_one_handshake_happen_together() {
    let ca = with_fault(Some("on: handshake, do: tls-expired".parse().unwrap()));
    ca.inject("on: handshake, do: tls-old-version".parse().unwrap()).unwrap();
    let careless = |builder: &mut SslConnectorBuilder| {
        accepting(builder);
        builder.set_cipher_list("DEFAULT:@SECLEVEL=0").unwrap();
        builder.set_min_proto_version(Some(SslVersion::TLS1)).unwrap();
    };
    let shaken = client(&ca, careless).await;
    assert_eq!(shaken.verified, EXPIRED);
    assert_eq!(shaken.stream.as_ref().unwrap().ssl().version_str(), "TLSv1.1");
    assert!(answers(shaken).await);
    assert!(ca.faults().iter().all(|count| count.fired == 1), "{:?}", ca.faults());
}

#[test]
fn fault_of_the_handshake_needs_tls() {
    let rule: FaultRule = "on: handshake, do: tls-cut".parse().unwrap();
    let settings = settings_with(PersonalityName::Linux, |settings| settings.faults = vec![rule]);
    let refused = Ca::open(settings, Clock::system()).unwrap_err();
    assert!(matches!(&refused, OpenError::Fault(FaultError::NoTls(_))), "{refused}");
    assert_eq!(
        refused.to_string(),
        "`tls-cut` cannot happen, because the server speaks plain HTTP, without TLS"
    );
    let plain = open_with(PersonalityName::Linux, |_| ());
    assert!(plain.inject(rule).is_err());
    assert!("on: GetCACaps, do: tls-cut".parse::<FaultRule>().is_err());
    assert!("on: handshake, do: http-status 503".parse::<FaultRule>().is_err());
}

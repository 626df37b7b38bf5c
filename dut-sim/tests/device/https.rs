//! A SCEP service by HTTPS.

use std::sync::atomic::Ordering;

use dut_sim::TlsRoots;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::ssl::{SslContext, SslMethod};
use openssl::x509::X509;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use scep::clock::moment;

use super::toy_ca::Answer;
use super::{DOCUMENTED, Lab, SEALED, keyring};
use scep::clock::Clock;
use tokio::time::Instant;

/// A root, and the certificate of a server for 10.215.168.1 that is valid in January 2026 alone.
struct Certificates {
    root: String,
    server: X509,
    context: SslContext,
}

impl Certificates {
    fn new() -> Self {
        let root_key = KeyPair::generate().unwrap();
        let mut root = CertificateParams::default();
        root.distinguished_name.push(DnType::CommonName, "Lab Root");
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        root.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let root_certificate = X509::from_der(root.self_signed(&root_key).unwrap().der()).unwrap();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(["10.215.168.1".to_owned()]).unwrap();
        params.not_before = date_time_ymd(2026, 1, 1);
        params.not_after = date_time_ymd(2026, 2, 1);
        let issuer = Issuer::new(root, root_key);
        let server = X509::from_der(params.signed_by(&key, &issuer).unwrap().der()).unwrap();
        let mut context = SslContext::builder(SslMethod::tls_server()).unwrap();
        context.set_certificate(&server).unwrap();
        context
            .set_private_key(&PKey::private_key_from_der(&key.serialize_der()).unwrap())
            .unwrap();
        let root = String::from_utf8(root_certificate.to_pem().unwrap()).unwrap();
        Self { root, server, context: context.build() }
    }

    /// A lab that begins at that moment, whose server has the certificate; its device trusts the root if `is_trusted`.
    fn lab(&self, start: &str, is_trusted: bool) -> Lab {
        let (start, begun) = (moment(start).unwrap(), Instant::now());
        let clock = Clock::reading(move || start + begun.elapsed());
        let lab = Lab::on_clock(Answer::Issue, clock, |settings| {
            settings.own.keyring = keyring(&[(SEALED, "secret")]);
            let roots = is_trusted.then(|| self.root.clone());
            settings.own.tls_roots = TlsRoots::Given(roots.into_iter().collect());
        });
        *lab.network.tls.lock().unwrap() = Some(self.context.clone());
        lab
    }
}

async fn configure(lab: &Lab, more: &str) {
    let lines = DOCUMENTED.replace("http://10.215.168.1", "https://10.215.168.1");
    lab.device.replace_configuration(&format!("{lines}{more}")).await.unwrap();
}

/// Waits for a line in the log of the device.
async fn logs(lab: &Lab, words: &str) {
    let mut changes = lab.device.subscribe();
    loop {
        changes.borrow_and_update();
        if lab.device.protocol_log().iter().any(|line| line.contains(words)) {
            return;
        }
        let waited = tokio::time::timeout(super::DEADLINE, changes.changed()).await;
        assert!(waited.is_ok(), "no `{words}` in {:#?}", lab.device.protocol_log());
    }
}

#[tokio::test(start_paused = true)]
async fn server_is_recognised_by_a_trusted_ca_at_the_time_of_the_device() {
    let certificates = Certificates::new();
    let lab = certificates.lab("2026-01-15T00:00Z", true);
    configure(&lab, "").await;
    lab.shows("usercert Valid").await;
    let late = certificates.lab("2026-03-01T00:00Z", true);
    configure(&late, "").await;
    logs(
        &late,
        "GetCACaps: no TLS connection: the server's certificate does not verify: it expired on",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn trust_is_configured_by_nodes() {
    let certificates = Certificates::new();
    let lab = certificates.lab("2026-01-15T00:00Z", false);
    configure(&lab, "").await;
    logs(
        &lab,
        "it was issued by `CN = Lab Root`, whose certificate is neither trusted here nor sent",
    )
    .await;
    configure(&lab, "set system certificate scep csr CSR tls trust none\n").await;
    lab.shows("usercert Valid").await;
    let digest = certificates.server.digest(MessageDigest::sha256()).unwrap();
    let right =
        format!("set system certificate scep csr CSR tls fingerprint {}\n", hex::encode(digest));
    let lab = certificates.lab("2026-01-15T00:00Z", false);
    configure(&lab, &right).await;
    lab.shows("usercert Valid").await;
    let wrong =
        format!("set system certificate scep csr CSR tls fingerprint {}\n", "00".repeat(32));
    let lab = certificates.lab("2026-01-15T00:00Z", true);
    configure(&lab, &wrong).await;
    logs(&lab, "no certificate that the server sent has the fingerprint that is trusted here")
        .await;
}

#[tokio::test(start_paused = true)]
async fn server_without_tls_is_told_apart_from_one_that_refuses() {
    let certificates = Certificates::new();
    let lab = certificates.lab("2026-01-15T00:00Z", true);
    *lab.network.tls.lock().unwrap() = None;
    configure(&lab, "").await;
    logs(&lab, "GetCACaps: no TLS connection: the server speaks no TLS at this port").await;
    lab.network.closed.store(true, Ordering::Relaxed);
    logs(&lab, "connection refused by 10.215.168.1:8080").await;
}

//! Enrolments in the background, and their output.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use dut_sim::GrowingPause;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::toy_ca::Answer;
use super::toy_network::Held;
use super::{DEADLINE, DOCUMENTED, Lab, SCENARIO_WAITS, SEALED};

#[tokio::test]
async fn documented_configuration_enrols() {
    let lab = Lab::new(Answer::Issue);
    lab.device.replace_configuration(DOCUMENTED).await.unwrap();
    lab.shows("usercert Valid - ").await;
    let table = lab.output("pki scep show CSR").await;
    assert!(table.starts_with(&"-".repeat(97)), "{table}");
    assert!(table.contains("\nca           Valid   Encipherment & Signature  "), "{table}");
    assert_eq!(table.lines().count(), 5);
    let root = "pki show certificate running://auth/certificates/scep/CSR";
    let ca = lab.output(&format!("{root}/ca/ca.der")).await;
    assert!(ca.starts_with("Certificate:\n    Data:\n"), "{ca}");
    assert!(ca.contains("Subject: CN = Toy-PKI, O = Toy\n"), "{ca}");
    let user = lab.output(&format!("{root}/user/cert")).await;
    assert!(user.contains("Subject: CN = MyUserCert\n"), "{user}");
    assert_eq!(lab.ca.requests(), ["/scep GetCACaps", "/scep GetCACert", "/scep PKIOperation"]);
}

#[tokio::test]
async fn protocol_log_lists_the_exchanges() {
    let lab = Lab::new(Answer::Issue);
    lab.device.replace_configuration(DOCUMENTED).await.unwrap();
    lab.shows("usercert Valid").await;
    let log = lab.device.protocol_log();
    assert_eq!(
        log[0],
        "CSR: GetCACaps: 4 capabilities (AES, POSTPKIOperation, SHA-256, SCEPStandard)"
    );
    assert_eq!(log[1], "CSR: GetCACert: 1 certificate");
    assert!(
        log[2].starts_with("CSR: PKIOperation (PKCSReq) over POST, AES-128, SHA-256, transaction ")
    );
    assert_eq!(
        log[3],
        "CSR: PKIOperation (PKCSReq) was answered SUCCESS: certificate 02, `CN = MyUserCert`"
    );
    assert_eq!(lab.output("system journal show").await, log.join("\n"));
}

#[tokio::test]
async fn wrong_password_fails_with_its_reason() {
    let lab = Lab::with(Answer::Issue, &[(SEALED, "wrong")]);
    lab.device.replace_configuration(DOCUMENTED).await.unwrap();
    let reason = "PKIOperation (PKCSReq) was answered FAILURE, badMessageCheck";
    lab.shows(&format!("usercert Failed - - - usercert: {reason}")).await;
    lab.shows("ca Valid").await;
    assert_eq!(lab.device.protocol_log().last().unwrap(), &format!("CSR: {reason}"));
}

#[tokio::test]
async fn password_in_texts_of_the_server_is_masked() {
    let lab = Lab::with(Answer::LeakPassword, &[(SEALED, "hunter2")]);
    lab.device.replace_configuration(DOCUMENTED).await.unwrap();
    lab.shows("badRequest: the server says \"wrong challenge password `****`\"").await;
    let log = lab.device.protocol_log().join("\n");
    assert!(!log.contains("hunter2") && !log.contains(SEALED), "{log}");
    let running = lab.output("show running").await;
    assert!(!running.contains("hunter2") && running.contains(SEALED), "{running}");
    // Texts of the server are shown escaped, and so is a password in them.
    let lab = Lab::with(Answer::LeakPassword, &[(SEALED, "\"hunt\\er'2")]);
    lab.device.replace_configuration(DOCUMENTED).await.unwrap();
    lab.shows("badRequest: the server says \"wrong challenge password `****`\"").await;
    let all = lab.device.protocol_log().join("\n");
    assert!(!all.contains("er'2") && !all.contains("er\\'2"), "{all}");
}

#[tokio::test]
async fn sealed_password_that_cannot_be_opened_fails() {
    let lab = Lab::with(Answer::Issue, &[]);
    lab.device.replace_configuration(DOCUMENTED).await.unwrap();
    lab.shows(
        "ca: the sealed password opens neither under the device's own key nor by its keyring",
    )
    .await;
    assert_eq!(lab.ca.requests(), [""; 0]);
}

#[tokio::test]
async fn clear_text_password_is_accepted() {
    let lab = Lab::with(Answer::Issue, &[]);
    let lines = DOCUMENTED.replace(&format!("encrypted-password {SEALED}"), "password secret");
    lab.device.replace_configuration(&lines).await.unwrap();
    lab.shows("usercert Valid").await;
}

#[tokio::test]
async fn pending_request_is_polled() {
    let lab = Lab::new(Answer::Pending);
    lab.device.replace_configuration(DOCUMENTED).await.unwrap();
    lab.shows("usercert Pending - - -").await;
    while lab.ca.requests().len() < 5 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    lab.ca.change(Answer::Issue);
    lab.shows("usercert Valid").await;
    let log = lab.device.protocol_log().join("\n");
    assert!(
        log.contains("PKIOperation (PKCSReq) was answered PENDING, next poll in 0.005 s"),
        "{log}"
    );
    assert!(log.contains("PKIOperation (CertPoll) was answered SUCCESS"), "{log}");
}

/// The clock is paused and advances only while waiting.
#[tokio::test(start_paused = true)]
async fn silent_server_is_reported_before_a_scenario_times_out() {
    let lab = Lab::new(Answer::Issue);
    lab.network.silent.store(true, Ordering::Relaxed);
    lab.device.replace_configuration(DOCUMENTED).await.unwrap();
    lab.shows_within(SCENARIO_WAITS, "ca: GetCACaps: no answer in 15 s, next try in").await;
    let log = lab.device.protocol_log();
    assert!(log.iter().any(|line| line.contains("GetCACaps: no answer in 15 s")), "{log:?}");
}

#[tokio::test]
async fn closed_port_is_retried() {
    let lab = Lab::new(Answer::Issue);
    lab.network.closed.store(true, Ordering::Relaxed);
    lab.device.replace_configuration(DOCUMENTED).await.unwrap();
    lab.shows("ca Failed - - - usercert Failed - - - ca: GetCACaps: connection refused by 10.215.168.1:8080, next try in")
        .await;
    lab.network.closed.store(false, Ordering::Relaxed);
    lab.shows("usercert Valid").await;
}

#[tokio::test]
async fn commit_during_a_try_wakes_the_next_try() {
    let pause = Duration::from_secs(3600);
    let pause = GrowingPause { first: pause, longest: pause };
    let lab = Lab::pausing(Answer::Issue, &[(SEALED, "secret")], pause);
    let (asked_for, is_asked_for) = oneshot::channel();
    let (refuse, refused) = oneshot::channel();
    *lab.network.held.lock().unwrap() = Some(Held { asked_for, refused });
    lab.device.replace_configuration(DOCUMENTED).await.unwrap();
    is_asked_for.await.unwrap();
    lab.device.modify_configuration("set system host-name DUT0").await.unwrap();
    refuse.send(()).unwrap();
    lab.shows("usercert Valid").await;
}

#[tokio::test]
async fn path_that_cannot_be_sent_is_refused() {
    let lab = Lab::new(Answer::Issue);
    for (path, character) in [("/scep<1>", "<"), ("/100%", "%"), ("/grün", "ü")] {
        let lines = DOCUMENTED.replace("cgi-path /scep", &format!("cgi-path {path}"));
        let error = lab.device.replace_configuration(&lines).await.unwrap_err();
        let reason = format!("`{character}` in a path must be written in hexadecimal, after a `%`");
        assert!(error.message.starts_with(&reason), "{error}");
    }
    assert!(lab.ca.requests().is_empty());
}

#[tokio::test]
async fn wrong_path_is_retried() {
    let lab = Lab::new(Answer::Status(404));
    lab.device.replace_configuration(DOCUMENTED).await.unwrap();
    lab.shows("ca: GetCACert was answered HTTP 404 with an empty body, next try in").await;
    lab.ca.change(Answer::Issue);
    lab.shows("usercert Valid").await;
    let log = lab.device.protocol_log();
    assert!(log.contains(
        &"CSR: GetCACaps: 4 capabilities (AES, POSTPKIOperation, SHA-256, SCEPStandard)".into()
    ));
}

#[tokio::test]
async fn invalid_and_too_long_answers_are_refused() {
    let lab = Lab::new(Answer::Invalid);
    lab.device.replace_configuration(DOCUMENTED).await.unwrap();
    lab.shows("ca: GetCACert: a web page (no content type) came in place of the CA's certificates")
        .await;
    let lab = Lab::new(Answer::Endless);
    lab.device.replace_configuration(DOCUMENTED).await.unwrap();
    lab.shows("ca: GetCACaps: the answer is longer than 2097152 bytes, next try in").await;
}

#[tokio::test]
async fn changed_requests_start_anew_and_deleted_ones_lose_their_certificates() {
    let lab = Lab::new(Answer::Issue);
    lab.device.replace_configuration(DOCUMENTED).await.unwrap();
    lab.shows("usercert Valid").await;
    lab.device.modify_configuration("set system host-name DUT0").await.unwrap();
    lab.device.replace_configuration(DOCUMENTED).await.unwrap();
    assert_eq!(lab.ca.requests().len(), 3);
    let csr = "system certificate scep csr CSR";
    lab.device.modify_configuration(&format!("set {csr} digest sha512")).await.unwrap();
    lab.shows("usercert Failed").await;
    lab.device.modify_configuration(&format!("delete {csr} digest")).await.unwrap();
    lab.shows("usercert Valid").await;
    lab.device.modify_configuration(&format!("delete {csr}")).await.unwrap();
    let gone = lab.device.execute("pki scep show CSR").await;
    assert_eq!(gone.output, "CLI Error: no certificate request `CSR`; none is configured");
    assert!(!gone.ok);
}

#[tokio::test]
async fn dropping_the_device_ends_its_enrolments() {
    let lab = Lab::new(Answer::Status(503));
    lab.device.replace_configuration(DOCUMENTED).await.unwrap();
    lab.shows("HTTP 503").await;
    drop(lab.device);
    // A running enrolment has a reference to the network.
    let ended = async {
        while Arc::strong_count(&lab.network) > 1 {
            tokio::task::yield_now().await;
        }
    };
    assert!(timeout(DEADLINE, ended).await.is_ok());
}

#[tokio::test]
async fn renewal_replaces_the_certificate_and_a_failed_renewal_keeps_it() {
    let lab = Lab::new(Answer::Issue);
    lab.device.replace_configuration(DOCUMENTED).await.unwrap();
    let refused = lab.output("pki scep renew CSR").await;
    assert_eq!(refused, "CLI Error: `CSR`: there is no certificate to renew yet");
    assert!(lab.output("pki scep renew NONE").await.contains("configured: CSR"));
    lab.shows("usercert Valid").await;
    let certificate = "pki show certificate running://auth/certificates/scep/CSR/user/cert";
    let before = lab.output(certificate).await;
    assert_eq!(lab.output("pki scep renew CSR").await, "The renewal of `CSR` has begun");
    while lab.output("pki scep show CSR").await.contains("renewal") {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let renewed = lab.output(certificate).await;
    assert_ne!(renewed, before);
    let log = lab.device.protocol_log().join("\n");
    assert!(log.contains("CSR: renewal: PKIOperation (PKCSReq) was answered SUCCESS"), "{log}");
    lab.ca.change(Answer::Invalid);
    lab.output("pki scep renew CSR").await;
    lab.shows("usercert: renewal: GetCACert: a web page (no content type) came").await;
    lab.shows("usercert Valid").await;
    assert_eq!(lab.output(certificate).await, renewed);
}

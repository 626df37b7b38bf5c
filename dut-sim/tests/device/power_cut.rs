//! Power cuts at each point of an enrolment and of a renewal, on a paused clock.

use std::sync::atomic::Ordering;
use std::time::Duration;

use dut_sim::DeviceSettings;
use tokio::time::sleep;

use super::toy_ca::Answer;
use super::{DOCUMENTED, Lab, SEALED, keyring};

const CSR: &str = "set system certificate scep csr CSR";
const CERTIFICATE: &str = "pki show certificate running://auth/certificates/scep/CSR/user/cert";
/// The time that a write takes here; everything else takes none.
const WRITE: Duration = Duration::from_secs(10);

/// A lab whose device writes slowly and has the documented configuration saved, but not begun.
fn slow(answer: Answer) -> Lab {
    let (lab, clock) = Lab::in_2026(answer);
    let change = |settings: &mut DeviceSettings| {
        settings.own.keyring = keyring(&[(SEALED, "secret")]);
        settings.flash_write_time = WRITE;
    };
    drop(lab);
    Lab::on_clock(answer, clock, change)
}

/// Configures and saves; the enrolment begins.
async fn begin(lab: &Lab, lines: &[&str]) {
    let more: String = lines.iter().flat_map(|line| [CSR, " ", *line, "\n"]).collect();
    lab.device.replace_configuration(&format!("{DOCUMENTED}{more}")).await.unwrap();
    lab.output("save").await;
}

/// So many writes later, and a half.
async fn in_write(number: u32) {
    sleep(WRITE * number + WRITE / 2).await;
}

fn log(lab: &Lab) -> String {
    lab.device.protocol_log().join("\n")
}

/// True if the two requests are for the same key.
fn same_key(lab: &Lab, one: usize, other: usize) -> bool {
    let csrs = lab.ca.csrs();
    csrs[one].public_key().unwrap().public_eq(&csrs[other].public_key().unwrap())
}

/// The transactions of all messages of this type.
fn transactions(lab: &Lab, kind: &str) -> Vec<String> {
    let all = lab.ca.exchanges().into_iter();
    all.filter(|(it, _)| it == kind).map(|(_, transaction)| transaction).collect()
}

#[tokio::test(start_paused = true)]
async fn cut_while_the_key_is_written_begins_with_another_key() {
    let lab = slow(Answer::Issue);
    begin(&lab, &[]).await;
    in_write(0).await;
    assert_eq!(lab.ca.requests().len(), 0, "nothing is sent before the key is safe");
    lab.device.cut_power();
    lab.shows("usercert Valid").await;
    assert_eq!(lab.ca.csrs().len(), 1);
    assert!(log(&lab).starts_with("the device has started after a power cut\n"), "{}", log(&lab));
    assert!(!log(&lab).contains("before the restart"), "{}", log(&lab));
}

#[tokio::test(start_paused = true)]
async fn cut_before_the_request_is_sent_goes_on_with_the_same_key() {
    let lab = slow(Answer::Issue);
    begin(&lab, &[]).await;
    // The second write is that of the request: the CA has given its certificates, and no message.
    in_write(1).await;
    assert!(lab.ca.requests().iter().any(|one| one.ends_with("GetCACert")), "{}", log(&lab));
    assert_eq!(lab.ca.csrs().len(), 0);
    lab.device.cut_power();
    lab.shows("usercert Valid").await;
    assert_eq!(lab.ca.csrs().len(), 1);
    assert!(!log(&lab).contains("is repeated"), "{}", log(&lab));
    // It was the one that had been made: only one was taken, so the next enrolment takes the second.
    lab.output("pki scep clear CSR").await;
    lab.shows("usercert Valid").await;
    assert!(!same_key(&lab, 0, 1));
}

#[tokio::test(start_paused = true)]
async fn cut_before_the_answer_repeats_the_request_in_its_transaction() {
    let lab = slow(Answer::Issue);
    begin(&lab, &[]).await;
    in_write(1).await;
    // The request is sent, and not answered.
    lab.network.silent.store(true, Ordering::Relaxed);
    sleep(WRITE).await;
    lab.device.cut_power();
    lab.network.silent.store(false, Ordering::Relaxed);
    lab.shows("usercert Valid").await;
    let told = "CSR: the request is repeated, because its answer may have got lost";
    assert!(log(&lab).contains(told), "{}", log(&lab));
    let asked = lab.ca.requests();
    assert_eq!(asked.iter().filter(|one| one.ends_with("GetCACert")).count(), 1, "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn cut_before_the_certificate_is_written_asks_for_the_same_again() {
    let lab = slow(Answer::Issue);
    begin(&lab, &[]).await;
    // The third write is that of the certificate.
    in_write(2).await;
    assert_eq!(lab.ca.csrs().len(), 1);
    lab.shows("usercert Pending").await;
    lab.device.cut_power();
    lab.shows("usercert Valid").await;
    assert_eq!(lab.ca.csrs().len(), 2);
    assert!(same_key(&lab, 0, 1));
    let transactions = transactions(&lab, "PKCSReq");
    assert_eq!(transactions[0], transactions[1]);
}

#[tokio::test(start_paused = true)]
async fn cut_after_the_certificate_is_written_keeps_it_with_its_key() {
    let lab = slow(Answer::Issue);
    begin(&lab, &["renew-key same"]).await;
    lab.shows("usercert Valid").await;
    let before = lab.output(CERTIFICATE).await;
    lab.device.cut_power();
    lab.shows("usercert Valid").await;
    lab.shows("ca Valid").await;
    assert_eq!(lab.output(CERTIFICATE).await, before);
    assert_eq!(lab.ca.csrs().len(), 1);
    lab.output("pki scep renew CSR").await;
    sleep(10 * WRITE).await;
    assert_eq!(lab.ca.csrs().len(), 2, "{}", log(&lab));
    assert!(same_key(&lab, 0, 1));
}

#[tokio::test(start_paused = true)]
async fn cut_while_pending_polls_for_the_same_request() {
    let lab = slow(Answer::Pending);
    begin(&lab, &[]).await;
    // The third write is that of the answer PENDING.
    in_write(3).await;
    assert!(log(&lab).contains("was answered PENDING"), "{}", log(&lab));
    lab.device.cut_power();
    sleep(Duration::from_secs(600)).await;
    lab.shows("usercert Pending").await;
    lab.ca.change(Answer::Issue);
    // The next poll may be an hour later.
    lab.output("pki scep poll CSR").await;
    lab.shows("usercert Valid").await;
    assert_eq!(lab.ca.csrs().len(), 1, "{}", log(&lab));
    assert!(log(&lab).contains("CSR: the pending request from before the restart goes on"));
}

#[tokio::test(start_paused = true)]
async fn cut_while_the_pending_answer_is_written_repeats_the_request() {
    let lab = slow(Answer::Pending);
    begin(&lab, &[]).await;
    in_write(2).await;
    lab.device.cut_power();
    sleep(Duration::from_secs(600)).await;
    lab.shows("usercert Pending").await;
    assert_eq!(lab.ca.csrs().len(), 2, "{}", log(&lab));
    assert!(same_key(&lab, 0, 1));
    lab.ca.change(Answer::Issue);
    // The next poll may be an hour later.
    lab.output("pki scep poll CSR").await;
    lab.shows("usercert Valid").await;
}

#[tokio::test(start_paused = true)]
async fn cut_in_a_renewal_keeps_the_old_certificate_and_goes_on() {
    // The key, the request, and the certificate.
    for write in 0..3 {
        let lab = slow(Answer::Issue);
        begin(&lab, &[]).await;
        lab.shows("usercert Valid").await;
        let before = lab.output(CERTIFICATE).await;
        lab.output("pki scep renew CSR").await;
        in_write(write).await;
        lab.device.cut_power();
        sleep(Duration::from_secs(2)).await;
        assert_eq!(lab.output(CERTIFICATE).await, before, "write {write}");
        if write == 0 {
            // Nothing of the renewal was written, so the operator has to begin it again.
            lab.shows("usercert Valid").await;
            assert_eq!(lab.ca.csrs().len(), 1);
            continue;
        }
        lab.shows("usercert Valid").await;
        sleep(10 * WRITE).await;
        assert_ne!(lab.output(CERTIFICATE).await, before, "write {write}: {}", log(&lab));
        let transactions: Vec<_> = transactions(&lab, "PKCSReq").split_off(1);
        assert!(transactions.windows(2).all(|two| two[0] == two[1]), "{transactions:?}");
        assert_eq!(transactions.len(), if write == 1 { 1 } else { 2 });
    }
}

#[tokio::test(start_paused = true)]
async fn cut_keeps_the_growing_pauses_of_a_renewal() {
    let lab = slow(Answer::Issue);
    begin(&lab, &["renew-before 300d"]).await;
    lab.shows("usercert Valid").await;
    lab.ca.change(Answer::LeakPassword);
    sleep(Duration::from_secs(71 * 86_400)).await;
    let before = lab.ca.csrs().len();
    assert!(before > 5, "{}", log(&lab));
    lab.device.cut_power();
    sleep(Duration::from_secs(6 * 3600)).await;
    assert!(lab.ca.csrs().len() <= before + 1, "{}", log(&lab));
}

#[tokio::test(start_paused = true)]
async fn cut_loses_what_was_not_saved_and_the_next_cut_nothing_more() {
    let lab = slow(Answer::Issue);
    begin(&lab, &[]).await;
    lab.shows("usercert Valid").await;
    lab.device.modify_configuration("set system host-name DUT1").await.unwrap();
    lab.output("configure").await;
    lab.device.cut_power();
    assert_eq!(lab.device.prompt().await, "admin@osdx$ ");
    // In the middle of the start.
    lab.device.cut_power();
    sleep(Duration::from_millis(500)).await;
    lab.device.cut_power();
    lab.shows("usercert Valid").await;
    assert_eq!(lab.ca.csrs().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn cut_in_a_pending_enrolment_that_the_ca_has_forgotten_makes_a_new_request() {
    let lab = slow(Answer::Pending);
    begin(&lab, &[]).await;
    in_write(3).await;
    lab.device.cut_power();
    lab.ca.change(Answer::Forgets);
    lab.shows("usercert Valid").await;
    assert!(log(&lab).contains("badCertId; a new request is made"), "{}", log(&lab));
    assert_eq!(transactions(&lab, "PKCSReq").len(), 2);
}

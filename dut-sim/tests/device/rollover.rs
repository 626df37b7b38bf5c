//! The next CA: GetNextCACert, its day, and CAs that nobody announced, on a paused clock.

use std::time::Duration;

use dut_sim::DeviceSettings;
use openssl::hash::MessageDigest;
use scep::clock::{Clock, moment};
use tokio::time::sleep;

use super::toy_ca::{Answer, NextAnswer};
use super::{DOCUMENTED, Lab, SEALED, keyring};

const CSR: &str = "set system certificate scep csr CSR";
const DAY: Duration = Duration::from_secs(86_400);
const NEXT_DAY: &str = "2026-07-01T00:00:00Z";

/// A lab that announces a next CA from the middle of 2026 on, with certificates of a year.
async fn announced(answer: NextAnswer, lines: &[&str]) -> (Lab, Clock) {
    announced_to(Duration::from_secs(1), answer, lines).await
}

/// The same, with a device that starts so slowly.
async fn announced_to(start_time: Duration, answer: NextAnswer, lines: &[&str]) -> (Lab, Clock) {
    let (_, clock) = Lab::in_2026(Answer::Issue);
    let change = |settings: &mut DeviceSettings| {
        settings.own.keyring = keyring(&[(SEALED, "secret")]);
        settings.start_time = start_time;
    };
    let lab = Lab::on_clock(Answer::Issue, clock.clone(), change);
    lab.ca.announce(moment(NEXT_DAY).unwrap(), answer);
    let fingerprint = lab.ca.fingerprint(MessageDigest::sha256());
    let more: String = lines.iter().flat_map(|line| [CSR, " ", *line, "\n"]).collect();
    let lines = format!("{DOCUMENTED}{more}").replace("ITS-FINGERPRINT", &fingerprint);
    lab.device.replace_configuration(&lines).await.unwrap();
    lab.shows("usercert Valid").await;
    lab.output("save").await;
    sleep(Duration::from_secs(1)).await;
    (lab, clock)
}

fn log(lab: &Lab) -> String {
    lab.device.protocol_log().join("\n")
}

fn questions(lab: &Lab) -> usize {
    lab.ca.requests().iter().filter(|one| one.ends_with("GetNextCACert")).count()
}

async fn until(clock: &Clock, goal: &str) {
    let left = moment(goal).unwrap().duration_since(clock.now()).unwrap_or_default();
    sleep(left).await;
}

#[tokio::test(start_paused = true)]
async fn device_does_not_ask_unless_it_is_configured() {
    let (lab, _) = announced(NextAnswer::Signed, &[]).await;
    sleep(30 * DAY).await;
    assert_eq!(questions(&lab), 0);
}

#[tokio::test(start_paused = true)]
async fn next_ca_is_kept_until_its_day_and_then_renews_the_certificate() {
    let lines = ["rollover get-next-ca", "renew-at 80", "ca-fingerprint ITS-FINGERPRINT"];
    let (lab, clock) = announced(NextAnswer::Signed, &lines).await;
    assert_eq!(questions(&lab), 1);
    lab.shows("next-ca Next Encipherment & Signature Jul 1 00:00:00 2026 GMT").await;
    lab.shows("next-ca: from 2026-07-01T00:00:00Z on").await;
    let shown = lab
        .output("pki show certificate running://auth/certificates/scep/CSR/ca/next-ca.der")
        .await;
    assert!(shown.contains("Subject: CN = Next-PKI, O = Toy"), "{shown}");
    until(&clock, "2026-06-30T23:59Z").await;
    lab.shows("next-ca Next").await;
    assert_eq!((questions(&lab), lab.ca.csrs().len()), (1, 1), "it asks once");
    lab.ca.roll_over();
    until(&clock, "2026-07-01T00:01Z").await;
    // At once, although the 80 % are in October: certificates of the old CA end with it.
    assert_eq!(lab.ca.csrs().len(), 2, "{}", log(&lab));
    assert!(!lab.output("pki scep show CSR").await.contains("next-ca"));
    let ca =
        lab.output("pki show certificate running://auth/certificates/scep/CSR/ca/ca.der").await;
    assert!(ca.contains("Subject: CN = Next-PKI, O = Toy"), "{ca}");
    let own =
        lab.output("pki show certificate running://auth/certificates/scep/CSR/user/cert").await;
    assert!(own.contains("Issuer: CN = Next-PKI, O = Toy"), "{own}");
    let told =
        "CSR: rollover: `CN = Next-PKI, O = Toy` is the CA now; its day was 2026-07-01T00:00:00Z";
    assert!(log(&lab).contains(told), "{}", log(&lab));
}

#[tokio::test(start_paused = true)]
async fn device_that_was_off_on_the_day_switches_when_it_starts() {
    let (lab, clock) = announced_to(60 * DAY, NextAnswer::Signed, &["rollover get-next-ca"]).await;
    until(&clock, "2026-06-01T00:00Z").await;
    lab.device.cut_power();
    lab.ca.roll_over();
    until(&clock, "2026-08-01T00:00Z").await;
    assert!(log(&lab).contains("is the CA now; its day was 2026-07-01"), "{}", log(&lab));
    lab.output("pki scep renew CSR").await;
    sleep(Duration::from_secs(5)).await;
    let own =
        lab.output("pki show certificate running://auth/certificates/scep/CSR/user/cert").await;
    assert!(own.contains("Issuer: CN = Next-PKI, O = Toy"), "{own}");
}

#[tokio::test(start_paused = true)]
async fn next_ca_that_the_current_one_has_not_signed_is_refused() {
    let (lab, _) = announced(NextAnswer::Forged, &["rollover get-next-ca"]).await;
    lab.shows("rollover: GetNextCACert: the message's signature does not verify, next try in")
        .await;
    assert!(!lab.output("pki scep show CSR").await.contains("next-ca"));
    sleep(200 * DAY).await;
    lab.shows("ca Valid").await;
    let ca =
        lab.output("pki show certificate running://auth/certificates/scep/CSR/ca/ca.der").await;
    assert!(ca.contains("Subject: CN = Toy-PKI, O = Toy"), "{ca}");
}

#[tokio::test(start_paused = true)]
async fn ca_without_a_next_one_is_asked_again_at_the_renewal() {
    let (lab, clock) =
        announced(NextAnswer::NotYet, &["rollover get-next-ca", "renew-at 50"]).await;
    assert!(
        log(&lab).contains("CSR: rollover: there is no next CA yet: GetNextCACert"),
        "{}",
        log(&lab)
    );
    lab.ca.announce(moment("2026-12-01T00:00Z").unwrap(), NextAnswer::Signed);
    until(&clock, "2026-07-02T00:00Z").await;
    assert_eq!(questions(&lab), 1);
    until(&clock, "2026-07-03T00:00Z").await;
    assert_eq!((questions(&lab), lab.ca.csrs().len()), (2, 2), "{}", log(&lab));
    lab.shows("next-ca Next").await;
}

#[tokio::test(start_paused = true)]
async fn ca_is_asked_again_after_most_of_its_life_and_then_every_day() {
    let (lab, clock) = announced(NextAnswer::NotYet, &["rollover get-next-ca"]).await;
    // Its 20 years of 365 days end in December 2045; 80 % of them on 28 December 2041.
    until(&clock, "2041-12-27T00:00Z").await;
    assert_eq!(questions(&lab), 1);
    until(&clock, "2041-12-29T00:00Z").await;
    assert_eq!(questions(&lab), 2, "{}", log(&lab));
    until(&clock, "2042-01-08T01:00Z").await;
    assert_eq!(questions(&lab), 13);
}

#[tokio::test(start_paused = true)]
async fn another_ca_without_announcement_is_refused_by_its_fingerprint() {
    let lines = ["ca-fingerprint ITS-FINGERPRINT"];
    let (lab, _) = announced(NextAnswer::Signed, &lines).await;
    lab.ca.roll_over();
    sleep(200 * DAY).await;
    lab.output("pki scep renew CSR").await;
    lab.shows("usercert: renewal: GetCACert: no CA certificate has the configured fingerprint")
        .await;
    lab.shows("ca Valid").await;
}

#[tokio::test(start_paused = true)]
async fn another_ca_without_announcement_and_fingerprint_is_trusted_with_a_warning() {
    let (lab, _) = announced(NextAnswer::Signed, &[]).await;
    lab.ca.roll_over();
    sleep(200 * DAY).await;
    let fingerprint = lab.ca.fingerprint(MessageDigest::sha256());
    lab.output("pki scep renew CSR").await;
    sleep(Duration::from_secs(5)).await;
    let warning = format!(
        "CSR: renewal: warning: another CA answers, `CN = Next-PKI, O = Toy` with the fingerprint {fingerprint}, in place of \
         `CN = Toy-PKI, O = Toy`, which did not announce it"
    );
    assert!(log(&lab).contains(&warning), "{}", log(&lab));
    assert_eq!(lab.ca.csrs().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn announced_ca_that_answers_before_its_day_is_trusted() {
    let (lab, _) =
        announced(NextAnswer::NotYet, &["rollover get-next-ca", "ca-fingerprint ITS-FINGERPRINT"])
            .await;
    // It has begun already, so its day is the end of the current one.
    lab.ca.announce(moment("2025-12-01T00:00Z").unwrap(), NextAnswer::Signed);
    lab.output("pki scep renew CSR").await;
    lab.shows("next-ca: from 2045-12-27T00:00:00Z on").await;
    sleep(100 * DAY).await;
    lab.ca.roll_over();
    lab.output("pki scep renew CSR").await;
    sleep(Duration::from_secs(60)).await;
    let told =
        "CSR: renewal: the CA is `CN = Next-PKI, O = Toy` now, which the one before announced";
    assert!(log(&lab).contains(told), "{}", log(&lab));
    assert!(!lab.output("pki scep show CSR").await.contains("next-ca"));
    assert_eq!(lab.ca.csrs().len(), 3);
}

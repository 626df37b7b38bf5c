//! The commands and statuses of certificate requests that OSDx does not document.

use std::time::Duration;

use dut_sim::GrowingPause;
use tokio::time::sleep;

use super::toy_ca::Answer;
use super::{DOCUMENTED, Lab, SEALED};

const CERTIFICATE: &str = "pki show certificate running://auth/certificates/scep/CSR/user/cert";

#[tokio::test]
async fn poll_asks_before_the_pause_is_over() {
    let hour = Duration::from_secs(3600);
    let pause = GrowingPause { first: hour, longest: hour };
    let lab = Lab::pausing(Answer::Pending, &[(SEALED, "secret")], pause);
    let refused = lab.output("pki scep poll CSR").await;
    assert_eq!(refused, "CLI Error: no certificate request `CSR`; none is configured");
    lab.device.replace_configuration(DOCUMENTED).await.unwrap();
    lab.shows("usercert Pending").await;
    while !lab.device.protocol_log().join("\n").contains("was answered PENDING, next poll in 1 h") {
        tokio::task::yield_now().await;
    }
    lab.ca.change(Answer::Issue);
    assert_eq!(lab.output("pki scep poll CSR").await, "The CA is asked about `CSR`");
    lab.shows("usercert Valid").await;
    let refused = lab.output("pki scep poll CSR").await;
    assert_eq!(refused, "CLI Error: `CSR`: no request of it waits for a decision of the CA");
}

#[tokio::test]
async fn clear_deletes_the_key_and_enrols_anew() {
    let lab = Lab::new(Answer::Issue);
    lab.device.replace_configuration(DOCUMENTED).await.unwrap();
    lab.shows("usercert Valid").await;
    lab.ca.change(Answer::Pending);
    let cleared = lab.output("pki scep clear CSR").await;
    assert_eq!(cleared, "`CSR` is cleared, and a new enrolment has begun");
    lab.shows("usercert Pending - - -").await;
    assert!(lab.output(CERTIFICATE).await.starts_with("CLI Error: no file `running://"));
    lab.ca.change(Answer::Issue);
    lab.shows("usercert Valid").await;
    let csrs = lab.ca.csrs();
    let keys: Vec<_> = csrs.iter().map(|csr| csr.public_key().unwrap()).collect();
    assert!(!keys[0].public_eq(&keys[1]));
    assert!(lab.device.protocol_log().contains(&"CSR: certificates and key are deleted".into()));
    assert!(lab.output("pki scep clear NO").await.contains("configured: CSR"));
}

#[tokio::test]
async fn pending_renewal_is_shown_as_renewing() {
    let lab = Lab::new(Answer::Issue);
    lab.device.replace_configuration(DOCUMENTED).await.unwrap();
    lab.shows("usercert Valid").await;
    lab.ca.change(Answer::Pending);
    lab.output("pki scep renew CSR").await;
    lab.shows("usercert Renewing - ").await;
    lab.shows("usercert: renewal: the CA has not decided").await;
    assert!(lab.output("pki scep renew CSR").await.ends_with("its renewal is under way already"));
    lab.ca.change(Answer::Issue);
    lab.shows("usercert Valid").await;
}

#[tokio::test(start_paused = true)]
async fn statuses_and_log_follow_the_clock() {
    let (lab, _clock) = Lab::in_2026(Answer::Issue);
    lab.device.replace_configuration(DOCUMENTED).await.unwrap();
    lab.shows("ca Valid").await;
    lab.shows("usercert Valid").await;
    let log = lab.output("show log").await;
    let journal = lab.output("system journal show").await;
    let (first, _) = journal.split_once('\n').unwrap();
    assert!(log.starts_with(&format!("2026-01-01T00:00:00Z  {first}\n")), "{log}");
    assert_eq!(log.lines().count(), journal.lines().count());
    sleep(Duration::from_secs(366 * 86_400)).await;
    lab.shows("ca Valid").await;
    lab.shows("usercert Expired").await;
    assert!(lab.output("show date").await.starts_with("Sat 02 Jan 2027 00:00:"));
}

//! Renewals that the device begins by itself, on a paused clock.

use std::sync::atomic::Ordering;
use std::time::SystemTime;

use scep::clock::{Clock, moment, moment_text};
use tokio::time::sleep;

use super::toy_ca::Answer;
use super::{DOCUMENTED, Lab};

const CSR: &str = "set system certificate scep csr CSR";

/// A lab in which a certificate of 100 days was issued at the beginning of 2026, with these lines about its renewal.
async fn enrolled(lines: &[&str]) -> (Lab, Clock) {
    let (lab, clock) = Lab::in_2026(Answer::Issue);
    lab.ca.issue_for(100);
    let more: String = lines.iter().flat_map(|line| [CSR, " ", *line, "\n"]).collect();
    lab.device.replace_configuration(&format!("{DOCUMENTED}{more}")).await.unwrap();
    lab.shows("usercert Valid").await;
    (lab, clock)
}

/// Lets the lab's time pass until this moment.
async fn until(clock: &Clock, goal: &str) {
    while let Ok(left) = moment(goal).unwrap().duration_since(clock.now()) {
        if left.is_zero() {
            return;
        }
        sleep(left).await;
    }
}

/// The number of requests for a certificate.
fn requested(lab: &Lab) -> usize {
    lab.ca.csrs().len()
}

fn log(lab: &Lab) -> String {
    lab.device.protocol_log().join("\n")
}

#[tokio::test(start_paused = true)]
async fn certificate_is_renewed_at_its_share_of_the_life() {
    // 80 % of 100 days from 1 January is 22 March.
    let (lab, clock) = enrolled(&["renew-at 80"]).await;
    assert!(log(&lab).contains("CSR: renewal: due 2026-03-22T00:00:00Z"), "{}", log(&lab));
    lab.shows("usercert: renewal: due 2026-03-22T00:00:00Z").await;
    until(&clock, "2026-03-21T23:59Z").await;
    assert_eq!(requested(&lab), 1);
    until(&clock, "2026-03-22T00:01Z").await;
    assert_eq!(requested(&lab), 2);
    lab.shows("usercert Valid - Mar 22 00:00:0").await;
    // And the new one at its own time, which is 80 days later.
    until(&clock, "2026-06-09T23:59Z").await;
    assert_eq!(requested(&lab), 2);
    until(&clock, "2026-06-10T00:01Z").await;
    assert_eq!(requested(&lab), 3);
}

#[tokio::test(start_paused = true)]
async fn certificate_is_renewed_before_its_end_and_earlier_by_jitter() {
    let (lab, clock) = enrolled(&["renew-before 30d", "renew-jitter 5d"]).await;
    // The end is 11 April.
    until(&clock, "2026-03-06T23:59Z").await;
    assert_eq!(requested(&lab), 1);
    until(&clock, "2026-03-12T00:01Z").await;
    assert_eq!(requested(&lab), 2);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_renewed_unless_it_is_configured() {
    let (lab, clock) = enrolled(&[]).await;
    assert!(!lab.output("pki scep show CSR").await.contains("renewal"));
    until(&clock, "2030-01-01T00:00Z").await;
    assert_eq!(requested(&lab), 1);
    lab.shows("usercert Expired").await;
}

#[tokio::test(start_paused = true)]
async fn commit_of_another_time_keeps_the_certificate() {
    let (lab, clock) = enrolled(&[]).await;
    until(&clock, "2026-03-01T00:00Z").await;
    lab.device.modify_configuration(&format!("{CSR} renew-at 80")).await.unwrap();
    until(&clock, "2026-03-21T23:59Z").await;
    assert_eq!(requested(&lab), 1);
    // It is overdue by this, so it begins at once.
    lab.device.modify_configuration(&format!("{CSR} renew-at 50")).await.unwrap();
    until(&clock, "2026-03-22T00:00Z").await;
    assert_eq!(requested(&lab), 2);
}

/// The moments of the tries, as far as the log has them.
async fn tries(lab: &Lab, clock: &Clock, goal: &str) -> Vec<SystemTime> {
    let mut changes = lab.device.subscribe();
    let (mut moments, mut seen) = (Vec::new(), lab.ca.requests().len());
    let goal = moment(goal).unwrap();
    while let Ok(left) = goal.duration_since(clock.now()) {
        tokio::select! {
            () = sleep(left) => return moments,
            result = changes.changed() => result.unwrap(),
        }
        let asked = lab.ca.requests().len();
        if asked > seen {
            moments.push(clock.now());
        }
        seen = asked;
    }
    moments
}

#[tokio::test(start_paused = true)]
async fn refused_renewal_is_tried_again_after_growing_pauses() {
    let (lab, clock) = enrolled(&["renew-at 80"]).await;
    lab.ca.change(Answer::LeakPassword);
    until(&clock, "2026-03-21T23:59Z").await;
    let _ = tries(&lab, &clock, "2026-03-22T00:20Z").await;
    let words = "badRequest: the server says \"wrong challenge password `****`\", next try in";
    lab.shows(&format!("{words} 16 min")).await;
    // At 0, 1, 3, 7 and 15 minutes.
    assert_eq!(requested(&lab), 6, "{}", log(&lab));
    until(&clock, "2026-03-28T00:00Z").await;
    lab.shows(&format!("{words} 1 day")).await;
    lab.ca.change(Answer::Issue);
    until(&clock, "2026-03-30T00:00Z").await;
    lab.shows("usercert Valid - Mar 2").await;
    // The next renewal is shown in place of the failure.
    lab.shows("usercert: renewal: due 2026-06-").await;
    assert!(!lab.output("pki scep show CSR").await.contains("next try"));
}

#[tokio::test(start_paused = true)]
async fn ca_that_is_down_at_the_renewal_is_found_when_it_is_back() {
    let (lab, clock) = enrolled(&["renew-at 80"]).await;
    lab.network.closed.store(true, Ordering::Relaxed);
    until(&clock, "2026-03-25T00:00Z").await;
    lab.shows("usercert: renewal: GetCACaps: connection refused by 10.215.168.1:8080, next try in")
        .await;
    lab.network.closed.store(false, Ordering::Relaxed);
    until(&clock, "2026-03-27T00:00Z").await;
    assert_eq!(requested(&lab), 2);
    lab.shows("usercert Valid - Mar 2").await;
}

/// The devices of these tests take two keys in turn, so a key for each try would make the third the first again.
#[tokio::test(start_paused = true)]
async fn key_of_a_try_without_a_request_is_used_by_the_next_one() {
    let (lab, clock) = enrolled(&["renew-at 80"]).await;
    lab.ca.change(Answer::Invalid);
    until(&clock, "2026-03-22T00:00:30Z").await;
    lab.shows("usercert: renewal: GetCACert").await;
    lab.ca.change(Answer::Issue);
    until(&clock, "2026-03-22T00:01:30Z").await;
    let keys: Vec<_> = lab.ca.csrs().iter().map(|csr| csr.public_key().unwrap()).collect();
    assert_eq!(keys.len(), 2, "{}", log(&lab));
    assert!(!keys[0].public_eq(&keys[1]), "{}", log(&lab));
}

#[tokio::test(start_paused = true)]
async fn expired_certificate_is_followed_by_a_first_enrolment() {
    let (lab, clock) = enrolled(&["renew-at 80"]).await;
    lab.ca.change(Answer::LeakPassword);
    until(&clock, "2026-04-10T23:59Z").await;
    lab.ca.change(Answer::Issue);
    assert!(!log(&lab).contains("expired"), "{}", log(&lab));
    until(&clock, "2026-04-11T00:01Z").await;
    assert!(
        log(&lab)
            .contains("CSR: renewal: the certificate has expired, so a first one is requested"),
        "{}",
        log(&lab)
    );
    lab.shows("usercert Valid - Apr 11 00:00:0").await;
}

#[tokio::test(start_paused = true)]
async fn certificate_that_is_due_when_it_is_issued_is_renewed_with_pauses() {
    let (lab, clock) = enrolled(&["renew-before 200d"]).await;
    let moments = tries(&lab, &clock, "2026-01-01T01:10Z").await;
    let shown: Vec<_> = moments.iter().map(|one| moment_text(*one)).collect();
    // At once, then after pauses of 1, 2, 4, 8, 16 and 32 minutes.
    assert_eq!(requested(&lab), 8, "{shown:?}");
}

#[tokio::test(start_paused = true)]
async fn operator_need_not_wait_for_the_next_try() {
    let (lab, clock) = enrolled(&["renew-at 80"]).await;
    lab.ca.change(Answer::LeakPassword);
    until(&clock, "2026-03-28T00:00Z").await;
    lab.ca.change(Answer::Issue);
    assert_eq!(lab.output("pki scep renew CSR").await, "The renewal of `CSR` has begun");
    until(&clock, "2026-03-28T00:01Z").await;
    lab.shows("usercert Valid - Mar 28 00:00:0").await;
}

//! Restarts and changes of the clock, on a paused clock.

use std::sync::atomic::Ordering;
use std::time::Duration;

use scep::clock::{Clock, moment};
use tokio::time::{Instant, sleep};

use super::toy_ca::Answer;
use super::{DOCUMENTED, Lab};

const CSR: &str = "set system certificate scep csr CSR";
const CERTIFICATE: &str = "pki show certificate running://auth/certificates/scep/CSR/user/cert";

/// A lab with the documented configuration and these lines about its request, saved.
async fn saved(answer: Answer, lines: &[&str]) -> (Lab, Clock) {
    let (lab, clock) = Lab::in_2026(answer);
    lab.ca.issue_for(100);
    let more: String = lines.iter().flat_map(|line| [CSR, " ", *line, "\n"]).collect();
    lab.device.replace_configuration(&format!("{DOCUMENTED}{more}")).await.unwrap();
    assert_eq!(lab.output("save").await, "Done");
    (lab, clock)
}

async fn reboot(lab: &Lab) {
    assert_eq!(lab.output("reboot").await, "The system is going down for reboot NOW!");
}

async fn days(count: u64) {
    sleep(Duration::from_secs(count * 86_400)).await;
}

fn log(lab: &Lab) -> String {
    lab.device.protocol_log().join("\n")
}

/// So that whoever moves the time of a lab does not pass over a restart.
#[tokio::test(start_paused = true)]
async fn device_that_restarts_is_busy_and_a_move_of_its_time_shortens_its_start() {
    let (lab, _) = saved(Answer::Issue, &[]).await;
    lab.shows("usercert Valid").await;
    reboot(&lab).await;
    assert!(lab.device.outlook().is_busy);
    sleep(Duration::from_millis(1)).await;
    let outlook = lab.device.outlook();
    assert!(!outlook.is_busy);
    assert!(outlook.next_due.is_some_and(|due| due < Duration::from_secs(1)));

    lab.device.advance(Duration::from_secs(1)).unwrap();

    assert!(lab.device.outlook().is_busy);
    let moved = Instant::now();
    assert!(lab.output(CERTIFICATE).await.contains("Serial Number"));
    assert_eq!(moved.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn certificate_and_key_stay_and_what_was_not_saved_is_lost() {
    let (lab, _) = saved(Answer::Issue, &[]).await;
    lab.shows("usercert Valid").await;
    let before = lab.output(CERTIFICATE).await;
    lab.device.modify_configuration("set system host-name DUT1").await.unwrap();
    let other = "set system certificate scep csr B";
    let lines = format!("{other} url http://10.215.168.1\n{other} distinguished-names CN=b");
    lab.device.modify_configuration(&lines).await.unwrap();
    reboot(&lab).await;
    assert_eq!(lab.output(CERTIFICATE).await, before);
    assert_eq!(lab.device.prompt().await, "admin@osdx$ ");
    assert!(lab.output("pki scep show B").await.contains("configured: CSR"));
    assert!(!lab.output("show running").await.contains("Warning"));
    // With the same key: the CA sees that of the first request again.
    assert_eq!(lab.ca.csrs().len(), 1);
    lab.device.modify_configuration(&format!("{CSR} renew-key same")).await.unwrap();
    lab.output("pki scep renew CSR").await;
    days(1).await;
    let [first, second] = &lab.ca.csrs()[..] else { panic!("{}", log(&lab)) };
    assert!(first.public_key().unwrap().public_eq(&second.public_key().unwrap()));
}

#[tokio::test(start_paused = true)]
async fn deleted_request_loses_its_certificate_for_good() {
    let (lab, _) = saved(Answer::Issue, &[]).await;
    lab.shows("usercert Valid").await;
    lab.device.modify_configuration(&CSR.replace("set", "delete")).await.unwrap();
    reboot(&lab).await;
    // The saved configuration has it, but it was deleted with its certificate, so it enrols anew.
    lab.shows("usercert Valid").await;
    assert_eq!(lab.ca.csrs().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn pending_enrolment_is_polled_after_the_restart() {
    let (lab, _) = saved(Answer::Pending, &[]).await;
    lab.shows("usercert Pending").await;
    days(1).await;
    reboot(&lab).await;
    lab.shows("usercert Pending").await;
    days(1).await;
    lab.ca.change(Answer::Issue);
    // The next poll may be an hour later.
    lab.output("pki scep poll CSR").await;
    lab.shows("usercert Valid").await;
    assert_eq!(lab.ca.csrs().len(), 1, "{}", log(&lab));
    assert!(lab.ca.requests().iter().filter(|one| one.ends_with("GetCACert")).count() == 1);
}

#[tokio::test(start_paused = true)]
async fn enrolment_that_is_retried_goes_on_after_the_restart() {
    let (lab, _) = saved(Answer::Issue, &[]).await;
    lab.network.closed.store(true, Ordering::Relaxed);
    lab.output("pki scep clear CSR").await;
    lab.shows("ca Failed").await;
    reboot(&lab).await;
    lab.shows("ca Failed").await;
    lab.network.closed.store(false, Ordering::Relaxed);
    lab.shows("usercert Valid").await;
}

#[tokio::test(start_paused = true)]
async fn renewal_is_still_due_after_the_restart() {
    let (lab, _) = saved(Answer::Issue, &["renew-at 80"]).await;
    lab.shows("usercert Valid").await;
    days(79).await;
    reboot(&lab).await;
    lab.shows("usercert Valid").await;
    assert_eq!(lab.ca.csrs().len(), 1);
    days(2).await;
    assert_eq!(lab.ca.csrs().len(), 2, "{}", log(&lab));
}

#[tokio::test(start_paused = true)]
async fn growing_pauses_go_on_after_the_restart() {
    let (lab, _) = saved(Answer::Issue, &["renew-at 80"]).await;
    lab.shows("usercert Valid").await;
    lab.ca.change(Answer::LeakPassword);
    days(81).await;
    let before = lab.ca.csrs().len();
    reboot(&lab).await;
    // The pauses are of half a day and more by now: a fresh count would try every few minutes.
    sleep(Duration::from_secs(6 * 3600)).await;
    assert!(lab.ca.csrs().len() <= before + 1, "{}", log(&lab));
}

#[tokio::test(start_paused = true)]
async fn pending_renewal_goes_on_after_the_restart() {
    let (lab, _) = saved(Answer::Issue, &[]).await;
    lab.shows("usercert Valid").await;
    let before = lab.output(CERTIFICATE).await;
    lab.ca.change(Answer::Pending);
    lab.output("pki scep renew CSR").await;
    lab.shows("usercert Renewing").await;
    lab.shows("the CA has not decided").await;
    reboot(&lab).await;
    lab.shows("usercert Renewing").await;
    assert_eq!(lab.output(CERTIFICATE).await, before);
    lab.ca.change(Answer::Issue);
    lab.shows("usercert Valid").await;
    assert_ne!(lab.output(CERTIFICATE).await, before);
    assert_eq!(lab.ca.csrs().len(), 2, "{}", log(&lab));
    assert!(
        log(&lab).contains("CSR: renewal: the pending request from before the restart goes on"),
        "{}",
        log(&lab)
    );
}

#[tokio::test(start_paused = true)]
async fn clock_is_set_at_the_device_alone_and_survives_the_restart() {
    let (lab, clock) = saved(Answer::Issue, &["renew-at 80"]).await;
    lab.shows("usercert Valid").await;
    let refused = lab.output("set date yesterday").await;
    assert!(
        refused.starts_with("CLI Error: `yesterday`: a moment is a date with its time"),
        "{refused}"
    );
    let set = lab.output("set date 1970-01-01T00:00:00Z").await;
    assert_eq!(set, "Thu 01 Jan 1970 00:00:00 +00:00");
    lab.shows("ca Not yet valid").await;
    lab.shows("usercert Not yet valid").await;
    reboot(&lab).await;
    assert!(lab.output("show date").await.starts_with("Thu 01 Jan 1970 00:00:0"));
    assert!(clock.now() < moment("2026-01-02T00:00Z").unwrap());
    // Ahead of the moment at which the certificate is due: it is renewed at once.
    assert_eq!(lab.ca.csrs().len(), 1);
    lab.output("set date 2026-03-23T00:00:00Z").await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!(lab.ca.csrs().len(), 2, "{}", log(&lab));
    let log = lab.output("show log").await;
    assert!(
        log.contains("\n2026-03-23T00:00:00Z  the clock is set, which showed 1970-01-01T00:00:0"),
        "{log}"
    );
}

#[tokio::test(start_paused = true)]
async fn wrong_date_is_refused_in_words_and_the_clock_stays() {
    let (lab, _) = saved(Answer::Issue, &[]).await;
    let zone = |zone: &str| {
        format!(
            "a moment is in UTC, which `Z` at its end says: the time zone `{zone}` is not read, and there is no summer time"
        )
    };
    for (date, refusal) in [
        // The hour that summer time leaves out, and the one that it has twice.
        ("2026-03-29T02:30+02:00", format!("{}\nDid you mean `2026-03-29T00:30:00Z`?", zone("+02:00"))),
        ("2026-10-25 02:30 CEST", zone("CEST")),
        ("2026-03-29T02:30", "a moment needs its time zone; write `Z` for UTC at its end, as in `2026-01-01T00:00Z`".to_owned()),
        ("1969-12-31T23:59:59Z", "a clock begins in 1970: no certificate, log or message of SCEP is older".to_owned()),
        ("10000-01-01T00:00:00Z", "a clock ends with the year 9999, the last that a certificate can name (RFC 5280 §4.1.2.5)".to_owned()),
        ("2026-12-31T23:59:60Z", "the second `:60` is a leap second, which no certificate can name (RFC 5280 §4.1.2.5)".to_owned()),
        ("2026-02-29T00:00:00Z", "there is no such date or time".to_owned()),
    ] {
        let reply = lab.device.execute(&format!("set date {date}")).await;
        assert_eq!(reply.output, format!("CLI Error: `{date}`: {refusal}"));
        assert!(!reply.ok);
    }
    assert!(lab.output("show date").await.starts_with("Thu 01 Jan 2026 00:00:0"));
    assert_eq!(lab.output("set date").await, "Incomplete command: set date");
    assert_eq!(lab.output("set date 2026-03-29 01:00Z").await, "Sun 29 Mar 2026 01:00:00 +00:00");
    // The ends of what a clock can show.
    for edge in ["1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z"] {
        assert!(lab.device.execute(&format!("set date {edge}")).await.ok);
        lab.shows("usercert").await;
    }
}

#[tokio::test(start_paused = true)]
async fn save_warns_of_uncommitted_changes_in_configuration_mode() {
    let (lab, _) = saved(Answer::Issue, &[]).await;
    lab.output("configure").await;
    lab.output("set system host-name DUT1").await;
    let warned = "Warning: you have uncommitted changes that will not be saved.\nDone";
    assert_eq!(lab.output("save").await, warned);
    assert_eq!(lab.output("run save").await, warned);
    assert_eq!(lab.output("commit").await, "");
    assert_eq!(lab.output("run save").await, "Done");
    assert_eq!(lab.output("exit").await, "");
    reboot(&lab).await;
    assert_eq!(lab.device.prompt().await, "admin@DUT1$ ");
}

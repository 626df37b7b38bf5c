//! The check of revocation: lists by GetCRL and from distribution points, on a paused clock.

use std::sync::atomic::Ordering;
use std::time::Duration;

use scep::clock::{Clock, moment};
use tokio::time::sleep;

use super::toy_ca::{Answer, List};
use super::{DOCUMENTED, Lab};

const CSR: &str = "set system certificate scep csr CSR";
const DAY: Duration = Duration::from_secs(86_400);
const URL: &str = "http://10.215.168.1:8080/list.crl";

/// A lab in which a certificate of a year, with serial number 2 and this distribution point, was issued at the beginning of 2026.
async fn enrolled(lines: &[&str], distribution_point: Option<&str>) -> (Lab, Clock) {
    let (lab, clock) = Lab::in_2026(Answer::Issue);
    *lab.ca.distribution_points.lock().unwrap() =
        distribution_point.into_iter().map(str::to_owned).collect();
    let more: String = lines.iter().flat_map(|line| [CSR, " ", *line, "\n"]).collect();
    lab.device.replace_configuration(&format!("{DOCUMENTED}{more}")).await.unwrap();
    lab.shows("usercert Valid").await;
    settle().await;
    (lab, clock)
}

/// Lets everything that is due now happen.
async fn settle() {
    sleep(Duration::from_secs(1)).await;
}

fn log(lab: &Lab) -> String {
    lab.device.protocol_log().join("\n")
}

fn asked(lab: &Lab) -> usize {
    let by_get_crl = lab.ca.exchanges().iter().filter(|(kind, _)| kind == "GetCRL").count();
    by_get_crl + lab.ca.requests().iter().filter(|one| one.starts_with("/list.crl")).count()
}

#[tokio::test(start_paused = true)]
async fn nothing_is_checked_unless_it_is_configured() {
    let (lab, _) = enrolled(&[], Some(URL)).await;
    lab.ca.revoke(2);
    sleep(30 * DAY).await;
    assert_eq!(asked(&lab), 0);
    lab.shows("usercert Valid").await;
    let shown = lab.output("pki crl show CSR").await;
    assert_eq!(shown, "Revocation is not checked: `crl-check` is not set");
    let refused = lab.output("pki crl show NO").await;
    assert_eq!(refused, "CLI Error: no certificate request `NO`; configured: CSR");
}

#[tokio::test(start_paused = true)]
async fn list_comes_by_get_crl_and_again_at_its_next_update() {
    let (lab, _) = enrolled(&["crl-check scep"], None).await;
    assert_eq!(asked(&lab), 1, "{}", log(&lab));
    let first = "CSR: crl: list 1 of `CN = Toy-PKI, O = Toy` by GetCRL at http://10.215.168.1:8080/scep: 0 revoked, \
                 next update 2026-01-08T00:00:00Z";
    assert!(log(&lab).contains(first), "{}", log(&lab));
    lab.ca.revoke(2);
    sleep(6 * DAY).await;
    // The list that is kept does not name it yet.
    lab.shows("usercert Valid").await;
    assert_eq!(asked(&lab), 1);
    sleep(DAY).await;
    assert_eq!(asked(&lab), 2);
    lab.shows("ca Valid").await;
    lab.shows("usercert Revoked").await;
    let warning = "CSR: crl: warning: the certificate 02 is revoked since 2026-01-01T00:00:01Z; it is not renewed";
    assert!(log(&lab).contains(warning), "{}", log(&lab));
}

#[tokio::test(start_paused = true)]
async fn list_comes_from_the_distribution_point_by_http() {
    let url = format!("{URL}?ca=toy");
    let (lab, _) = enrolled(&["crl-check cdp"], Some(&url)).await;
    assert_eq!(lab.ca.requests().last().unwrap(), "/list.crl (ca=toy)");
    lab.ca.revoke(7);
    lab.ca.revoke(2);
    sleep(7 * DAY).await;
    lab.shows("usercert Revoked").await;
    let shown = lab.output("pki crl show").await;
    for line in [
        "CSR:\nIssuer:       CN = Toy-PKI, O = Toy\nStatus:       Fresh\nThis update:  Jan  8 00:00:0",
        "\nNext update:  Jan 15 00:00:0",
        "\nNumber:       2\nFrom:         http://10.215.168.1:8080/list.crl?ca=toy\nFetched:      Jan  8 00:00:0",
        "\nRevoked:      2\n  07  Jan  1 00:00:01 2026 GMT  -\n  02  Jan  1 00:00:01 2026 GMT  -",
    ] {
        assert!(shown.contains(line), "no `{line}` in:\n{shown}");
    }
}

#[tokio::test(start_paused = true)]
async fn revoked_certificate_is_not_renewed_until_it_is_cleared() {
    let (lab, _) = enrolled(&["crl-check scep", "renew-before 300d"], None).await;
    lab.shows("usercert: renewal: due 2026-03-07T00:00:00Z").await;
    lab.ca.revoke(2);
    sleep(100 * DAY).await;
    lab.shows("usercert Revoked").await;
    assert_eq!(lab.ca.csrs().len(), 1, "{}", log(&lab));
    assert!(!lab.output("pki scep show CSR").await.contains("renewal"));
    let refused = lab.output("pki scep renew CSR").await;
    assert_eq!(
        refused,
        "CLI Error: `CSR`: its certificate is revoked and cannot be renewed; `pki scep clear` asks for another"
    );
    lab.output("pki scep clear CSR").await;
    lab.shows("usercert Valid").await;
    assert_eq!(lab.ca.csrs().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn certificate_that_is_no_longer_in_the_list_is_valid_again() {
    let (lab, _) = enrolled(&["crl-check scep"], None).await;
    lab.ca.revoke(2);
    sleep(7 * DAY).await;
    lab.shows("usercert Revoked").await;
    lab.ca.revoke_none();
    sleep(7 * DAY).await;
    lab.shows("usercert Valid").await;
    assert!(log(&lab).contains("CSR: crl: the certificate 02 is not revoked any more"));
}

#[tokio::test(start_paused = true)]
async fn list_that_cannot_be_fetched_is_told_and_tried_again_with_growing_pauses() {
    let (lab, _) = enrolled(&["crl-check cdp"], Some(URL)).await;
    lab.ca.give_out(List::None);
    sleep(7 * DAY).await;
    lab.shows("usercert Valid").await;
    lab.shows("crl: the revocation list has expired at 2026-01-08T00:00:0").await;
    lab.shows(&format!("so later revocations are not known: {URL} was answered HTTP 404")).await;
    let before = asked(&lab);
    sleep(Duration::from_secs(16 * 60)).await;
    // After 1, 3, 7 and 15 minutes.
    assert!((before + 4..=before + 5).contains(&asked(&lab)), "{}", log(&lab));
    lab.ca.give_out(List::For(7 * DAY));
    sleep(DAY).await;
    assert!(!lab.output("pki scep show CSR").await.contains("crl:"), "{}", log(&lab));
}

#[tokio::test(start_paused = true)]
async fn first_list_that_cannot_be_fetched_leaves_the_certificate_valid_with_a_remark() {
    let (lab, _) = Lab::in_2026(Answer::Issue);
    lab.ca.give_out(List::None);
    let lines = format!("{DOCUMENTED}{CSR} crl-check scep");
    lab.device.replace_configuration(&lines).await.unwrap();
    lab.shows("usercert Valid").await;
    lab.shows("crl: revocation is not checked: PKIOperation (GetCRL) was answered FAILURE, badCertId, next try in").await;
    assert!(
        lab.output("pki crl show CSR")
            .await
            .starts_with("There is no revocation list yet\nProblem:      PKIOperation")
    );
    // A commit lets it try at once.
    lab.ca.give_out(List::For(DAY));
    lab.device.modify_configuration("set system host-name DUT1").await.unwrap();
    settle().await;
    assert!(!lab.output("pki scep show CSR").await.contains("crl:"), "{}", log(&lab));
}

#[tokio::test(start_paused = true)]
async fn wrong_lists_are_refused_and_the_one_before_stays() {
    let (lab, clock) = enrolled(&["crl-check cdp"], Some(URL)).await;
    lab.ca.revoke(2);
    sleep(7 * DAY).await;
    lab.shows("usercert Revoked").await;
    lab.ca.revoke_none();
    for (list, reason) in [
        (List::Forged, "its issuer is `CN = Toy-PKI, O = Toy`, but its signature does not verify"),
        (List::Tomorrow, "it begins at 2026-01-"),
        (List::Expired, ""),
    ] {
        lab.ca.give_out(list);
        let until = if list == List::Forged { 7 } else { 7 + 7 };
        let goal = moment("2026-01-08T00:00Z").unwrap() + until * DAY;
        sleep(goal.duration_since(clock.now()).unwrap_or_default()).await;
        settle().await;
        sleep(DAY).await;
        if !reason.is_empty() {
            assert!(log(&lab).contains(&format!("by {URL} is refused: {reason}")), "{}", log(&lab));
            lab.shows("usercert Revoked").await;
        }
    }
    // A list that has expired already counts, and is told.
    assert!(log(&lab).contains("the CA gives out a list that has expired at"), "{}", log(&lab));
    lab.shows("usercert Valid").await;
    lab.shows("crl: the revocation list has expired at").await;
}

#[tokio::test(start_paused = true)]
async fn older_list_than_the_one_that_is_kept_is_refused() {
    let (lab, _) = enrolled(&["crl-check cdp"], Some(URL)).await;
    lab.ca.revoke(2);
    sleep(7 * DAY).await;
    lab.shows("usercert Revoked").await;
    lab.ca.give_out(List::First);
    sleep(7 * DAY).await;
    lab.shows("usercert Revoked").await;
    let reason = format!(
        "by {URL} is refused: it is of 2026-01-01T00:00:00Z, and the one that is kept of 2026-01-08T00:00:0"
    );
    assert!(log(&lab).contains(&reason), "{}", log(&lab));
}

#[tokio::test(start_paused = true)]
async fn certificate_without_a_distribution_point_by_http_is_told_once() {
    let (lab, _) = enrolled(&["crl-check cdp"], Some("ldap:///CN=Toy")).await;
    lab.shows("crl: revocation is not checked: the certificate names no distribution point by HTTP, but `ldap:///CN=Toy`").await;
    sleep(30 * DAY).await;
    assert_eq!(log(&lab).matches("names no distribution point").count(), 1);
    // The next certificate names one.
    *lab.ca.distribution_points.lock().unwrap() = vec![URL.to_owned()];
    lab.output("pki scep renew CSR").await;
    settle().await;
    assert_eq!(asked(&lab), 1, "{}", log(&lab));
    let (lab, _) = enrolled(&["crl-check cdp"], None).await;
    lab.shows("crl: revocation is not checked: the certificate names no distribution point of a revocation list").await;
}

#[tokio::test(start_paused = true)]
async fn very_short_lists_do_not_keep_the_device_busy() {
    let (lab, _) = enrolled(&[], Some(URL)).await;
    lab.ca.give_out(List::For(Duration::from_secs(1)));
    lab.device.modify_configuration(&format!("{CSR} crl-check cdp")).await.unwrap();
    sleep(Duration::from_secs(600)).await;
    assert!((9..=11).contains(&asked(&lab)), "{} lists\n{}", asked(&lab), log(&lab));
}

#[tokio::test(start_paused = true)]
async fn clock_that_is_set_makes_the_list_expire() {
    let (lab, _) = enrolled(&["crl-check scep"], None).await;
    lab.network.closed.store(true, Ordering::Relaxed);
    lab.output("set date 2026-01-09T00:00:00Z").await;
    lab.shows("crl: the revocation list has expired at 2026-01-08T00:00:00Z").await;
    lab.output("set date 2025-12-01T00:00:00Z").await;
    lab.shows(
        "crl: the revocation list begins at 2026-01-01T00:00:00Z, which is later than this clock",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn list_stays_over_a_restart_and_not_over_a_power_cut() {
    let (lab, _) = enrolled(&["crl-check scep"], None).await;
    lab.output("save").await;
    lab.output("reboot").await;
    lab.shows("usercert Valid").await;
    settle().await;
    assert_eq!(asked(&lab), 1, "{}", log(&lab));
    lab.device.cut_power();
    lab.shows("usercert Valid").await;
    settle().await;
    assert_eq!(asked(&lab), 2, "{}", log(&lab));
}

#[tokio::test(start_paused = true)]
async fn check_that_is_switched_off_forgets_the_list() {
    let (lab, _) = enrolled(&["crl-check scep"], None).await;
    lab.ca.revoke(2);
    sleep(7 * DAY).await;
    lab.shows("usercert Revoked").await;
    let delete = "delete system certificate scep csr CSR crl-check";
    lab.device.modify_configuration(delete).await.unwrap();
    lab.shows("usercert Valid").await;
    assert_eq!(lab.ca.csrs().len(), 1);
}

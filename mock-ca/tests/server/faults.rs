//! What the CA does wrong on purpose: each fault shows on the wire, and is counted.

mod exchange;
mod sight;

use std::{sync::Arc, time::SystemTime};

use mock_ca::{
    Approval, Ca, Fault, FaultCount, FaultError, FaultRule, LogOutcome, OpenError, PersonalityName,
    Settings,
};
use openssl::rand::rand_bytes;
use scep::client::{Client, Next};

use crate::client::{LINUX, NDES, carry, drive, enrol, get, open, settings};
use exchange::{Exchange, Provocation};
use sight::shows;

/// Where SCEP is on a server that takes any path.
pub(crate) const RFC8894: &str = "/cgi-bin/pkiclient.exe";

fn rule(text: &str) -> FaultRule {
    text.parse().unwrap()
}

fn with_faults(personality: PersonalityName, rules: &[&str]) -> Arc<Ca> {
    let faults = rules.iter().map(|text| rule(text)).collect();
    open(Settings { faults, ..Settings::new("test", personality) })
}

/// The clock stands still, but for the waits: a delay costs no time.
#[tokio::test(start_paused = true)]
async fn each_fault_shows_on_the_wire_and_is_counted() {
    for fault in Fault::ALL {
        let provocation = Provocation::of(*fault);
        let plain = Exchange::with(provocation, None).await;
        assert!(!shows(*fault, &plain), "`{fault}` shows without having been asked for");

        let rule = FaultRule::new(provocation.trigger(), None, *fault).unwrap();
        let struck = Exchange::with(provocation, Some(rule)).await;
        assert!(shows(*fault, &struck), "`{fault}` does not show: {:?}", struck.response);
        assert_eq!(struck.ca.faults(), [FaultCount { rule, fired: 1 }]);
        let request = struck.ca.requests().pop().unwrap();
        assert_eq!(request.faults, [*fault]);
        let line = struck.ca.log().pop().unwrap().to_string();
        assert!(line.ends_with(&format!("[fault: {fault}]")), "{line}");
    }
}

#[tokio::test]
async fn a_fault_happens_at_the_request_that_was_named() {
    let ca = with_faults(PersonalityName::Linux, &["on: GetCACaps, nth: 2, do: http-status 503"]);
    let mut statuses = Vec::new();
    for _ in 0..3 {
        get(&ca, "/scep?operation=GetCACert").await;
        statuses.push(get(&ca, "/scep?operation=GetCACaps").await.status);
    }
    assert_eq!(statuses, [200, 503, 200]);
    // A rule that is added counts from then on.
    ca.inject(rule("on: GetCACaps, nth: 1, do: http-status 404")).unwrap();
    assert_eq!(get(&ca, "/scep?operation=GetCACaps").await.status, 404);
    let counts: Vec<_> = ca.faults().into_iter().map(|count| count.fired).collect();
    assert_eq!(counts, [1, 1]);
}

#[tokio::test]
async fn a_fault_that_makes_no_difference_is_not_counted() {
    let ca = with_faults(PersonalityName::Rfc8894, &["on: PKIOperation, do: no-fail-info"]);
    enrol(&ca, RFC8894, settings(None)).await.unwrap();
    assert_eq!(ca.faults()[0].fired, 0);
    assert!(ca.requests().iter().all(|request| request.faults.is_empty()));
}

#[tokio::test]
async fn whoever_comes_again_after_an_error_of_http_gets_a_first_certificate() {
    for fault in ["http-status 503", "html-page"] {
        let on = format!("on: PKIOperation, nth: 1, do: {fault}");
        let ca = with_faults(PersonalityName::Linux, &[&on]);
        enrol(&ca, LINUX, settings(None)).await.unwrap_err();
        assert!(ca.issued().is_empty() && ca.requests().pop().unwrap().message.is_some());
        enrol(&ca, LINUX, settings(None)).await.unwrap();
        assert_eq!(ca.issued().len(), 1);
    }
}

#[tokio::test]
async fn a_closed_connection_is_one_entry_of_the_log() {
    let ca = with_faults(PersonalityName::Linux, &["on: GetCACaps, do: close-connection"]);
    let request = b"GET /scep?operation=GetCACaps HTTP/1.1\r\nHost: ca\r\n\r\n";
    assert!(crate::client::raw(&ca, request).await.is_empty());
    let log = ca.log();
    assert_eq!((log.len(), &log[0].outcome), (1, &LogOutcome::Cut));
}

#[tokio::test]
async fn a_certificate_waits_so_many_times_at_every_server() {
    for (personality, path) in [
        (PersonalityName::Linux, LINUX),
        (PersonalityName::Ndes, NDES),
        (PersonalityName::Rfc8894, RFC8894),
    ] {
        let ca = with_faults(personality, &["on: PKCSReq, do: pending 3"]);
        let mut client = Client::new(settings(None));
        let first = client.start();
        assert!(drive(&ca, path, &mut client, first).await.unwrap().is_none());
        let mut polls = 0;
        let certificate = loop {
            polls += 1;
            let poll = client.poll(&mut rand_bytes).unwrap();
            let answer = carry(&ca, path, &poll).await;
            match client.receive(&answer, SystemTime::now(), &mut rand_bytes).unwrap() {
                Next::Pending => {}
                Next::Issued(certificate) => break certificate,
                Next::Send(_) => panic!("a poll is one exchange"),
            }
        };
        assert_eq!((polls, ca.issued().len()), (3, 1), "{personality}");
        assert_eq!(certificate.to_der().unwrap(), ca.issued()[0].certificate.to_der().unwrap());
        assert_eq!(ca.faults()[0].fired, 3);
    }
}

#[tokio::test]
async fn our_client_refuses_what_it_must() {
    for fault in [
        "wrong-transaction-id",
        "prefix-transaction-id",
        "wrong-recipient-nonce",
        "corrupt-signature",
        "foreign-signer",
        "impostor-signer",
        "wrong-key-certificate",
        "no-envelope",
    ] {
        let on = format!("on: PKCSReq, do: {fault}");
        let ca = with_faults(PersonalityName::Rfc8894, &[&on]);
        enrol(&ca, RFC8894, settings(None)).await.expect_err(fault);
        assert_eq!(ca.faults()[0].fired, 1, "{fault}");
    }
}

#[test]
fn a_fault_that_cannot_happen_is_refused() {
    let impossible = rule("on: GetCACert, do: ra-expired");
    let settings =
        |personality| Settings { faults: vec![impossible], ..Settings::new("test", personality) };
    let refused = Ca::open(settings(PersonalityName::Linux), SystemTime::now()).err().unwrap();
    assert!(matches!(&refused, OpenError::Fault(FaultError::Unsuited { .. })), "{refused}");
    assert_eq!(
        refused.to_string(),
        "`ra-expired` cannot happen at a `linux`, which has not got such certificates"
    );
    Ca::open(settings(PersonalityName::Ndes), SystemTime::now()).unwrap();
    let linux = open(Settings::new("test", PersonalityName::Linux));
    assert!(linux.inject(impossible).is_err());
    // The parts of a rule are public, and need not fit together.
    let misfit = FaultRule { fault: Fault::CapsNone, ..impossible };
    assert!(matches!(linux.inject(misfit), Err(FaultError::Misfit { .. })));
    assert!(linux.faults().is_empty());
}

#[tokio::test]
async fn a_person_s_decision_is_not_put_off() {
    let faults = vec![rule("on: PKIOperation, do: pending 2")];
    let settings_of = Settings::new("test", PersonalityName::Ndes);
    let ca = open(Settings { faults, approval: Approval::Manual, ..settings_of });
    let mut client = Client::new(settings(None));
    let first = client.start();
    assert!(drive(&ca, NDES, &mut client, first).await.unwrap().is_none());
    assert_eq!((ca.faults()[0].fired, ca.pending().len()), (0, 1));
}

//! Faults: each one is visible on the wire, and is counted.

mod exchange;
mod sight;

use std::sync::Arc;

use mock_ca::{
    Approval, Ca, Fault, FaultCount, FaultError, FaultRule, LogOutcome, OpenError, PersonalityName,
    Trigger,
};
use openssl::rand::rand_bytes;
use scep::client::{Client, Next};
use scep::clock::Clock;

use crate::client::{LINUX, NDES, carry, drive, enrol, get, open_with, settings, settings_with};
use exchange::{Exchange, Provocation};
use sight::shows;

/// A path of SCEP on a server that accepts every path.
pub(crate) const RFC8894: &str = "/cgi-bin/pkiclient.exe";

fn rule(text: &str) -> FaultRule {
    text.parse().unwrap()
}

fn with_faults(personality: PersonalityName, rules: &[&str]) -> Arc<Ca> {
    let faults = rules.iter().map(|text| rule(text)).collect();
    open_with(personality, |settings| settings.faults = faults)
}

/// The clock is paused except while the test waits, so a delay costs no time.
#[tokio::test(start_paused = true)]
async fn each_fault_is_visible_on_the_wire_and_is_counted() {
    // Those of the handshake are on the wire before there is an exchange: `tls/faults.rs`.
    for fault in Fault::ALL.iter().filter(|fault| !fault.fits(Trigger::Handshake)) {
        let provocation = Provocation::of(*fault);
        let plain = Exchange::with(provocation, None).await;
        assert!(!shows(*fault, &plain), "`{fault}` is visible without a rule");

        let rule = FaultRule::new(provocation.trigger(), None, *fault).unwrap();
        let struck = Exchange::with(provocation, Some(rule)).await;
        assert!(shows(*fault, &struck), "`{fault}` is not visible: {:?}", struck.response);
        assert_eq!(struck.ca.faults(), [FaultCount { rule, fired: 1 }]);
        let request = struck.ca.requests().pop().unwrap();
        assert_eq!(request.faults, [*fault]);
        let line = struck.ca.log().pop().unwrap().to_string();
        assert!(line.ends_with(&format!("[fault: {fault}]")), "{line}");
    }
}

#[tokio::test]
async fn fault_happens_at_the_nth_request() {
    let ca = with_faults(PersonalityName::Linux, &["on: GetCACaps, nth: 2, do: http-status 503"]);
    let mut statuses = Vec::new();
    for _ in 0..3 {
        get(&ca, "/scep?operation=GetCACert").await;
        statuses.push(get(&ca, "/scep?operation=GetCACaps").await.status);
    }
    assert_eq!(statuses, [200, 503, 200]);
    // An added rule counts from then on.
    ca.inject(rule("on: GetCACaps, nth: 1, do: http-status 404")).unwrap();
    assert_eq!(get(&ca, "/scep?operation=GetCACaps").await.status, 404);
    let counts: Vec<_> = ca.faults().into_iter().map(|count| count.fired).collect();
    assert_eq!(counts, [1, 1]);
}

#[tokio::test]
async fn fault_that_changes_nothing_is_not_counted() {
    let ca = with_faults(PersonalityName::Rfc8894, &["on: PKIOperation, do: no-fail-info"]);
    enrol(&ca, RFC8894, settings(None)).await.unwrap();
    assert_eq!(ca.faults()[0].fired, 0);
    assert!(ca.requests().iter().all(|request| request.faults.is_empty()));
}

#[tokio::test]
async fn client_that_repeats_after_an_http_fault_gets_a_first_certificate() {
    for fault in ["http-status 503", "html-page"] {
        let on = format!("on: PKIOperation, nth: 1, do: {fault}");
        let ca = with_faults(PersonalityName::Linux, &[&on]);
        enrol(&ca, LINUX, settings(None)).await.unwrap_err();
        assert!(ca.issued().unwrap().is_empty() && ca.requests().pop().unwrap().message.is_some());
        enrol(&ca, LINUX, settings(None)).await.unwrap();
        assert_eq!(ca.issued().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn closed_connection_is_one_entry_of_the_log() {
    let ca = with_faults(PersonalityName::Linux, &["on: GetCACaps, do: close-connection"]);
    let request = b"GET /scep?operation=GetCACaps HTTP/1.1\r\nHost: ca\r\n\r\n";
    assert!(crate::client::raw(&ca, request).await.is_empty());
    let log = ca.log();
    assert_eq!((log.len(), &log[0].outcome), (1, &LogOutcome::Cut));
}

#[tokio::test]
async fn pending_fault_works_at_every_personality() {
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
            match client.receive(&answer, Clock::system().now(), &mut rand_bytes).unwrap() {
                Next::Pending => {}
                Next::Issued(certificate) => break certificate,
                Next::Send(_) => panic!("a poll is one exchange"),
            }
        };
        assert_eq!((polls, ca.issued().unwrap().len()), (3, 1), "{personality}");
        assert_eq!(
            certificate.to_der().unwrap(),
            ca.issued().unwrap()[0].certificate.to_der().unwrap()
        );
        assert_eq!(ca.faults()[0].fired, 3);
    }
}

#[tokio::test]
async fn own_client_rejects_faulty_replies() {
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
fn impossible_fault_is_rejected() {
    let impossible = rule("on: GetCACert, do: ra-expired");
    let settings =
        |personality| settings_with(personality, |settings| settings.faults = vec![impossible]);
    let refused = Ca::open(settings(PersonalityName::Linux), Clock::system()).unwrap_err();
    assert!(matches!(&refused, OpenError::Fault(FaultError::Unsuited { .. })), "{refused}");
    assert_eq!(
        refused.to_string(),
        "`ra-expired` cannot happen at a `linux` server, because it does not have the certificates that this fault changes"
    );
    Ca::open(settings(PersonalityName::Ndes), Clock::system()).unwrap();
    let linux = open_with(PersonalityName::Linux, |_| ());
    assert!(linux.inject(impossible).is_err());
    // The fields of a rule are public, so they may not fit together.
    let misfit = FaultRule { fault: Fault::CapsNone, ..impossible };
    assert!(matches!(linux.inject(misfit), Err(FaultError::Misfit { .. })));
    assert!(linux.faults().is_empty());
}

#[tokio::test]
async fn pending_fault_does_not_change_manual_approval() {
    let faults = vec![rule("on: PKIOperation, do: pending 2")];
    let ca = open_with(PersonalityName::Ndes, |settings| {
        settings.faults = faults;
        settings.approval = Approval::Manual;
    });
    let mut client = Client::new(settings(None));
    let first = client.start();
    assert!(drive(&ca, NDES, &mut client, first).await.unwrap().is_none());
    assert_eq!((ca.faults()[0].fired, ca.pending().unwrap().len()), (0, 1));
}

//! Rules in which time matters, a second before and after their moments.
#![expect(clippy::unchecked_time_subtraction, reason = "the times are in the test itself")]

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};

use mock_ca::{
    Approval, Ca, ChallengePolicy, LaterDecision, NextCa, NextKey, PersonalityName, RenewalWindow,
    Settings,
};
use openssl::x509::X509;
use scep::{
    attribute::{FailInfo, MessageType, PkiStatus},
    certificate::is_issued_by,
    clock::{moment, system_time},
    identity::Identity,
    message::Message,
    request::self_signed,
};
use tempfile::TempDir;

use crate::{
    client::{LINUX, NDES, get, key, last_reason, open_at, password, settings_with},
    messages::{Sent, csr, pkcs_req, poll},
    rfc8894::{certified, opened, refused},
    state::forget,
};

const PATH: &str = "/cgi-bin/pkiclient.exe";
const DAY: Duration = Duration::from_secs(86_400);
const SECOND: Duration = Duration::from_secs(1);

fn start() -> SystemTime {
    moment("2026-01-01T00:00Z").unwrap()
}

fn advance(ca: &Ca, by: Duration) {
    ca.clock().advance(by).unwrap();
}

fn status(reply: &Message) -> PkiStatus {
    reply.attributes().pki_status().unwrap()
}

/// An identity whose certificate is valid by the clocks of these tests.
fn signer() -> Identity {
    let subject = scep::name::parse("CN=signer").unwrap();
    self_signed(&subject, &key(), scep::algorithm::Digest::Sha256, start()).unwrap()
}

fn renewal<'a>(id: &'a str, existing: &'a Identity) -> Sent<'a> {
    let body = csr("CN=a", None, &key());
    Sent { message_type: MessageType::RenewalReq, id, body, signer: existing }
}

fn rfc8894(change: impl FnOnce(&mut Settings)) -> Arc<Ca> {
    open_at(start(), settings_with(PersonalityName::Rfc8894, change))
}

#[tokio::test]
async fn renewal_is_refused_until_its_window_begins() {
    for (window, begin) in
        [(RenewalWindow::Before(30 * DAY), 70 * DAY), (RenewalWindow::Percent(20), 80 * DAY)]
    {
        let ca = rfc8894(|settings| {
            settings.valid_for = Some(100 * DAY);
            settings.renewal_window = Some(window);
        });
        let existing = certified(&ca, "a").await;
        advance(&ca, begin - SECOND);
        let reply = renewal("1", &existing).to(&ca, PATH).await;
        assert_eq!(refused(&reply), FailInfo::BadRequest);
        let reason = last_reason(&ca);
        let expected = format!("renewed from {} on", scep::clock::moment_text(start() + begin));
        assert!(reason.contains(&expected), "{reason}");
        advance(&ca, SECOND);
        opened(&renewal("2", &existing).to(&ca, PATH).await, &existing);
        // A first enrolment is no renewal.
        let other = signer();
        opened(&pkcs_req("3", "CN=a", None, &other).to(&ca, PATH).await, &other);
    }
}

#[tokio::test]
async fn windows_server_refuses_an_early_renewal_with_its_number() {
    let ca = open_at(
        start(),
        settings_with(PersonalityName::Ndes, |settings| {
            settings.valid_for = Some(100 * DAY);
            settings.renewal_window = Some(RenewalWindow::Before(30 * DAY));
        }),
    );
    let own = signer();
    let reply = pkcs_req("1", "CN=a", None, &own).to(&ca, NDES).await;
    assert_eq!(status(&reply), PkiStatus::Success);
    let certificate = ca.issued().unwrap().remove(0).certificate;
    let existing = Identity { certificate, key: own.key };
    let early = renewal("2", &existing).to(&ca, NDES).await;
    assert_eq!(early.attributes().fail_info().unwrap(), FailInfo::BadRequest);
    // The certificate of a Windows CA begins ten minutes before.
    advance(&ca, 70 * DAY - Duration::from_secs(601));
    let early = renewal("3", &existing).to(&ca, NDES).await;
    assert_eq!(status(&early), PkiStatus::Failure);
    advance(&ca, SECOND);
    assert_eq!(status(&renewal("4", &existing).to(&ca, NDES).await), PkiStatus::Success);
}

#[tokio::test]
async fn subject_of_scepserver_is_free_again_in_the_window() {
    for (window, begin) in [
        (None, 86 * DAY),
        (Some(RenewalWindow::Before(30 * DAY)), 70 * DAY),
        (Some(RenewalWindow::Percent(20)), 80 * DAY),
    ] {
        let ca = open_at(
            start(),
            settings_with(PersonalityName::Linux, |settings| {
                settings.valid_for = Some(100 * DAY);
                settings.renewal_window = window;
            }),
        );
        let own = signer();
        let ask = async |id: &str| status(&pkcs_req(id, "CN=a", None, &own).to(&ca, LINUX).await);
        assert_eq!(ask("1").await, PkiStatus::Success);
        advance(&ca, begin - SECOND);
        assert_eq!(ask("2").await, PkiStatus::Failure);
        advance(&ca, SECOND);
        assert_eq!(ask("3").await, PkiStatus::Success);
    }
}

#[tokio::test]
async fn given_password_expires_a_second_after_its_life() {
    for (age, expected) in [
        (Duration::from_secs(3600), None),
        (Duration::from_secs(3601), Some("challenge password expired")),
    ] {
        for expires in [true, false] {
            let ca = rfc8894(|settings| {
                settings.challenge = ChallengePolicy::one_time(vec![password("ONCE")]);
                if let ChallengePolicy::OneTime { preset_expires, .. } = &mut settings.challenge {
                    *preset_expires = expires;
                }
            });
            advance(&ca, age);
            let own = signer();
            let reply = pkcs_req("1", "CN=a", Some("ONCE"), &own).to(&ca, PATH).await;
            let is_refused = expires && expected.is_some();
            let status = if is_refused { PkiStatus::Failure } else { PkiStatus::Success };
            assert_eq!(reply.attributes().pki_status().unwrap(), status, "{age:?}");
            if is_refused {
                assert_eq!(last_reason(&ca), expected.unwrap());
            }
        }
    }
}

#[tokio::test]
async fn password_of_ndes_expires_a_second_after_sixty_minutes() {
    for (age, expected) in [(3600, PkiStatus::Success), (3601, PkiStatus::Failure)] {
        let ca = open_at(
            start(),
            settings_with(PersonalityName::Ndes, |settings| {
                settings.challenge = ChallengePolicy::one_time(Vec::new());
            }),
        );
        let made = ca.new_challenge().unwrap();
        advance(&ca, Duration::from_secs(age));
        let own = signer();
        let reply = pkcs_req("1", "CN=a", Some(made.expose()), &own).to(&ca, NDES).await;
        assert_eq!(status(&reply), expected, "{age}");
    }
}

/// A CA that decides after three days.
fn deciding(denies: bool, change: impl FnOnce(&mut Settings)) -> Settings {
    settings_with(PersonalityName::Rfc8894, |settings| {
        settings.approval = Approval::Manual;
        settings.later_decision = Some(LaterDecision { after: 3 * DAY, denies });
        change(settings);
    })
}

#[tokio::test]
async fn request_is_granted_by_itself_at_its_moment() {
    let ca = open_at(start(), deciding(false, |_| ()));
    let own = signer();
    assert_eq!(status(&pkcs_req("1", "CN=a", None, &own).to(&ca, PATH).await), PkiStatus::Pending);
    assert_eq!(ca.next_due().unwrap(), Some(start() + 3 * DAY));
    assert_eq!(ca.until_due().unwrap(), Some(3 * DAY));
    advance(&ca, 3 * DAY - SECOND);
    assert_eq!(ca.until_due().unwrap(), Some(SECOND));
    assert_eq!(status(&poll(&ca, "1", &own).to(&ca, PATH).await), PkiStatus::Pending);
    assert_eq!((ca.pending().unwrap().len(), ca.issued().unwrap().len()), (1, 0));
    // Whenever the poll comes, the certificate is of the moment of the decision.
    advance(&ca, SECOND + DAY);
    let reply = poll(&ca, "1", &own).to(&ca, PATH).await;
    let certificate = opened(&reply, &own).certificates.remove(0);
    assert_eq!(system_time(certificate.not_before()).unwrap(), start() + 3 * DAY);
    assert!(ca.pending().unwrap().is_empty());
    let (count, events) = ca.events_after(0).unwrap();
    assert_eq!((count, events.len(), events[0].number), (1, 1, 1));
    assert_eq!(events[0].at, start() + 3 * DAY);
    assert_eq!(events[0].what, "granted the request for `CN = a`, 3d after it came");
}

#[tokio::test]
async fn request_is_denied_by_itself_at_its_moment() {
    let ca = open_at(start(), deciding(true, |_| ()));
    let own = signer();
    pkcs_req("1", "CN=a", None, &own).to(&ca, PATH).await;
    advance(&ca, 3 * DAY - SECOND);
    assert_eq!(status(&poll(&ca, "1", &own).to(&ca, PATH).await), PkiStatus::Pending);
    advance(&ca, SECOND);
    assert_eq!(refused(&poll(&ca, "1", &own).to(&ca, PATH).await), FailInfo::BadRequest);
    assert_eq!(last_reason(&ca), "the request was denied");
}

#[tokio::test]
async fn owner_decides_before_the_moment() {
    let ca = open_at(start(), deciding(false, |_| ()));
    let own = signer();
    pkcs_req("1", "CN=a", None, &own).to(&ca, PATH).await;
    pkcs_req("2", "CN=b", None, &own).to(&ca, PATH).await;
    let id = |number: usize| ca.pending().unwrap()[number].transaction_id.clone();
    ca.approve(&id(0)).unwrap();
    ca.deny(&id(0)).unwrap();
    advance(&ca, 3 * DAY);
    assert_eq!((ca.issued().unwrap().len(), ca.events_after(0).unwrap().0), (1, 0));
}

#[tokio::test]
async fn decision_falls_due_while_the_program_does_not_run() {
    let directory = TempDir::new().unwrap();
    let keep =
        |directory: &Path| deciding(false, |settings| settings.state = Some(directory.to_owned()));
    let ca = open_at(start(), keep(directory.path()));
    let own = signer();
    pkcs_req("1", "CN=a", None, &own).to(&ca, PATH).await;
    forget(ca).await;
    let ca = open_at(start() + 3 * DAY - SECOND, keep(directory.path()));
    assert_eq!(ca.pending().unwrap().len(), 1);
    assert_eq!(ca.next_due().unwrap(), Some(start() + 3 * DAY));
    forget(ca).await;
    let ca = open_at(start() + 4 * DAY, keep(directory.path()));
    let issued = ca.issued().unwrap().remove(0).certificate;
    assert_eq!(system_time(issued.not_before()).unwrap(), start() + 3 * DAY);
    assert_eq!(status(&poll(&ca, "1", &own).to(&ca, PATH).await), PkiStatus::Success);
}

#[tokio::test]
async fn request_for_the_next_ca_waits_for_a_certificate_of_it() {
    let next = NextCa {
        from: start() + 30 * DAY,
        announced: None,
        subject: Some("CN=Next".to_owned()),
        key: NextKey::New,
        valid_for: None,
    };
    let ca = open_at(start(), deciding(false, |it| it.hierarchy.next_ca = Some(next)));
    let (next_ca, from) = ca.next_ca().unwrap();
    assert_eq!(from, start() + 30 * DAY);
    let own = signer();
    pkcs_req("1", "CN=a", None, &own).to_one_of(std::slice::from_ref(&next_ca), &ca, PATH).await;
    pkcs_req("2", "CN=b", None, &own).to(&ca, PATH).await;
    advance(&ca, 3 * DAY);
    let issued: Vec<X509> = ca.issued().unwrap().into_iter().map(|one| one.certificate).collect();
    assert!(is_issued_by(&issued[0], &next_ca));
    assert!(is_issued_by(&issued[1], &ca.ca_certificate()));
    assert_eq!(ca.next_due().unwrap(), Some(from));
    advance(&ca, 27 * DAY);
    let (_, events) = ca.events_after(2).unwrap();
    assert_eq!(events[0].what, "the CA `CN = Next` issues from now on");
    assert_eq!((events[0].at, events.len()), (from, 1));
}

#[tokio::test]
async fn dates_have_another_form_from_2050_on() {
    let ca = open_at(
        moment("2049-12-31T23:59:58Z").unwrap(),
        settings_with(PersonalityName::Rfc8894, |settings| {
            settings.valid_for = Some(SECOND);
            settings.hierarchy.ca.valid_for = Some(DAY + SECOND);
        }),
    );
    let form = |certificate: &X509| {
        let der = certificate.to_der().unwrap();
        let has = |text: &[u8]| der.windows(text.len()).any(|window| window == text);
        (has(b"\x17\x0d491231235959Z"), has(b"\x18\x0f20500101000000Z"))
    };
    assert_eq!(form(&certified(&ca, "a").await.certificate), (true, false));
    advance(&ca, SECOND);
    assert_eq!(form(&certified(&ca, "b").await.certificate), (true, true));
    let list = get(&ca, &format!("{PATH}?operation=GetCACert")).await;
    assert_eq!(list.status, 200);
}

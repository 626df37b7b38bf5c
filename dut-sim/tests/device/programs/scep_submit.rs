//! certmonger's `scep-submit`: its arguments, and how its output is understood.

use std::sync::atomic::Ordering;

use dut_sim::ScepClient;

use super::{Fake, HANGS};

/// A `scep-submit` that stores its arguments and messages, returns the CA's certificate, and runs `request` for message `$n`.
fn fake(request: &str) -> Fake {
    let script = "
        echo \"$*\" | sed 's/.*8080.scep //; s/-r ra.pem -N ca.pem -I others.pem //' >> {}/asked
        case \"$*\" in
        *-c) printf 'AES\\nSHA-256\\nPOSTPKIOperation\\n'; exit;;
        *-C) cat {}/given.pem; exit;;
        esac
        n=$(ls {} | grep -c message); cp message.pem {}/message$n
        REQUEST";
    Fake::of(ScepClient::Certmonger, &script.replace("REQUEST", request))
}

#[tokio::test]
async fn poll_is_repeated_after_a_refused_connection() {
    let fake = fake(
        "case $n in
        0) exit 5;;
        1) echo \"Error 7 connecting to http://h: Couldn't connect to server.\" >&2; exit 3;;
        2) exit 1;;
        *) echo 'Transaction either is not permitted or is not supported' >&2; exit 2;;
        esac",
    );
    fake.lab.network.closed.store(true, Ordering::Relaxed);
    fake.ends_with("usercert: PKIOperation (CertPoll) was answered FAILURE, badRequest").await;
    let asked =
        ["-c", "-C", "-p message.pem", "-g message.pem", "-g message.pem", "-g message.pem"];
    assert_eq!(fake.seen("asked").lines().collect::<Vec<_>>(), asked);
    // The unanswered poll is sent again; the next poll is a new message.
    assert_eq!(fake.seen("message1"), fake.seen("message2"));
    assert_ne!(fake.seen("message2"), fake.seen("message3"));
    fake.logs("PKIOperation (CertPoll): connection refused by 10.215.168.1:8080, next try in")
        .await;
}

#[tokio::test]
async fn unanswered_message_is_sent_again_unchanged() {
    let fake = fake(
        "case $n in
        0) echo 'Got response code 503 from http://h, not 200.' >&2; exit 2;;
        *) echo 'Integrity check failed' >&2; exit 2;;
        esac",
    );
    fake.ends_with("usercert: PKIOperation (PKCSReq) was answered FAILURE, badMessageCheck").await;
    assert_eq!(fake.seen("asked"), "-c\n-C\n-p message.pem\n-p message.pem\n");
    assert_eq!(fake.seen("message0"), fake.seen("message1"));
}

#[tokio::test]
async fn output_without_an_envelope_is_a_failure() {
    for (request, said) in [
        ("true", "`scep-submit` ended with success, but it printed no envelope"),
        ("head -c 100 /dev/urandom", "but it printed no envelope"),
        ("echo -----BEGIN PKCS7-----; head -c 90 message.pem", "but it printed no envelope"),
        (
            "cat {}/given.pem",
            "usercert: PKIOperation, envelope: a certificate came in place of the pkcsPKIEnvelope",
        ),
        ("echo garbage; exit 2", "`scep-submit` ended with status 2: garbage"),
        ("exit 4", "PKIOperation (PKCSReq): `scep-submit` ended with status 4 and said nothing"),
    ] {
        fake(request).ends_with(said).await;
    }
    fake(HANGS).is_overdue("`scep-submit` did not end in 60 s and was killed").await;
}

#[tokio::test]
async fn incomplete_ca_certificate_is_a_failure() {
    let nothing = "ca: GetCACert: `scep-submit` ended with success, but it printed no certificate";
    for printed in ["true", "head -c 300 {}/given.pem", "head -c 100 /dev/urandom"] {
        let script = format!("case \"$*\" in *-C) {printed};; esac");
        Fake::of(ScepClient::Certmonger, &script).ends_with(nothing).await;
    }
    let fake = Fake::of(ScepClient::Certmonger, "exit 4");
    fake.ends_with("ca: GetCACaps: `scep-submit` ended with status 4 and said nothing").await;
}

#[tokio::test]
async fn certificates_of_the_ca_are_fetched_anew_after_several_error_statuses() {
    let fake = fake(
        "case $n in
        [012]) echo 'response_code = 200' >&2; echo 'response_code = 500' >&2; exit 3;;
        *) echo 'Integrity check failed' >&2; exit 2;;
        esac",
    );
    fake.ends_with("usercert: PKIOperation (PKCSReq) was answered FAILURE, badMessageCheck").await;
    let (first, again) = (["-c", "-C"], ["-p message.pem"; 3]);
    let asked = [&first[..], &again, &first, &again[..1]].concat();
    assert_eq!(fake.seen("asked").lines().collect::<Vec<_>>(), asked);
    // What was enciphered to a key that the server has no more is made anew.
    assert_eq!(fake.seen("message1"), fake.seen("message2"));
    assert_ne!(fake.seen("message2"), fake.seen("message3"));
    fake.logs("PKIOperation (PKCSReq) was answered HTTP 500, next try in").await;
}

#[tokio::test]
async fn reply_that_the_program_cannot_verify_is_a_limit_of_it() {
    let words = "Error: failed to verify signature on server response. error:1080007A:PKCS7 routines::no content";
    let fake = fake(&format!(
        "echo -----BEGIN PKCS7----- >&2; echo -----END PKCS7----- >&2; echo '{words}'; exit 3"
    ));
    fake.ends_with("PKIOperation (PKCSReq): `scep-submit` ended with status 3: ").await;
    let limits = fake.lab.device.limits();
    assert!(limits.len() == 1 && limits[0].contains("a reply without content"), "{limits:?}");
}

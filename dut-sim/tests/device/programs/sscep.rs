//! certnanny's `sscep`. Debian 12 has no package; the options and exit statuses are from its `src/sscep.c` and `src/sscep.h`.

use std::fs;

use dut_sim::ScepClient;
use openssl::x509::X509Req;

use super::{Fake, HANGS, advance_one_hour};

/// Shell command that issues the requested certificate.
const ISSUES: &str = "openssl x509 -req -in request.pem -CA {}/given.pem -CAkey {}/given.key -set_serial 7 \
    -out certificate.pem 2>/dev/null";

/// A `sscep` that logs its arguments, stores the CA's certificate, and runs `request` for the request number `$n`, from 1.
fn fake(request: &str) -> Fake {
    fake_with_script(&format!(
        "case $1 in getca) cp {{}}/given.pem ca.pem;;
        enroll) n=$(grep -c ^enroll {{}}/asked); {request};; esac"
    ))
}

fn fake_with_script(script: &str) -> Fake {
    Fake::of(ScepClient::Sscep, &format!("echo \"$*\" >> {{}}/asked\n{script}"))
}

#[tokio::test]
async fn sscep_gets_files_and_a_request_with_the_password() {
    let fake = fake(&format!("cp request.pem {{}}/request; {ISSUES}"));
    fake.ends_with("usercert Valid").await;
    let url = "-u http://10.215.168.1:8080/scep";
    let enroll = "-c signature.pem -e encryption.pem -k key.pem -r request.pem -l certificate.pem \
        -t 1 -n 20000 -v -E aes128 -S sha256";
    let asked = format!("getca {url} -c ca.pem -v\nenroll {url} {enroll}\n");
    assert_eq!(fake.seen("asked"), asked);
    let request = X509Req::from_pem(fake.seen("request").as_bytes()).unwrap();
    assert!(request.verify(&request.public_key().unwrap()).unwrap());
    assert_eq!(scep::name::to_text(request.subject_name()), "CN = MyUserCert");
    let der = request.to_der().unwrap();
    assert!(der.windows(6).any(|window| window == b"secret"));
}

#[tokio::test]
async fn renewal_is_signed_with_the_old_key() {
    let fake = fake(&format!("cp old.pem old-key.pem {{}} 2>/dev/null; {ISSUES}"));
    fake.ends_with("usercert Valid").await;
    fake.lab.output("pki scep renew CSR").await;
    fake.logs("renewal: PKIOperation (RenewalReq) was answered SUCCESS").await;
    assert!(fake.seen("asked").ends_with(" -K old-key.pem -O old.pem -E aes128 -S sha256\n"));
    assert!(fake.seen("old.pem").starts_with("-----BEGIN CERTIFICATE-----"));
    assert!(fake.seen("old-key.pem").starts_with("-----BEGIN RSA PRIVATE KEY-----"));
    assert!(fake.lab.device.notes().join("\n").contains("sscep has no RenewalReq"));
}

#[tokio::test]
async fn exit_status_gives_the_fail_info() {
    for (status, fail_info) in [
        (70, "badAlg"),
        (71, "badMessageCheck"),
        (72, "badRequest"),
        (73, "badTime"),
        (74, "badCertId"),
    ] {
        let said = format!("usercert: PKIOperation (PKCSReq) was answered FAILURE, {fail_info}");
        fake(&format!("echo 'sscep: pkistatus: FAILURE'; exit {status}")).ends_with(&said).await;
    }
}

#[tokio::test]
async fn unreachable_or_silent_server_is_retried() {
    for (status, said) in [(95, "sscep: error while sending message"), (89, "")] {
        let fake =
            fake(&format!("[ $n = 1 ] && {{ echo '{said}' >&2; exit {status}; }}; {ISSUES}"));
        fake.ends_with("usercert Valid").await;
        let reason = if said.is_empty() { "the server was not reached" } else { said };
        fake.logs(&format!("PKIOperation (PKCSReq): {reason}, next try in")).await;
        assert_eq!(fake.seen("asked").matches("getca").count(), 1);
    }
}

#[tokio::test]
async fn pending_request_is_repeated_when_sscep_stops_polling() {
    let fake = fake(&format!("[ $n -lt 3 ] && exit 3; {ISSUES}"));
    fake.ends_with("usercert Valid").await;
    fake.logs("PKIOperation (PKCSReq) was answered PENDING, next poll in").await;
    assert_eq!(fake.seen("asked").matches("enroll").count(), 3);
}

#[tokio::test]
async fn time_limit_does_not_apply_while_sscep_polls() {
    let fake =
        fake("echo 'sscep: pkistatus: PENDING'; until [ -e {}/go ]; do sleep 0.01; done; exit 93");
    fake.ends_with("usercert Pending - - -").await;
    fake.logs("sscep: pkistatus: PENDING").await;
    advance_one_hour().await;
    fake.lab.shows("usercert Pending - - -").await;
    // It was not killed: it continues and exits itself.
    fs::write(fake.file("go"), "").unwrap();
    fake.lab.shows("`sscep` ended with status 93").await;
}

#[tokio::test]
async fn other_exit_statuses_are_shown_with_the_last_output() {
    for (request, said) in [
        ("echo 'sscep: unknown pkiStatus' >&2; exit 1", "status 1: sscep: unknown pkiStatus"),
        ("exit 93", "PKIOperation (PKCSReq): `sscep` ended with status 93 and said nothing"),
        (
            "head -c 100 /dev/zero; exit 97",
            "`sscep` ended with status 97: (100 bytes that are no text)",
        ),
    ] {
        fake(request).ends_with(said).await;
    }
    fake(HANGS).is_overdue("`sscep` did not end in 60 s and was killed").await;
    fake_with_script("exit 1")
        .ends_with("ca: GetCACert: `sscep` ended with status 1 and said nothing")
        .await;
    let refused = "echo 'sscep: wrong (or missing) MIME content type'; exit 2";
    fake_with_script(refused)
        .ends_with("ca: GetCACert: `sscep` ended with status 2: sscep: wrong")
        .await;
}

#[tokio::test]
async fn missing_incomplete_or_invalid_files_are_failures() {
    for (request, said) in [
        ("true", "`sscep` ended with success, but it wrote no certificate"),
        (
            "head -c 100 {}/given.pem > certificate.pem",
            "`sscep` ended with success, but the file that it wrote is not a certificate",
        ),
        (
            "head -c 100 /dev/urandom > certificate.pem",
            "but the file that it wrote is not a certificate",
        ),
        ("cp {}/given.pem certificate.pem", "does not carry the requested key"),
    ] {
        fake(request).ends_with(said).await;
    }
    for (getca, said) in [
        ("true", "ca: GetCACert: `sscep` ended with success, but it stored no certificate"),
        ("head -c 100 {}/given.pem > ca.pem", "but its file `ca.pem` holds no certificate"),
        (
            "cp {}/given.pem ca.pem-0; echo MIIC > ca.pem-1",
            "but its file `ca.pem-1` holds no certificate",
        ),
    ] {
        fake_with_script(getca).ends_with(said).await;
    }
}

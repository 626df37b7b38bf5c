//! micromdm's `scepclient`: it asks for the CA's certificates itself, and writes one file.

use std::sync::atomic::Ordering;

use dut_sim::ScepClient;

use super::Fake;

fn fake(script: &str) -> Fake {
    Fake::of(ScepClient::Scepclient, script)
}

#[tokio::test]
async fn files_that_are_missing_half_or_garbage_are_failures() {
    for (script, said) in [
        (
            "true",
            "usercert: PKIOperation (PKCSReq): `scepclient` ended with success, but it wrote no",
        ),
        (
            "head -c 100 {}/given.pem > certificate.pem",
            "`scepclient` ended with success, but what it wrote is no certificate",
        ),
        ("head -c 100 /dev/urandom > certificate.pem", "but what it wrote is no certificate"),
        ("cp {}/given.pem certificate.pem", "does not carry the requested key"),
    ] {
        fake(script).ends_with(said).await;
    }
}

#[tokio::test]
async fn failures_are_told_with_its_last_words_and_no_password() {
    for (script, said) in [
        ("exit 1", "`scepclient` ended with status 1 and said nothing"),
        ("head -c 100 /dev/zero; exit 2", r"`scepclient` ended with status 2: \0\0\0"),
        ("echo \"$@\"; exit 1", "-challenge ****"),
        ("kill -9 $$", "`scepclient` was killed by signal 9"),
        ("sleep 600", "`scepclient` did not end in 0.8 s and was killed"),
        (
            "echo 'PKCSReq (19) request failed, failInfo: badTime (3)' >&2; exit 1",
            "usercert: PKIOperation (PKCSReq) was answered FAILURE, badTime",
        ),
    ] {
        let fake = fake(script);
        fake.ends_with(said).await;
        fake.lab.shows("ca Valid").await;
    }
}

#[tokio::test]
async fn a_server_that_is_not_reached_is_tried_again_before_it_is_run() {
    let fake = fake("echo > {}/run; exit 1");
    fake.lab.network.closed.store(true, Ordering::Relaxed);
    fake.ends_with("ca: GetCACert: connection refused by 10.215.168.1:8080, next try in").await;
    assert!(!fake.file("run").exists());
}

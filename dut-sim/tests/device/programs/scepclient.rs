//! micromdm's `scepclient`: it fetches the CA's certificates itself, and writes one file.

use std::sync::atomic::Ordering;

use dut_sim::ScepClient;

use super::{Fake, HANGS};

fn fake(script: &str) -> Fake {
    Fake::of(ScepClient::Scepclient, script)
}

#[tokio::test]
async fn missing_incomplete_or_invalid_files_are_failures() {
    for (script, said) in [
        (
            "true",
            "usercert: PKIOperation (PKCSReq): `scepclient` ended with success, but it wrote no",
        ),
        (
            "head -c 100 {}/given.pem > certificate.pem",
            "`scepclient` ended with success, but the file that it wrote is not a certificate",
        ),
        (
            "head -c 100 /dev/urandom > certificate.pem",
            "but the file that it wrote is not a certificate",
        ),
        ("cp {}/given.pem certificate.pem", "does not carry the requested key"),
    ] {
        fake(script).ends_with(said).await;
    }
}

#[tokio::test]
async fn failures_show_the_last_output_without_password() {
    for (script, said) in [
        ("exit 1", "`scepclient` ended with status 1 and said nothing"),
        (
            "head -c 100 /dev/zero; exit 2",
            "`scepclient` ended with status 2: (100 bytes that are no text)",
        ),
        ("echo \"$@\"; exit 1", "-challenge ****"),
        ("kill -9 $$", "`scepclient` was killed by signal 9"),
        (
            "echo 'PKCSReq (19) request failed, failInfo: badTime (3)' >&2; exit 1",
            "usercert: PKIOperation (PKCSReq) was answered FAILURE, badTime",
        ),
    ] {
        let fake = fake(script);
        fake.ends_with(said).await;
        fake.lab.shows("ca Valid").await;
    }
    let hanging = fake(HANGS);
    hanging.is_overdue("`scepclient` did not end in 60 s and was killed").await;
    hanging.lab.shows("ca Valid").await;
}

#[tokio::test]
async fn unreachable_server_is_retried_before_the_program_is_run() {
    let fake = fake("echo > {}/run; exit 1");
    fake.lab.network.closed.store(true, Ordering::Relaxed);
    fake.ends_with("ca: GetCACert: connection refused by 10.215.168.1:8080, next try in").await;
    assert!(!fake.file("run").exists());
}

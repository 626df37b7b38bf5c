//! strongSwan's `pki`, and failures that every program can have.

use std::fs;
use std::path::Path;
use std::sync::atomic::Ordering;

use dut_sim::ScepClient;

use super::{Fake, HANGS, advance_one_hour, wait_for_exit, wait_for_file};
use crate::{DOCUMENTED, SCENARIO_WAITS};

/// A `pki` that stores the CA's certificate and then runs `request`.
fn fake(request: &str) -> Fake {
    let script =
        "case \"$1\" in --scepca) cp {}/given.der ca.der; echo stored;; --scep) REQUEST;; esac";
    fake_with_script(&script.replace("REQUEST", request))
}

fn fake_with_script(script: &str) -> Fake {
    Fake::of(ScepClient::Strongswan, script)
}

#[tokio::test]
async fn refusal_reads_as_with_the_builtin_client() {
    let fake = fake("echo 'failInfo:     badRequest - not permitted' >&2; exit 1");
    fake.ends_with("usercert: PKIOperation (PKCSReq) was answered FAILURE, badRequest").await;
    fake.lab.shows("ca Valid").await;
}

#[tokio::test]
async fn failed_program_shows_its_last_output_without_password() {
    let fake = fake("grep password options >&2; exit 7");
    fake.ends_with(
        "usercert: PKIOperation (PKCSReq): `pki` ended with status 7: --password \"****\"",
    )
    .await;
}

#[tokio::test]
async fn standard_error_has_the_reason_even_if_standard_output_comes_later() {
    let fake =
        fake("echo general >&2; echo 'the real reason' >&2; sleep 0.2; echo SUCCESS; exit 7");
    fake.ends_with("`pki` ended with status 7: general; the real reason").await;
}

#[tokio::test]
async fn denial_of_a_polled_request_is_one_of_the_poll() {
    let fake =
        fake("echo 'SCEP request pending' >&2; echo 'failInfo: badRequest - no' >&2; exit 1");
    fake.ends_with("usercert: PKIOperation (CertPoll) was answered FAILURE, badRequest").await;
}

#[tokio::test]
async fn algorithms_that_are_not_configured_are_those_that_the_ca_offers() {
    let fake = fake("grep -E -- '--(cipher|digest)' options | tr '\\n' ' ' >&2; exit 7");
    let is_algorithm = |line: &&str| line.contains("algorithm") || line.contains("digest");
    let lines: Vec<&str> = DOCUMENTED.lines().filter(|line| !is_algorithm(line)).collect();
    fake.lab.device.replace_configuration(&lines.join("\n")).await.unwrap();
    fake.lab.shows("`pki` ended with status 7: --cipher aes --digest sha256").await;
}

#[tokio::test]
async fn killed_program_is_reported_with_its_signal() {
    let fake = fake("kill -9 $$");
    fake.ends_with("`pki` was killed by signal 9 and said nothing").await;
}

#[tokio::test]
async fn success_without_a_certificate_is_a_failure() {
    for (request, said) in [
        ("true", "`pki` ended with success, but it printed no certificate"),
        ("echo -----BEGIN CERTIFICATE-----; echo MIIC", "but it printed no certificate"),
        ("head -c 100 /dev/urandom", "but it printed no certificate"),
        (
            "openssl x509 -inform der -in {}/given.der",
            "PKIOperation, certificate: the certificate `CN = Toy-PKI, O = Toy` does not carry the requested key",
        ),
    ] {
        fake(request).ends_with(said).await;
    }
}

#[tokio::test]
async fn incomplete_ca_certificate_is_a_failure() {
    let fake = fake_with_script("head -c 100 {}/given.der > ca.der");
    fake.ends_with(
        "ca: GetCACert: `pki` ended with success, but its file `ca.der` holds no certificate",
    )
    .await;
    fake_with_script("true")
        .ends_with("ca: GetCACert: `pki` ended with success, but it stored no")
        .await;
}

#[tokio::test]
async fn hanging_program_is_killed_with_its_children() {
    let fake = fake(&format!("echo waiting; sleep 600 & echo $! > {{}}/child; {HANGS}"));
    fake.is_overdue("`pki` did not end in 60 s and was killed; it said last: waiting").await;
    wait_for_exit(&fake.file("child")).await;
}

/// The clock is paused and advances only while waiting.
#[tokio::test(start_paused = true)]
async fn hanging_program_is_reported_before_a_scenario_times_out() {
    let fake = Fake::with_limit(ScepClient::Strongswan, "sleep 600", None);
    let said = "ca: GetCACert: `pki` did not end in 15 s and was killed";
    fake.lab.device.replace_configuration(DOCUMENTED).await.unwrap();
    fake.lab.shows_within(SCENARIO_WAITS, said).await;
}

#[tokio::test]
async fn remaining_children_of_a_program_are_killed() {
    let fake = fake("sleep 600 & echo $! > {}/child; exit 3");
    fake.ends_with("`pki` ended with status 3 and said nothing").await;
    wait_for_exit(&fake.file("child")).await;
}

#[tokio::test]
async fn program_with_endless_output_is_killed() {
    fake("yes")
        .ends_with("`pki` printed more than 1048576 bytes or 5000 lines and was ended")
        .await;
    fake("cat /dev/zero").ends_with("`pki` printed more than 1048576 bytes").await;
}

#[tokio::test]
async fn pending_request_has_no_time_limit_and_ends_with_its_configuration() {
    let fake = fake(
        "echo $$ > {}/child; echo '  SCEP request pending, polling' >&2
        until [ -e {}/go ]; do sleep 0.01; done; touch {}/went-on; sleep 600",
    );
    fake.ends_with("usercert Pending - - -").await;
    fake.logs("SCEP request pending").await;
    advance_one_hour().await;
    // It was not killed: it continues.
    fs::write(fake.file("go"), "").unwrap();
    wait_for_file(&fake.file("went-on")).await;
    fake.lab.shows("usercert Pending - - -").await;
    fake.lab.device.replace_configuration("set system host-name DUT0").await.unwrap();
    wait_for_exit(&fake.file("child")).await;
}

#[tokio::test]
async fn pending_request_ends_with_the_device() {
    let fake = fake("echo $$ > {}/child; echo 'SCEP request pending' >&2; sleep 600");
    fake.ends_with("usercert Pending - - -").await;
    fake.logs("SCEP request pending").await;
    let Fake { folder, lab } = fake;
    drop(lab);
    wait_for_exit(&folder.path().join("child")).await;
}

#[tokio::test]
async fn http_error_of_the_server_is_retried() {
    let fake =
        fake_with_script("echo 'did not receive a valid SCEP response: HTTP 503' >&2; exit 1");
    fake.ends_with("ca: GetCACert was answered HTTP 503, next try in").await;
}

#[tokio::test]
async fn unreachable_server_is_reported_with_the_devices_own_error() {
    let fake =
        fake_with_script("echo 'Failed to connect to h: Couldn'\"'\"'t connect' >&2; exit 1");
    fake.lab.network.closed.store(true, Ordering::Relaxed);
    fake.ends_with("ca: GetCACert: connection refused by 10.215.168.1:8080, next try in").await;
}

#[tokio::test]
async fn folder_is_private_and_is_removed_with_the_enrolment() {
    let fake = fake("{ pwd; stat -c %a . key.pem options | tr '\\n' ' '; } > {}/seen; exit 3");
    fake.ends_with("`pki` ended with status 3").await;
    let seen = fake.seen("seen");
    let (folder, modes) = seen.split_once('\n').unwrap();
    assert_eq!(modes.trim(), "700 600 600");
    assert!(!Path::new(folder).exists(), "{folder}");
}

/// The environment that cargo gives a test is enough to detect what is passed on.
#[tokio::test]
async fn only_the_path_is_passed_on_from_the_environment() {
    let fake = fake("tr '\\0' '\\n' < /proc/$$/environ | sort > {}/seen; pwd > {}/folder; exit 3");
    fake.ends_with("`pki` ended with status 3").await;
    let (path, folder) = (fake.file("").display().to_string(), fake.seen("folder"));
    let (path, folder) = (path.trim_end_matches('/'), folder.trim());
    let given = format!("HOME={folder}\nLC_ALL=C\nPATH={path}\nTMPDIR={folder}\n");
    assert_eq!(fake.seen("seen"), given);
}

#[tokio::test]
async fn missing_program_is_reported_with_its_package() {
    let fake = fake("true");
    fs::remove_file(fake.file("pki")).unwrap();
    fake.ends_with("ca: strongSwan's `pki` is not installed (package `strongswan-pki`)").await;
}

#[tokio::test]
async fn subject_that_pki_cannot_take_is_a_failure() {
    let fake = fake("true");
    let lines = DOCUMENTED.replace("CN=MyUserCert", "'O=Smith\\, Jones,CN=x'");
    fake.lab.device.replace_configuration(&lines).await.unwrap();
    fake.lab.shows("ca: `pki` cannot be given the value `Smith, Jones` in a subject").await;
}

#[tokio::test]
async fn plugin_that_is_not_loaded_is_reported_with_its_package() {
    let fake = fake_with_script(
        "echo 'unable to fetch from http://h, no capable fetcher found' >&2
        echo 'did not receive a valid SCEP response: HTTP 0' >&2; exit 1",
    );
    fake.ends_with(
        "ca: GetCACert: the plugin `curl`, by which strongSwan's `pki` fetches, is not installed \
         (package `libstrongswan-extra-plugins`)",
    )
    .await;
}

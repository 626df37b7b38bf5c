//! Enrolment, refusal, pending and renewal with each installed client.

use std::process::{Command, Stdio};

use dut_sim::ScepClient;

use super::device::ClientDevice;
use crate::support::needs::{self, client};
use crate::support::sceplab::{Ended, finish, refusing};
use crate::support::server::{LINUX, NDES, Server};
use crate::support::trials::{Need, Planned, trials};

pub(crate) fn trials() -> Vec<Planned> {
    let scepclient = client(ScepClient::Scepclient);
    let needs: Vec<&Need> = scepclient.iter().collect();
    let mut all = trials![
        &needs;
        missing_scepclient_options_are_noted,
    ];
    all.extend(trials![
        &[];
        missing_client_is_ignored_and_names_its_package,
        missing_client_fails_if_sceplab_must_run_names_it,
    ]);
    all.extend(with_each("client_enrols_with_every_server_it_supports", enrols));
    all.extend(with_each("every_client_reports_a_refusal_alike", is_refused));
    all.extend(with_each("refused_connection_is_reported_and_retried", tries_again));
    all.extend(with_each("pending_request_waits_for_a_decision", waits));
    all.extend(with_each("failed_renewal_keeps_the_old_certificate", renews));
    all
}

/// A test of each client, ignored if its program is not installed.
fn with_each<F>(name: &str, test: fn(ScepClient) -> F) -> impl Iterator<Item = Planned>
where
    F: Future<Output = ()> + 'static,
{
    ScepClient::ALL.iter().copied().map(move |client| {
        let need = needs::client(client);
        let needs: Vec<&Need> = need.iter().collect();
        let name = format!("{}::{name}::{client}", module_path!());
        Planned::new(&name, &needs, move || test(client))
    })
}

const SUBJECT: &str = "distinguished-names CN=MyUserCert";
const USER_CERTIFICATE: &str =
    "pki show certificate running://auth/certificates/scep/CSR/user/cert";

/// A Linux server. strongSwan reads no encrypted content in a constructed field, which scepserver sends.
fn linux(client: ScepClient, options: &[&str]) -> Server {
    let strongswan: &[&str] = match client {
        ScepClient::Strongswan => &["--der-replies"],
        _ => &[],
    };
    Server::start(&[&["linux"], strongswan, options].concat())
}

/// Every client except strongSwan's enrols with the Windows server: strongSwan 5.9.8 finds no cipher that it supports in the capabilities.
async fn enrols(client: ScepClient) {
    let linux = linux(client, &["--challenge", "secret", "--allow-duplicate-names"]);
    let ndes = Server::start(&["ndes", "--challenge", "secret", "--single-password"]);
    for (url, table) in [
        (linux.url(LINUX), "ca Valid Encipherment & Signature"),
        (ndes.url(NDES), "ra Valid Encipherment"),
    ] {
        let device = ClientDevice::with(client);
        let lines = ["cipher des3", "digest sha256", SUBJECT, "password secret"];
        device.configure(&url, &lines).await;
        let shown = device.shows(&["usercert Valid", "usercert: ", "ca: "]).await;
        let not_offered = "GetCACaps: `pki` ended with status 1: 3DES_CBC";
        if client == ScepClient::Strongswan && shown.contains(not_offered) {
            continue;
        }
        assert!(shown.contains("usercert Valid") && shown.contains(table), "{client}: {shown}");
        assert!(!device.log().contains("secret"), "{}", device.log());
    }
}

async fn is_refused(client: ScepClient) {
    let server = Server::start(&["linux", "--challenge", "secret"]);
    let device = ClientDevice::with(client);
    let lines = ["cipher des3", "digest sha256", SUBJECT, "password another"];
    device.configure(&server.url(LINUX), &lines).await;
    let shown = device.shows(&["usercert: ", "ca: "]).await;
    let refused = "usercert: PKIOperation (PKCSReq) was answered FAILURE, badRequest";
    assert!(shown.contains(refused), "{client}: {shown}\n{}", device.log());
    assert!(!device.log().contains("another"), "{}", device.log());
}

async fn tries_again(client: ScepClient) {
    let server = Server::start(&["linux"]);
    let (_socket, free) = refusing();
    let device = ClientDevice::with(client);
    device.configure(&format!("http://{free}/scep"), &[SUBJECT]).await;
    device.shows(&[&format!("connection refused by {free}, next try in")]).await;
    device.configure(&server.url("/nowhere"), &[SUBJECT]).await;
    device.shows(&["was answered HTTP 404", "next try in"]).await;
}

/// scepclient polls again only after half a minute, so for it the log alone is checked.
async fn waits(client: ScepClient) {
    let device = ClientDevice::with(client);
    let mut server = linux(client, &["--approval", "manual"]);
    device.configure(&server.url(LINUX), &["cipher des3", "digest sha256", SUBJECT]).await;
    device.shows(&["usercert Pending"]).await;
    if client == ScepClient::Scepclient {
        device.logs("sleeping for 30 seconds").await;
        return;
    }
    let pending = match client {
        ScepClient::Strongswan => "SCEP request pending",
        _ => "was answered PENDING",
    };
    device.logs(pending).await;
    server.running.write_line("approve");
    server.running.stdout_line(|line| line.starts_with("approved").then_some(()));
    device.shows(&["usercert Valid"]).await;
}

async fn renews(client: ScepClient) {
    let device = ClientDevice::with(client);
    let server = linux(client, &["--allow-duplicate-names"]);
    device.configure(&server.url(LINUX), &["cipher des3", "digest sha256", SUBJECT]).await;
    device.shows(&["usercert Valid"]).await;
    let first = device.output(USER_CERTIFICATE).await;
    assert!(device.output("pki scep renew CSR").await.contains("has begun"));
    device.logs("renewal: PKIOperation (RenewalReq) was answered SUCCESS: certificate 03").await;
    let second = device.outputs(USER_CERTIFICATE, "Serial Number: 3 ").await;
    assert_ne!(first, second, "{client}");
    drop(server);
    device.output("pki scep renew CSR").await;
    let shown = device.shows(&["usercert: renewal: GetCAC"]).await;
    assert!(shown.contains("usercert Valid"), "{client}: {shown}");
    assert_eq!(device.output(USER_CERTIFICATE).await, second);
}

async fn missing_scepclient_options_are_noted() {
    let server = Server::start(&["linux"]);
    let device = ClientDevice::with(ScepClient::Scepclient);
    device.configure(&server.url(LINUX), &["cipher aes", "digest sha256", SUBJECT]).await;
    device.shows(&["usercert Valid"]).await;
    let notes = device.notes();
    assert!(
        notes.contains("scepclient has no option for the cipher: it enciphers with single DES")
    );
    assert!(notes.contains("scepclient has no option for the digest"), "{notes}");
    device.configure(&server.url(LINUX), &["distinguished-names DC=com,CN=x"]).await;
    device.shows(&["ca: `scepclient` has no option for `DC` in a subject"]).await;
}

/// Runs this program again with an empty path, and with the groups that must run.
fn without_programs(must_run: &str) -> Ended {
    let mut again = Command::new(std::env::current_exe().unwrap());
    again.args(["--exact", "clients::enrolments::missing_scepclient_options_are_noted"]);
    again.env("PATH", "").env("SCEPLAB_MUST_RUN", must_run).env_remove("NEXTEST");
    again.stdin(Stdio::null());
    finish(again)
}

fn missing_client_is_ignored_and_names_its_package() {
    let ended = without_programs("");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("0 passed; 0 failed; 1 ignored"), "{ended:?}");
    assert!(ended.stdout.contains("(package `scep`)"), "{ended:?}");
}

fn missing_client_fails_if_sceplab_must_run_names_it() {
    let ended = without_programs("curl,scepclient");
    assert_ne!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("0 passed; 1 failed; 0 ignored"), "{ended:?}");
    assert!(ended.stdout.contains("`SCEPLAB_MUST_RUN` names `scepclient`"), "{ended:?}");
    let mistyped = without_programs("scepcleint");
    assert_ne!(mistyped.code, Some(0), "{mistyped:?}");
    assert!(mistyped.stderr.contains("names `scepcleint`, which is none of"), "{mistyped:?}");
}

//! Client programs that go wrong in every way: each ends in a clear reason, and nothing is left running.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use dut_sim::{Device, DeviceSettings, ScepClient};
use tempfile::TempDir;

use super::toy_ca::{Answer, ToyCa};
use super::toy_network::ToyNetwork;
use super::{DOCUMENTED, Lab, SEALED, keyring, keys, pause};

/// A folder with a fake `pki`, which stores the CA's certificate and then does `request`.
struct Fake {
    folder: TempDir,
    lab: Lab,
}

impl Fake {
    fn new(request: &str) -> Self {
        Self::whole(&format!(
            "case \"$1\" in --scepca) cp {{}}/given.der ca.der; echo stored;; --scep) {request};; esac"
        ))
    }

    /// The fake's whole script, `{}` standing for its folder.
    fn whole(script: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ca = Arc::new(ToyCa::new(Answer::Issue));
        fs::write(folder.path().join("given.der"), ca.certificate()).unwrap();
        let script = script.replace("{}", folder.path().to_str().unwrap());
        let program = folder.path().join("pki");
        fs::write(&program, format!("#!/bin/sh\n# --scepca\n{script}\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let network = ToyNetwork::new(&ca);
        let device = Device::start(DeviceSettings {
            client: ScepClient::Strongswan,
            program_path: Some(folder.path().as_os_str().to_owned()),
            program_limit: Duration::from_millis(800),
            keyring: keyring(&[(SEALED, "secret")]),
            key_source: dut_sim::KeySource::Prepared(keys()),
            retry_pause: pause(),
            poll_pause: pause(),
            ..DeviceSettings::new(Arc::clone(&network) as _)
        });
        Self { folder, lab: Lab { ca, network, device } }
    }

    async fn ends_with(&self, words: &str) {
        self.lab.device.replace_configuration(DOCUMENTED).await.unwrap();
        self.lab.shows(words).await;
        let log = self.lab.device.protocol_log().join("\n");
        assert!(!log.contains("secret"), "{log}");
    }

    /// Waits until the program has said so.
    async fn logs(&self, words: &str) {
        let mut changes = self.lab.device.subscribe();
        while !self.lab.device.protocol_log().iter().any(|line| line.contains(words)) {
            let _ = tokio::time::timeout(Duration::from_millis(20), changes.changed()).await;
        }
    }

    fn file(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }
}

#[tokio::test]
async fn a_refusal_is_told_as_the_device_s_own_client_tells_it() {
    let fake = Fake::new("echo 'failInfo:     badRequest - not permitted' >&2; exit 1");
    fake.ends_with("usercert: PKIOperation (PKCSReq) was answered FAILURE, badRequest").await;
    fake.lab.shows("ca Valid").await;
}

#[tokio::test]
async fn a_program_that_fails_is_told_with_its_last_words_and_no_password() {
    let fake = Fake::new("grep password options >&2; exit 7");
    fake.ends_with(
        "usercert: PKIOperation (PKCSReq): `pki` ended with status 7: --password \"****************\"",
    )
    .await;
}

#[tokio::test]
async fn a_killed_program_is_told() {
    let fake = Fake::new("kill -9 $$");
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
        Fake::new(request).ends_with(said).await;
    }
}

#[tokio::test]
async fn half_a_ca_certificate_is_a_failure() {
    let fake = Fake::whole("head -c 100 {}/given.der > ca.der");
    fake.ends_with(
        "ca: GetCACert: `pki` ended with success, but its file `ca.der` holds no certificate",
    )
    .await;
    Fake::whole("true")
        .ends_with("ca: GetCACert: `pki` ended with success, but it stored no")
        .await;
}

#[tokio::test]
async fn a_program_that_hangs_is_killed_with_its_children() {
    let fake = Fake::new("sleep 600 & echo $! > {}/child; echo waiting; wait");
    fake.ends_with("`pki` did not end in 0.8 s and was killed; it said last: waiting").await;
    is_gone(&fake.file("child")).await;
}

#[tokio::test]
async fn children_that_a_program_leaves_are_killed() {
    let fake = Fake::new("sleep 600 & echo $! > {}/child; exit 3");
    fake.ends_with("`pki` ended with status 3 and said nothing").await;
    is_gone(&fake.file("child")).await;
}

#[tokio::test]
async fn endless_output_is_ended() {
    Fake::new("yes")
        .ends_with("`pki` printed more than 1048576 bytes or 5000 lines and was ended")
        .await;
    Fake::new("cat /dev/zero").ends_with("`pki` printed more than 1048576 bytes").await;
}

#[tokio::test]
async fn a_pending_request_may_take_its_time_and_ends_with_its_configuration() {
    let fake =
        Fake::new("echo $$ > {}/child; echo '  SCEP request pending, polling' >&2; sleep 600");
    fake.ends_with("usercert Pending - - -").await;
    fake.logs("SCEP request pending").await;
    // That nothing happens to it can only be waited for.
    tokio::time::sleep(Duration::from_secs(1)).await;
    fake.lab.shows("usercert Pending - - -").await;
    fake.lab.device.replace_configuration("set system host-name DUT0").await.unwrap();
    is_gone(&fake.file("child")).await;
}

#[tokio::test]
async fn a_pending_request_ends_with_the_device() {
    let fake = Fake::new("echo $$ > {}/child; echo 'SCEP request pending' >&2; sleep 600");
    fake.ends_with("usercert Pending - - -").await;
    fake.logs("SCEP request pending").await;
    let Fake { folder, lab } = fake;
    drop(lab);
    is_gone(&folder.path().join("child")).await;
}

#[tokio::test]
async fn a_server_that_does_not_serve_is_tried_again() {
    let fake = Fake::whole("echo 'did not receive a valid SCEP response: HTTP 503' >&2; exit 1");
    fake.ends_with("ca: GetCACert was answered HTTP 503, next try in").await;
}

#[tokio::test]
async fn an_unreached_server_is_told_as_the_device_finds_it() {
    let fake = Fake::whole("echo 'Failed to connect to h: Couldn'\"'\"'t connect' >&2; exit 1");
    fake.lab.network.closed.store(true, std::sync::atomic::Ordering::Relaxed);
    fake.ends_with("ca: GetCACert: connection refused by 10.215.168.1:8080, next try in").await;
}

#[tokio::test]
async fn the_folder_is_private_and_goes_with_the_enrolment() {
    let fake = Fake::new("{ pwd; stat -c %a . key.pem options | tr '\\n' ' '; } > {}/seen; exit 3");
    fake.ends_with("`pki` ended with status 3").await;
    let seen = fs::read_to_string(fake.file("seen")).unwrap();
    let (folder, modes) = seen.split_once('\n').unwrap();
    assert_eq!(modes.trim(), "700 600 600");
    assert!(!Path::new(folder).exists(), "{folder}");
}

#[tokio::test]
async fn a_missing_program_is_told_with_its_package() {
    let fake = Fake::new("true");
    fs::remove_file(fake.file("pki")).unwrap();
    fake.ends_with("ca: strongSwan's `pki` is not installed (package `strongswan-pki`)").await;
}

#[tokio::test]
async fn a_subject_that_cannot_be_expressed_is_a_failure() {
    let fake = Fake::new("true");
    let lines = DOCUMENTED.replace("CN=MyUserCert", "'O=Smith\\, Jones,CN=x'");
    fake.lab.device.replace_configuration(&lines).await.unwrap();
    fake.lab.shows("ca: `pki` cannot be given the value `Smith, Jones` in a subject").await;
}

/// Waits until the process whose number is in the file is gone.
async fn is_gone(file: &Path) {
    let id = fs::read_to_string(file).unwrap().trim().to_owned();
    let waiting = async {
        // A killed process that nobody has waited for yet is gone as well.
        while fs::read_to_string(format!("/proc/{id}/stat"))
            .is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or_default().starts_with(" Z"))
        {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(20), waiting).await.is_ok(), "{id} is there");
}

//! Client programs that fail in all possible ways: each failure has a clear reason, and no process is left running.

mod scep_submit;
mod scepclient;
mod sscep;
mod strongswan;

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use dut_sim::{Device, DeviceSettings, ScepClient};
use openssl::x509::X509;
use tempfile::TempDir;

use super::toy_ca::{Answer, ToyCa};
use super::toy_network::ToyNetwork;
use super::{DEADLINE, DOCUMENTED, Lab, SEALED, keyring, keys, pause};

/// A script that hangs, and writes a file before, so that its test needs not wait until the time limit has expired.
const HANGS: &str = ": > {}/hangs; sleep 600";

/// A folder with a fake client program, and a device that enrols with it.
struct Fake {
    folder: TempDir,
    lab: Lab,
}

impl Fake {
    /// A fake that runs `script`. `{}` is replaced by its folder, in which `given.der` and `given.pem` are the CA's certificate
    /// and `given.key` is its key.
    fn of(client: ScepClient, script: &str) -> Self {
        Self::with_limit(client, script, Some(DEADLINE))
    }

    /// A fake with this time limit for the program, or the default one.
    fn with_limit(client: ScepClient, script: &str, limit: Option<Duration>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ca = Arc::new(ToyCa::new(Answer::Issue, scep::clock::Clock::system()));
        write_ca_files(folder.path(), &ca);
        write_program(folder.path(), client, script);
        let network = ToyNetwork::new(&ca);
        let defaults = DeviceSettings::new(Arc::clone(&network) as _);
        let mut settings = DeviceSettings {
            program_path: Some(folder.path().as_os_str().to_owned()),
            program_limit: limit.unwrap_or(defaults.program_limit),
            key_source: keys(),
            retry_pause: pause(),
            poll_pause: pause(),
            ..defaults
        };
        settings.own.client = client;
        settings.own.keyring = keyring(&[(SEALED, "secret")]);
        let device = Device::start(settings);
        Self { folder, lab: Lab { ca, network, device } }
    }

    async fn ends_with(&self, words: &str) {
        self.lab.device.replace_configuration(DOCUMENTED).await.unwrap();
        self.lab.shows(words).await;
        let log = self.lab.device.protocol_log().join("\n");
        assert!(!log.contains("secret"), "{log}");
    }

    /// Waits until the program [`HANGS`], and lets its time limit expire.
    async fn is_overdue(&self, words: &str) {
        self.lab.device.replace_configuration(DOCUMENTED).await.unwrap();
        wait_for_file(&self.file("hangs")).await;
        advance_one_hour().await;
        self.lab.shows(words).await;
    }

    /// Waits until a line of the log contains the words.
    async fn logs(&self, words: &str) {
        let mut changes = self.lab.device.subscribe();
        while !self.lab.device.protocol_log().iter().any(|line| line.contains(words)) {
            let _ = tokio::time::timeout(Duration::from_millis(20), changes.changed()).await;
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Content of a file that the program has written.
    fn seen(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).unwrap()
    }
}

fn write_ca_files(folder: &Path, ca: &ToyCa) {
    let certificate = ca.certificate();
    let pem = X509::from_der(&certificate).unwrap().to_pem().unwrap();
    fs::write(folder.join("given.pem"), pem).unwrap();
    fs::write(folder.join("given.key"), ca.key()).unwrap();
    fs::write(folder.join("given.der"), certificate).unwrap();
}

/// Writes the fake program. It sets its own path, because the path that the device passes on has only the fake's folder.
fn write_program(folder: &Path, client: ScepClient, script: &str) {
    let name = match client {
        ScepClient::Builtin => panic!("the built-in client is not a program"),
        ScepClient::Strongswan => "pki",
        ScepClient::Scepclient => "scepclient",
        ScepClient::Sscep => "sscep",
        ScepClient::Certmonger => "scep-submit",
    };
    let script = script.replace("{}", folder.to_str().unwrap());
    let path = env::var("PATH").unwrap();
    let file = folder.join(name);
    fs::write(&file, format!("#!/bin/sh\n# --scepca\nPATH='{path}'\n{script}\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Advances the device's clock by an hour, after which every time limit has expired.
async fn advance_one_hour() {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(3600)).await;
    tokio::time::resume();
}

/// Waits until the file exists.
async fn wait_for_file(file: &Path) {
    let waiting = async {
        while !file.exists() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let exists = tokio::time::timeout(DEADLINE, waiting).await.is_ok();
    assert!(exists, "there is no {}", file.display());
}

/// Waits until the process with the id in the file has ended.
async fn wait_for_exit(file: &Path) {
    let id = fs::read_to_string(file).unwrap().trim().to_owned();
    let waiting = async {
        // A zombie process has ended too.
        while fs::read_to_string(format!("/proc/{id}/stat"))
            .is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or_default().starts_with(" Z"))
        {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(tokio::time::timeout(DEADLINE, waiting).await.is_ok(), "{id} is running");
}

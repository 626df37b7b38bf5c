//! Client programs that go wrong in every way: each ends in a clear reason, and nothing is left running.

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
use super::{DOCUMENTED, Lab, SEALED, keyring, keys, pause};

/// A folder with a fake of a client's program, and a device that enrols with it.
struct Fake {
    folder: TempDir,
    lab: Lab,
}

impl Fake {
    /// A fake that runs `script`; `{}` stands for its folder, where `given.der` and `given.pem` are the CA's certificate
    /// and `given.key` its key.
    fn of(client: ScepClient, script: &str) -> Self {
        Self::with_limit(client, script, Some(Duration::from_millis(800)))
    }

    /// The same with so much time for the program, or what is customary.
    fn with_limit(client: ScepClient, script: &str, limit: Option<Duration>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ca = Arc::new(ToyCa::new(Answer::Issue));
        furnish(folder.path(), &ca);
        write_program(folder.path(), client, script);
        let network = ToyNetwork::new(&ca);
        let customary = DeviceSettings::new(Arc::clone(&network) as _);
        let mut settings = DeviceSettings {
            program_path: Some(folder.path().as_os_str().to_owned()),
            program_limit: limit.unwrap_or(customary.program_limit),
            key_source: keys(),
            retry_pause: pause(),
            poll_pause: pause(),
            ..customary
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

    /// Waits until the program has said so.
    async fn logs(&self, words: &str) {
        let mut changes = self.lab.device.subscribe();
        while !self.lab.device.protocol_log().iter().any(|line| line.contains(words)) {
            let _ = tokio::time::timeout(Duration::from_millis(20), changes.changed()).await;
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What the program has written there, for this test to see.
    fn seen(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).unwrap()
    }
}

fn furnish(folder: &Path, ca: &ToyCa) {
    let certificate = ca.certificate();
    let pem = X509::from_der(&certificate).unwrap().to_pem().unwrap();
    fs::write(folder.join("given.pem"), pem).unwrap();
    fs::write(folder.join("given.key"), ca.key()).unwrap();
    fs::write(folder.join("given.der"), certificate).unwrap();
}

/// The path that a program is given has nothing but the fake, whose script needs more.
fn write_program(folder: &Path, client: ScepClient, script: &str) {
    let name = match client {
        ScepClient::Builtin => panic!("it is no program"),
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

/// Lets an hour of the device's time go by, in which every limit of time is over.
async fn an_hour_later() {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(3600)).await;
    tokio::time::resume();
}

/// Waits until there is such a file.
async fn is_made(file: &Path) {
    let waiting = async {
        while !file.exists() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let is_made = tokio::time::timeout(Duration::from_secs(20), waiting).await.is_ok();
    assert!(is_made, "there is no {}", file.display());
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

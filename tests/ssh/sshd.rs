//! A real OpenSSH server with a login shell of the test.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use model::lab::{PasswordSource, SshTarget};

use crate::support::rig::files::{USER, new_key};
use crate::support::rig::{INSIDE, Rig};

/// A server; if dropped, it ends with all its sessions.
pub(crate) struct Sshd(Rig);

impl Sshd {
    /// A server with a shell script as its login shell; `{dir}` in it is the server's folder.
    pub(crate) fn start(script: &str) -> Self {
        Self::with(script, "")
    }

    /// The same with further lines of `sshd_config(5)`.
    pub(crate) fn with(script: &str, settings: &str) -> Self {
        let server = Self(Rig::scripted(&script.replace("{dir}", INSIDE), settings));
        server.write_known_hosts("host_key.pub");
        server
    }

    /// Path of a file in the server's folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.folder().join(name)
    }

    /// Text of a file in the server's folder.
    pub(crate) fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// The target for a login by the right key.
    pub(crate) fn target(&self) -> SshTarget {
        SshTarget {
            identity: Some(self.0.identity()),
            known_hosts: Some(self.0.known_hosts()),
            password: Some(PasswordSource::Environment("SCEPLAB_TEST_NO_PASSWORD".to_owned())),
            // No interface of the device has the address of this machine's loopback.
            keep: vec![["interfaces", "ethernet", "mgmt0"].map(str::to_owned).to_vec()],
            answer_within: Duration::from_secs(60),
            ..SshTarget::new(USER, self.0.host(), self.0.port())
        }
    }

    /// The target for a login by the right password.
    pub(crate) fn target_with_password(&self) -> SshTarget {
        let password = Some(PasswordSource::File(self.0.password_file()));
        SshTarget { identity: None, password, ..self.target() }
    }

    /// Writes the public key in that file, and no other, to `known_hosts`.
    pub(crate) fn write_known_hosts(&self, public: &str) {
        let key = fs::read_to_string(self.path(public)).unwrap();
        let line = format!("# trusted by a test\n[127.0.0.1]:{} {key}", self.0.port());
        write(&self.path("known_hosts"), &line, 0o600);
    }

    /// The target for a login by a wrong key, after which only a password helps.
    pub(crate) fn target_with_wrong_key(&self) -> SshTarget {
        new_key(&self.path("stranger"));
        SshTarget { identity: Some(self.path("stranger")), ..self.target() }
    }

    /// The fingerprint of a public key, as OpenSSH prints it.
    pub(crate) fn fingerprint(&self, public: &str) -> String {
        let told = Command::new("ssh-keygen").arg("-lf").arg(self.path(public)).output().unwrap();
        let told = String::from_utf8(told.stdout).unwrap();
        told.split_whitespace().nth(1).unwrap().to_owned()
    }

    /// Hashes the names in `known_hosts` with OpenSSH.
    pub(crate) fn hash_known_hosts(&self) {
        write(
            &self.path("known_hosts"),
            self.text("known_hosts").trim_start_matches("# trusted by a test\n"),
            0o600,
        );
        let hashed = Command::new("ssh-keygen")
            .args(["-q", "-H", "-f"])
            .arg(self.path("known_hosts"))
            .output();
        assert!(hashed.unwrap().status.success());
    }

    /// Gives the right key a pass phrase.
    pub(crate) fn protect_identity(&self, phrase: &str) {
        let path = self.path("identity");
        let changed = Command::new("ssh-keygen")
            .args(["-q", "-p", "-P", "", "-N", phrase, "-f"])
            .arg(path)
            .output();
        assert!(changed.unwrap().status.success());
    }

    /// Ends the server and all sessions, like a device that is switched off.
    pub(crate) fn stop(&mut self) {
        self.0.stop_sshd();
    }

    /// Serves again on the same port.
    pub(crate) fn start_again(&mut self) {
        self.0.start_sshd();
    }
}

pub(crate) fn write(path: &Path, text: &str, mode: u32) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

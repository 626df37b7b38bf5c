//! A real OpenSSH server on loopback, whose login shell is what a test wants.
//!
//! It runs in namespaces of its own: of mounts, in which the test's user exists and `/run` is empty, so that nothing of the
//! machine is changed and none of its users can log in; and of processes, so that nothing outlives it.

use std::fs;
use std::io::Read;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use harness::lab::{PasswordSource, SshTarget};
use tempfile::TempDir;

use crate::suite::sceplab::{DEADLINE, skip};

/// Who logs in.
pub(crate) const USER: &str = "admin";

/// With which password.
pub(crate) const PASSWORD: &str = "Tr0ub4dor&3";

/// Its hash by `openssl passwd -6 -salt sceplab`.
const HASH: &str = "$6$sceplab$tEtx5y..WMnnHegaMXwfOUN7v2x1bVphvA9R3/L/6eaj.GQ1bP1oiqi76IUGcYJFqw4xLbtWEtvCHVTgQmksp/";

/// A server; dropping it ends it, and all sessions with it.
pub(crate) struct Sshd {
    /// `unshare`, whose only child is the server.
    child: Child,
    port: u16,
    folder: TempDir,
}

/// Whether there is a server to be had here; where there is none, the test says so and has nothing to try.
pub(crate) fn is_there() -> bool {
    let root = uid() == Some(0);
    let reason = match (Path::new("/usr/sbin/sshd").exists(), root) {
        (false, _) => "there is no /usr/sbin/sshd (Debian: apt-get install openssh-server)",
        (_, false) => "sshd changes to the user who logs in, which only root can",
        _ if !may_unshare() => "no namespaces can be had here (unshare --mount --pid)",
        _ => return true,
    };
    skip(reason);
    false
}

fn uid() -> Option<u32> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let uids = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    uids.split_whitespace().next()?.parse().ok()
}

fn may_unshare() -> bool {
    let tried = Command::new("unshare")
        .args(["--mount", "--pid", "--fork", "true"])
        .stderr(Stdio::null())
        .status();
    tried.is_ok_and(|status| status.success())
}

impl Sshd {
    /// A server whose login shell is a script of `sh`; `{dir}` in it is the server's folder.
    pub(crate) fn start(script: &str) -> Self {
        Self::with(script, "")
    }

    /// The same, with further lines of `sshd_config(5)`.
    pub(crate) fn with(script: &str, settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        let script = script.replace("{dir}", &dir.display().to_string());
        write(&dir.join("shell"), &format!("#!/bin/sh\n{script}"), 0o755);
        for name in ["host_key", "identity"] {
            keygen(&dir.join(name));
        }
        fs::copy(dir.join("identity.pub"), dir.join("authorized_keys")).unwrap();
        write(
            &dir.join("passwd"),
            &format!(
                "root:x:0:0::/root:/bin/sh\nsshd:x:100:65534::/run/sshd:/usr/sbin/nologin\n{USER}:x:0:0::/root:/bin/sh\n"
            ),
            0o644,
        );
        write(
            &dir.join("shadow"),
            &format!("root:*:19000:0:99999:7:::\n{USER}:{HASH}:19000:0:99999:7:::\n"),
            0o600,
        );
        let mut server = Self { child: nobody(), port: free_port(), folder };
        server.write_known_hosts("host_key.pub");
        server.serve(settings);
        server
    }

    fn serve(&mut self, settings: &str) {
        let (dir, port) = (self.folder.path().display().to_string(), self.port);
        let config = format!(
            "{settings}\nPort {port}\nListenAddress 127.0.0.1\nHostKey {dir}/host_key\n\
             AuthorizedKeysFile {dir}/authorized_keys\nStrictModes no\nUsePAM no\nPermitRootLogin yes\n\
             ForceCommand {dir}/shell\nPidFile none\nPrintMotd no\nPrintLastLog no\n"
        );
        write(&self.folder.path().join("sshd_config"), &config, 0o644);
        let command = format!(
            "mount -t tmpfs tmpfs /run && mkdir -m 755 /run/sshd && mount --bind {dir}/passwd /etc/passwd && \
             mount --bind {dir}/shadow /etc/shadow && exec /usr/sbin/sshd -D -e -f {dir}/sshd_config"
        );
        let log = fs::File::create(self.folder.path().join("sshd.log")).unwrap();
        self.child = Command::new("unshare")
            .args([
                "--mount",
                "--propagation",
                "private",
                "--pid",
                "--fork",
                "--kill-child",
                "sh",
                "-c",
                &command,
            ])
            .stdin(Stdio::null())
            .stderr(log)
            .process_group(0)
            .spawn()
            .unwrap();
        self.wait_until_it_serves();
    }

    fn wait_until_it_serves(&mut self) {
        let until = Instant::now() + DEADLINE;
        loop {
            if let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)) {
                let _ = stream.set_read_timeout(Some(DEADLINE));
                if stream.read(&mut [0]).is_ok_and(|read| read == 1) {
                    return;
                }
            }
            let ended = self.child.try_wait().unwrap();
            assert!(
                ended.is_none() && Instant::now() < until,
                "sshd does not serve: {}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What the server has logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path("sshd.log")).unwrap_or_default()
    }

    /// A file in the server's folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The text of a file in the server's folder.
    pub(crate) fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// How it is reached, by the right key.
    pub(crate) fn target(&self) -> SshTarget {
        SshTarget {
            identity: Some(self.path("identity")),
            known_hosts: Some(self.path("known_hosts")),
            password: PasswordSource::Environment("SCEPLAB_TEST_NO_PASSWORD".to_owned()),
            // None of the devices' interfaces has the address of this machine's loopback.
            keep: vec![["interfaces", "ethernet", "mgmt0"].map(str::to_owned).to_vec()],
            answer_within: Duration::from_secs(20),
            ..SshTarget::new(USER, "127.0.0.1", self.port)
        }
    }

    /// How it is reached, by the right password.
    pub(crate) fn target_with_password(&self) -> SshTarget {
        write(&self.path("password"), PASSWORD, 0o600);
        let password = PasswordSource::File(self.path("password"));
        SshTarget { identity: None, password, ..self.target() }
    }

    /// Trusts the public key in that file, and no other.
    pub(crate) fn write_known_hosts(&self, public: &str) {
        let key = fs::read_to_string(self.path(public)).unwrap();
        let line = format!("# trusted by a test\n[127.0.0.1]:{} {key}", self.port);
        write(&self.path("known_hosts"), &line, 0o600);
    }

    /// How it is reached where nothing but a password helps, after a key that does not.
    pub(crate) fn target_with_wrong_key(&self) -> SshTarget {
        keygen(&self.path("stranger"));
        SshTarget { identity: Some(self.path("stranger")), ..self.target() }
    }

    /// The fingerprint of a public key, by OpenSSH.
    pub(crate) fn fingerprint(&self, public: &str) -> String {
        let told = Command::new("ssh-keygen").arg("-lf").arg(self.path(public)).output().unwrap();
        let told = String::from_utf8(told.stdout).unwrap();
        told.split_whitespace().nth(1).unwrap().to_owned()
    }

    /// Hashes the names in the file of known hosts, by OpenSSH.
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

    /// Ends the server and all sessions, as a device that goes off does.
    pub(crate) fn stop(&mut self) {
        // It is process 1 of a namespace, in which nothing outlives it.
        let group = format!("-{}", self.child.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
        let _ = self.child.wait();
        let until = Instant::now() + DEADLINE;
        while TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            assert!(Instant::now() < until, "the port is not given back");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Serves again on the same port.
    pub(crate) fn start_again(&mut self) {
        self.serve("");
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.stop();
    }
}

fn nobody() -> Child {
    Command::new("true").spawn().unwrap()
}

fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

pub(crate) fn keygen(path: &Path) {
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f"])
        .arg(path)
        .status()
        .unwrap();
    assert!(made.success());
}

pub(crate) fn write(path: &Path, text: &str, mode: u32) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

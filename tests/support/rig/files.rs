//! Files that the SSH server and the CAs read: users, keys, passwords, a lab.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::INSIDE;
use crate::support::sceplab::run_program;

/// Name of the user who logs in.
pub(crate) const USER: &str = "admin";
/// Number of [`USER`] and of the user's group.
pub(super) const USER_ID: u32 = 60_001;
/// Password of [`USER`].
pub(crate) const PASSWORD: &str = "Sauerklee-4Rm";
/// `openssl passwd -6 -salt sceplab Sauerklee-4Rm`.
const PASSWORD_HASH: &str = "$6$sceplab$AFNs7ficY1RHOwEywJN4hwfgL.I1aAZ8tCTZPpaoE7C9kv7BykUqypw.7RlSQ28uMEsbxYr1VtrcrBhcAd6/x1";
/// Name of the user of the `mscep_admin` page.
pub(crate) const ADMIN: &str = "enroller";
/// Password of [`ADMIN`].
pub(crate) const ADMIN_PASSWORD: &str = "Brunnenkresse-6Jd";
/// The challenge passwords that are sealed in the documented configurations.
const CHALLENGE: &str = "scep-challenge";
const ONE_TIME: &str = "8CE317021F6900691ED0DD50F7459D6E";

/// A lab for both documented scenarios; the device has the keyring for their sealed values.
const LAB: &str = "devices:
  DUT0:
    interfaces: {eth0: 10.215.168.0/24}
    keyring:
      U2FsdGVkX19P8MYjQLXrIvBEOMDHUJ1TWkNFRAs31/g=: scep-challenge
      U2FsdGVkX1/cpKs60XW8glHBeDwbuldY39EE0iQqd2oH+aYMvhespzahhtjG9BVkN0r2s1k3scwkW82sbk6EpA==: 8CE317021F6900691ED0DD50F7459D6E
hosts:
  gateway: {addresses: [10.215.168.1/24, 10.0.12.1/30], forwards: true, routes: {192.168.212.0/22: 10.0.12.2}, runs: linux-pki}
  core: {addresses: [10.0.12.2/30, 192.168.212.1/22], forwards: true, routes: {10.215.168.0/24: 10.0.12.1}}
  windows: {addresses: [192.168.213.25/22], routes: {default: 192.168.212.1}, ttl: 128, runs: windows-pki}
pki:
  linux-pki:
    personality: linux
    port: 8080
    ca: {subject: \"CN=Teldat-PKI, O=Teldat, L=Madrid, C=ES\"}
    challenge: {static: scep-challenge}
  windows-pki:
    personality: ndes
    port: 80
    ca: {subject: \"DC=com, DC=scep, CN=scep-TELDATPKI-CA\"}
    challenge: {one-time: [8CE317021F6900691ED0DD50F7459D6E]}
";

/// Fills the folder of a rig. `host` is the SSH server in `known_hosts`, `user` the number of the user who logs in.
pub(super) fn write(folder: &Path, host: &str, user: u32) {
    fs::create_dir(folder.join("etc")).unwrap();
    for (name, text) in [
        ("etc/passwd", passwd(user)),
        ("etc/group", format!("root:x:0:\nnogroup:x:65534:\n{USER}:x:{USER_ID}:\n")),
        (
            "etc/shadow",
            format!("root:*:1:::::::\nsshd:*:1:::::::\n{USER}:{PASSWORD_HASH}:1::::::\n"),
        ),
        ("lab.yaml", LAB.to_owned()),
        ("password", format!("{PASSWORD}\n")),
        ("admin_password", format!("{ADMIN_PASSWORD}\n")),
        ("challenge", format!("{CHALLENGE}\n")),
        ("one_time", format!("{ONE_TIME}\n")),
        ("sceplab", String::new()),
    ] {
        fs::write(folder.join(name), text).unwrap();
    }
    private(&folder.join("etc/shadow"));
    new_host_key(folder);
    let public = fs::read_to_string(folder.join("host_key.pub")).unwrap();
    fs::write(folder.join("known_hosts"), format!("{host} {public}")).unwrap();
    new_key(&folder.join("identity"));
    fs::copy(folder.join("identity.pub"), folder.join("authorized_keys")).unwrap();
}

/// Makes a new host key in place of the old one.
pub(super) fn new_host_key(folder: &Path) {
    for file in ["host_key", "host_key.pub"] {
        let _ = fs::remove_file(folder.join(file));
    }
    new_key(&folder.join("host_key"));
}

/// Makes a key pair with OpenSSH; the public key has `.pub` added to its name.
pub(crate) fn new_key(path: &Path) {
    let path = path.to_str().unwrap();
    run_program("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-C", "rig", "-f", path]);
}

fn passwd(user: u32) -> String {
    format!(
        "root:x:0:0:root:/root:/bin/sh
sshd:x:60000:65534::/run/sshd:/usr/sbin/nologin
{USER}:x:{user}:{user}::/:{INSIDE}/login
"
    )
}

fn private(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

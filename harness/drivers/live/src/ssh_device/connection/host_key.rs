//! Whether the device is the one that is known: its host key against those that are trusted.

use base64::prelude::{BASE64_STANDARD_NO_PAD, Engine};
use openssl::sha::sha256;
use ssh2::Session;

use super::known_hosts::{Found, KnownHosts};
use model::lab::SshTarget;

/// Checks the key that the device has shown; the error says what is wrong with it, and what to do.
pub(super) fn check(
    target: &SshTarget,
    session: &Session,
    known: &KnownHosts,
) -> Result<(), String> {
    match session.host_key() {
        Some((key, _)) => judged(target, key, known),
        None => Err(format!("{target} showed no host key")),
    }
}

fn judged(target: &SshTarget, key: &[u8], known: &KnownHosts) -> Result<(), String> {
    let shown = described(key);
    let (path, name) = (known.path().display(), known.name());
    let (user, host, port) = (&target.user, &target.host, target.port);
    match known.find(key) {
        Found::Trusted => Ok(()),
        Found::Revoked { line } => Err(format!(
            "the host key of {target} is {shown}, which `{path}:{line}` says must never be trusted"
        )),
        Found::Changed { line, key: before } => Err(format!(
            "THE HOST KEY OF {target} HAS CHANGED: it is {shown}, and was {} (`{path}:{line}`). Nothing was sent to it: \
             somebody else may answer at this address. If the device was set up anew, compare the new fingerprint with \
             the one on its own console, type `ssh-keygen -f {path} -R '{name}'`, and connect once by hand: \
             `ssh -p {port} {user}@{host}`",
            described(&before),
        )),
        Found::Nothing => Err(format!(
            "the host key of {target} is not known: it is {shown}, and `{path}` has none for `{name}`. Nothing was sent \
             to it. Compare that with the fingerprint on the device's own console, then connect once by hand, `ssh -p \
             {port} {user}@{host}`, or type `ssh-keyscan -p {port} {host} >> {path}`",
        )),
    }
}

/// Kind and fingerprint of a key, as OpenSSH writes it.
fn described(key: &[u8]) -> String {
    format!("{} SHA256:{}", algorithm(key), BASE64_STANDARD_NO_PAD.encode(sha256(key)))
}

/// The name that a public key begins with (RFC 4253 §6.6).
pub(super) fn algorithm(key: &[u8]) -> String {
    let length = key.get(..4).and_then(|length| length.try_into().ok());
    let length = length.map_or(0, u32::from_be_bytes);
    let end = usize::try_from(length).ok().and_then(|length| length.checked_add(4));
    let name = end.and_then(|end| key.get(4..end)).unwrap_or_default();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-@._".contains(c);
    match String::from_utf8(name.to_vec()) {
        Ok(name) if !name.is_empty() && name.chars().all(plain) => name,
        _ => "of an unknown kind".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use base64::prelude::BASE64_STANDARD;

    use super::*;

    const KEY: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    const OTHER: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB";

    /// What is said of KEY where the file of known hosts is this.
    fn said(known: &str) -> Result<(), String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, known).unwrap();
        let known_hosts = Some(file.path().to_owned());
        let target = SshTarget { known_hosts, ..SshTarget::new("admin", "198.51.100.7", 2222) };
        let known = KnownHosts::of(&target).unwrap();
        let path = file.path().display().to_string();
        let key = BASE64_STANDARD.decode(KEY).unwrap();
        judged(&target, &key, &known).map_err(|said| said.replace(&path, "FILE"))
    }

    /// The fingerprints are those of `ssh-keygen -lf`.
    #[test]
    fn a_key_that_is_not_known_is_told_with_what_to_type() {
        let unknown = said("").unwrap_err();
        for part in [
            "ssh-ed25519 SHA256:kmYcvdi2GkPeWxB6XLjrZB8JHsy2Hm8luHMFp9GMvqk",
            "`FILE` has none for `[198.51.100.7]:2222`",
            "`ssh -p 2222 admin@198.51.100.7`",
            "`ssh-keyscan -p 2222 198.51.100.7 >> FILE`",
        ] {
            assert!(unknown.contains(part), "{part}: {unknown}");
        }
        let changed = said(&format!("# mine\n[198.51.100.7]:2222 ssh-ed25519 {OTHER}\n"));
        let changed = changed.unwrap_err();
        for part in [
            "HAS CHANGED",
            "SHA256:kmYcvdi2GkPeWxB6XLjrZB8JHsy2Hm8luHMFp9GMvqk",
            "SHA256:gOPgXFWkBoXrFVwpjf0SBo3P1kFs+IvH5q/vnQhNpFw",
            "`FILE:2`",
            "`ssh-keygen -f FILE -R '[198.51.100.7]:2222'`",
        ] {
            assert!(changed.contains(part), "{part}: {changed}");
        }
        assert!(said(&format!("@revoked * ssh-ed25519 {KEY}")).unwrap_err().contains("`FILE:1`"));
        assert_eq!(said(&format!("[198.51.100.7]:2222 ssh-ed25519 {KEY}")), Ok(()));
    }

    #[test]
    fn what_is_no_key_has_a_name_as_well() {
        for wrong in [&b"\xff\xff\xff\xffssh"[..], b"", b"\0\0\0\x03\x1b[2"] {
            assert_eq!(algorithm(wrong), "of an unknown kind");
        }
    }
}

//! A file of trusted host keys, as sshd(8) describes it under `SSH_KNOWN_HOSTS FILE FORMAT`.
//!
//! libssh2 reads such files as well, but knows no patterns, no revoked keys and no numbers of lines.

use std::fs;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use base64::prelude::{BASE64_STANDARD, Engine};
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;
use regex::Regex;

use super::host_key::algorithm;
use model::lab::SshTarget;

/// The most that is read of a file, in bytes.
const SIZE_LIMIT: u64 = 16 * 1024 * 1024;

/// What is known of one device.
pub(super) struct KnownHosts {
    path: PathBuf,
    /// As files have it: with the port where it is another than 22.
    name: String,
    entries: Vec<Entry>,
}

struct Entry {
    line: usize,
    key: Vec<u8>,
    revoked: bool,
}

/// What is known of a key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// It is one of the device's.
    Trusted,
    /// It is never to be trusted.
    Revoked {
        /// Where that is said, from 1.
        line: usize,
    },
    /// The device had another one.
    Changed {
        /// Where it stands, from 1.
        line: usize,
        /// That key.
        key: Vec<u8>,
    },
    /// The device is not in the file.
    Nothing,
}

impl KnownHosts {
    /// Reads what is known of a device; a file that is not there knows nothing.
    pub(super) fn of(target: &SshTarget) -> Result<Self, String> {
        let own = || std::env::home_dir().map(|home| home.join(".ssh/known_hosts"));
        let path = target.known_hosts.clone().or_else(own).ok_or(
            "there is no home folder with a file of known host keys: give `known-hosts` in the lab file",
        )?;
        let text = read(&path)?;
        let name = match target.port {
            22 => target.host.to_lowercase(),
            port => format!("[{}]:{port}", target.host.to_lowercase()),
        };
        let lines = text.lines().enumerate();
        let entries = lines.filter_map(|(index, line)| entry(index + 1, line, &name)).collect();
        Ok(Self { path, name, entries })
    }

    /// The file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The device's name in it.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// What is known of a key that the device has shown.
    pub(super) fn find(&self, key: &[u8]) -> Found {
        if let Some(entry) = self.entries.iter().find(|entry| entry.revoked && entry.key == key) {
            return Found::Revoked { line: entry.line };
        }
        let good = || self.entries.iter().filter(|entry| !entry.revoked);
        if good().any(|entry| entry.key == key) {
            return Found::Trusted;
        }
        // One of the same kind is what was there before.
        let alike = good().find(|entry| algorithm(&entry.key) == algorithm(key));
        match alike.or_else(|| good().next()) {
            Some(entry) => Found::Changed { line: entry.line, key: entry.key.clone() },
            None => Found::Nothing,
        }
    }

    /// The algorithms of host keys, as SSH lists them, those of the known keys first.
    pub(super) fn preferred(&self, supported: &[&str]) -> String {
        let kinds: Vec<String> = self.entries.iter().map(|entry| algorithm(&entry.key)).collect();
        let is_known = |name: &&str| {
            let kind = if name.starts_with("rsa-sha2-") { "ssh-rsa" } else { name };
            kinds.iter().any(|known| known == kind)
        };
        let (first, then): (Vec<&str>, Vec<&str>) = supported.iter().copied().partition(is_known);
        [first, then].concat().join(",")
    }
}

fn read(path: &Path) -> Result<String, String> {
    let unreadable = |error: std::io::Error| {
        format!("the known host keys in `{}` cannot be read: {error}", path.display())
    };
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(String::new()),
        Err(error) => return Err(unreadable(error)),
    };
    let mut bytes = Vec::new();
    file.take(SIZE_LIMIT).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The entry of a line that is about `name`; lines of another form say nothing, as OpenSSH has it.
fn entry(number: usize, line: &str, name: &str) -> Option<Entry> {
    let mut words = line.split_ascii_whitespace();
    let mut hosts = words.next().filter(|word| !word.starts_with('#'))?;
    let revoked = hosts == "@revoked";
    if revoked {
        hosts = words.next()?;
    } else if hosts.starts_with('@') {
        // Authorities sign certificates of hosts, which are not asked for here.
        return None;
    }
    let (kind, key) = (words.next()?, BASE64_STANDARD.decode(words.next()?).ok()?);
    let is_meant = algorithm(&key) == kind && is_of(hosts, name);
    is_meant.then_some(Entry { line: number, key, revoked })
}

/// Whether one of the hosts, listed with commas between them, is that of the name, and none says that it is not.
fn is_of(hosts: &str, name: &str) -> bool {
    if let Some(hashed) = hosts.strip_prefix("|1|") {
        return is_hash_of(hashed, name).unwrap_or_default();
    }
    let hosts = hosts.to_lowercase();
    let (not, these): (Vec<&str>, Vec<&str>) =
        hosts.split(',').partition(|host| host.starts_with('!'));
    !not.iter().any(|host| fits(&host[1..], name)) && these.iter().any(|host| fits(host, name))
}

/// A hashed name is `SALT|HMAC-SHA1`, in base64.
fn is_hash_of(hashed: &str, name: &str) -> Option<bool> {
    let (salt, hash) = hashed.split_once('|')?;
    let (salt, hash) = (BASE64_STANDARD.decode(salt).ok()?, BASE64_STANDARD.decode(hash).ok()?);
    let key = PKey::hmac(&salt).ok()?;
    let mut signer = Signer::new(MessageDigest::sha1(), &key).ok()?;
    signer.update(name.as_bytes()).ok()?;
    Some(signer.sign_to_vec().ok()? == hash)
}

/// Whether a name is one of a pattern, in which `*` stands for anything and `?` for one character.
fn fits(pattern: &str, name: &str) -> bool {
    if !pattern.contains(['*', '?']) {
        return pattern == name;
    }
    let escaped = regex::escape(pattern).replace(r"\*", ".*").replace(r"\?", ".");
    Regex::new(&format!("^{escaped}$")).is_ok_and(|regex| regex.is_match(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    const TWO: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB";

    fn known(text: &str, host: &str, port: u16) -> KnownHosts {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(&file, text).unwrap();
        let known_hosts = Some(file.path().to_owned());
        KnownHosts::of(&SshTarget { known_hosts, ..SshTarget::new("a", host, port) }).unwrap()
    }

    fn key(text: &str) -> Vec<u8> {
        BASE64_STANDARD.decode(text).unwrap()
    }

    #[test]
    fn a_host_is_found_by_name_port_and_pattern() {
        let is_known = |hosts: &str, host: &str, port: u16| {
            let file = format!("# a comment\n{hosts} ssh-ed25519 {ONE} me\n");
            known(&file, host, port).find(&key(ONE)) == Found::Trusted
        };
        assert!(is_known("198.51.100.7", "198.51.100.7", 22));
        assert!(!is_known("198.51.100.7", "198.51.100.7", 2222));
        assert!(is_known("[198.51.100.7]:2222", "198.51.100.7", 2222));
        assert!(is_known("a,Router.example", "router.EXAMPLE", 22));
        assert!(is_known("*.example", "router.example", 22));
        assert!(!is_known("*.example,!router.*", "router.example", 22));
        assert!(!is_known("router.exampl", "router.example", 22));
        assert!(!is_known("#router.example", "router.example", 22));
    }

    /// Made with `ssh-keygen -H -f FILE`.
    #[test]
    fn hashed_names_are_found() {
        let line = format!(
            "|1|QwSOLo757A6oylShYcdkVdPcl6Q=|yUcGOksD8Wz+ARsVv2VPJ7Fx1wo= ssh-ed25519 {ONE}\n"
        );
        assert_eq!(known(&line, "router.example", 2222).find(&key(ONE)), Found::Trusted);
        assert_eq!(known(&line, "router.example", 22).find(&key(ONE)), Found::Nothing);
        let broken = format!("|1|x|y ssh-ed25519 {ONE}\n|1| ssh-ed25519 {ONE}\n");
        assert_eq!(known(&broken, "router.example", 22).find(&key(ONE)), Found::Nothing);
    }

    #[test]
    fn another_key_of_a_known_host_is_a_changed_one() {
        let file = format!("other ssh-ed25519 {TWO}\n\nhost ssh-ed25519 {ONE}\n");
        let changed = Found::Changed { line: 3, key: key(ONE) };
        assert_eq!(known(&file, "host", 22).find(&key(TWO)), changed);
        assert_eq!(known(&file, "nobody", 22).find(&key(TWO)), Found::Nothing);
    }

    #[test]
    fn a_revoked_key_is_not_trusted_whoever_else_trusts_it() {
        let file = format!(
            "host ssh-ed25519 {ONE}\n@revoked * ssh-ed25519 {ONE}\n@cert-authority * ssh-ed25519 {TWO}\n"
        );
        assert_eq!(known(&file, "host", 22).find(&key(ONE)), Found::Revoked { line: 2 });
        assert_eq!(known(&file, "nobody", 22).find(&key(TWO)), Found::Nothing);
    }

    #[test]
    fn the_kinds_of_known_keys_are_asked_for_first() {
        let supported = ["ecdsa-sha2-nistp256", "rsa-sha2-512", "ssh-rsa", "ssh-ed25519"];
        let known = known(&format!("h ssh-ed25519 {ONE}\n"), "h", 22);
        let preferred = "ssh-ed25519,ecdsa-sha2-nistp256,rsa-sha2-512,ssh-rsa";
        assert_eq!(known.preferred(&supported), preferred);
    }

    #[test]
    fn a_missing_file_knows_nothing_and_a_folder_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: PathBuf| {
            KnownHosts::of(&SshTarget { known_hosts: Some(path), ..SshTarget::new("a", "h", 22) })
        };
        let missing = at(folder.path().join("none")).unwrap();
        assert_eq!(missing.find(&key(ONE)), Found::Nothing);
        assert!(at(folder.path().to_owned()).is_err());
    }
}

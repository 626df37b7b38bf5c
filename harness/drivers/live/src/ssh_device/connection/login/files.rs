//! Keys and passwords in files.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use base64::prelude::{BASE64_STANDARD, Engine};

use model::lab::Secret;

/// The most that is read of a file, in bytes.
const SIZE_LIMIT: u64 = 64 * 1024;

/// A password is the first line of its file.
pub(super) fn password(path: &Path) -> Result<Secret, String> {
    let wrong = |what: String| format!("the password in `{}` {what}", path.display());
    let text = read(path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    let text = String::from_utf8(text).map_err(|_| wrong("is no UTF-8".to_owned()))?;
    match text.lines().next() {
        Some(line) if !line.is_empty() => Ok(Secret::new(line)),
        _ => Err(wrong("is missing: its first line is empty".to_owned())),
    }
}

/// Whether a private key needs a pass phrase: older files say so in words, OpenSSH's name their cipher.
pub(super) fn is_encrypted(path: &Path) -> Result<bool, String> {
    let shown = path.display();
    let bytes = read(path).map_err(|error| format!("the key `{shown}` cannot be read: {error}"))?;
    let text = String::from_utf8_lossy(&bytes);
    if !text.contains("PRIVATE KEY-----") {
        let public = text.starts_with("ssh-") || text.starts_with("ecdsa-");
        let hint = if public { ", but a public one: leave out `.pub`" } else { "" };
        return Err(format!("`{shown}` is no private key{hint}"));
    }
    if text.contains("ENCRYPTED") {
        return Ok(true);
    }
    let body: String = text.lines().filter(|line| !line.contains("-----")).map(str::trim).collect();
    let blob = BASE64_STANDARD.decode(body).unwrap_or_default();
    let cipher = blob.strip_prefix(b"openssh-key-v1\0");
    Ok(cipher.is_some_and(|cipher| !cipher.starts_with(b"\0\0\0\x04none")))
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(SIZE_LIMIT).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, text).unwrap();
        file
    }

    #[test]
    fn a_password_is_the_first_line() {
        assert_eq!(password(file("s3cret \r\nmore\n").path()).unwrap().expose(), "s3cret ");
        assert!(password(file("\nx").path()).unwrap_err().contains("first line is empty"));
        assert!(password(Path::new("/nowhere/at/all")).unwrap_err().contains("cannot be read"));
    }

    #[test]
    fn it_is_seen_which_keys_need_a_pass_phrase() {
        let key = |cipher: &str| {
            let length = u32::try_from(cipher.len()).unwrap().to_be_bytes();
            let blob = [&b"openssh-key-v1\0"[..], &length, cipher.as_bytes(), &[0; 20]].concat();
            let (name, body) = ("OPENSSH PRIVATE KEY", BASE64_STANDARD.encode(blob));
            format!("-----BEGIN {name}-----\n{body}\n-----END {name}-----\n")
        };
        let encrypted = |text: &str| is_encrypted(file(text).path());
        assert_eq!(encrypted(&key("none")), Ok(false));
        assert_eq!(encrypted(&key("aes256-ctr")), Ok(true));
        assert_eq!(encrypted("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"), Ok(true));
        assert_eq!(encrypted("-----BEGIN RSA PRIVATE KEY-----\nAAAA\n"), Ok(false));
        assert!(encrypted("ssh-ed25519 AAAA me\n").unwrap_err().contains("leave out `.pub`"));
    }
}

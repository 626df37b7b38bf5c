//! Recognises the name of a field for a secret, also a mistyped one.

use scep::suggestion::differences;

/// Names of fields for a secret, each with the number of typing mistakes in which it is still recognised.
const NAMES: [(&str, usize); 8] = [
    ("password", 2),
    ("passwd", 2),
    ("passphrase", 2),
    ("pass", 1),
    ("pwd", 1),
    ("secret", 2),
    ("challenge", 2),
    ("psk", 0),
];

/// Parts that make a longer name that of a secret, as in `challenge-password`.
const PARTS: [&str; 4] = ["pass", "pwd", "secret", "challenge"];

/// The longest name that is compared, in bytes, because the time grows with the product of the lengths.
const LIMIT: usize = 60;

/// True if a name means the challenge password, with up to two typing mistakes.
pub fn names_the_challenge(name: &str) -> bool {
    let name = name.to_lowercase();
    let is_short = name.len() <= LIMIT;
    is_short && (name.starts_with("challenge") || differences(&name, "challenge", 2).is_some())
}

/// True if a name of a field may mean that its value is a secret.
pub fn names_a_secret(name: &str) -> bool {
    let name = name.to_lowercase();
    let is_name = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    if name.len() < 2 || name.len() > LIMIT || !name.chars().all(is_name) {
        return false;
    }
    let is_like =
        |(known, mistakes): &(&str, usize)| differences(&name, known, *mistakes).is_some();
    "password".starts_with(&name)
        || name.starts_with("pw")
        || PARTS.iter().any(|part| name.contains(part))
        || NAMES.iter().any(is_like)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelt_and_abbreviated_names_are_recognised() {
        for name in [
            "password",
            "pasword",
            "passwrod",
            "oasswd",
            "passwd",
            "paswd",
            "pssword",
            "pa",
            "pass",
            "pw",
            "pwd",
            "PASSWORD",
            "secret",
            "secert",
            "scret",
            "challenge",
            "chalenge",
            "psk",
            "challenge-password",
            "scep_secret",
            "passphrase",
        ] {
            assert!(names_a_secret(name), "{name}");
        }
    }

    #[test]
    fn names_of_other_fields_are_not_recognised() {
        for name in [
            "cgi-pth",
            "path",
            "port",
            "prt",
            "url",
            "ulr",
            "cipher",
            "digest",
            "key-size",
            "key-type",
            "proxy",
            "renewal",
            "subject-alternative-names",
            "distinguished-names",
            "server",
            "serial",
            "status",
            "personality",
            "profile",
            "pki",
            "host",
            "",
            "p",
            "CN=password",
            "a b",
        ] {
            assert!(!names_a_secret(name), "{name}");
        }
    }
}

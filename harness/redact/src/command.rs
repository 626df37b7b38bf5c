//! Finds passwords in the command line of a program.

use scep::secret::Secret;

use crate::credentials;
use crate::name::names_a_secret;

/// Ends of names of options whose value says where a password is.
const PLACES: [&str; 5] = ["file", "path", "env", "stdin", "fd"];

/// Options for a user's name and password, as in `curl -u user:password`.
const USERS: [&str; 5] = ["-u", "-U", "--user", "--proxy-user", "--login"];

/// The passwords that a command line has: values of options and variables whose names mean a secret, and passwords in URLs. A word
/// with blanks is read as a command line of its own, such as the script of `sh -c`.
pub fn passwords_of_command(words: &[&str]) -> Vec<Secret> {
    let mut found = Vec::new();
    let mut before = "";
    for word in words.iter().copied() {
        if word.trim().contains(char::is_whitespace) {
            let parts = word.split_whitespace().map(|part| part.trim_matches(['\'', '"', ';']));
            let parts: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
            found.extend(passwords_of_command(&parts));
        }
        found.extend(value(before, word).filter(|value| is_password(value)).map(Secret::new));
        found.extend(credentials::found(word).map(|place| Secret::new(&word[place])));
        before = word;
    }
    found
}

/// The text in a word that is a secret by the option before it, or by its own name.
fn value<'a>(before: &str, word: &'a str) -> Option<&'a str> {
    if let Some(password) = word.strip_prefix("pass:") {
        return Some(password);
    }
    if USERS.contains(&before) {
        return word.split_once(':').map(|(_, password)| password);
    }
    if before.starts_with('-') && is_secret(before) && !word.starts_with('-') {
        return Some(word);
    }
    let (name, value) = word.split_once('=')?;
    is_secret(name).then_some(value)
}

fn is_secret(option: &str) -> bool {
    let name = option.trim_start_matches('-');
    names_a_secret(name) && !PLACES.iter().any(|place| name.to_lowercase().ends_with(place))
}

/// True unless it is empty, a placeholder, a variable of a shell, or a kind of source of OpenSSL, such as `env:NAME`.
fn is_password(value: &str) -> bool {
    let is_placeholder = value.starts_with('{') && value.ends_with('}');
    let is_source =
        ["env:", "file:", "fd:", "stdin", "pass:"].iter().any(|kind| value.starts_with(kind));
    !value.is_empty() && !is_placeholder && !value.starts_with('$') && !is_source
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_in_command_lines_are_found() {
        for (line, expected) in [
            ("client {url} --challenge hunter22 -v", vec!["hunter22"]),
            ("client -secret hunter22", vec!["hunter22"]),
            ("client --challenge=hunter22", vec!["hunter22"]),
            ("env PKI_PASSWORD=hunter22 client", vec!["hunter22"]),
            ("openssl req -passin pass:hunter22", vec!["hunter22"]),
            ("curl -u admin:hunter22 http://u:pw12@h/", vec!["hunter22", "pw12"]),
            ("client --challenge {challenge} --password $PW --passin env:X", vec![]),
            ("client --challenge-file secret.txt --admin-password-file f --port 80", vec![]),
            ("client --password --verbose", vec![]),
        ] {
            let found = passwords_of_command(&line.split(' ').collect::<Vec<_>>());
            let found: Vec<&str> = found.iter().map(Secret::expose).collect();
            assert_eq!(found, expected, "{line}");
        }
        let script = ["sh", "-c", "client --challenge 'hunter22'; true"];
        assert_eq!(passwords_of_command(&script)[0].expose(), "hunter22");
    }
}

//! Challenge passwords that are come by when a device is to have them.

use super::{Stop, bounded};
use model::lab::{Secret, placeholders};
use model::scenario::Configuration;
use testbed::Bench;

/// The lines with a password in each place that wants one; those that were asked for are noted in `secrets`.
///
/// Each place has a password of its own, for it may serve once.
pub(super) async fn filled(
    configuration: &Configuration,
    bench: &Bench,
    secrets: &mut Vec<Secret>,
) -> Result<String, Stop> {
    let lines = configuration.lines.value.as_str();
    let (mut filled, mut rest) = (String::new(), 0);
    for (name, range) in placeholders(lines) {
        let Some(pki) = configuration.challenges.get(name) else { continue };
        let password = password(pki, bench).await?;
        filled.push_str(&lines[rest..range.start]);
        let word = quoted(password.expose(), &filled);
        filled.push_str(&word);
        rest = range.end;
        secrets.push(password);
    }
    filled.push_str(&lines[rest..]);
    Ok(filled)
}

async fn password(pki: &str, bench: &Bench) -> Result<Secret, Stop> {
    let asked = bounded(pki, super::pki::pki(bench, pki)?.challenge(false)).await?;
    match asked {
        Ok(Some(password)) if password.expose().contains(|c: char| c.is_control()) => {
            let what = "has a control character, which no configuration line can carry";
            Err(Stop::Broken(format!("`{pki}`: the challenge password {what}")))
        }
        Ok(Some(password)) => Ok(password),
        Ok(None) => Err(Stop::NotSupported(format!(
            "`{pki}` has no challenge password to give, for it asks for none"
        ))),
        Err(error) => Err(super::pki::stop(pki, &error)),
    }
}

/// The password as one word of a line; where the line has quotes around it already, as it is.
fn quoted(password: &str, before: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "+-./=_@%,".contains(c);
    if before.ends_with(['\'', '"']) || password.chars().all(plain) {
        return password.to_owned();
    }
    if !password.contains('\'') {
        return format!("'{password}'");
    }
    format!("\"{}\"", password.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_one_word_whatever_is_in_it() {
        assert_eq!(quoted("8CE3+/=", "x "), "8CE3+/=");
        assert_eq!(quoted("two $words", "x "), "'two $words'");
        assert_eq!(quoted("it's \"it\\", "x "), r#""it's \"it\\""#);
        assert_eq!(quoted("two words", "x '"), "two words");
    }
}

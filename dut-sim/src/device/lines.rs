//! Applies and commits whole texts of configuration lines, as in scenarios.

use serde::{Deserialize, Serialize};

use super::configuration_mode::split;
use super::restart::RESTARTS;
use super::{Device, Login};
use crate::config::message::Refusal;
use crate::config::parse;
use crate::config::schema::locate;
use crate::config::session::Candidate;
use crate::secret::MASK;

/// Why configuration lines were refused; the device is unchanged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("line {line}: `{line_text}`: {message}")]
pub struct ConfigurationError {
    /// Number of the line in the text, from 1.
    pub line: usize,
    /// Text of the line, with secrets masked.
    pub line_text: String,
    /// Message of the device.
    pub message: String,
}

/// The configuration that the lines are added to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Base {
    FactoryDefaults,
    Active,
}

impl Device {
    /// Replaces the configuration: factory defaults, then these `set` and `delete` lines, then commit.
    ///
    /// Empty lines and lines that begin with `#` are skipped.
    ///
    /// # Errors
    /// The first refused line, or the line that caused the refusal of the commit.
    pub async fn replace_configuration(&self, lines: &str) -> Result<(), ConfigurationError> {
        self.configure_for(&self.console, Base::FactoryDefaults, lines).await
    }

    /// Changes the configuration: these `set` and `delete` lines on top of what is active, then commit.
    ///
    /// # Errors
    /// Same as for [`Device::replace_configuration`].
    pub async fn modify_configuration(&self, lines: &str) -> Result<(), ConfigurationError> {
        self.configure_for(&self.console, Base::Active, lines).await
    }

    /// Applies the lines for a user, on top of `base`.
    pub(crate) async fn configure_for(
        &self,
        login: &Login,
        base: Base,
        lines: &str,
    ) -> Result<(), ConfigurationError> {
        let (start, mut session) = self.enter(login).await;
        let mut candidate = match base {
            Base::FactoryDefaults => Candidate::default(),
            Base::Active => Candidate::of(&self.state.lock().active),
        };
        for (number, text) in numbered(lines) {
            self.take(&mut candidate, text).map_err(|message| error(number, text, message))?;
        }
        let committed = async {
            let _committing = self.committing.lock().await;
            self.make_active(candidate.configuration()).await
        };
        let Some(committed) = self.restarts.while_up(start, committed).await else {
            let (number, text) = numbered(lines).last().unwrap_or((1, ""));
            return Err(error(number, text, format!("{RESTARTS} in the middle of the commit")));
        };
        committed.map_err(|refusal| {
            let (number, text) = refused_line(lines, &refusal);
            error(number, text, refusal.to_string())
        })?;
        if session.candidate.is_some() {
            session.candidate = Some(Candidate::of(candidate.configuration()));
        }
        Ok(())
    }

    fn take(&self, candidate: &mut Candidate, text: &str) -> Result<(), String> {
        let words = parse::words(text).map_err(|error| format!("CLI Error: {error}"))?;
        let (verb, path) = split(&words).map_err(|error| error.to_string())?;
        let taken = match verb {
            "set" => candidate.set(path, &self.context.secrets).map(drop),
            "delete" => candidate.delete(path).map(drop),
            _ => {
                return Err(format!(
                    "`{verb}` is no configuration line; those are `set` and `delete`"
                ));
            }
        };
        taken.map_err(|refusal| refusal.to_string())
    }
}

/// The lines with content, with their numbers.
pub(crate) fn numbered(lines: &str) -> impl Iterator<Item = (usize, &str)> {
    let numbered = lines.lines().enumerate().map(|(index, text)| (index + 1, text.trim()));
    numbered.filter(|(_, text)| !text.is_empty() && !text.starts_with('#'))
}

/// The first line about the node that the refused commit names; if there is none, the last line.
pub(crate) fn refused_line<'a>(lines: &'a str, refusal: &Refusal) -> (usize, &'a str) {
    let about = |path: &[String], text: &str| {
        let words = parse::words(text).unwrap_or_default();
        let location = words.get(1..).and_then(|words| locate(words).ok());
        location.is_some_and(|location| location.path.starts_with(path))
    };
    let fault = match refusal {
        Refusal::Commit(faults) => faults.first(),
        _ => None,
    };
    let named = fault.and_then(|fault| numbered(lines).find(|(_, text)| about(&fault.path, text)));
    named.or_else(|| numbered(lines).last()).unwrap_or((1, ""))
}

fn error(line: usize, text: &str, message: String) -> ConfigurationError {
    ConfigurationError { line, line_text: masked(text), message }
}

/// `text` with its secrets masked. An invalid line is cut after the invalid word, because a secret may follow.
fn masked(text: &str) -> String {
    let words = parse::words(text).unwrap_or_else(|_| bare_words(text));
    let Some((verb, path)) = words.split_first() else { return String::new() };
    let mut shown = vec![verb.as_str()];
    for (index, word) in path.iter().enumerate() {
        let before = locate(&path[..index]).map(|location| location.content);
        let secret = before.is_ok_and(|it| !it.has_nodes() && it.holds_secret());
        shown.push(if secret { MASK } else { word });
        if locate(&path[..=index]).is_err() {
            shown.extend((index + 1 < path.len()).then_some("..."));
            break;
        }
    }
    shown.join(" ")
}

/// True if a typed line has a secret or may have one, because the value of a mistyped name may be secret.
pub(crate) fn shows_secret(line: &str) -> bool {
    let words = parse::words(line).unwrap_or_else(|_| bare_words(line));
    masked(line).contains(MASK) || may_hold_secret(&words)
}

/// True if a line becomes invalid before its last word, at a node that contains secrets.
fn may_hold_secret(words: &[String]) -> bool {
    let Some((verb, path)) = words.split_first() else { return false };
    let changes = matches!(split(words), Ok(("set" | "delete", _)));
    let good = (0..path.len()).take_while(|index| locate(&path[..=*index]).is_ok()).count();
    // Commands of operational mode do not continue with the name of a node.
    let edits = changes || good > 0 && !"show".starts_with(verb.as_str());
    let is_secret = locate(&path[..good]).is_ok_and(|location| location.content.holds_secret());
    edits && good + 1 < path.len() && is_secret
}

fn bare_words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_may_have_a_secret_are_recognised() {
        for line in [
            "set system certificate scep csr C2 password x",
            "se sys c sc c C2 pas x",
            "set system certificate scep csr C2 pasword x",
            "set system certificate scep crs C2 password x",
            "set sistem certificate scep csr C2 password x",
            "sett system certificate scep csr C2 pasword x",
            "set system certificate scep csr C2 'pasword' 'x",
        ] {
            assert!(shows_secret(line), "{line}");
        }
        for line in [
            "set system certificate scep csr C2 port 99999",
            "set interfaces ethernet eth0 adress 10.0.0.1/24",
            "pki scep show C2",
            "show running",
            "show system certificate spec csr",
            "set system certificate scep csr C2 pasword",
            "ping 10.0.0.1 count 3",
            "",
        ] {
            assert!(!shows_secret(line), "{line}");
        }
    }

    #[test]
    fn secrets_are_masked_in_valid_and_invalid_lines() {
        let csr = "set system certificate scep csr CSR";
        assert_eq!(masked(&format!("{csr} password hunter2")), format!("{csr} password {MASK}"));
        assert_eq!(
            masked(&format!("{csr} encrypted-password x")),
            format!("{csr} encrypted-password {MASK}")
        );
        assert_eq!(
            masked(&format!("{csr} password my hunter2")),
            format!("{csr} password {MASK} {MASK}")
        );
        assert_eq!(masked(&format!("{csr} pasword hunter2")), format!("{csr} pasword ..."));
        assert_eq!(masked(&format!("{csr} password 'hunter2")), format!("{csr} password {MASK}"));
        assert_eq!(masked(&format!("{csr} port 99999")), format!("{csr} port 99999"));
    }
}

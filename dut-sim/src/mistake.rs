//! Mistakes in lines for a device that are certain before it gets them.

use std::collections::BTreeMap;

use scep::secret::Secret;

use crate::config::message::{PathError, Refusal};
use crate::config::parse::words;
use crate::config::schema::{Content, locate};
use crate::config::session::Candidate;
use crate::config::system::{System, interface_addresses};
use crate::device::configuration_mode::split;
use crate::device::lines::{numbered, refused_line};
use crate::network::InterfaceAddress;
use crate::operational::{self, CommandError, Next};
use crate::secret::SecretStore;

/// Why every simulated device refuses a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineMistake {
    /// Message of the device.
    pub message: String,
    /// The wrong word, if one word is wrong.
    pub word: Option<String>,
    /// Words that are right in its place; empty if they are not a list.
    pub known: Vec<&'static str>,
}

/// Mistakes in a configuration, each with the number of its line, counted from 1.
///
/// With `interfaces`, the lines are the whole configuration of a device that has these; otherwise each is judged by itself.
pub fn configuration_mistakes(
    lines: &str,
    interfaces: Option<&[String]>,
) -> Vec<(usize, LineMistake)> {
    let mut candidate = Candidate::default();
    let secrets = no_secrets();
    let mut mistakes = Vec::new();
    for (number, line) in numbered(lines) {
        mistakes.extend(taken(&mut candidate, &secrets, line).map(|mistake| (number, mistake)));
    }
    if let (Some(interfaces), []) = (interfaces, mistakes.as_slice()) {
        let refused = System::read(candidate.configuration(), interfaces).err();
        for fault in refused.unwrap_or_default() {
            let message = format!("[ {} ] {}", fault.path.join(" "), fault.reason);
            let (number, _) = refused_line(lines, &Refusal::Commit(vec![fault]));
            mistakes.push((number, LineMistake { message, word: None, known: Vec::new() }));
        }
    }
    mistakes
}

/// The addresses that lines give to interfaces, each with the number of its line, counted from 1.
pub fn configured_addresses(lines: &str) -> Vec<(usize, InterfaceAddress)> {
    let secrets = no_secrets();
    let of_line = |(number, line)| {
        let mut candidate = Candidate::default();
        let refused = taken(&mut candidate, &secrets, line);
        let found = interface_addresses(candidate.configuration()).into_iter();
        found.filter(move |_| refused.is_none()).map(move |address| (number, address))
    };
    numbered(lines).flat_map(of_line).collect()
}

/// A store that opens no sealed value.
fn no_secrets() -> SecretStore {
    SecretStore::new(Some(Secret::new("unused")), BTreeMap::new())
}

/// The mistake in a command of operational mode.
pub fn command_mistake(command: &str) -> Option<LineMistake> {
    let words = match words(command) {
        Ok(words) => words,
        Err(error) => return Some(LineMistake::without_word(format!("CLI Error: {error}"))),
    };
    let error = operational::find(&words).err()?;
    let message = error.to_string();
    Some(match error {
        CommandError::Invalid { good, bad } => {
            let known = match operational::following(&good) {
                Next::Keywords(keywords) => keywords.iter().map(|keyword| keyword.name).collect(),
                _ => Vec::new(),
            };
            LineMistake { message, word: Some(bad), known }
        }
        CommandError::Ambiguous { bad, completions, .. } => {
            let known = completions.into_iter().map(|(name, _)| name).collect();
            LineMistake { message, word: Some(bad), known }
        }
        CommandError::Incomplete { .. } => LineMistake::without_word(message),
    })
}

impl LineMistake {
    fn without_word(message: String) -> Self {
        Self { message, word: None, known: Vec::new() }
    }

    fn of_path(error: PathError) -> Self {
        let message = error.to_string();
        match error {
            PathError::Unknown { good, bad } => {
                let content = locate(&good).map(|location| location.content);
                let known = match content {
                    Ok(Content::Branch(nodes)) => nodes.iter().map(|node| node.name).collect(),
                    _ => Vec::new(),
                };
                Self { message, word: Some(bad), known }
            }
            PathError::Ambiguous { bad, completions, .. } => {
                let known = completions.into_iter().map(|(name, _)| name).collect();
                Self { message, word: Some(bad), known }
            }
            _ => Self::without_word(message),
        }
    }
}

/// Adds a line to the candidate; the mistake if it is refused.
fn taken(candidate: &mut Candidate, secrets: &SecretStore, line: &str) -> Option<LineMistake> {
    let words = match words(line) {
        Ok(words) => words,
        Err(error) => return Some(LineMistake::without_word(format!("CLI Error: {error}"))),
    };
    let refused = match split(&words) {
        Ok(("set", path)) => candidate.set(path, secrets).err(),
        Ok(("delete", path)) => candidate.delete(path).err(),
        // The reader of the scenario reports other verbs.
        _ => None,
    };
    Some(match refused? {
        Refusal::Set(error) | Refusal::Delete(error) => LineMistake::of_path(error),
        other => LineMistake::without_word(other.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CSR: &str = "set system certificate scep csr CSR";

    fn of_line(line: &str) -> Option<LineMistake> {
        configuration_mistakes(line, None).pop().map(|(_, mistake)| mistake)
    }

    #[test]
    fn unknown_node_has_its_alternatives() {
        let mistake = of_line(&format!("{CSR} cgi-pth /scep")).unwrap();
        assert_eq!(mistake.word.as_deref(), Some("cgi-pth"));
        assert!(mistake.known.contains(&"cgi-path"), "{mistake:?}");
        let mistake = of_line("set sistem host-name x").unwrap();
        assert_eq!(mistake.known, ["interfaces", "protocols", "system"]);
    }

    #[test]
    fn wrong_value_has_the_device_s_message() {
        let mistake = of_line(&format!("{CSR} port 80800")).unwrap();
        assert!(mistake.message.starts_with("`80800` is not a port"), "{mistake:?}");
        assert!(of_line(&format!("{CSR} url")).unwrap().message.contains("requires a value"));
        assert!(of_line("set interfaces ethernet eth0 address '10.0.0.1").is_some());
    }

    #[test]
    fn addresses_are_found_with_their_lines() {
        let lines = "set system host-name r1\n\nset int eth eth0 address 10.0.0.64/24\nset interfaces ethernet eth1 address 10.0.1.1/30\ndelete system host-name\nset interfaces ethernet eth2 address x";
        let found = configured_addresses(lines).into_iter();
        let shown: Vec<String> =
            found.map(|(line, it)| format!("{line}: {} {}", it.interface, it.address)).collect();
        assert_eq!(shown, ["3: eth0 10.0.0.64/24", "4: eth1 10.0.1.1/30"]);
    }

    #[test]
    fn right_lines_have_no_mistake() {
        for line in [
            "set interfaces ethernet eth0 address 10.0.0.64/24",
            "set system certificate scep csr CSR password {{challenge:windows-pki}}",
            "delete system certificate scep csr CSR",
            "# a comment",
            "",
        ] {
            assert_eq!(of_line(line), None, "{line}");
        }
    }

    #[test]
    fn whole_configuration_is_judged_by_its_commit() {
        let interfaces = ["eth0".to_owned()];
        let lines = format!("set interfaces ethernet eth7 address 10.0.0.1/24\n\n{CSR} port 80");
        let mistakes = configuration_mistakes(&lines, Some(&interfaces));
        let numbers: Vec<usize> = mistakes.iter().map(|(number, _)| *number).collect();
        assert!(numbers.contains(&1) && numbers.contains(&3), "{mistakes:?}");
        assert_eq!(configuration_mistakes(&lines, None), []);
    }

    #[test]
    fn wrong_command_has_its_alternatives() {
        let mistake = command_mistake("pki scep shw CSR").unwrap();
        assert_eq!(mistake.message, "Invalid command: pki scep [shw]");
        let known = vec!["clear", "poll", "renew", "show"];
        assert_eq!((mistake.word.as_deref(), mistake.known), (Some("shw"), known));
        assert_eq!(command_mistake("pki scep").unwrap().word, None);
        assert_eq!(command_mistake("pki scep show CSR"), None);
    }
}

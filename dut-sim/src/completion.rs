//! Completion of a line, from the tables that also parse commands and configuration.

use serde::{Deserialize, Serialize};

use crate::config::schema::{Content, locate};
use crate::config::tree::Configuration;
use crate::config::value::Kind;
use crate::device::configuration_mode::{VERBS, split};
use crate::operational::{Argument, Next, PING_OPTIONS, following};

/// A word that may come next, or a placeholder for a word of the user's choice.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Candidate {
    pub(crate) word: String,
    pub(crate) help: String,
    /// True for a placeholder, which is shown but never typed.
    pub(crate) placeholder: bool,
}

/// Names of the device that may be typed.
pub(crate) struct Names<'a> {
    /// The candidate configuration, in configuration mode.
    pub(crate) configuration: Option<&'a Configuration>,
    pub(crate) csrs: Vec<String>,
    pub(crate) certificate_urls: Vec<String>,
    pub(crate) interfaces: Vec<String>,
}

/// Words that may follow `words` and begin with `partial`; placeholders only if `partial` is empty.
pub(crate) fn complete(words: &[String], partial: &str, known: &Names<'_>) -> Vec<Candidate> {
    let mut candidates = match known.configuration {
        None => operational(words, known),
        Some(configuration) => configuration_mode(words, configuration, known),
    };
    candidates.retain(|each| {
        if each.placeholder { partial.is_empty() } else { each.word.starts_with(partial) }
    });
    candidates.sort();
    candidates.dedup();
    candidates
}

fn operational(words: &[String], known: &Names<'_>) -> Vec<Candidate> {
    match following(words) {
        Next::Keywords(keywords) => keywords.iter().map(|it| word_of(it.name, it.help)).collect(),
        Next::Argument(argument) => arguments(argument, known),
        Next::PingOptions => ping_options(words),
        Next::MoreWords | Next::Nothing => Vec::new(),
    }
}

fn arguments(argument: Argument, known: &Names<'_>) -> Vec<Candidate> {
    let names = match argument {
        Argument::Csr => &known.csrs[..],
        Argument::Certificate => &known.certificate_urls,
        Argument::Host | Argument::Moment | Argument::Number => &[],
    };
    let names = names.iter().map(|name| word_of(name, ""));
    names.chain([placeholder(argument.placeholder(), "")]).collect()
}

/// Options of `ping`, or a value if the last word is an option.
fn ping_options(words: &[String]) -> Vec<Candidate> {
    let awaiting = words.last().and_then(|last| PING_OPTIONS.iter().find(|(name, _)| name == last));
    match awaiting {
        Some((_, help)) => vec![placeholder("<number>", *help)],
        None => PING_OPTIONS.iter().map(|(name, help)| word_of(*name, *help)).collect(),
    }
}

fn configuration_mode(
    words: &[String],
    configuration: &Configuration,
    known: &Names<'_>,
) -> Vec<Candidate> {
    let Ok((verb, path)) = split(words) else {
        let verbs = VERBS.iter().map(|(verb, help)| word_of(*verb, *help));
        return if words.is_empty() { verbs.collect() } else { Vec::new() };
    };
    match verb {
        "set" | "delete" | "show" => nodes(path, configuration, known),
        "run" => operational(path, known),
        "exit" if path.is_empty() => vec![word_of("discard", "Drop the changes")],
        _ => Vec::new(),
    }
}

fn nodes(path: &[String], configuration: &Configuration, known: &Names<'_>) -> Vec<Candidate> {
    let Ok(location) = locate(path) else { return Vec::new() };
    match location.content {
        Content::Branch(nodes) => nodes
            .iter()
            .map(|node| match node.content {
                Content::Leaf { multi: true, .. } => {
                    word_of(node.name, format!("{} (several)", node.help))
                }
                _ => word_of(node.name, node.help),
            })
            .collect(),
        Content::Tag { kind, .. } => {
            let instances = configuration.instances(&location.path);
            let mut names: Vec<_> = instances.into_iter().map(|name| word_of(name, "")).collect();
            if kind == Kind::Interface {
                names.extend(known.interfaces.iter().map(|name| word_of(name, "")));
            }
            names.push(placeholder(kind.placeholder(), ""));
            names
        }
        _ if location.value.is_some() => Vec::new(),
        Content::Leaf { kind, .. } => values(kind),
        Content::ClearText { .. } => values(Kind::ClearText),
    }
}

fn values(kind: Kind) -> Vec<Candidate> {
    let choices = kind.choices();
    if choices.is_empty() {
        return vec![placeholder(kind.placeholder(), "")];
    }
    choices.into_iter().map(|(word, help)| word_of(word, help)).collect()
}

fn word_of(word: impl Into<String>, help: impl Into<String>) -> Candidate {
    Candidate { word: word.into(), help: help.into(), placeholder: false }
}

fn placeholder(word: impl Into<String>, help: impl Into<String>) -> Candidate {
    Candidate { word: word.into(), help: help.into(), placeholder: true }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offered(line: &str, configuration: Option<&Configuration>) -> String {
        let known = Names {
            configuration,
            csrs: vec!["CSR".into()],
            certificate_urls: vec!["running://auth/certificates/scep/CSR/ca/ca.der".into()],
            interfaces: vec!["eth0".into()],
        };
        let (words, partial) = line.rsplit_once(' ').unwrap_or(("", line));
        let words: Vec<_> = words.split_whitespace().map(str::to_owned).collect();
        let candidates = complete(&words, partial, &known);
        candidates.into_iter().map(|each| each.word).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn commands_and_their_arguments_are_completed() {
        assert_eq!(offered("", None), "configure exit ping pki reboot save set show system");
        assert_eq!(offered("p", None), "ping pki");
        assert_eq!(offered("pki scep ", None), "clear poll renew show");
        assert_eq!(offered("pki ", None), "crl scep show");
        assert_eq!(offered("pki crl show ", None), "<csr> CSR");
        assert_eq!(offered("pki scep poll ", None), "<csr> CSR");
        assert_eq!(offered("set date ", None), "<YYYY-MM-DDThh:mm:ssZ>");
        assert_eq!(offered("pki scep show ", None), "<csr> CSR");
        assert_eq!(offered("pki scep renew ", None), "<csr> CSR");
        assert_eq!(
            offered("pki show certificate r", None),
            "running://auth/certificates/scep/CSR/ca/ca.der"
        );
        assert_eq!(offered("ping 10.0.0.1 ", None), "count size timeout");
        assert_eq!(offered("ping 10.0.0.1 count ", None), "<number>");
        assert_eq!(offered("nosuch ", None), "");
    }

    #[test]
    fn configuration_nodes_and_values_are_completed() {
        let configuration = Some(&Configuration::default());
        assert_eq!(offered("s", configuration), "save set show");
        assert_eq!(offered("set ", configuration), "interfaces protocols system");
        assert_eq!(offered("set interfaces ethernet ", configuration), "<ethN> eth0");
        assert_eq!(
            offered("set system certificate scep csr A c", configuration),
            "ca-fingerprint ca-identifier cgi-path cipher crl-check"
        );
        let offers = |line: &str, words: &str| {
            let line = format!("set system certificate scep csr A {line} ");
            assert_eq!(offered(&line, configuration), words);
        };
        offers("key-size", "1024 2048 3072 4096 8192");
        offers("key-type", "ed25519 p256 p384 p521 rsa");
        offers("renew-key", "new same");
        offers("crl-check", "cdp scep");
        offers("rollover", "get-next-ca");
        offers("alternative-names", "directory dns email ip other registered-id upn uri");
        offers("alternative-names dns", "<name>");
        offers("ca-fingerprint", "<hexadecimal>");
        assert_eq!(offered("set system certificate scep csr A cipher ", configuration), "aes des3");
        assert_eq!(
            offered("set system certificate scep csr A password ", configuration),
            "<password>"
        );
        assert_eq!(offered("run pki s", configuration), "scep show");
        assert_eq!(offered("exit ", configuration), "discard");
        assert_eq!(offered("commit ", configuration), "");
    }
}

//! The secrets of a lab, for masking.

use std::path::Path;
use std::sync::Arc;

use diagnostics::yaml::{self, Node, Problems, SecretSource};
use diagnostics::{Diagnostic, Source};
use mock_ca::ChallengePolicy;
use redact::is_short;

use super::values::path_in;
use super::{ChallengeSource, Lab, PasswordSource, Secret};

/// The maximum number of secrets in a lab file, because all of them are searched for in all output.
const LIMIT: usize = 500;

impl Lab {
    /// Refuses a lab with more secrets than are searched for in a moment.
    pub(super) fn refuse_many_secrets(&self, node: &Node, problems: &Problems) {
        let count = self.secrets().len();
        if count > LIMIT {
            let message = format!("a lab file has at most {LIMIT} secrets, and this has {count}");
            problems.add(Diagnostic::at(&node.place, message));
        }
    }

    /// The secrets that are so short that they are masked only as a whole word, in words: "the challenge password of the PKI `x`".
    pub fn short_secrets(&self) -> Vec<String> {
        let keyrings =
            self.devices.iter().filter(|(_, device)| device.keyring.values().any(is_short));
        let keyrings = keyrings.map(|(name, _)| format!("a password in the keyring of `{name}`"));
        let challenges = self.short_challenges().into_iter();
        let challenges = challenges.map(|pki| format!("the challenge password of the PKI `{pki}`"));
        challenges.chain(keyrings).collect()
    }

    fn short_challenges(&self) -> Vec<&str> {
        let of_mock = self.pkis.iter().filter(|(_, pki)| match &pki.challenge {
            ChallengePolicy::None => false,
            ChallengePolicy::Static(secret) => is_short(secret),
            ChallengePolicy::OneTime { preset, .. } => preset.iter().any(is_short),
        });
        let by_url = self.by_url.iter().filter(|(_, pki)| match &pki.challenge {
            Some(ChallengeSource::Static(secret)) => is_short(secret),
            Some(ChallengeSource::OneTime(list)) => list.iter().any(is_short),
            _ => false,
        });
        let names = of_mock.map(|(name, _)| name).chain(by_url.map(|(name, _)| name));
        names.map(String::as_str).collect()
    }

    /// All secrets of the lab, for masking.
    pub fn secrets(&self) -> Vec<Secret> {
        let keyrings = self.devices.values().flat_map(|device| device.keyring.values());
        let mut secrets: Vec<Secret> = keyrings.cloned().collect();
        for pki in self.pkis.values() {
            match &pki.challenge {
                ChallengePolicy::None => {}
                ChallengePolicy::Static(secret) => secrets.push(secret.clone()),
                ChallengePolicy::OneTime { preset, .. } => secrets.extend(preset.iter().cloned()),
            }
            secrets.extend(pki.admin.iter().map(|admin| admin.password.clone()));
        }
        for pki in self.by_url.values() {
            match &pki.challenge {
                Some(ChallengeSource::Static(secret)) => secrets.push(secret.clone()),
                Some(ChallengeSource::OneTime(list)) => secrets.extend(list.iter().cloned()),
                Some(ChallengeSource::Ndes(page)) => {
                    if let PasswordSource::Given(secret) = &page.password {
                        secrets.push(secret.clone());
                    }
                }
                _ => {}
            }
        }
        let programs = self.programs().map(|(_, program)| &program.secrets);
        for given in programs.chain(self.images().map(|(_, image)| &image.secrets)) {
            // A program prints its secrets line by line.
            let clear = given.values().map(Secret::expose);
            secrets.extend(clear.flat_map(|clear| clear.lines().chain([clear])).map(Secret::new));
        }
        secrets
    }

    /// The same with those in files and variables that the lab names, as far as they can be read without waiting: for texts that are
    /// shown because no run begins.
    pub fn secrets_at_hand(&self) -> Vec<Secret> {
        let challenges = self.by_url.values().filter_map(|pki| pki.challenge.as_ref());
        let logins =
            self.devices.values().filter_map(|device| device.ssh.as_ref()?.password.as_ref());
        let elsewhere = challenges.flat_map(ChallengeSource::at_hand);
        let elsewhere = elsewhere.chain(logins.flat_map(PasswordSource::at_hand));
        self.secrets().into_iter().chain(elsewhere).collect()
    }

    /// What may be a secret of a lab file, also if that has mistakes; in other files as far as these can be read without waiting.
    pub fn possible_secrets(source: &Arc<Source>) -> Vec<Secret> {
        let Ok(node) = yaml::parse(source) else { return possible_secrets(source, None) };
        let problems = Problems::default();
        let lab = Self::decode(&node, &problems);
        if problems.is_empty() {
            return lab.secrets_at_hand();
        }
        possible_secrets(source, Some(&node))
    }

    /// The same of a lab file; none if it cannot be read.
    pub fn possible_secrets_in(path: &Path) -> Vec<Secret> {
        Source::read(path).map_or_else(|_| Vec::new(), |source| Self::possible_secrets(&source))
    }
}

/// What may be a secret in a text with a lab, or in files and variables that it names, as far as these can be read without waiting;
/// `parsed` is the text as YAML, if it is that.
pub(crate) fn possible_secrets(source: &Source, parsed: Option<&Node>) -> Vec<Secret> {
    let yaml::PossibleSecrets { mut values, sources } = yaml::possible_secrets(source, parsed);
    let sources = sources.into_iter().filter_map(|named| match named {
        SecretSource::File(path) => path_in(source, &path).map(PasswordSource::File),
        SecretSource::Variable(name) => Some(PasswordSource::Environment(name)),
    });
    // A file with mistakes may name many others, or one often.
    values.extend(sources.take(SOURCES).flat_map(|source| source.at_hand()));
    values
}

/// The maximum number of files and variables that are read for a file with mistakes.
const SOURCES: usize = 100;

//! Finds possible secrets in a file, which may have any mistakes.

mod sources;
mod unparsed;

use redact::{Masker, Secret, clear_passwords, clear_passwords_of_configuration, names_a_secret};

pub use self::sources::SecretSource;
pub(super) use self::unparsed::masked as masked_unparsed;
use super::{Entry, Node, Value};
use crate::{Diagnostic, QUOTE, closest};

/// Fields with secrets, including everything below them.
const FIELDS: [&str; 6] = ["keyring", "challenge", "static", "one-time", "password", "secrets"];

/// Fields that contain nothing but secrets. If such a field has a mapping by mistake, a key of it may be the secret.
const VALUES: [&str; 3] = ["static", "one-time", "password"];

/// Fields whose names resemble those of secrets: they have facts, or say where a secret is.
const HARMLESS: [&str; 4] = ["status", "challenge-string", "password-env", "password-file"];

/// Words that a step's `challenge` may have instead of a secret, perhaps mistyped.
const CHOICES: [&str; 6] = ["right", "always", "wrong", "empty", "none", "again"];

/// Steps whose `challenge` is one of a few words and no password.
const STEPS: [&str; 2] = ["client", "scep"];

/// What may be a secret in a file, or has one.
#[derive(Debug, Clone, Default)]
pub struct PossibleSecrets {
    /// The values in the file itself.
    pub values: Vec<Secret>,
    /// The files and variables that it names.
    pub sources: Vec<SecretSource>,
}

impl PossibleSecrets {
    /// What may be a secret in a file that could be parsed.
    pub(super) fn of(file: &Node) -> Self {
        Self { values: secrets_in(file), sources: sources::named_in(file) }
    }

    /// What may be a secret in a text that is no YAML.
    pub(super) fn of_unparsed(text: &str) -> Self {
        Self { values: unparsed::secrets(text), sources: unparsed::sources(text) }
    }
}

/// Masks possible secrets in the problems of a file.
pub(super) fn masked(problems: Vec<Diagnostic>, file: &Node) -> Vec<Diagnostic> {
    let masker = Masker::new(secrets_in(file));
    let quotes_may_nest = file.place.source().text().contains(QUOTE);
    Diagnostic::all_masked(problems, &masker, quotes_may_nest)
}

/// The values in a file that may be secrets.
fn secrets_in(file: &Node) -> Vec<Secret> {
    let (mut secrets, mut choices) = (Vec::new(), Vec::new());
    file.walk(&mut |value| match value {
        Value::Scalar { text, .. } => secrets.extend(clear_passwords(text)),
        Value::Mapping(entries) => {
            for entry in entries {
                note_field(entry, &mut secrets);
            }
            choices.extend(entries.iter().filter_map(mistyped_choice));
        }
        Value::Null | Value::Sequence(_) => {}
    });
    secrets.retain(|secret| !choices.iter().any(|choice| choice == secret.expose()));
    secrets
}

/// The `challenge` of a step that takes one of a few words, if it is a word, perhaps another than those.
fn mistyped_choice(Entry { key, value, .. }: &Entry) -> Option<String> {
    let Value::Mapping(fields) = &value.value else { return None };
    let is_step = STEPS.contains(&key.as_str());
    let given = fields.iter().find(|field| is_step && field.key == "challenge")?;
    match &given.value.value {
        Value::Scalar { text, .. } if text.chars().all(|c| c.is_ascii_lowercase()) => {
            Some(text.clone())
        }
        _ => None,
    }
}

/// Adds the secrets of a field, even if its name is misspelt.
fn note_field(Entry { key, value, .. }: &Entry, secrets: &mut Vec<Secret>) {
    let is_like = |fields: &[&str]| is_like(key, fields);
    if has_secrets(key) {
        let is_choice = |text: &str| key == "challenge" && closest(text, CHOICES).is_some();
        // A field below this one that has a secret is visited by itself.
        let is_fact = |text: &str| matches!(value.value, Value::Mapping(_)) && is_duration(text);
        value.walk(&mut |value| match value {
            Value::Scalar { text, .. } if !is_choice(text) && !is_fact(text) => {
                secrets.push(Secret::new(text));
            }
            _ => {}
        });
    }
    // A comparison with names costs more than a look at the value, which mostly is a word.
    let is_word = match &value.value {
        Value::Scalar { text, .. } => !text.contains(char::is_whitespace),
        _ => false,
    };
    if !is_word && is_like(&VALUES) {
        note_keys(value, secrets);
    }
    match &value.value {
        // This is no name of a variable, so it may be the password.
        Value::Scalar { text, .. } if key == "password-env" && !is_variable(text) => {
            secrets.push(Secret::new(text));
        }
        // The keys of `secrets` are names of variables.
        Value::Mapping(variables) if is_like(&["secrets"]) => {
            for variable in variables {
                note_keys(&variable.value, secrets);
            }
        }
        _ => {}
    }
    // A line with a password has more than a word.
    if !is_word && is_like(&["set", "lines"]) {
        value.walk(&mut |value| {
            if let Value::Scalar { text, .. } = value {
                secrets.extend(clear_passwords_of_configuration(text));
            }
        });
    }
}

/// True if a field of this name, perhaps misspelt, has secrets.
fn has_secrets(key: &str) -> bool {
    is_like(key, &FIELDS) || !is_harmless(key) && names_a_secret(key)
}

/// True if a name is one of these fields, perhaps misspelt.
fn is_like(key: &str, fields: &[&str]) -> bool {
    !is_harmless(key) && closest(key, fields.iter().copied()).is_some()
}

fn is_harmless(key: &str) -> bool {
    HARMLESS.contains(&key.to_lowercase().as_str())
}

/// Adds the keys of mappings in place of a secret.
fn note_keys(node: &Node, secrets: &mut Vec<Secret>) {
    node.walk(&mut |value| {
        if let Value::Mapping(entries) = value {
            secrets.extend(entries.iter().map(|entry| Secret::new(entry.key.as_str())));
        }
    });
}

/// True if the text may be the name of an environment variable.
fn is_variable(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// True for a number with a unit of time, such as `90s`.
fn is_duration(text: &str) -> bool {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    unit.len() < text.len() && matches!(unit, "ms" | "s" | "m" | "h" | "d")
}

#[cfg(test)]
mod tests {
    use crate::Source;
    use redact::MASK;

    use super::*;

    fn words(file: &str, words: &str) -> String {
        let node = crate::yaml::parse(&Source::new("a", file.to_owned())).unwrap();
        let source = Source::new("a", String::new());
        let wrong = Diagnostic::at(&source.place(0, 0), words).label(words).note(words);
        let Diagnostic { message, label, notes, .. } = masked(vec![wrong], &node).remove(0);
        assert_eq!((&label, &notes[0]), (&message, &message));
        message
    }

    #[test]
    fn duration_beside_a_secret_is_shown() {
        let file = "challenge: {one-time: [8CE3, 10s], lifetime: 1s, statik: 20m}";
        assert_eq!(words(file, "`lifetime: 1s`"), "`lifetime: 1s`");
        for secret in ["8CE3", "10s", "20m"] {
            assert_eq!(words(file, &format!("`{secret}`")), "`****`");
        }
    }

    #[test]
    fn mistyped_choices_and_placeholders_are_shown() {
        assert_eq!(words("challenge: rigth", "unknown `rigth`"), "unknown `rigth`");
        for step in ["client", "scep"] {
            let file = format!("{step}: {{challenge: x}}");
            assert_eq!(words(&file, "unknown challenge `x`"), "unknown challenge `x`");
            let file = format!("{step}: {{challenge: Hunter22}}");
            assert_eq!(words(&file, "unknown challenge `Hunter22`"), "unknown challenge `****`");
        }
        let line = "set: set system certificate scep csr C password {{chalenge}}";
        assert_eq!(words(line, "unknown `{{chalenge}}`"), "unknown `{{chalenge}}`");
    }

    #[test]
    fn values_of_misspelt_secret_fields_are_masked() {
        for key in ["pass", "pwd", "secret", "chalenge", "statik", "passwrod", "passphrase"] {
            assert_eq!(words(&format!("{key}: hunter22"), "x `hunter22`"), "x `****`", "{key}");
        }
        for key in ["status", "challenge-string", "password-env", "port", "title"] {
            assert_eq!(words(&format!("{key}: hunter22"), "x `hunter22`"), "x `hunter22`", "{key}");
        }
    }

    #[test]
    fn words_of_our_messages_are_not_masked() {
        let file = "password: [a, field, '1']";
        let message = "unknown field `a` in a run step (1 to `field`)";
        assert_eq!(words(file, message), "unknown field `****` in a run step (1 to `****`)");
        assert_eq!(words("password: hunter2", "a hunter2 `x`"), "a **** `x`");
    }

    #[test]
    fn everything_is_masked_if_quotes_may_nest() {
        let message = "unknown field `x`field`` in a field";
        assert_eq!(
            words("{password: field, y: x`field`}", message),
            message.replace("field", MASK)
        );
        assert_eq!(words("password: field", "an `open field"), "an `open ****");
        assert_eq!(words("password: field", "wrong:\n  (field"), "wrong:\n  (****");
    }
}

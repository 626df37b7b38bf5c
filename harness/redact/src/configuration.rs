//! Finds clear passwords in configuration lines, whether abbreviated, mistyped or broken over several lines.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;
use scep::secret::Secret;

/// The path to a certificate request; its name and one of its fields follow.
const PATH: [&str; 4] = ["system", "certificate", "scep", "csr"];

/// The field for a password.
const PASSWORD: &str = "password";

/// The fields of a certificate request that are not secret.
const HARMLESS: [&str; 7] =
    ["cgi-path", "cipher", "digest", "distinguished-names", "encrypted-password", "port", "url"];

/// A placeholder for a challenge password, which is not secret.
static CHALLENGE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\{\{\s*challenge(?::[^{}]*)?\s*\}\}").ok());

/// Possible passwords in a text, which may be prose: only a line with a verb counts as configuration.
pub fn clear_passwords(text: &str) -> Vec<Secret> {
    passwords(text, None)
}

/// Possible passwords in a configuration, even in a line without its verb.
pub fn clear_passwords_of_configuration(text: &str) -> Vec<Secret> {
    passwords(text, Some(Statement::default()))
}

fn passwords(text: &str, mut statement: Option<Statement>) -> Vec<Secret> {
    let challenge = CHALLENGE.as_ref();
    let text = challenge.map_or(Cow::Borrowed(text), |challenge| challenge.replace_all(text, ""));
    let lines = text.lines().map(str::trim);
    let mut found = Vec::new();
    for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if is_configuration(line) {
            statement = Some(Statement::default());
        }
        // A line without a verb continues the line above.
        if let Some(statement) = &mut statement {
            statement.read(line, &mut found);
        }
    }
    found.retain(|value| !value.is_empty());
    found.into_iter().map(Secret::new).collect()
}

/// The part of a statement that was read; it may be broken over lines.
#[derive(Default)]
struct Statement {
    words: Vec<String>,
    /// True if a password may come next.
    in_value: bool,
}

impl Statement {
    /// Reads a line, and adds the text after a password field, whole and word by word.
    fn read(&mut self, line: &str, found: &mut Vec<String>) {
        let mut rest = line.trim();
        while !rest.is_empty() {
            let (word, end) = cut_word(rest, true);
            let was_in_value = self.in_value;
            if !was_in_value && !word.is_empty() {
                self.words.push(word.to_lowercase());
                self.in_value = is_before_value(&self.words);
            }
            if was_in_value || (self.in_value && is_value(&self.words)) {
                found.extend([
                    rest.to_owned(),
                    rest[..end].to_owned(),
                    cut_word(rest, false).0,
                    word,
                ]);
            }
            rest = rest[end..].trim_start();
        }
    }
}

/// True if a password may follow these words, which begin with the verb.
fn is_before_value(words: &[String]) -> bool {
    let Some((word, before)) = words.split_last() else { return false };
    let path = before.get(1..).unwrap_or_default();
    match (names_on_path(path), path.len()) {
        // After a mistyped `csr` the next name may be mistyped too.
        (3, 3) => !PATH[3].starts_with(word.as_str()),
        (4, 4) => false,
        (4, 5) => !is_harmless(word),
        _ => resembles(word),
    }
}

/// True if the last word may be a password: the field may be in the place of the request's name.
fn is_value(words: &[String]) -> bool {
    let [_, path @ .., name, field] = words else { return false };
    let is_field = is_harmless(field) || PASSWORD.starts_with(field.as_str());
    names_on_path(path) == 4 && path.len() == 4 && resembles(name) && !is_field
}

/// Number of leading words that are names of the path, perhaps abbreviated.
fn names_on_path<'a>(words: impl IntoIterator<Item = &'a String>) -> usize {
    words.into_iter().zip(PATH).take_while(|(word, name)| name.starts_with(word.as_str())).count()
}

/// True if a word may mean `password`.
fn resembles(word: &str) -> bool {
    ["pa", "pw", "ps"].iter().any(|start| word.starts_with(start))
}

/// True if a word is a field without a secret, perhaps abbreviated; `p` may also mean `password`.
fn is_harmless(word: &str) -> bool {
    word != "p" && HARMLESS.iter().any(|field| field.starts_with(word))
}

/// True if a line is configuration, not prose; if the verb is mistyped, the path decides.
fn is_configuration(line: &str) -> bool {
    let mut words = line.split_whitespace().map(str::to_lowercase);
    let Some(verb) = words.next() else { return false };
    let is_verb = ["set", "delete"].iter().any(|name| name.starts_with(&verb));
    is_verb || names_on_path(&words.collect::<Vec<_>>()) >= 2
}

/// The first word of a text as the device splits it, without quotes and backslashes, and the byte at its end. If blanks do
/// not end it, it is the whole text.
fn cut_word(text: &str, ends_at_blank: bool) -> (String, usize) {
    let mut plain = String::new();
    let mut quote = None;
    let mut characters = text.char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), _) if open == c => quote = None,
            (None, '\\') => plain.extend(characters.next().map(|(_, escaped)| escaped)),
            (Some('"'), '\\') => {
                let escaped = characters.next_if(|(_, next)| matches!(next, '"' | '\\'));
                plain.push(escaped.map_or(c, |(_, escaped)| escaped));
            }
            (None, _) if ends_at_blank && c.is_whitespace() => return (plain, at),
            _ => plain.push(c),
        }
    }
    (plain, text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CSR: &str = "set system certificate scep csr CSR";

    #[track_caller]
    fn assert_found(text: &str, passwords: &[&str]) {
        let found = clear_passwords_of_configuration(text);
        for password in passwords {
            assert!(found.iter().any(|it| it.expose() == *password), "{text}: {found:?}");
        }
        assert_eq!(found.is_empty(), passwords.is_empty(), "{text}: {found:?}");
    }

    #[test]
    fn abbreviations_and_misspellings_of_the_field_are_recognised() {
        for field in [
            "password", "passwor", "pass", "pa", "p", "pw", "PASSWORD", "pasword", "secret",
            "'pass'", "pa\\ss",
        ] {
            assert_found(&format!("{CSR} {field} hunter2"), &["hunter2"]);
            assert_found(&format!("se sys c sc c CSR {field} hunter2"), &["hunter2"]);
        }
        assert_found("set system certificate scep CSR pass hunter2", &["hunter2"]);
        assert_found("set system certificate scep csr pass hunter2", &["hunter2"]);
        assert_found("system certificate scep csr CSR pass hunter2", &["hunter2"]);
    }

    #[test]
    fn a_request_named_like_the_field_is_no_password() {
        let found = clear_passwords("set system certificate scep csr partner password hunter2");
        assert!(found.iter().all(|password| password.expose() == "hunter2"), "{found:?}");
    }

    #[test]
    fn passwords_with_and_without_quotes_are_found() {
        assert_found(&format!("{CSR} pass 'Pa ss/w+rd2'"), &["'Pa ss/w+rd2'", "Pa ss/w+rd2"]);
        assert_found(&format!("{CSR} pass two words"), &["two words", "two", "words"]);
        assert_found(&format!("{CSR} pass 'two words"), &["two words"]);
        assert_found(&format!("{CSR} pass \"a\\\"b\""), &["a\"b"]);
        assert_found(&format!("{CSR} pass a\\ b"), &["a b", "a\\ b"]);
    }

    #[test]
    fn a_password_in_the_next_line_is_found() {
        assert_found(&format!("{CSR} password\n\n# x\nhunter2\n{CSR} url http://a"), &["hunter2"]);
        assert_found(&format!("{CSR} password \\\n  hunter2"), &["hunter2"]);
        assert_found(&format!("{CSR} \\\n  password hunter2"), &["hunter2"]);
        assert_found(&format!("{CSR} password hun\\\nter2"), &["hun", "ter2"]);
        assert_found("password hunter2", &["hunter2"]);
    }

    #[test]
    fn a_placeholder_is_no_password() {
        assert_found(&format!("{CSR} password {{{{challenge}}}}\n{CSR} port 80"), &[]);
        assert_found(&format!("{CSR} password '{{{{ challenge:windows-pki }}}}'"), &["''"]);
        assert_found(&format!("{CSR} password {{{{secret}}}}"), &["{{secret}}"]);
    }

    #[test]
    fn a_word_after_an_unknown_field_may_be_a_password() {
        assert_found(&format!("{CSR} ciphr aes256"), &["aes256"]);
        assert_found(&format!("{CSR} oasswd hunter2"), &["hunter2"]);
        assert_found("set system certificate scep crs CSR oasswd hunter2", &["hunter2"]);
    }

    #[test]
    fn a_password_is_found_after_a_mistyped_verb_or_name() {
        let found =
            clear_passwords(&CSR.replace("set", "sett").replace("CSR", "C pasword hunter2"));
        assert!(found.iter().any(|password| password.expose() == "hunter2"), "{found:?}");
        assert_found("set sistem certificate scep csr C password hunter2", &["hunter2"]);
    }

    #[test]
    fn other_lines_have_no_password() {
        for line in [
            "set system certificate scep csr CSR url http://10.0.0.1",
            "set system certificate scep csr password url http://10.0.0.1",
            "delete system certificate scep csr partner password",
            "set system certificate scep csr CSR encrypted-password U2Fs",
            "set sys cert sc csr CSR po 8080",
            "set protocols static route 0.0.0.0/0 next-hop 10.0.0.1",
            "delete p s r 0.0.0.0/0",
            "set interfaces ethernet eth0 address 10.0.0.1/24",
            "pki scep show CSR",
        ] {
            assert_found(line, &[]);
        }
        assert!(clear_passwords("a wrong password is no use").is_empty());
    }
}

//! Clear passwords in configuration lines, abbreviated, mistyped or broken over lines as they may be.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;
use scep::secret::Secret;

/// The names on the way to a certificate request; its own name and one of its fields follow.
const WAY: [&str; 4] = ["system", "certificate", "scep", "csr"];

/// The field that holds a password.
const PASSWORD: &str = "password";

/// The fields of a certificate request that are no secrets.
const HARMLESS: [&str; 7] =
    ["cgi-path", "cipher", "digest", "distinguished-names", "encrypted-password", "port", "url"];

/// What stands in a line for a challenge password that is asked for later, and tells nothing of it.
static CHALLENGE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\{\{\s*challenge(?::[^{}]*)?\s*\}\}").ok());

/// What may be a password in a text, which may be prose: a line of configuration begins with its verb.
pub fn clear_passwords(text: &str) -> Vec<Secret> {
    passwords(text, None)
}

/// What may be a password in a text that is configuration, even if a line lacks its verb.
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
        // What does not begin with a verb goes on with the line above.
        if let Some(statement) = &mut statement {
            statement.read(line, &mut found);
        }
    }
    found.retain(|value| !value.is_empty());
    found.into_iter().map(Secret::new).collect()
}

/// A statement as far as it was read; it may be broken over lines.
#[derive(Default)]
struct Statement {
    words: Vec<String>,
    /// Whether what follows may be a password.
    in_value: bool,
}

impl Statement {
    /// Reads a line, and notes what follows the field of a password, as a whole and word by word.
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

/// Whether a password may follow these words, the verb among them.
fn is_before_value(words: &[String]) -> bool {
    let Some((word, before)) = words.split_last() else { return false };
    let way = before.get(1..).unwrap_or_default();
    match (names_on_way(way), way.len()) {
        // Who has mistyped `csr` may have mistyped what follows, too.
        (3, 3) => !WAY[3].starts_with(word.as_str()),
        (4, 4) => false,
        (4, 5) => !is_harmless(word),
        _ => resembles(word),
    }
}

/// Whether the last word may be a password itself: what stands in the place of a request's name is the field, perhaps.
fn is_value(words: &[String]) -> bool {
    let [_, way @ .., name, field] = words else { return false };
    let is_field = is_harmless(field) || PASSWORD.starts_with(field.as_str());
    names_on_way(way) == 4 && way.len() == 4 && resembles(name) && !is_field
}

/// How many of the first words are names on the way, perhaps abbreviated.
fn names_on_way<'a>(words: impl IntoIterator<Item = &'a String>) -> usize {
    words.into_iter().zip(WAY).take_while(|(word, name)| name.starts_with(word.as_str())).count()
}

/// Whether a word may be meant as `password`, wherever it stands.
fn resembles(word: &str) -> bool {
    ["pa", "pw", "ps"].iter().any(|start| word.starts_with(start))
}

/// Whether a word is one of the fields that are no secrets, perhaps abbreviated; `p` may be `password` as well.
fn is_harmless(word: &str) -> bool {
    word != "p" && HARMLESS.iter().any(|field| field.starts_with(word))
}

/// Whether a line is one of configuration, and not of prose; if the verb is mistyped, the way tells.
fn is_configuration(line: &str) -> bool {
    let mut words = line.split_whitespace().map(str::to_lowercase);
    let Some(verb) = words.next() else { return false };
    let is_verb = ["set", "delete"].iter().any(|name| name.starts_with(&verb));
    is_verb || names_on_way(&words.collect::<Vec<_>>()) >= 2
}

/// The first word of a text as the device cuts it, without its quotes and backslashes, closed or not, and the byte that it
/// ends at; the whole text if blanks do not end it.
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
    fn every_beginning_and_misspelling_of_the_field_is_the_field() {
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
    fn a_request_may_be_named_like_the_field() {
        let found = clear_passwords("set system certificate scep csr partner password hunter2");
        assert!(found.iter().all(|password| password.expose() == "hunter2"), "{found:?}");
    }

    #[test]
    fn quotes_may_be_there_or_missing_or_left_open() {
        assert_found(&format!("{CSR} pass 'Pa ss/w+rd2'"), &["'Pa ss/w+rd2'", "Pa ss/w+rd2"]);
        assert_found(&format!("{CSR} pass two words"), &["two words", "two", "words"]);
        assert_found(&format!("{CSR} pass 'two words"), &["two words"]);
        assert_found(&format!("{CSR} pass \"a\\\"b\""), &["a\"b"]);
        assert_found(&format!("{CSR} pass a\\ b"), &["a b", "a\\ b"]);
    }

    #[test]
    fn what_follows_in_the_next_line_belongs_to_it() {
        assert_found(&format!("{CSR} password\n\n# x\nhunter2\n{CSR} url http://a"), &["hunter2"]);
        assert_found(&format!("{CSR} password \\\n  hunter2"), &["hunter2"]);
        assert_found(&format!("{CSR} \\\n  password hunter2"), &["hunter2"]);
        assert_found(&format!("{CSR} password hun\\\nter2"), &["hun", "ter2"]);
        assert_found("password hunter2", &["hunter2"]);
    }

    #[test]
    fn what_stands_for_a_password_is_none() {
        assert_found(&format!("{CSR} password {{{{challenge}}}}\n{CSR} port 80"), &[]);
        assert_found(&format!("{CSR} password '{{{{ challenge:windows-pki }}}}'"), &["''"]);
        assert_found(&format!("{CSR} password {{{{secret}}}}"), &["{{secret}}"]);
    }

    #[test]
    fn what_follows_an_unknown_word_may_be_a_password() {
        assert_found(&format!("{CSR} ciphr aes256"), &["aes256"]);
        assert_found(&format!("{CSR} oasswd hunter2"), &["hunter2"]);
        assert_found("set system certificate scep crs CSR oasswd hunter2", &["hunter2"]);
    }

    #[test]
    fn a_mistyped_verb_or_name_on_the_way_hides_no_password() {
        let found =
            clear_passwords(&CSR.replace("set", "sett").replace("CSR", "C pasword hunter2"));
        assert!(found.iter().any(|password| password.expose() == "hunter2"), "{found:?}");
        assert_found("set sistem certificate scep csr C password hunter2", &["hunter2"]);
    }

    #[test]
    fn nothing_else_is_a_password() {
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

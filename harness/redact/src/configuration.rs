//! Finds clear passwords in configuration lines, whether abbreviated, mistyped or broken over several lines.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;
use scep::secret::Secret;
use scep::url::HttpUrl;

use crate::name::{names_a_secret, names_the_challenge};

/// The path to a certificate request; its name and one of its fields follow.
const PATH: [&str; 4] = ["system", "certificate", "scep", "csr"];

/// The field for a password.
const PASSWORD: &str = "password";

/// The fields of a certificate request that are not secret.
const HARMLESS: [&str; 7] =
    ["cgi-path", "cipher", "digest", "distinguished-names", "encrypted-password", "port", "url"];

/// A placeholder, which is not secret, even if its name is mistyped.
static PLACEHOLDER: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\{\{\s*([A-Za-z][\w:.-]*)\s*\}\}").ok());

/// Possible passwords in a text, which may be prose: only a line with a verb counts as configuration.
pub fn clear_passwords(text: &str) -> Vec<Secret> {
    passwords(text, true)
}

/// Possible passwords in a configuration, even in a line without its verb.
pub fn clear_passwords_of_configuration(text: &str) -> Vec<Secret> {
    passwords(text, false)
}

fn passwords(text: &str, may_be_prose: bool) -> Vec<Secret> {
    // A placeholder is one word.
    let placeholder = PLACEHOLDER.as_ref();
    let text = placeholder.map_or(Cow::Borrowed(text), |it| it.replace_all(text, "{{$1}}"));
    let unsaid = || (!may_be_prose).then(Statement::default);
    let mut statement = unsaid();
    let mut found = Found::default();
    let lines = text.lines().map(str::trim);
    for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if is_configuration(line) {
            statement = Some(Statement::default());
        } else if lacks_verb(line) && !statement.as_ref().is_some_and(Statement::is_open) {
            statement = Some(Statement::without_verb());
        } else if statement.as_ref().is_some_and(Statement::is_complete) {
            statement = unsaid();
        }
        // Any other line without a verb continues the line above.
        if let Some(statement) = &mut statement {
            statement.read(line, &mut found);
        }
    }
    let mut found = found.0;
    found.extend(passwords_in_urls(&text).map(str::to_owned));
    found.retain(|value| !value.is_empty());
    found.into_iter().map(Secret::new).collect()
}

/// The length of all values from which on a value is no longer looked for in the rest of a line, but in its words alone. Each word of
/// a long line begins a rest of it, and together they would grow with the square of its length.
const RESTS: usize = 256 * 1024;

/// The values that were found in a text.
#[derive(Default)]
struct Found(Vec<String>, usize);

impl Found {
    /// Adds the first word of a text after a field, as it is written and as it is meant; and, if the values are not too long yet, the same
    /// for all of the text.
    fn add(&mut self, text: &str, word: Word) {
        if self.1 < RESTS {
            let whole = Word::cut(text, false).plain;
            self.1 += text.len() + whole.len();
            self.0.extend([text.to_owned(), whole]);
        }
        self.0.extend([text[..word.end].to_owned(), word.plain]);
    }
}

/// The maximum number of URLs in one word. Each is read to the end of the word, which may be the whole text.
const URLS_IN_WORD: usize = 8;

/// The passwords before the `@` of URLs such as `http://user:password@host`.
fn passwords_in_urls(text: &str) -> impl Iterator<Item = &str> {
    let ends = text.split_whitespace().flat_map(|word| {
        let marks = word.match_indices("://").take(URLS_IN_WORD);
        marks.map(|(at, mark)| &word[at + mark.len()..])
    });
    let words = ends.filter(|word| {
        // A right URL has no user, but may have an `@` in its path.
        let url = format!("http://{}", word.trim_end_matches(['\'', '"']));
        url.parse::<HttpUrl>().is_err()
    });
    words.filter_map(|word| Some(word.rsplit_once('@')?.0.split_once(':')?.1))
}

/// The part of a statement that was read; it may be broken over lines.
#[derive(Default)]
struct Statement {
    words: Vec<String>,
    /// True if a password may come next.
    in_value: bool,
    /// True after a password, or a part of one.
    has_value: bool,
    /// True if the line ended in a quotation or with a backslash.
    is_open: bool,
}

impl Statement {
    /// A statement whose verb is missing.
    fn without_verb() -> Self {
        Self { words: vec![String::new()], ..Self::default() }
    }

    fn is_open(&self) -> bool {
        self.is_open
    }

    /// True if the next line is no part of the password.
    fn is_complete(&self) -> bool {
        self.has_value && !self.is_open
    }

    /// Reads a line, and adds the text after a password field, whole and word by word.
    fn read(&mut self, line: &str, found: &mut Found) {
        let mut rest = line.trim();
        self.is_open = false;
        while !rest.is_empty() {
            let word = Word::cut(rest, true);
            let (end, is_open) = (word.end, word.is_open);
            let was_in_value = self.in_value;
            if !was_in_value && !word.plain.is_empty() {
                self.words.push(word.plain.to_lowercase());
                self.in_value = is_before_value(&self.words);
            }
            // After a value, every further word belongs to it.
            self.in_value |= is_value(&self.words);
            if was_in_value || is_value(&self.words) {
                self.has_value |= !word.plain.is_empty();
                if !is_placeholder(&word.plain) {
                    found.add(rest, word);
                }
            }
            self.is_open = is_open;
            rest = rest[end..].trim_start();
        }
    }
}

/// True if a password may follow these words, which begin with the verb.
fn is_before_value(words: &[String]) -> bool {
    let Some((word, before)) = words.split_last() else { return false };
    let path = before.get(1..).unwrap_or_default();
    match (names_on_path(path), path.len()) {
        // The name of a request may be any word.
        (4, 4) => false,
        (4, 5) if word == "p" => true,
        _ => !is_harmless(word) && names_a_secret(word),
    }
}

/// True if the last word may be a password: the field may be in the place of the request's name.
fn is_value(words: &[String]) -> bool {
    let [_, path @ .., name, field] = words else { return false };
    let is_field = is_harmless(field) || PASSWORD.starts_with(field.as_str());
    names_on_path(path) == 4 && path.len() == 4 && names_a_secret(name) && !is_field
}

/// Number of leading words that are names of the path, perhaps abbreviated.
fn names_on_path<'a>(words: impl IntoIterator<Item = &'a String>) -> usize {
    words.into_iter().zip(PATH).take_while(|(word, name)| name.starts_with(word.as_str())).count()
}

/// True if a word is a field without a secret, perhaps abbreviated; `p` may also mean `password`.
fn is_harmless(word: &str) -> bool {
    word != "p" && HARMLESS.iter().any(|field| field.starts_with(word))
}

fn is_placeholder(word: &str) -> bool {
    let found = PLACEHOLDER.as_ref().and_then(|it| it.find(word));
    found.is_some_and(|found| found.len() == word.len()) || is_other_placeholder(word)
}

/// True for the placeholder of a challenge password as other programs write it, such as `{challenge}` or `$CHALLENGE`.
fn is_other_placeholder(word: &str) -> bool {
    let name = word.trim_start_matches(['$', '{', '<', '%']);
    name.len() < word.len() && names_the_challenge(name.trim_end_matches(['}', '>', '%']))
}

/// True if a line is configuration, not prose; if the verb is mistyped, the path decides.
fn is_configuration(line: &str) -> bool {
    let mut words = line.split_whitespace().map(str::to_lowercase);
    let Some(verb) = words.next() else { return false };
    let is_verb = ["set", "delete"].iter().any(|name| name.starts_with(&verb));
    is_verb || names_on_path(&words.collect::<Vec<_>>()) >= 2
}

/// True if a line is configuration without its verb: it begins with the path.
fn lacks_verb(line: &str) -> bool {
    let words: Vec<String> = line.split_whitespace().map(str::to_lowercase).collect();
    names_on_path(&words) >= 2
}

/// The first word of a text as the device splits it.
struct Word {
    /// The word without quotes and backslashes.
    plain: String,
    /// The byte at its end.
    end: usize,
    /// True if the text ends in a quotation or with a backslash.
    is_open: bool,
}

impl Word {
    /// Cuts the first word; if blanks do not end it, it is the whole text.
    fn cut(text: &str, ends_at_blank: bool) -> Self {
        let mut plain = String::new();
        let mut quote = None;
        let mut characters = text.char_indices().peekable();
        while let Some((at, c)) = characters.next() {
            match (quote, c) {
                (None, '\'' | '"') => quote = Some(c),
                (Some(open), _) if open == c => quote = None,
                (None, '\\') => match characters.next() {
                    Some((_, escaped)) => plain.push(escaped),
                    None => return Self { plain, end: text.len(), is_open: true },
                },
                (Some('"'), '\\') => {
                    let escaped = characters.next_if(|(_, next)| matches!(next, '"' | '\\'));
                    plain.push(escaped.map_or(c, |(_, escaped)| escaped));
                }
                (None, _) if ends_at_blank && c.is_whitespace() => {
                    return Self { plain, end: at, is_open: false };
                }
                _ => plain.push(c),
            }
        }
        Self { plain, end: text.len(), is_open: quote.is_some() }
    }
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
        let found = clear_passwords("system certificate scep csr CSR pass hunter2");
        assert!(found.iter().any(|password| password.expose() == "hunter2"), "{found:?}");
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
    fn rests_of_a_long_line_are_looked_at_up_to_a_limit() {
        let words: Vec<String> = (0..20_000).map(|number| format!("w{number}")).collect();
        let line = format!("{CSR} password {}", words.join(" "));
        let found = clear_passwords(&line);
        assert!(found.iter().any(|it| it.expose() == words.join(" ")));
        assert!(found.iter().any(|it| it.expose() == "w19999"));
        let bytes: usize = found.iter().map(|it| it.expose().len()).sum();
        assert!(bytes < 2 * RESTS + 4 * line.len(), "{bytes}");
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
    fn placeholder_is_no_password_even_if_mistyped() {
        assert_found(&format!("{CSR} password {{{{challenge}}}}\n{CSR} port 80"), &[]);
        assert_found(&format!("{CSR} password '{{{{ challenge:windows-pki }}}}'"), &[]);
        assert_found(&format!("{CSR} password {{{{chalenge}}}}"), &[]);
        assert_found(&format!("{CSR} password x{{{{challenge}}}}"), &["x{{challenge}}"]);
        assert_found(&format!("{CSR} password {{{{challenge}}}} hunter2"), &["hunter2"]);
    }

    #[test]
    fn value_of_an_unknown_field_is_a_password_only_if_the_field_resembles_one() {
        assert_found(&format!("{CSR} oasswd hunter2"), &["hunter2"]);
        assert_found(&format!("{CSR} challenge-password hunter2"), &["hunter2"]);
        assert_found("set system certificate scep crs CSR oasswd hunter2", &["hunter2"]);
        for field in
            ["ciphr aes256", "cgi-pth /scep", "key-size 4096", "proxy http://a:3128", "path /x"]
        {
            assert_found(&format!("{CSR} {field}"), &[]);
        }
        assert_found("set system certificate scep crs CSR port 8080", &[]);
    }

    #[test]
    fn line_without_its_verb_does_not_continue_a_password() {
        for next in [
            "system certificate scep csr CSR port 8080",
            "interfaces ethernet eth0 address 10.0.0.1/24",
            "commit",
            "sett system host-name x",
        ] {
            let found =
                clear_passwords_of_configuration(&format!("{CSR} password hunter2\n{next}"));
            assert!(found.iter().all(|it| it.expose() == "hunter2"), "{next}: {found:?}");
        }
    }

    #[test]
    fn a_password_is_found_after_a_mistyped_verb_or_name() {
        let found =
            clear_passwords(&CSR.replace("set", "sett").replace("CSR", "C pasword hunter2"));
        assert!(found.iter().any(|password| password.expose() == "hunter2"), "{found:?}");
        assert_found("set sistem certificate scep csr C password hunter2", &["hunter2"]);
    }

    #[test]
    fn password_in_a_url_is_found() {
        for url in ["http://user:hunter2@h/scep", "'https://u:hunter2@10.0.0.1:80'"] {
            assert_found(&format!("{CSR} url {url}"), &["hunter2"]);
            assert_found(url, &["hunter2"]);
        }
        assert_found("http://u:hun/ter2@h", &["hun/ter2"]);
        for url in ["http://user@h/scep", "'http://h:8080/a@b'", "http://h:8080/scep"] {
            assert_found(&format!("{CSR} url {url}"), &[]);
        }
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

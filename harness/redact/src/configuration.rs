//! Clear passwords in configuration lines, abbreviated, mistyped or broken over lines as they may be.

use crate::diagnostic::closest;
use crate::lab::fill;
use crate::scenario::challenge_of;

/// The names on the way to a certificate request; its own name and one of its fields follow.
const WAY: [&str; 4] = ["system", "certificate", "scep", "csr"];

/// The fields of a certificate request that are no secrets.
const HARMLESS: [&str; 7] =
    ["cgi-path", "cipher", "digest", "distinguished-names", "encrypted-password", "port", "url"];

/// What may be a password in a text, which may be prose: a line of configuration begins with its verb.
pub(super) fn clear_passwords(text: &str) -> Vec<String> {
    let text = without_placeholders(text);
    let lines = text.lines().map(str::trim).filter(|line| !is_blank(line));
    let mut statements: Vec<Vec<&str>> = Vec::new();
    for line in lines {
        match statements.last_mut() {
            _ if is_configuration(line) => statements.push(vec![line]),
            // What does not begin with a verb goes on with the line above.
            Some(statement) => statement.push(line),
            None => {}
        }
    }
    statements.iter().flat_map(|lines| passwords(lines)).collect()
}

/// What may be a password in a text that is configuration, even where a line lacks its verb.
pub(super) fn clear_passwords_of_configuration(text: &str) -> Vec<String> {
    let text = &without_placeholders(text);
    let lines = text.lines().map(str::trim).filter(|line| !is_blank(line));
    let begin = lines.take_while(|line| !is_configuration(line)).collect::<Vec<_>>();
    let mut found = clear_passwords(text);
    found.extend(passwords(&begin));
    found
}

/// What stands for a password that is come by later tells nothing of it.
fn without_placeholders(text: &str) -> String {
    fill(text, |name| challenge_of(name).is_some().then(String::new))
}

/// A statement that is broken over lines: all that follows the field, line by line and word by word.
fn passwords(lines: &[&str]) -> Vec<String> {
    let mut before: Vec<String> = Vec::new();
    let mut in_value = false;
    let mut found = Vec::new();
    for line in lines {
        let words = Words { rest: line };
        for (rest, raw) in words {
            if in_value {
                found.extend([rest, raw].map(str::to_owned));
                found.extend([rest, raw].map(unquoted));
            } else {
                before.push(unquoted(raw).to_lowercase());
                in_value = is_field(&before, rest[raw.len()..].split_whitespace());
            }
        }
    }
    found.retain(|value| !value.is_empty());
    found
}

/// Whether the last of these words is the field of a password, given those that follow in its line.
fn is_field<'a>(words: &[String], following: impl Iterator<Item = &'a str>) -> bool {
    let Some((word, before)) = words.split_last() else { return false };
    let way = before.get(1..).unwrap_or_default();
    let on_way = way.iter().zip(WAY).all(|(word, name)| is_like(word, name));
    match way.len() {
        // The name of a certificate request may be like a field, and is none where one follows.
        4 if on_way => resembles(word) && !is_name_before(following),
        5 if on_way => !is_harmless(word),
        _ => resembles(word),
    }
}

/// Whether what follows is a field, so that the word before it is a name.
fn is_name_before<'a>(mut following: impl Iterator<Item = &'a str>) -> bool {
    following.next().is_some_and(|field| {
        let has_value = following.next().is_some();
        is_harmless(field)
            || field == "password"
            || has_value && resembles(&unquoted(field).to_lowercase())
    })
}

/// Whether a word may be meant as `password`, wherever it stands.
fn resembles(word: &str) -> bool {
    let begins = ["pa", "pw", "ps"].iter().any(|start| word.starts_with(start));
    begins || closest(word, ["password"]).is_some()
}

/// Whether a word is meant as one of the fields that are no secrets; `p` may be `password` as well.
fn is_harmless(word: &str) -> bool {
    let word = word.trim_matches(['\'', '"', '\\']);
    let begins = HARMLESS.iter().any(|field| !word.is_empty() && field.starts_with(word));
    begins && word != "p" || closest(word, HARMLESS).is_some()
}

/// Whether a line is one of configuration, and not of prose.
fn is_configuration(line: &str) -> bool {
    let verb = line.split_whitespace().next().unwrap_or_default().to_lowercase();
    ["set", "delete"].iter().any(|name| is_like(&verb, name))
}

fn is_like(word: &str, name: &str) -> bool {
    !word.is_empty() && name.starts_with(word) || closest(word, [name]).is_some()
}

fn is_blank(line: &str) -> bool {
    line.is_empty() || line.starts_with('#')
}

/// The words of a line as the device cuts them, each with the rest of the line from there on.
struct Words<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Words<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest.trim();
        let mut quote = None;
        let mut escaped = false;
        let end = rest.find(|c: char| {
            match (quote, c) {
                _ if escaped => escaped = false,
                (None | Some('"'), '\\') => escaped = true,
                (None, '\'' | '"') => quote = Some(c),
                (Some(open), _) if open == c => quote = None,
                _ => return quote.is_none() && c.is_whitespace(),
            }
            false
        });
        let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
        self.rest = after;
        (!word.is_empty()).then_some((rest, word))
    }
}

/// A word without its quotes and backslashes, closed or not.
fn unquoted(word: &str) -> String {
    let mut plain = String::new();
    let mut quote = None;
    let mut characters = word.chars().peekable();
    while let Some(c) = characters.next() {
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), _) if open == c => quote = None,
            (None, '\\') => plain.extend(characters.next()),
            (Some('"'), '\\') => {
                plain.push(characters.next_if(|next| matches!(next, '"' | '\\')).unwrap_or(c));
            }
            _ => plain.push(c),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    const CSR: &str = "set system certificate scep csr CSR";

    #[track_caller]
    fn assert_found(text: &str, passwords: &[&str]) {
        let found = clear_passwords_of_configuration(text);
        for password in passwords {
            assert!(found.iter().any(|it| it == password), "{text}: {found:?}");
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
        assert!(found.iter().all(|password| password == "hunter2"), "{found:?}");
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
    fn nothing_else_is_a_password() {
        for line in [
            "set system certificate scep csr CSR url http://10.0.0.1",
            "set system certificate scep csr password url http://10.0.0.1",
            "delete system certificate scep csr partner password",
            "set system certificate scep csr CSR encrypted-password U2Fs",
            "set system certificate scep csr CSR ciphr aes256",
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

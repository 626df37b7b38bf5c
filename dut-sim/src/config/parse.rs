//! Splits a command line into words, matches abbreviations with the names of a table, and quotes words for printing.

use std::borrow::Cow;
use std::iter::Peekable;
use std::str::Chars;

/// Maximum length of a line, in bytes.
const LINE_LIMIT: usize = 8192;

/// Why a line cannot be split into words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LineError {
    #[error("the quote `{0}` is not closed")]
    OpenQuote(char),
    #[error("the line ends with a backslash")]
    TrailingBackslash,
    #[error("the line is longer than {LINE_LIMIT} bytes")]
    TooLong,
    #[error("the line holds a control character")]
    ControlCharacter,
}

/// Splits `line` into words like a shell, without substitutions.
pub(crate) fn words(line: &str) -> Result<Vec<String>, LineError> {
    if line.len() > LINE_LIMIT {
        return Err(LineError::TooLong);
    }
    if line.chars().any(|c| c.is_control() && c != '\t') {
        return Err(LineError::ControlCharacter);
    }
    let mut words = Vec::new();
    let mut characters = line.chars().peekable();
    loop {
        while characters.next_if(|c| c.is_whitespace()).is_some() {}
        if characters.peek().is_none() {
            return Ok(words);
        }
        words.push(word(&mut characters)?);
    }
}

/// Entries that `word` matches: the one with exactly that name, or else all with names that begin with it. So `port` is not
/// ambiguous even if there is `ports`.
pub(crate) fn matching<T>(
    all: &'static [T],
    name: fn(&T) -> &'static str,
    word: &str,
) -> Vec<&'static T> {
    match all.iter().find(|each| name(each) == word) {
        Some(exact) => vec![exact],
        None if word.is_empty() => Vec::new(),
        None => all.iter().filter(|each| name(each).starts_with(word)).collect(),
    }
}

/// `text` as a word of a printed line, in single quotes if it needs them or the documentation shows them.
pub(crate) fn quoted(text: &str) -> Cow<'_, str> {
    let bare = |c: char| c.is_alphanumeric() || "+,-./=@_%*".contains(c);
    if !text.is_empty() && text.chars().all(bare) {
        return text.into();
    }
    format!("'{}'", text.replace('\'', r"'\''")).into()
}

fn word(characters: &mut Peekable<Chars<'_>>) -> Result<String, LineError> {
    let mut word = String::new();
    while let Some(c) = characters.next_if(|c| !c.is_whitespace()) {
        match c {
            '\'' | '"' => take_quoted(characters, c, &mut word)?,
            '\\' => word.push(characters.next().ok_or(LineError::TrailingBackslash)?),
            _ => word.push(c),
        }
    }
    Ok(word)
}

fn take_quoted(
    characters: &mut Peekable<Chars<'_>>,
    quote: char,
    word: &mut String,
) -> Result<(), LineError> {
    while let Some(c) = characters.next() {
        let escapes = c == '\\' && quote == '"';
        match c {
            _ if c == quote => return Ok(()),
            _ if escapes => match characters.next_if(|next| matches!(next, '"' | '\\')) {
                Some(next) => word.push(next),
                None => word.push(c),
            },
            _ => word.push(c),
        }
    }
    Err(LineError::OpenQuote(quote))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documented_lines_are_split() {
        let line = "set system certificate scep csr CSR url 'http://10.215.168.1'";
        assert_eq!(words(line).unwrap().last().unwrap(), "http://10.215.168.1");
        assert_eq!(words("  ping\t10.0.0.1 ").unwrap(), ["ping", "10.0.0.1"]);
        assert_eq!(words("").unwrap(), [""; 0]);
    }

    #[test]
    fn quotes_and_backslashes_keep_blanks() {
        assert_eq!(
            words(r#"a 'b c' "d e" f\ g '' x'y'"z""#).unwrap(),
            ["a", "b c", "d e", "f g", "", "xyz"]
        );
        assert_eq!(words(r#"'\' "\"\\\n""#).unwrap(), [r"\", r#""\\n"#]);
    }

    #[test]
    fn unfinished_or_invalid_lines_are_refused() {
        assert_eq!(words("set 'x"), Err(LineError::OpenQuote('\'')));
        assert_eq!(words("set x\\"), Err(LineError::TrailingBackslash));
        assert_eq!(words(&"x".repeat(LINE_LIMIT + 1)), Err(LineError::TooLong));
        assert_eq!(words("set \u{7}"), Err(LineError::ControlCharacter));
    }

    #[test]
    fn quoted_words_are_parsed_back() {
        for text in ["", "plain", "it's", "a b", "$6$x", "\"q\"", "back\\slash", "CN=A, O=B", "#x"]
        {
            assert_eq!(words(&quoted(text)).unwrap(), [text]);
        }
    }

    #[test]
    fn words_are_quoted_as_documented() {
        let hash = "$6$GSjsCj8gHLv$x";
        assert_eq!(quoted("http://10.215.168.1"), "'http://10.215.168.1'");
        assert_eq!(quoted(hash), format!("'{hash}'"));
        for bare in [
            "CN=MyUserCert",
            "/scep",
            "U2FsdGVkX19P8MYjQLXrIvBEOMDHUJ1TWkNFRAs31/g=",
            "10.0.0.1/24",
            "CertSrv/mscep/mscep.dll/pkiclient.exe",
        ] {
            assert_eq!(quoted(bare), bare);
        }
        assert_eq!(quoted("CN=My User"), "'CN=My User'");
    }
}

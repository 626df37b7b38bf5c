//! The text of a distinguished name: reading its parts, and writing a value so that it is read back (RFC 4514 §2.4, §3).

use super::{NameError, attribute_type::is_known_word};

/// A part of a name, `TYPE=value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) attribute_type: String,
    pub(super) value: String,
    /// True if a `+` is before the part, which then belongs to the same relative distinguished name as the part before it.
    pub(super) is_joined: bool,
}

/// Characters that have a meaning in the text of a name, and are written after a backslash if they belong to a value.
const SPECIAL: &str = "\"+,;<>\\ #=";

/// Reads the parts of a name in their order.
pub(super) fn parts(text: &str) -> Result<Vec<Part>, NameError> {
    if text.trim().is_empty() {
        return Err(NameError::Empty);
    }
    if text.trim_start().starts_with('/') {
        return Err(NameError::Slashes);
    }
    split(text)?.into_iter().map(|(raw, is_joined)| part(raw, is_joined)).collect()
}

/// Splits at commas and plus signs that are neither escaped nor quoted. A part after a plus sign is joined.
fn split(text: &str) -> Result<Vec<(&str, bool)>, NameError> {
    let (mut parts, mut start, mut is_joined) = (Vec::new(), 0, false);
    let (mut is_escaped, mut is_quoted) = (false, false);
    for (at, character) in text.char_indices() {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            ';' if !is_quoted => return Err(NameError::Semicolon),
            ',' | '+' if !is_quoted => {
                parts.push((&text[start..at], is_joined));
                start = at + 1;
                is_joined = character == '+';
            }
            _ => {}
        }
    }
    if is_quoted {
        return Err(NameError::Quote);
    }
    parts.push((&text[start..], is_joined));
    Ok(parts)
}

fn part(raw: &str, is_joined: bool) -> Result<Part, NameError> {
    let raw = raw.trim_start();
    if raw.is_empty() {
        return Err(NameError::EmptyPart);
    }
    let pair = raw.split_once('=').ok_or_else(|| NameError::NotAPair(raw.trim().to_owned()))?;
    let (attribute_type, raw) = (pair.0.trim(), pair.1.trim_start());
    let value = if raw.starts_with('"') { quoted(raw)? } else { bare(raw)? };
    if value.is_empty() {
        return Err(NameError::NoValue(attribute_type.to_owned()));
    }
    Ok(Part { attribute_type: attribute_type.to_owned(), value, is_joined })
}

/// The value in quotes.
fn quoted(raw: &str) -> Result<String, NameError> {
    let inner = raw.trim_end().strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let value = Value::read(inner.ok_or(NameError::Quote)?)?;
    Ok(value.text)
}

/// The value without quotes, and without the blanks around it that are not escaped.
fn bare(raw: &str) -> Result<String, NameError> {
    if raw.starts_with('#') {
        return Err(NameError::Hash);
    }
    let value = Value::read(raw)?;
    if let Some(word) = swallowed_type(raw) {
        return Err(NameError::MissingComma(word.to_owned()));
    }
    let mut text = value.text;
    text.truncate(value.end);
    Ok(text)
}

/// A known type after a blank or a slash in a value, as in `CN=router O=Example`.
fn swallowed_type(raw: &str) -> Option<&str> {
    let words = raw.match_indices([' ', '\t', '/']).map(|(at, _)| &raw[at + 1..]);
    words
        .filter_map(|rest| Some(rest.split_once('=')?.0.trim_end()))
        .find(|word| is_known_word(word))
}

/// A value without its escapes.
struct Value {
    text: String,
    /// The length without blanks at the end that are not escaped.
    end: usize,
}

impl Value {
    fn read(raw: &str) -> Result<Self, NameError> {
        let (mut bytes, mut end) = (Vec::new(), 0);
        let mut characters = raw.chars();
        while let Some(character) = characters.next() {
            match character {
                '\\' => {
                    let (length, escaped) = escape(characters.as_str())?;
                    bytes.extend_from_slice(&escaped);
                    characters = characters.as_str()[length..].chars();
                    end = bytes.len();
                    continue;
                }
                '"' => return Err(NameError::Quote),
                other if other.is_control() && !other.is_whitespace() => {
                    return Err(NameError::Control(other));
                }
                '\n' | '\r' if !characters.as_str().trim().is_empty() => {
                    return Err(NameError::Control(character));
                }
                other => bytes.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
            }
            if !character.is_whitespace() {
                end = bytes.len();
            }
        }
        let text = String::from_utf8(bytes).map_err(|_| NameError::Escape(raw.to_owned()))?;
        Ok(Self { text, end })
    }
}

/// Number of bytes of an escape after its backslash, and the bytes that it means: a special character, or two hexadecimal digits.
fn escape(rest: &str) -> Result<(usize, Vec<u8>), NameError> {
    let character = rest.chars().next();
    if let Some(special) = character.filter(|c| SPECIAL.contains(*c)) {
        return Ok((special.len_utf8(), special.to_string().into_bytes()));
    }
    let byte = rest.get(..2).and_then(|digits| hex::decode(digits).ok());
    match byte {
        Some(byte) => Ok((2, byte)),
        None => {
            Err(NameError::Escape(format!("\\{}", character.map_or(String::new(), String::from))))
        }
    }
}

/// Writes a value as OpenSSL does in one line: in quotes if it has a separator, with control characters in hexadecimal.
/// [`parts`] reads it back.
pub(super) fn written(value: &str) -> String {
    let has_separator = value.contains(['+', ',', ';', '<', '>']);
    let has_edge = value.starts_with([' ', '#']) || value.ends_with(' ');
    let inside: String = value.chars().map(written_character).collect();
    if has_separator || has_edge || swallowed_type(value).is_some() {
        format!("\"{inside}\"")
    } else {
        inside
    }
}

fn written_character(character: char) -> String {
    match character {
        '"' | '\\' => format!("\\{character}"),
        // The characters that are shown as themselves are those that Rust prints.
        '\'' => character.to_string(),
        other if other.escape_debug().len() > 1 => {
            let bytes = other.to_string().into_bytes();
            bytes
                .into_iter()
                .flat_map(|byte| ['\\'.to_string(), hex::encode_upper([byte])])
                .collect()
        }
        other => other.to_string(),
    }
}

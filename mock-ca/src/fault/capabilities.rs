//! Faults of the capability text (RFC 8894 §3.5).

use super::{Fault, Strikes};

/// The text of GetCACaps as the faults leave it.
pub(crate) fn capabilities(text: &[u8], strikes: &Strikes<'_>) -> Vec<u8> {
    let mut text = String::from_utf8_lossy(text).into_owned();
    strikes.each(|fault| {
        let line_end = if text.contains("\r\n") { "\r\n" } else { "\n" };
        let words: Vec<&str> = text.split(line_end).collect();
        text = match fault {
            Fault::CapsCrlf => words.join("\r\n"),
            Fault::CapsUnknownWords => {
                let (first, rest) = words.split_at(words.len() / 2);
                [&["Unheard-Of"], first, &["X-Teleport 2"], rest, &["SHA-3-999"]]
                    .concat()
                    .join(line_end)
            }
            Fault::CapsBlankLines => {
                let doubled = format!("{line_end}{line_end}");
                format!("{line_end}{}{doubled}", words.join(&doubled))
            }
            Fault::CapsNone => String::new(),
            Fault::CapsLowerCase => text.to_lowercase(),
            Fault::CapsWeak => ["DES3", "SHA-1"].join(line_end),
            _ => return false,
        };
        true
    });
    text.into_bytes()
}

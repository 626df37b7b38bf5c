//! What is typed, as bytes, and what came, as an error shows it.

use redact::Masker;

use super::Fault;

/// The longest line that a terminal takes (`MAX_CANON` of Linux is 4095), in bytes.
pub(super) const LINE_LIMIT: usize = 4000;

/// How much of what came last is told, in bytes.
const TAIL: usize = 200;

/// Ctrl-V: the next key is meant as it is.
const LITERALLY: u8 = 0x16;

/// Whether a line can be typed at a terminal.
pub(crate) fn can_be_typed(line: &str) -> bool {
    typed(line).is_ok()
}

/// The bytes to be typed for a line. What an editor would take for a key of its own is taken literally after Ctrl-V.
pub(super) fn typed(line: &str) -> Result<Vec<u8>, Fault> {
    let refused = |reason: String| Fault::NotTyped { reason };
    if line.len() > LINE_LIMIT {
        let reason =
            format!("it has {} bytes, and a terminal takes {LINE_LIMIT} in a line", line.len());
        return Err(refused(reason));
    }
    let mut typed = Vec::with_capacity(line.len() + 1);
    for c in line.chars() {
        if c.is_control() && c != '\t' {
            let reason = format!(
                "it has the control character `{}`, which would act as a key",
                c.escape_unicode()
            );
            return Err(refused(reason));
        }
        if matches!(c, '?' | '\t') {
            typed.push(LITERALLY);
        }
        typed.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }
    typed.push(b'\r');
    Ok(typed)
}

pub(super) fn remember(tail: &mut Vec<u8>, bytes: &[u8]) {
    tail.extend_from_slice(bytes);
    let surplus = tail.len().saturating_sub(TAIL);
    tail.drain(..surplus);
}

/// Bytes as an error shows them.
pub(super) fn tail(bytes: &[u8], masker: &Masker) -> String {
    if bytes.is_empty() {
        return "nothing came".to_owned();
    }
    let text = masker.cut_text(&String::from_utf8_lossy(bytes));
    format!("what came last is `{}`", text.escape_debug())
}

//! A line as the bytes that are typed for it.

use super::Fault;

/// The longest line that a terminal takes (`MAX_CANON` of Linux is 4095), in bytes.
pub(super) const LINE_LIMIT: usize = 4000;

/// Ctrl-V: the next key is meant as it is.
const LITERALLY: u8 = 0x16;

/// Whether a line can be typed at a terminal.
pub(crate) fn can_be_typed(line: &str) -> bool {
    typed(line).is_ok()
}

/// The bytes to be typed for a line. What an editor would take for a key of its own is taken literally after Ctrl-V.
pub(super) fn typed(line: &str) -> Result<Vec<u8>, Fault> {
    if line.len() > LINE_LIMIT {
        let reason =
            format!("it has {} bytes, and a terminal takes {LINE_LIMIT} in a line", line.len());
        return Err(Fault::NotTyped(reason));
    }
    let mut typed = Vec::with_capacity(line.len() + 1);
    for c in line.chars() {
        if c.is_control() && c != '\t' {
            let key = c.escape_unicode();
            let reason = format!("it has the control character `{key}`, which would act as a key");
            return Err(Fault::NotTyped(reason));
        }
        if matches!(c, '?' | '\t') {
            typed.push(LITERALLY);
        }
        typed.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }
    typed.push(b'\r');
    Ok(typed)
}

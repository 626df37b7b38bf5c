//! Converts a line into the bytes that are typed for it.

use super::ConsoleError;

/// The maximum length of a line at a terminal (`MAX_CANON` of Linux is 4095), in bytes.
pub(super) const LINE_LIMIT: usize = 4000;

/// Ctrl-V, after which a key is inserted literally.
const LITERALLY: u8 = 0x16;

/// True if the line can be typed at a terminal.
pub(crate) fn can_be_typed(line: &str) -> bool {
    typed(line).is_ok()
}

/// The bytes to type for a line. Characters that a line editor would take for commands are preceded by Ctrl-V.
pub(super) fn typed(line: &str) -> Result<Vec<u8>, ConsoleError> {
    if line.len() > LINE_LIMIT {
        let reason =
            format!("it has {} bytes, and a terminal takes {LINE_LIMIT} in a line", line.len());
        return Err(ConsoleError::NotTyped(reason));
    }
    let mut typed = Vec::with_capacity(line.len() + 1);
    for c in line.chars() {
        if c.is_control() && c != '\t' {
            let key = c.escape_unicode();
            let reason = format!("it has the control character `{key}`, which would act as a key");
            return Err(ConsoleError::NotTyped(reason));
        }
        if matches!(c, '?' | '\t') {
            typed.push(LITERALLY);
        }
        typed.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }
    typed.push(b'\r');
    Ok(typed)
}

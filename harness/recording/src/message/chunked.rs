//! Bodies in chunks (RFC 9112 §7.1).

use crate::held::Held;

/// Limit of the line with the size of a chunk, and of all trailers, in bytes.
const MOST_LINE_BYTES: usize = 16 << 10;

/// Reads a body in chunks.
#[derive(Debug, Default)]
pub(super) struct Chunked {
    state: State,
    /// The current line as far as it came.
    line: Vec<u8>,
}

#[derive(Debug, Default, Clone, Copy)]
enum State {
    #[default]
    Size,
    Bytes(u64),
    /// The line end after the bytes of a chunk.
    After,
    /// The lines after the last chunk.
    Trailers,
    /// What came is no chunk; the rest is taken as it is.
    Broken,
}

impl Chunked {
    /// Adds the bytes of chunks to the body; returns how many were read, and whether they complete it.
    pub(super) fn take(&mut self, bytes: &[u8], body: &mut Held) -> (usize, bool) {
        let mut taken = 0;
        while taken < bytes.len() {
            let rest = &bytes[taken..];
            match self.state {
                State::Bytes(left) => {
                    let now = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
                    body.push(&rest[..now]);
                    taken += now;
                    let left = left - now as u64;
                    self.state = if left == 0 { State::After } else { State::Bytes(left) };
                }
                State::Broken => {
                    body.push(rest);
                    return (bytes.len(), false);
                }
                State::Size | State::After | State::Trailers => {
                    let room = MOST_LINE_BYTES - self.line.len();
                    let line = &rest[..rest.len().min(room)];
                    let end = line.iter().position(|byte| *byte == b'\n');
                    let now = end.map_or(line.len(), |end| end + 1);
                    self.line.extend_from_slice(&line[..now]);
                    taken += now;
                    if end.is_some() && self.is_last_line(body) {
                        return (taken, true);
                    }
                    if self.line.len() == MOST_LINE_BYTES {
                        self.give_up(body);
                    }
                }
            }
        }
        (taken, false)
    }

    /// Goes on after a whole line; true if it is the last one of the body.
    fn is_last_line(&mut self, body: &mut Held) -> bool {
        let text = String::from_utf8_lossy(&self.line);
        let text = text.trim_end();
        self.state = match self.state {
            State::Size => {
                match u64::from_str_radix(text.split(';').next().unwrap_or("").trim(), 16) {
                    Ok(0) => State::Trailers,
                    Ok(size) => State::Bytes(size),
                    Err(_) => {
                        self.give_up(body);
                        return false;
                    }
                }
            }
            State::After => State::Size,
            State::Trailers if text.is_empty() => return true,
            other => other,
        };
        self.line.clear();
        false
    }

    /// Takes what came, and what comes, as it is.
    fn give_up(&mut self, body: &mut Held) {
        body.push(&std::mem::take(&mut self.line));
        self.state = State::Broken;
    }
}

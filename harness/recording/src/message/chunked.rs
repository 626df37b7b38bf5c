//! Bodies in chunks (RFC 9112 §7.1).

use super::head::starts;

/// Limit of the line with the size of a chunk, and of all trailers, in bytes.
const MOST_LINE_BYTES: usize = 16 << 10;

/// Reads a body in chunks.
#[derive(Debug, Default)]
pub(crate) struct Chunked {
    state: State,
    /// The current line as far as it came.
    line: Vec<u8>,
    /// True if the bytes are a text, in which the next message may come without an empty line before it.
    is_text: bool,
}

#[derive(Debug, Default, Clone, Copy)]
enum State {
    #[default]
    Size,
    Bytes {
        left: u64,
        whole: u64,
    },
    /// The line end after the bytes of a chunk.
    After,
    /// The lines after the last chunk.
    Trailers,
    /// What came is no chunk; the rest is taken as it is.
    Broken,
}

/// What is missing when there are no more bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lack {
    /// Further chunks.
    Chunks,
    /// The rest of a chunk, in bytes.
    Bytes { came: u64, whole: u64 },
    /// Nothing but the empty line at the end.
    End,
}

/// What is to be done after some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After {
    /// More bytes belong to the body.
    More,
    /// The body is complete.
    Complete,
    /// What comes is no chunk.
    NoChunk,
}

/// True for a byte that the line with the size of a chunk may have before any `;`.
fn is_of_size(byte: u8) -> bool {
    byte.is_ascii_hexdigit() || matches!(byte, b' ' | b'\t' | b'\r')
}

impl Chunked {
    /// For a body in a text.
    pub(crate) fn in_text() -> Self {
        Self { is_text: true, ..Self::default() }
    }

    /// Gives the bytes of chunks to the body, up to what is no chunk; returns how many were read. What is no chunk is not among them if
    /// it began in these bytes. All that is read after it belongs to the body as it is.
    pub(crate) fn take(&mut self, bytes: &[u8], body: &mut dyn FnMut(&[u8])) -> (usize, After) {
        let mut taken = 0;
        while taken < bytes.len() {
            let rest = &bytes[taken..];
            match self.state {
                State::Bytes { left, whole } => {
                    let now = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
                    body(&rest[..now]);
                    taken += now;
                    let left = left - now as u64;
                    self.state =
                        if left == 0 { State::After } else { State::Bytes { left, whole } };
                }
                State::Broken => {
                    body(rest);
                    return (bytes.len(), After::More);
                }
                State::Size | State::After | State::Trailers => {
                    let room = MOST_LINE_BYTES - self.line.len();
                    let line = &rest[..rest.len().min(room)];
                    let end = line.iter().position(|byte| *byte == b'\n');
                    let now = end.map_or(line.len(), |end| end + 1);
                    self.line.extend_from_slice(&line[..now]);
                    taken += now;
                    if end.is_none() && self.line.len() < MOST_LINE_BYTES {
                        continue;
                    }
                    if matches!(self.state, State::Trailers) && self.is_text && starts(&self.line) {
                        return (taken.saturating_sub(self.line.len()), After::Complete);
                    }
                    match self.after_line(end.is_some()) {
                        After::More => {}
                        After::Complete => return (taken, After::Complete),
                        After::NoChunk => {
                            let line = std::mem::take(&mut self.line);
                            self.state = State::Broken;
                            let earlier = line.len().saturating_sub(taken);
                            body(&line[..earlier]);
                            return (taken - (line.len() - earlier), After::NoChunk);
                        }
                    }
                }
            }
        }
        (taken, After::More)
    }

    /// What is missing if no more bytes come; none if what came is no chunk.
    pub(crate) fn lack(&self) -> Option<Lack> {
        match self.state {
            State::Size if !self.line.iter().all(|byte| is_of_size(*byte)) => None,
            State::Size | State::After => Some(Lack::Chunks),
            State::Bytes { left, whole } => Some(Lack::Bytes { came: whole - left, whole }),
            State::Trailers => Some(Lack::End),
            State::Broken => None,
        }
    }

    /// Goes on after a line, which is too long if it is not whole.
    fn after_line(&mut self, is_whole: bool) -> After {
        let text = String::from_utf8_lossy(&self.line);
        let text = text.trim_end();
        let next = match self.state {
            _ if !is_whole => return After::NoChunk,
            State::Size => {
                let digits = text.split(';').next().unwrap_or("").trim();
                match u64::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+')) {
                    Some(0) => State::Trailers,
                    Some(whole) => State::Bytes { left: whole, whole },
                    None => return After::NoChunk,
                }
            }
            State::After => State::Size,
            State::Trailers if text.is_empty() => return After::Complete,
            other => other,
        };
        self.state = next;
        self.line.clear();
        After::More
    }
}

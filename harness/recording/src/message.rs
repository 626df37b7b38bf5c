//! HTTP/1 messages in the bytes of one direction of a connection.

mod chunked;
mod framing;
mod head;
mod whole;

use std::time::SystemTime;

use self::framing::Framing;
pub use self::head::starts;
pub(crate) use self::head::{FirstLine, Head, Kind, head};
use self::head::{HeadEnd, MOST_FIELDS, has_end, may_begin, memory, parse};
pub use self::whole::{Ending, Found, HttpMessage, first_message, next_start};
use crate::exchange::Extent;
use crate::held::{Budget, Held, Room};

/// Limit of a head in bytes.
const MOST_HEAD_BYTES: usize = 256 << 10;

/// What is said of bytes that are no message.
const NO_HTTP: &str = "it is no HTTP/1";

/// What is said of a head for which there is no memory. The next message cannot be found without it.
const NO_ROOM: &str = "it and what follows in its connection are not read, because the messages that wait in all connections are too long together";

/// A message, or the part of one that came.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) head: Head,
    /// The memory of the head.
    room: Room,
    pub(crate) body: Held,
    pub(crate) first_at: SystemTime,
    pub(crate) last_at: SystemTime,
    /// What is missing, in a sentence.
    pub(crate) gap: Option<String>,
    pub(crate) extent: Extent,
}

/// Reads the messages of one direction.
#[derive(Debug)]
pub(crate) struct Reader {
    kind: Kind,
    budget: Budget,
    state: State,
}

#[derive(Debug)]
enum State {
    Head {
        bytes: Vec<u8>,
        room: Room,
        first_at: Option<SystemTime>,
    },
    Body {
        message: Message,
        framing: Framing,
    },
    /// Bytes that are no HTTP/1, until the connection ends.
    Foreign {
        message: Message,
    },
}

/// What the bytes of a head are so far.
enum Parsed {
    Whole { length: usize, head: Head, odd: Vec<String> },
    Partial,
    Foreign,
}

impl Reader {
    pub(crate) fn new(kind: Kind, budget: Budget) -> Self {
        let state = State::begin(&budget);
        Self { kind, budget, state }
    }

    /// Reads bytes up to the end of a message; returns the other bytes, and the message if it is complete. `answers` is the method of the
    /// request that the next reply answers.
    pub(crate) fn read<'a>(
        &mut self,
        mut bytes: &'a [u8],
        at: SystemTime,
        answers: Option<&str>,
    ) -> (&'a [u8], Option<Message>) {
        while !bytes.is_empty() {
            let (rest, complete) = self.step(bytes, at, answers);
            if complete.is_some() {
                return (rest, complete);
            }
            bytes = rest;
        }
        (bytes, None)
    }

    /// True if the bytes are no HTTP/1, so that no further message can be found.
    pub(crate) fn is_foreign(&self) -> bool {
        matches!(self.state, State::Foreign { .. })
    }

    /// The head of a message of whose body nothing came yet.
    pub(crate) fn head_before_body(&self) -> Option<&Head> {
        match &self.state {
            State::Body { message, .. } if message.body.came() == 0 => Some(&message.head),
            _ => None,
        }
    }

    /// The message that the end of the connection completes or breaks off, if any.
    pub(crate) fn end(&mut self) -> Option<Message> {
        match std::mem::replace(&mut self.state, State::begin(&self.budget)) {
            State::Head { first_at: None, .. } => None,
            State::Head { bytes, room, first_at: Some(at) } => {
                let gap = match parsed(self.kind, &bytes) {
                    Parsed::Foreign => NO_HTTP.to_owned(),
                    _ => format!("it broke off within its head, after {} bytes", bytes.len()),
                };
                Some(Message { gap: Some(gap), ..self.foreign(bytes, room, at) })
            }
            State::Foreign { message } => {
                let mut message = told(message);
                message.head.bytes.extend(message.body.take());
                Some(message)
            }
            State::Body { mut message, framing } => {
                let came = message.body.came();
                let gap = match framing {
                    Framing::UntilClose => None,
                    Framing::Length { whole, .. } => {
                        Some(format!("it broke off after {came} of {whole} bytes of its body"))
                    }
                    Framing::Chunked(_) => Some(format!(
                        "it broke off within its chunks, after {came} bytes of its body"
                    )),
                };
                if let Some(gap) = gap {
                    message.lacks(&gap);
                    message.extent = Extent::CutBySender;
                }
                Some(told(message))
            }
        }
    }

    /// Reads some bytes; returns the others, and the message that they complete.
    fn step<'a>(
        &mut self,
        bytes: &'a [u8],
        at: SystemTime,
        answers: Option<&str>,
    ) -> (&'a [u8], Option<Message>) {
        match &mut self.state {
            State::Head { bytes: head, room, first_at } => {
                let first_at = *first_at.get_or_insert(at);
                let before = head.len();
                let fields = if before == 0 { MOST_FIELDS } else { 0 };
                if !room.grow(memory(bytes.len(), fields)) {
                    let head = std::mem::take(head);
                    let room = std::mem::replace(room, Room::within(&self.budget));
                    let mut message = Message { last_at: at, ..self.foreign(head, room, first_at) };
                    (message.gap, message.extent) = (Some(NO_ROOM.to_owned()), Extent::Partial);
                    message.body.push(bytes);
                    self.state = State::Foreign { message };
                    return (&[], None);
                }
                head.extend_from_slice(bytes);
                // Parsed once it is complete, so that a head in many pieces costs no more than one in few.
                let parsed = if has_end(&head[before.saturating_sub(2)..]) {
                    parsed(self.kind, head)
                } else {
                    Parsed::Partial
                };
                match parsed {
                    Parsed::Partial if head.len() <= MOST_HEAD_BYTES => (&[], None),
                    Parsed::Whole { length, head, odd } => {
                        let mut room = std::mem::replace(room, Room::within(&self.budget));
                        room.shrink_to(memory(length, head.fields.len()));
                        let rest = &bytes[length.saturating_sub(before)..];
                        (rest, self.begin_body((head, room), odd, (first_at, at), answers))
                    }
                    Parsed::Partial | Parsed::Foreign => {
                        let head = std::mem::take(head);
                        let room = std::mem::replace(room, Room::within(&self.budget));
                        let message = Message { last_at: at, ..self.foreign(head, room, first_at) };
                        self.state = State::Foreign { message };
                        (&[], None)
                    }
                }
            }
            State::Body { message, framing } => {
                message.last_at = at;
                let (taken, is_complete) = framing.take(bytes, &mut |part| message.body.push(part));
                (&bytes[taken..], is_complete.then(|| self.complete()).flatten())
            }
            State::Foreign { message } => {
                message.last_at = at;
                message.body.push(bytes);
                (&[], None)
            }
        }
    }

    fn begin_body(
        &mut self,
        (head, room): (Head, Room),
        odd: Vec<String>,
        (first_at, last_at): (SystemTime, SystemTime),
        answers: Option<&str>,
    ) -> Option<Message> {
        // Such as `100 Continue`: another reply follows (RFC 9110 §15.2).
        if matches!(head.line, FirstLine::Reply { status: 100 | 102..=199 }) {
            self.state = State::begin(&self.budget);
            return None;
        }
        let framing = Framing::of(&head.line, &head.fields, answers, false);
        let is_complete = matches!(framing, Framing::Length { left: 0, .. });
        let body = Held::within(&self.budget);
        let (gap, extent) = (None, Extent::Whole);
        let mut message = Message { head, room, body, first_at, last_at, gap, extent };
        for words in odd {
            message.lacks(&words);
        }
        self.state = State::Body { message, framing };
        is_complete.then(|| self.complete()).flatten()
    }

    fn complete(&mut self) -> Option<Message> {
        match std::mem::replace(&mut self.state, State::begin(&self.budget)) {
            State::Body { message, .. } => Some(told(message)),
            State::Head { .. } | State::Foreign { .. } => None,
        }
    }

    /// Bytes that are no HTTP/1.
    fn foreign(&self, bytes: Vec<u8>, room: Room, at: SystemTime) -> Message {
        let head = Head { bytes, line: FirstLine::None, fields: Vec::new() };
        let body = Held::within(&self.budget);
        let (gap, extent) = (Some(NO_HTTP.to_owned()), Extent::Whole);
        Message { head, room, body, first_at: at, last_at: at, gap, extent }
    }
}

impl State {
    /// Before the first byte of a message.
    fn begin(budget: &Budget) -> Self {
        Self::Head { bytes: Vec::new(), room: Room::within(budget), first_at: None }
    }
}

impl Message {
    /// Adds a sentence about what is missing or odd.
    fn lacks(&mut self, what: &str) {
        let before = self.gap.take();
        self.gap = Some(before.map_or(what.to_owned(), |before| format!("{before}; {what}")));
    }

    /// The head and the body, whose memory is no part of the budget any more.
    pub(crate) fn into_parts(self) -> (Head, Vec<u8>) {
        let Self { head, room, mut body, .. } = self;
        drop(room);
        (head, body.take())
    }
}

/// The message with the number of bytes that were left out.
fn told(mut message: Message) -> Message {
    let left_out = message.body.left_out();
    if left_out > 0 {
        let what =
            format!("the last {left_out} bytes of its body were too many, and are not saved");
        message.lacks(&what);
        message.extent = Extent::Partial;
    }
    message
}

/// The head in the first bytes of a message.
fn parsed(kind: Kind, bytes: &[u8]) -> Parsed {
    let Some(head) = parse(bytes, false) else {
        return if may_begin(bytes) { Parsed::Partial } else { Parsed::Foreign };
    };
    if !head.line.is_of(kind) {
        return Parsed::Foreign;
    }
    if head.end == HeadEnd::NoMore {
        return Parsed::Partial;
    }
    let bytes = bytes[..head.length].to_vec();
    let (length, odd) = (head.length, head.odd);
    Parsed::Whole { length, head: Head { bytes, line: head.line, fields: head.fields }, odd }
}

#[cfg(test)]
mod tests;

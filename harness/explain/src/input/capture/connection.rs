//! A TCP connection: the segments of its two ends, in the order in which they were captured.

use std::{collections::HashSet, net::SocketAddr, time::SystemTime};

use super::packet::Segment;

/// A connection.
pub(super) struct Connection<'a> {
    pub(super) ends: [Sender<'a>; 2],
    first_packet: usize,
    is_reset: bool,
}

/// One end, and what it sent.
pub(super) struct Sender<'a> {
    pub(super) address: SocketAddr,
    /// The sequence number of its first byte, if its first segment was captured.
    pub(super) start: Option<u32>,
    /// The sequence number after its last byte, if its last segment was captured.
    pub(super) end: Option<u32>,
    /// True for the end that opened the connection.
    pub(super) opened: bool,
    pub(super) pieces: Vec<Piece<'a>>,
    /// The sequence number of each piece, as long as the start is not known.
    places: HashSet<u32>,
}

/// The payload of a segment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece<'a> {
    pub(super) sequence: u32,
    pub(super) at: Option<SystemTime>,
    pub(super) bytes: &'a [u8],
    /// True if the capture has only the beginning of the packet.
    pub(super) is_cut: bool,
}

impl<'a> Connection<'a> {
    pub(super) fn of(segment: &Segment<'a>) -> Self {
        let sender = |address| Sender {
            address,
            start: None,
            end: None,
            opened: false,
            pieces: Vec::new(),
            places: HashSet::new(),
        };
        Self { ends: [sender(segment.from), sender(segment.to)], first_packet: 0, is_reset: false }
    }

    /// False for a segment that begins a further connection between the same ends.
    pub(super) fn takes(&self, segment: &Segment<'_>) -> bool {
        if !segment.begins() {
            return true;
        }
        let start = segment.sequence.wrapping_add(1);
        let Some(end) = self.ends.iter().find(|end| end.address == segment.from) else {
            return true;
        };
        match end.start {
            Some(known) => known == start,
            // Bytes that do not begin there are of an earlier connection, whose beginning was not captured.
            None => end.places.is_empty() || end.places.contains(&start),
        }
    }

    pub(super) fn add(
        &mut self,
        segment: Segment<'a>,
        number: usize,
        at: Option<SystemTime>,
        is_cut: bool,
    ) {
        if self.first_packet == 0 {
            self.first_packet = number;
        }
        self.is_reset |= segment.resets();
        let Some(end) = self.ends.iter_mut().find(|end| end.address == segment.from) else {
            return;
        };
        let mut sequence = segment.sequence;
        if segment.begins() {
            sequence = sequence.wrapping_add(1);
            end.start = Some(sequence);
            end.places = HashSet::new();
            end.opened |= !segment.acknowledges();
        }
        let length = segment.payload.len() + segment.uncaptured;
        if segment.ends() {
            let length = u32::try_from(length).unwrap_or(u32::MAX);
            end.end = Some(sequence.wrapping_add(length));
        }
        // The text of a reset is for people, and is no part of the stream.
        if !segment.payload.is_empty() && !segment.resets() {
            let is_cut = is_cut && segment.uncaptured > 0;
            if end.start.is_none() {
                end.places.insert(sequence);
            }
            end.pieces.push(Piece { sequence, at, bytes: segment.payload, is_cut });
        }
    }

    /// The number of its first packet in the capture, from 1.
    pub(super) fn first_packet(&self) -> usize {
        self.first_packet
    }

    /// True if the end of both directions, or a reset, was captured.
    pub(super) fn is_closed(&self) -> bool {
        self.is_reset || self.ends.iter().all(|end| end.end.is_some())
    }

    pub(super) fn is_reset(&self) -> bool {
        self.is_reset
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYTES: u32 = 10;

    fn segment(sequence: u32, begins: bool) -> Segment<'static> {
        Segment::between("10.0.0.1:5000", "10.0.0.2:80", sequence, begins, &[0; BYTES as usize])
    }

    /// A connection whose first segment was not captured, and as many segments as asked for were.
    fn without_beginning(segments: u32) -> Connection<'static> {
        let mut connection = Connection::of(&segment(0, false));
        for number in 0..segments {
            let segment = segment(number * BYTES, false);
            assert!(connection.takes(&segment));
            connection.add(segment, 1, None, false);
        }
        connection
    }

    #[test]
    fn segments_are_not_compared_with_all_earlier_ones() {
        // With as many comparisons as pairs of segments, this takes many minutes.
        const SEGMENTS: u32 = 400_000;
        let connection = without_beginning(SEGMENTS);
        for number in 0..SEGMENTS {
            assert!(!connection.takes(&segment(number * BYTES, true)));
        }
    }

    #[test]
    fn late_beginning_is_of_the_connection_that_has_bytes_there() {
        let mut connection = without_beginning(3);
        for start in [0, 10, 20] {
            assert!(connection.takes(&segment(u32::wrapping_sub(start, 1), true)));
        }
        assert!(!connection.takes(&segment(20, true)));
        connection.add(segment(u32::MAX, true), 1, None, false);
        assert!(connection.takes(&segment(u32::MAX, true)));
        assert!(!connection.takes(&segment(19, true)));
    }
}

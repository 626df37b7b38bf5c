//! A TCP connection: the segments of its two ends, in the order in which they were captured.

use std::{net::SocketAddr, time::SystemTime};

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
        let sender =
            |address| Sender { address, start: None, end: None, opened: false, pieces: Vec::new() };
        Self { ends: [sender(segment.from), sender(segment.to)], first_packet: 0, is_reset: false }
    }

    /// False for a segment that begins a further connection between the same ends.
    pub(super) fn takes(&self, segment: &Segment<'_>) -> bool {
        let start = segment.sequence.wrapping_add(1);
        let end = self.ends.iter().find(|end| end.address == segment.from);
        let is_other = end.and_then(|end| end.start).is_some_and(|known| known != start);
        // Bytes that do not begin there are of an earlier connection, whose beginning was not captured.
        let is_late = end.is_some_and(|end| {
            let begins_there = |piece: &Piece<'_>| piece.sequence == start;
            end.start.is_none() && !end.pieces.is_empty() && !end.pieces.iter().any(begins_there)
        });
        !(segment.begins() && (is_other || is_late))
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

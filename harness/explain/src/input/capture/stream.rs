//! The bytes of one direction, in order: lost ones leave a hole, those that came twice are taken once.

use std::time::SystemTime;

use super::connection::{Piece, Sender};

/// Bytes without a hole in them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// How many bytes before it were not captured.
    pub(super) lost_before: u64,
    pub(super) bytes: Vec<u8>,
    /// Where each segment begins, and when it was captured.
    marks: Vec<(usize, Option<SystemTime>)>,
}

/// The bytes of one direction.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Stream {
    pub(super) runs: Vec<Run>,
    /// How many bytes after the last run were not captured.
    pub(super) lost_after: u64,
    /// How many segments came after later ones, or again.
    pub(super) disordered: usize,
    /// True if segments that overlap have different bytes.
    pub(super) differs: bool,
    /// True if packets were captured in part.
    pub(super) is_cut: bool,
}

impl Run {
    /// The time of the segment that has this byte.
    pub(super) fn time_at(&self, place: usize) -> Option<SystemTime> {
        let after = self.marks.partition_point(|(start, _)| *start <= place);
        after.checked_sub(1).and_then(|mark| self.marks[mark].1)
    }
}

/// The bytes that an end sent.
pub(super) fn of(sender: &Sender<'_>) -> Stream {
    let mut stream = Stream::default();
    let Some(first) = sender.pieces.first() else { return stream };
    let reference = sender.start.unwrap_or(first.sequence);
    let placed = |sequence: u32| i64::from(sequence.wrapping_sub(reference).cast_signed());
    let mut pieces: Vec<(i64, &Piece<'_>)> =
        sender.pieces.iter().map(|piece| (placed(piece.sequence), piece)).collect();
    let mut latest = i64::MIN;
    for (place, piece) in &pieces {
        stream.disordered += usize::from(*place < latest);
        // A segment that was sent again is not before the latest end, but at its beginning.
        latest = latest.max(place + length(piece));
        stream.is_cut |= piece.is_cut;
    }
    pieces.sort_by_key(|(place, _)| *place);
    let mut next = if sender.start.is_some() { 0 } else { pieces[0].0 };
    for (place, piece) in pieces {
        next = add(&mut stream, next, place, piece);
    }
    if let Some(end) = sender.end {
        stream.lost_after = u64::try_from(placed(end) - next).unwrap_or(0);
    }
    stream
}

fn length(piece: &Piece<'_>) -> i64 {
    i64::try_from(piece.bytes.len()).unwrap_or(i64::MAX)
}

/// Adds a segment, and gives the place after it.
fn add(stream: &mut Stream, next: i64, place: i64, piece: &Piece<'_>) -> i64 {
    let end = place + length(piece);
    let known = usize::try_from(next - place).unwrap_or(0).min(piece.bytes.len());
    let (again, new) = piece.bytes.split_at(known);
    if let Some(run) = stream.runs.last() {
        let overlap = usize::try_from(next - place).unwrap_or(0);
        let before = run.bytes.len().checked_sub(overlap).and_then(|at| run.bytes.get(at..));
        // A probe that keeps a connection open has one byte, which means nothing.
        let is_same = before.is_none_or(|before| before.starts_with(again));
        stream.differs |= !is_same && piece.bytes.len() > 1;
    }
    if new.is_empty() {
        return next;
    }
    let lost = u64::try_from(place - next).unwrap_or(0);
    match stream.runs.last_mut() {
        Some(run) if lost == 0 => {
            run.marks.push((run.bytes.len(), piece.at));
            run.bytes.extend_from_slice(new);
        }
        _ => stream.runs.push(Run {
            lost_before: lost,
            bytes: new.to_vec(),
            marks: vec![(0, piece.at)],
        }),
    }
    end
}

//! A program's file, as far as it must be known to run it elsewhere: elf(5).

/// The magic bytes, 64 bits, the least significant byte first.
const IDENTIFICATION: [u8; 6] = [0x7f, b'E', b'L', b'F', 2, 1];
/// The type of a segment that is loaded.
const LOAD: u64 = 1;
/// The type of the segment that names the loader.
const INTERPRETER: u64 = 3;
/// The sizes of the header, and of an entry of the table of segments.
const HEADER_SIZE: usize = 64;
const SEGMENT_SIZE: usize = 56;

/// A program for a machine with 64 bits whose least significant byte is first, which is what Linux runs on.
#[derive(Debug)]
pub(super) struct Elf<'a> {
    contents: &'a [u8],
    segments: Vec<Segment>,
}

#[derive(Debug)]
struct Segment {
    kind: u64,
    start: usize,
    end: usize,
}

impl<'a> Elf<'a> {
    /// Reads the table of segments; nothing for what is no such program, or one that is cut off.
    pub(super) fn parse(contents: &'a [u8]) -> Option<Self> {
        if !contents.starts_with(&IDENTIFICATION) {
            return None;
        }
        let table = usize::try_from(number(contents, 32, 8)?).ok()?;
        let size = usize::try_from(number(contents, 54, 2)?).ok()?;
        let count = usize::try_from(number(contents, 56, 2)?).ok()?;
        if size != SEGMENT_SIZE {
            return None;
        }
        let end = table.checked_add(size * count)?;
        let entries = contents.get(table..end)?.chunks_exact(size);
        let segments: Option<Vec<Segment>> =
            entries.map(|entry| segment(entry, contents.len())).collect();
        Some(Self { contents, segments: segments? })
    }

    /// The path of the loader; nothing for a program that needs none.
    pub(super) fn interpreter(&self) -> Option<&'a str> {
        let segment = self.segments.iter().find(|segment| segment.kind == INTERPRETER)?;
        let path = &self.contents[segment.start..segment.end];
        std::str::from_utf8(path).ok().map(|path| path.trim_end_matches('\0'))
    }

    /// The file without what stands behind all that is loaded: what a debugger reads, which may be most of it.
    pub(super) fn loaded(&self) -> &'a [u8] {
        let loaded = self.segments.iter().filter(|segment| segment.kind == LOAD);
        let end = loaded.map(|segment| segment.end).max().unwrap_or(self.contents.len());
        &self.contents[..end.max(HEADER_SIZE)]
    }
}

fn segment(entry: &[u8], file: usize) -> Option<Segment> {
    let start = usize::try_from(number(entry, 8, 8)?).ok()?;
    let size = usize::try_from(number(entry, 32, 8)?).ok()?;
    let end = start.checked_add(size).filter(|end| *end <= file)?;
    Some(Segment { kind: number(entry, 0, 4)?, start, end })
}

fn number(bytes: &[u8], at: usize, size: usize) -> Option<u64> {
    let bytes = bytes.get(at..at + size)?;
    Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn this_program_names_its_loader_and_is_loaded_without_what_debuggers_read() {
        let contents = std::fs::read("/proc/self/exe").unwrap();
        let elf = Elf::parse(&contents).unwrap();
        assert!(elf.loaded().len() < contents.len());
        let loader = elf.interpreter();
        assert!(loader.is_none_or(|loader| std::path::Path::new(loader).exists()), "{loader:?}");
    }

    #[test]
    fn what_is_cut_off_or_lies_is_no_program() {
        let mut program = vec![0; HEADER_SIZE + SEGMENT_SIZE];
        program[..6].copy_from_slice(&IDENTIFICATION);
        program[32] = 64;
        program[54] = 56;
        program[56] = 1;
        assert!(Elf::parse(&program).is_some());
        assert!(Elf::parse(&program[..program.len() - 1]).is_none());
        // A segment that ends beyond the file, and one beyond all files.
        program[HEADER_SIZE + 32] = 255;
        assert!(Elf::parse(&program).is_none());
        program[HEADER_SIZE + 8..HEADER_SIZE + 16].fill(255);
        assert!(Elf::parse(&program).is_none());
        assert!(Elf::parse(b"#!/bin/sh").is_none());
    }
}

//! BER made definite: peers send indefinite lengths and strings in pieces, which the decoders of this crate do not read.

use crate::Error;

/// The deepest nesting of elements; CMS in CMS needs about fifteen levels.
const MAX_DEPTH: usize = 32;

pub(crate) const CONSTRUCTED: u8 = 0x20;
pub(crate) const END_OF_CONTENTS: [u8; 2] = [0, 0];

/// Rewrites one BER element with definite, minimal lengths and with every universal string in one piece.
///
/// Values are otherwise kept. So is the order of a `SET OF`, because signatures are made over it. DER comes back
/// unchanged.
///
/// # Errors
/// Fails with [`Error::Malformed`] if the input is truncated, nested too deeply or has bytes after the element.
///
/// # Examples
/// ```
/// // A SEQUENCE of indefinite length with an OCTET STRING in two pieces.
/// let ber = [0x30, 0x80, 0x24, 0x80, 0x04, 1, b'a', 0x04, 1, b'b', 0, 0, 0, 0];
/// assert_eq!(scep::ber::normalise(&ber)?, [0x30, 4, 0x04, 2, b'a', b'b']);
/// # Ok::<(), scep::Error>(())
/// ```
pub fn normalise(input: &[u8]) -> Result<Vec<u8>, Error> {
    let (output, rest) = normalise_first(input, Pieces::All)?;
    expect_end(rest)?;
    Ok(output)
}

/// The pieces of a string that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pieces {
    All,
    /// The first alone, as by Go's `pkcs7`.
    First,
}

/// The first element, normalised, and the bytes after it.
pub(crate) fn normalise_first(input: &[u8], pieces: Pieces) -> Result<(Vec<u8>, &[u8]), Error> {
    let mut rest = input;
    let element = Element::read(&mut rest, 0, pieces)?;
    let mut output = Vec::with_capacity(input.len());
    element.write(&mut output);
    Ok((output, rest))
}

pub(crate) fn expect_end(rest: &[u8]) -> Result<(), Error> {
    match rest.len() {
        0 => Ok(()),
        1 => Err(malformed("1 byte after the end")),
        length => Err(malformed(&format!("{length} bytes after the end"))),
    }
}

/// An element with normalised content.
pub(crate) struct Element {
    pub(crate) tag: u8,
    pub(crate) content: Vec<u8>,
}

impl Element {
    fn read(input: &mut &[u8], depth: usize, pieces: Pieces) -> Result<Self, Error> {
        if depth > MAX_DEPTH {
            return Err(malformed(&format!("nested deeper than {MAX_DEPTH} levels")));
        }
        let tag = take(input, 1)?[0];
        if tag & 0x1f == 0x1f {
            return Err(malformed("a tag number over 30"));
        }
        if tag & !CONSTRUCTED == END_OF_CONTENTS[0] {
            // In its constructed form too: OpenSSL would read it, and write the marker in its place.
            return Err(malformed(
                "an end-of-contents marker outside of a value of indefinite length",
            ));
        }
        let mut element = Self { tag, content: Vec::new() };
        let mut is_first = true;
        let mut push = |element: &mut Self, child: &Self| {
            let skips = pieces == Pieces::First && element.is_string() && !is_first;
            is_first = false;
            if skips { Ok(()) } else { element.push(child) }
        };
        match read_length(input)? {
            Some(length) if tag & CONSTRUCTED == 0 => {
                element.content = take(input, length)?.to_vec();
            }
            Some(length) => {
                let mut children = take(input, length)?;
                while !children.is_empty() {
                    push(&mut element, &Self::read(&mut children, depth + 1, pieces)?)?;
                }
            }
            None if tag & CONSTRUCTED != 0 => {
                while !input.starts_with(&END_OF_CONTENTS) {
                    push(&mut element, &Self::read(input, depth + 1, pieces)?)?;
                }
                take(input, END_OF_CONTENTS.len())?;
            }
            None => return Err(malformed("an indefinite length on a primitive element")),
        }
        if element.is_string() {
            // A string in pieces becomes primitive.
            element.tag &= !CONSTRUCTED;
        }
        Ok(element)
    }

    /// Adds a child: a piece of a string without its header, anything else with it.
    fn push(&mut self, child: &Self) -> Result<(), Error> {
        if !self.is_string() {
            child.write(&mut self.content);
            return Ok(());
        }
        if child.tag != self.tag & !CONSTRUCTED {
            return Err(malformed("a string in pieces of different types"));
        }
        self.content.extend_from_slice(&child.content);
        Ok(())
    }

    /// True for the tag of a universal string with pieces that can simply be joined.
    fn is_string(&self) -> bool {
        matches!(self.tag & !CONSTRUCTED, 0x04 | 0x0c | 0x12..=0x16 | 0x19..=0x1c | 0x1e)
    }

    pub(crate) fn write(&self, output: &mut Vec<u8>) {
        output.push(self.tag);
        write_length(self.content.len(), output);
        output.extend_from_slice(&self.content);
    }
}

/// The encodings of elements one after another, all with definite lengths.
pub(crate) fn elements(mut content: &[u8]) -> Result<Vec<&[u8]>, Error> {
    let mut elements = Vec::new();
    while !content.is_empty() {
        let start = content;
        split(&mut content)?;
        elements.push(&start[..start.len() - content.len()]);
    }
    Ok(elements)
}

/// Takes an element with a definite length: its tag and its content.
pub(crate) fn split<'a>(input: &mut &'a [u8]) -> Result<(u8, &'a [u8]), Error> {
    let tag = take(input, 1)?[0];
    let length = read_length(input)?.ok_or_else(|| malformed("an indefinite length"))?;
    Ok((tag, take(input, length)?))
}

/// Reads a length; `None` is the indefinite one.
pub(crate) fn read_length(input: &mut &[u8]) -> Result<Option<usize>, Error> {
    match take(input, 1)?[0] {
        short @ 0..=0x7f => Ok(Some(usize::from(short))),
        0x80 => Ok(None),
        long => {
            let octets = take(input, usize::from(long & 0x7f))?;
            let significant = octets.iter().skip_while(|octet| **octet == 0);
            if significant.clone().count() > size_of::<u32>() {
                return Err(malformed("a length over 4 GiB"));
            }
            Ok(Some(significant.fold(0, |length, octet| length << 8 | usize::from(*octet))))
        }
    }
}

fn write_length(length: usize, output: &mut Vec<u8>) {
    let octets = length.to_be_bytes();
    let significant = &octets[octets.iter().take_while(|octet| **octet == 0).count()..];
    match significant {
        [] => output.push(0),
        [short @ 0..=0x7f] => output.push(*short),
        long => {
            #[expect(clippy::cast_possible_truncation, reason = "a usize has at most 8 octets")]
            output.push(0x80 | long.len() as u8);
            output.extend_from_slice(long);
        }
    }
}

pub(crate) fn take<'a>(input: &mut &'a [u8], length: usize) -> Result<&'a [u8], Error> {
    let (taken, rest) = input.split_at_checked(length).ok_or_else(|| {
        malformed(&format!(
            "truncated: an element announces {length} bytes, {} are left",
            input.len()
        ))
    })?;
    *input = rest;
    Ok(taken)
}

pub(crate) fn malformed(reason: &str) -> Error {
    Error::Malformed { what: "BER", reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn der_comes_back_unchanged() {
        let der = [0x31, 0x08, 0x04, 0x01, 0xff, 0x02, 0x01, 0x00, 0x05, 0x00];
        assert_eq!(normalise(&der).unwrap(), der);
    }

    #[test]
    fn indefinite_lengths_become_definite() {
        let ber = [0x30, 0x80, 0x30, 0x80, 0x02, 0x01, 0x05, 0, 0, 0, 0];
        assert_eq!(normalise(&ber).unwrap(), [0x30, 0x05, 0x30, 0x03, 0x02, 0x01, 0x05]);
    }

    #[test]
    fn nested_string_pieces_are_joined() {
        let ber = [0x24, 0x80, 0x04, 1, b'a', 0x24, 0x80, 0x04, 1, b'b', 0, 0, 0x04, 1, b'c', 0, 0];
        assert_eq!(normalise(&ber).unwrap(), [0x04, 3, b'a', b'b', b'c']);
    }

    #[test]
    fn long_lengths_become_short() {
        assert_eq!(normalise(&[0x04, 0x83, 0, 0, 1, 7]).unwrap(), [0x04, 1, 7]);
    }

    #[test]
    fn hostile_input_is_refused() {
        let deep = [0x30, 0x80].repeat(100_000);
        for (ber, reason) in [
            (&[][..], "truncated"),
            (&[0x04, 0x05, 1], "truncated"),
            (&[0x04, 0x80, 0, 0], "indefinite length on a primitive"),
            (&[0x30, 0x85, 1, 0, 0, 0, 0], "over 4 GiB"),
            (&[0x1f, 0x81, 0x01, 0x00], "tag number"),
            (&[0x30, 0x02, 0x00, 0x00], "end-of-contents"),
            (&[0x30, 0x02, 0x20, 0x00], "end-of-contents"),
            (&[0x24, 0x03, 0x02, 0x01, 0x00], "different types"),
            (&[0x05, 0x00, 0x05, 0x00], "2 bytes after the end"),
            (&deep, "nested deeper"),
        ] {
            let error = normalise(ber).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }
}

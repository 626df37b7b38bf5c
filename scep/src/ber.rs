//! BER made definite: peers send indefinite lengths and strings in pieces, which the structures here do not read.

use crate::Error;

/// How deep elements may be nested; CMS in CMS needs about fifteen levels.
const MAX_DEPTH: usize = 32;

const CONSTRUCTED: u8 = 0x20;
const END_OF_CONTENTS: [u8; 2] = [0, 0];

/// One BER element of `input` with definite, minimal lengths and with every universal string in one piece.
///
/// Values are otherwise left as they are: the order of a `SET OF` is kept, for signatures are made over it. What a DER
/// encoder made comes back unchanged.
///
/// # Errors
/// [`Error::Malformed`] when the input is truncated, nested too deeply or has bytes after the element.
pub fn normalise(input: &[u8]) -> Result<Vec<u8>, Error> {
    let mut rest = input;
    let element = Element::read(&mut rest, 0)?;
    expect_end(rest)?;
    let mut output = Vec::with_capacity(input.len());
    element.write(&mut output);
    Ok(output)
}

/// A CMS message in DER as streaming encoders write it: `ContentInfo`, what it wraps and its content have indefinite
/// lengths, and the content comes in pieces. Certificates and signers stay as they are, for signatures are made over them.
///
/// # Errors
/// [`Error::Malformed`] when the input is truncated or has bytes after the element.
pub fn stream(der: &[u8]) -> Result<Vec<u8>, Error> {
    let mut rest = der;
    let mut output = Vec::with_capacity(der.len() + der.len() / 16);
    stream_element(&mut rest, 0, &mut output)?;
    expect_end(rest)?;
    Ok(output)
}

fn expect_end(rest: &[u8]) -> Result<(), Error> {
    match rest.len() {
        0 => Ok(()),
        length => Err(malformed(&format!("{length} bytes after the end"))),
    }
}

/// What is entered at each depth: `ContentInfo`, its [0], `SignedData` or `EnvelopedData`, the content info in it, its [0].
fn stream_element(input: &mut &[u8], depth: usize, output: &mut Vec<u8>) -> Result<(), Error> {
    const ENTERED: [u8; 5] = [0x30, 0xa0, 0x30, 0x30, 0xa0];
    const OCTET_STRING: u8 = 0x04;
    const ENCRYPTED_CONTENT: u8 = 0x80;
    let start = *input;
    let tag = take(input, 1)?[0];
    let length = read_length(input)?.ok_or_else(|| malformed("an indefinite length in DER"))?;
    let mut content = take(input, length)?;
    if ENTERED.get(depth) == Some(&tag) {
        output.extend([tag, 0x80]);
        while !content.is_empty() {
            stream_element(&mut content, depth + 1, output)?;
        }
        output.extend(END_OF_CONTENTS);
    } else if (depth, tag) == (5, OCTET_STRING) || (depth, tag) == (4, ENCRYPTED_CONTENT) {
        output.extend([tag | CONSTRUCTED, 0x80]);
        for piece in content.chunks(1000) {
            Element { tag: OCTET_STRING, content: piece.to_vec() }.write(output);
        }
        output.extend(END_OF_CONTENTS);
    } else {
        output.extend_from_slice(&start[..start.len() - input.len()]);
    }
    Ok(())
}

/// An element whose content is already normalised.
struct Element {
    tag: u8,
    content: Vec<u8>,
}

impl Element {
    fn read(input: &mut &[u8], depth: usize) -> Result<Self, Error> {
        if depth > MAX_DEPTH {
            return Err(malformed(&format!("nested deeper than {MAX_DEPTH} levels")));
        }
        let tag = take(input, 1)?[0];
        if tag & 0x1f == 0x1f {
            return Err(malformed("a tag number over 30"));
        }
        if tag == END_OF_CONTENTS[0] {
            return Err(malformed("an end of contents where nothing of indefinite length ends"));
        }
        let mut element = Self { tag, content: Vec::new() };
        match read_length(input)? {
            Some(length) if tag & CONSTRUCTED == 0 => {
                element.content = take(input, length)?.to_vec();
            }
            Some(length) => {
                let mut children = take(input, length)?;
                while !children.is_empty() {
                    element.push(&Self::read(&mut children, depth + 1)?)?;
                }
            }
            None if tag & CONSTRUCTED != 0 => {
                while !input.starts_with(&END_OF_CONTENTS) {
                    element.push(&Self::read(input, depth + 1)?)?;
                }
                take(input, END_OF_CONTENTS.len())?;
            }
            None => return Err(malformed("an indefinite length on a primitive element")),
        }
        if element.is_string() {
            // A string that came in pieces is primitive from here on.
            element.tag &= !CONSTRUCTED;
        }
        Ok(element)
    }

    /// Adds a child: a piece of a string loses its header, everything else keeps it.
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

    /// Whether the tag is one of a universal string whose pieces can simply be joined.
    fn is_string(&self) -> bool {
        matches!(self.tag & !CONSTRUCTED, 0x04 | 0x0c | 0x12..=0x16 | 0x19..=0x1c | 0x1e)
    }

    fn write(&self, output: &mut Vec<u8>) {
        output.push(self.tag);
        write_length(self.content.len(), output);
        output.extend_from_slice(&self.content);
    }
}

/// Reads a length; `None` is the indefinite one.
fn read_length(input: &mut &[u8]) -> Result<Option<usize>, Error> {
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

fn take<'a>(input: &mut &'a [u8], length: usize) -> Result<&'a [u8], Error> {
    let (taken, rest) = input.split_at_checked(length).ok_or_else(|| {
        malformed(&format!("truncated: {length} bytes wanted, {} left", input.len()))
    })?;
    *input = rest;
    Ok(taken)
}

fn malformed(reason: &str) -> Error {
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
    fn strings_in_pieces_are_joined_also_when_nested() {
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
            (&[0x30, 0x02, 0x00, 0x00], "end of contents"),
            (&[0x24, 0x03, 0x02, 0x01, 0x00], "different types"),
            (&[0x05, 0x00, 0x05, 0x00], "2 bytes after the end"),
            (&deep, "nested deeper"),
        ] {
            let error = normalise(ber).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }
}

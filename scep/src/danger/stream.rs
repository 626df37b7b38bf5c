//! A message as a streaming encoder writes it, in BER.

use crate::{
    Error,
    ber::{CONSTRUCTED, END_OF_CONTENTS, Element, expect_end, malformed, read_length, take},
};

/// A CMS message in DER as streaming encoders write it: `ContentInfo`, the structure in it and its content have indefinite
/// lengths, and the content comes in pieces.
///
/// Certificates and signers stay as they are, because signatures are made over them.
///
/// # Errors
/// Fails with [`Error::Malformed`] if the input is truncated or has bytes after the element.
pub fn stream(der: &[u8]) -> Result<Vec<u8>, Error> {
    let mut rest = der;
    let mut output = Vec::with_capacity(der.len() + der.len() / 16);
    stream_element(&mut rest, 0, &mut output)?;
    expect_end(rest)?;
    Ok(output)
}

/// Streams one element of this depth and those in it.
fn stream_element(input: &mut &[u8], depth: usize, output: &mut Vec<u8>) -> Result<(), Error> {
    /// The tags that are entered: `ContentInfo`, its `[0]`, `SignedData` or `EnvelopedData`, the content info in it, its `[0]`.
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

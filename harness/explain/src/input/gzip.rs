//! Compressed bytes, inflated within bounds.

use std::io::{self, Read};

use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

use super::{
    budget::Budget,
    reading::{Part, Reading},
};

/// The most bytes that one compressed piece becomes.
const MAX_INFLATED_BYTES: usize = 64 * 1024 * 1024;

const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// What is in a gzip.
pub(super) fn read(bytes: &[u8], budget: &mut Budget) -> Reading {
    if !bytes.starts_with(&MAGIC) {
        return Reading::No;
    }
    let inflated = inflated(MultiGzDecoder::new(bytes), budget);
    match (inflated.bytes.is_empty(), inflated.stopped) {
        (true, Some(reason)) => {
            Reading::But(format!("gzip, of which nothing can be unpacked: {reason}"))
        }
        (true, None) => Reading::But("gzip, which has nothing in it".to_owned()),
        (false, None) => Reading::Parts(vec![Part::encoded("gzip", inflated.bytes)]),
        (false, Some(reason)) => {
            let form = format!("gzip, unpacked to byte {}, where {reason}", inflated.bytes.len());
            Reading::Parts(vec![Part::encoded(form, inflated.bytes)])
        }
    }
}

/// What a compressed piece became.
pub(super) struct Inflated {
    pub(super) bytes: Vec<u8>,
    /// The reason why it ends early, if it does.
    pub(super) stopped: Option<String>,
}

/// A body with this content coding (RFC 9110 §8.4.1) inflated; `None` for another coding.
pub(super) fn decoded(body: &[u8], coding: &str, budget: &mut Budget) -> Option<Inflated> {
    match coding {
        "gzip" | "x-gzip" => Some(inflated(MultiGzDecoder::new(body), budget)),
        // Some servers send the bare stream in place of the zlib format that RFC 9110 asks for.
        "deflate" => {
            let zlib = inflated(ZlibDecoder::new(body), budget);
            let is_bare = zlib.bytes.is_empty() && zlib.stopped.is_some();
            Some(if is_bare { inflated(DeflateDecoder::new(body), budget) } else { zlib })
        }
        _ => None,
    }
}

fn inflated(decoder: impl Read, budget: &mut Budget) -> Inflated {
    let limit = MAX_INFLATED_BYTES.min(budget.bytes_left());
    let mut bytes = Vec::new();
    let read = decoder.take(limit as u64 + 1).read_to_end(&mut bytes);
    if bytes.len() > limit {
        bytes.truncate(limit);
        budget.take_bytes(limit.saturating_add(1));
        return Inflated { bytes, stopped: Some(format!("it has more than {limit} bytes")) };
    }
    budget.take_bytes(bytes.len());
    Inflated { bytes, stopped: read.err().map(|error| reason(&error)) }
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "it ends early".to_owned(),
        _ => "it is damaged there".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{
        Compression,
        write::{DeflateEncoder, GzEncoder, ZlibEncoder},
    };

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn codings_of_http_are_inflated() {
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
        zlib.write_all(b"body").unwrap();
        let mut bare = DeflateEncoder::new(Vec::new(), Compression::fast());
        bare.write_all(b"body").unwrap();
        for (coding, body) in [
            ("gzip", gzip(b"body")),
            ("deflate", zlib.finish().unwrap()),
            ("deflate", bare.finish().unwrap()),
        ] {
            let inflated = decoded(&body, coding, &mut Budget::default()).unwrap();
            assert_eq!((&*inflated.bytes, inflated.stopped), (&b"body"[..], None), "{coding}");
        }
        assert!(decoded(b"", "br", &mut Budget::default()).is_none());
    }

    #[test]
    fn bomb_is_stopped_at_the_limit() {
        let bomb = gzip(&vec![0; MAX_INFLATED_BYTES + 1]);
        let inflated = decoded(&bomb, "gzip", &mut Budget::default()).unwrap();
        assert_eq!(inflated.bytes.len(), MAX_INFLATED_BYTES);
        assert_eq!(inflated.stopped.unwrap(), "it has more than 67108864 bytes");
    }

    #[test]
    fn cut_gzip_gives_its_beginning() {
        let mut cut = gzip(&(0..=255).collect::<Vec<u8>>().repeat(9));
        cut.truncate(cut.len() - 12);
        let inflated = decoded(&cut, "gzip", &mut Budget::default()).unwrap();
        assert!(!inflated.bytes.is_empty());
        assert_eq!(inflated.stopped.unwrap(), "it ends early");
    }
}

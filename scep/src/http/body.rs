//! The body of an HTTP message while it arrives.

/// The number of pieces in which a body may come, unless a caller has another limit.
pub const MAX_PIECES: usize = 4_096;

/// The body of an HTTP message while it arrives in pieces, such as HTTP chunks: one buffer, with limits for both ends.
///
/// An HTTP library often gives each piece as a part of a larger buffer, which lives as long as the piece. A peer that sends
/// pieces of one byte then occupies many times the size of its body, so pieces are copied here.
///
/// # Examples
/// ```
/// use scep::http::{PartialBody, TooMuch};
///
/// let mut body = PartialBody::new(5, 3);
/// body.push(b"SHA")?;
/// body.push(b"-1")?;
/// assert_eq!(body.push(b"\n"), Err(TooMuch::Bytes(5)));
/// assert_eq!(body.into_bytes(), b"SHA-1");
/// # Ok::<(), TooMuch>(())
/// ```
#[derive(Debug)]
pub struct PartialBody {
    bytes: Vec<u8>,
    pieces: usize,
    max_bytes: usize,
    max_pieces: usize,
}

/// The limit that the body of an HTTP message exceeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.of("the body"))]
#[non_exhaustive]
pub enum TooMuch {
    /// The body has more bytes than this.
    Bytes(usize),
    /// The body comes in more pieces than this.
    Pieces(usize),
}

impl TooMuch {
    /// The error in words, with a name for what is too large.
    pub fn of(self, what: &str) -> String {
        match self {
            Self::Bytes(limit) => format!("{what} is longer than {limit} bytes"),
            Self::Pieces(limit) => format!("{what} comes in more than {limit} pieces"),
        }
    }
}

impl PartialBody {
    /// An empty body that takes up to `max_bytes` bytes in up to `max_pieces` pieces.
    pub fn new(max_bytes: usize, max_pieces: usize) -> Self {
        Self { bytes: Vec::new(), pieces: 0, max_bytes, max_pieces }
    }

    /// Adds a piece.
    ///
    /// # Errors
    /// Fails if the body then exceeds a limit; it remains as it was.
    pub fn push(&mut self, piece: &[u8]) -> Result<(), TooMuch> {
        if self.pieces >= self.max_pieces {
            return Err(TooMuch::Pieces(self.max_pieces));
        }
        if piece.len() > self.max_bytes - self.bytes.len() {
            return Err(TooMuch::Bytes(self.max_bytes));
        }
        self.pieces += 1;
        self.bytes.extend_from_slice(piece);
        Ok(())
    }

    /// The bytes that have arrived.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn body_may_reach_its_limits_and_not_exceed_them() {
        let mut body = PartialBody::new(4, 3);
        body.push(b"ab").unwrap();
        assert_eq!(body.push(b"cde"), Err(TooMuch::Bytes(4)));
        body.push(b"c").unwrap();
        body.push(b"d").unwrap();
        assert_eq!(body.push(b""), Err(TooMuch::Pieces(3)));
        assert_eq!(body.into_bytes(), b"abcd");
    }
}

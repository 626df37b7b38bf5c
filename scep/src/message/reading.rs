//! What a reader of messages takes.

use der::Encode;

use crate::{
    Error,
    ber::{self, Pieces},
    cms::SetOf,
};

/// What a reader of messages takes beyond RFC 8894, or refuses although the RFC allows it, so that another reader can be imitated, or
/// more can be said about a message that is refused, with [`Message::parse_as`](super::Message::parse_as). The default is the reader of
/// this crate.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent habits, each named in the data")]
pub struct Reading {
    /// True if the content and the attribute contentType may have any type.
    pub any_content_type: bool,
    /// True if an attribute may occur more than once, and may have several values: the first counts.
    pub repeated_attributes: bool,
    /// True if there may be several signers: the first counts.
    pub several_signers: bool,
    /// True if the signature is made over the signed attributes in the order of DER, false if in the order in which they came.
    pub sorts_attributes: bool,
    /// True if bytes may follow the message.
    pub trailing_bytes: bool,
    /// True if only the first piece of a string in pieces is read.
    pub first_piece_alone: bool,
    /// True if a `PrintableString` must have no other characters than its own, `*` and `&`.
    pub strict_strings: bool,
}

impl Default for Reading {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl Reading {
    /// The reader of this crate.
    pub const DEFAULT: Self = Self {
        any_content_type: false,
        repeated_attributes: false,
        several_signers: false,
        sorts_attributes: false,
        trailing_bytes: false,
        first_piece_alone: false,
        strict_strings: false,
    };

    /// True if something in a message is not read, because it came in several pieces and only the first one counts.
    pub fn loses_pieces(self, message: &[u8]) -> bool {
        let read = |pieces| ber::normalise_first(message, pieces).map(|(normal, _)| normal);
        match (self.first_piece_alone, read(Pieces::First), read(Pieces::All)) {
            (true, Ok(first), Ok(all)) => first != all,
            _ => false,
        }
    }

    /// The signed attributes as the signature covers them.
    pub(super) fn covered(self, attributes: &SetOf) -> Result<Vec<u8>, Error> {
        let encoded = |set: &SetOf| set.to_der().map_err(Error::malformed("signed attributes"));
        if !self.sorts_attributes {
            return encoded(attributes);
        }
        let elements = attributes.elements()?.into_iter().map(<[u8]>::to_vec);
        encoded(&SetOf::sorted(elements.collect()))
    }

    /// One element with definite lengths.
    pub(super) fn normalise(self, bytes: &[u8], what: &'static str) -> Result<Vec<u8>, Error> {
        if bytes.len() > crate::MAX_MESSAGE_BYTES {
            let reason = format!("{} bytes, at most {}", bytes.len(), crate::MAX_MESSAGE_BYTES);
            return Err(Error::malformed(what)(reason));
        }
        let pieces = if self.first_piece_alone { Pieces::First } else { Pieces::All };
        let read = ber::normalise_first(bytes, pieces).and_then(|(normal, rest)| {
            if !self.trailing_bytes {
                ber::expect_end(rest)?;
            }
            Ok(normal)
        });
        read.map_err(|error| error.about(what))
    }
}

impl super::Message {
    /// Reads a pkiMessage as another reader does. A client or a server that accepts what only another reader takes does not keep to
    /// RFC 8894.
    ///
    /// # Errors
    /// As for [`Self::parse`], but for what this reader takes.
    pub fn parse_as(bytes: &[u8], reading: Reading) -> Result<Self, Error> {
        Self::read(bytes, reading)
    }
}

//! Messages between processes: JSON objects in lines of limited length.

use std::io;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc::UnboundedReceiver;

/// The longest message, in bytes.
pub const MESSAGE_LIMIT: usize = 16 << 20;

/// Reads messages. A cancelled read loses nothing.
#[derive(Debug)]
pub struct Messages<R> {
    reader: R,
    line: Vec<u8>,
}

/// The reason why no message could be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The other end has closed the connection.
    #[error("the connection ended")]
    Ended,
    /// The other end has closed the connection within a message.
    #[error("the connection ended in the middle of a message")]
    EndedMidway,
    /// The message exceeds the limit.
    #[error("a message is longer than {} MiB", MESSAGE_LIMIT >> 20)]
    TooLong,
    /// The message is malformed. The error does not show its content, which may be secret.
    #[error("a message is not understood: {what} at character {column}")]
    NotUnderstood {
        /// The mistake.
        what: &'static str,
        /// Position, counted from 1.
        column: usize,
    },
    /// Reading failed.
    #[error("the connection broke: {0}")]
    Broken(io::Error),
}

impl ReadError {
    /// True if the other end broke the protocol; false if it is gone.
    pub fn is_protocol_error(&self) -> bool {
        matches!(self, Self::TooLong | Self::NotUnderstood { .. })
    }
}

// Without `source`: the text of the error has the text of its cause.
impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        Self::Broken(error)
    }
}

impl From<ReadError> for io::Error {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Broken(error) => error,
            other => Self::other(other),
        }
    }
}

impl<R: AsyncBufRead + Unpin> Messages<R> {
    /// Reads messages from this reader, and not more than they need.
    pub fn new(reader: R) -> Self {
        Self { reader, line: Vec::new() }
    }

    /// The reader, for data after the messages.
    pub fn into_inner(self) -> R {
        self.reader
    }

    /// The next message.
    ///
    /// # Errors
    /// If no message comes, or it is not of this type.
    pub async fn next<T: DeserializeOwned>(&mut self) -> Result<T, ReadError> {
        let room = (MESSAGE_LIMIT + 1).saturating_sub(self.line.len());
        (&mut self.reader).take(room as u64).read_until(b'\n', &mut self.line).await?;
        let Some(message) = self.line.strip_suffix(b"\n") else {
            return Err(match self.line.len() {
                0 => ReadError::Ended,
                length if length > MESSAGE_LIMIT => ReadError::TooLong,
                _ => ReadError::EndedMidway,
            });
        };
        let message = decode(message);
        // Frees the memory of a long line.
        self.line = Vec::new();
        message
    }
}

fn decode<T: DeserializeOwned>(line: &[u8]) -> Result<T, ReadError> {
    serde_json::from_slice(line).map_err(|error| ReadError::NotUnderstood {
        what: match error.classify() {
            serde_json::error::Category::Data => "unknown content",
            serde_json::error::Category::Eof => "an early end",
            _ => "no JSON",
        },
        column: error.column(),
    })
}

/// A message as a line; `None` if it exceeds the limit.
pub fn encode(message: &impl Serialize) -> Option<Vec<u8>> {
    let mut line = serde_json::to_vec(message).ok()?;
    line.push(b'\n');
    (line.len() <= MESSAGE_LIMIT).then_some(line)
}

/// Writes a message as a line.
///
/// # Errors
/// If the other end has closed the connection.
pub async fn write(writer: &mut (impl AsyncWrite + Unpin), line: &[u8]) -> io::Result<()> {
    writer.write_all(line).await?;
    writer.flush().await
}

/// Writes lines as they come, until the other end closes the connection.
pub async fn write_all(mut lines: UnboundedReceiver<Vec<u8>>, mut writer: impl AsyncWrite + Unpin) {
    while let Some(line) = lines.recv().await {
        if write(&mut writer, &line).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(bytes: &[u8]) -> Result<Vec<u8>, ReadError> {
        Messages::new(bytes).next().await
    }

    #[tokio::test]
    async fn a_message_is_a_complete_line_of_json() {
        assert_eq!(read(b"[1, 2]\n").await.unwrap(), [1, 2]);
        assert!(matches!(read(b"").await, Err(ReadError::Ended)));
        assert!(matches!(read(b"[1, 2]").await, Err(ReadError::EndedMidway)));
        assert!(matches!(read(b"\n").await, Err(ReadError::NotUnderstood { .. })));
        assert!(matches!(read(b"\xff\xfe\n").await, Err(ReadError::NotUnderstood { .. })));
        let nested = [vec![b'['; 100_000], b"\n".to_vec()].concat();
        assert!(matches!(read(&nested).await, Err(ReadError::NotUnderstood { .. })));
    }

    #[tokio::test]
    async fn errors_do_not_show_the_message() {
        let error = read(b"[\"hunter2\"]\n").await.unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }

    #[tokio::test]
    async fn an_endless_line_is_rejected() {
        let endless = tokio::io::BufReader::new(tokio::io::repeat(b'['));
        let read: Result<Vec<u8>, _> = Messages::new(endless).next().await;
        assert!(matches!(read, Err(ReadError::TooLong)));
    }
}

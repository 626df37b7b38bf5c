//! What the runner and a process of a lab say to each other: JSON, one object a line. To a lab process it goes over a socket
//! that is its standard input, to a container over standard input and output.

mod furnishing;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

#[cfg(target_os = "linux")]
use process::messages::write;
use process::messages::{Messages, ReadError, encode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncBufRead;
#[cfg(target_os = "linux")]
use tokio::io::AsyncWrite;
#[cfg(target_os = "linux")]
use tokio::sync::mpsc;

pub use self::furnishing::{Furnishing, Peers, Role};
use crate::remote_pki::{PkiAnswer, PkiQuestion};
use model::lab::Lab;
use testbed::BenchError;
use testbed::pki::PkiError;

/// What the runner asks for.
#[derive(Debug, Serialize, Deserialize)]
pub struct Request {
    /// What the reply is known by.
    pub id: u64,
    /// What it is.
    pub ask: Ask,
}

/// What can be asked for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Ask {
    /// The lab, first of all and once.
    Build(Box<Order>),
    /// The network of a container, first of all and once, and what it becomes then.
    Furnish(Box<Furnishing>),
    /// Whether somebody listens at this address of the container.
    Listens(SocketAddr),
    /// What a PKI knows, or is to do.
    Pki {
        /// Its name.
        pki: String,
        /// It.
        question: PkiQuestion,
    },
}

/// What a lab is made of.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Order {
    /// What is in it.
    pub lab: Lab,
    /// A folder of its own, which nobody else may read; gone with the lab.
    pub folder: PathBuf,
    /// The program that devices are processes of.
    pub sceplab: PathBuf,
    /// Where a capture of each link is left; the folder exists.
    pub captures: Option<PathBuf>,
}

/// What a lab process says.
#[derive(Debug, Serialize, Deserialize)]
pub enum Told {
    /// The namespaces stand, and in them a process that has this id outside.
    Isolated(u32),
    /// The namespaces cannot be had.
    Refused(BenchError),
    /// What became of a request.
    Reply {
        /// The request's.
        id: u64,
        /// It.
        reply: Reply,
    },
    /// A part of the lab broke by itself.
    Broke {
        /// The device or PKI.
        part: String,
        /// What happened.
        reason: String,
    },
}

/// What became of a request.
#[derive(Debug, Serialize, Deserialize)]
pub enum Reply {
    /// Of the lab.
    Built(Result<Built, BenchError>),
    /// Of the network of a container.
    Furnished(Result<(), BenchError>),
    /// Of a connection: why there is none, where nobody listens.
    Listens(Result<(), String>),
    /// Of a question about a PKI.
    Pki(Result<PkiAnswer, PkiError>),
}

/// A lab that stands.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Built {
    /// The descriptors of the hosts' and devices' network namespaces in the lab process.
    pub namespaces: BTreeMap<String, i32>,
    /// The sockets of the devices' consoles.
    pub consoles: BTreeMap<String, PathBuf>,
    /// The PKIs.
    pub pkis: Vec<String>,
}

/// What is said to the runner, in turn.
#[cfg(target_os = "linux")]
pub type Speaker = mpsc::UnboundedSender<Told>;

/// Says it, until nobody has anything to say or nobody listens.
#[cfg(target_os = "linux")]
pub async fn speak(mut said: mpsc::UnboundedReceiver<Told>, mut writer: impl AsyncWrite + Unpin) {
    while let Some(told) = said.recv().await {
        let Ok(line) = line(&told) else { return };
        if write(&mut writer, &line).await.is_err() {
            return;
        }
    }
}

/// One message as a line.
pub fn line(message: &impl Serialize) -> io::Result<Vec<u8>> {
    encode(message).ok_or_else(|| ReadError::TooLong.into())
}

/// Reads one message; `None` where the other end has gone.
///
/// # Errors
/// When the line is too long or no such message, or the other end breaks off.
pub async fn read<T: DeserializeOwned>(
    reader: &mut (impl AsyncBufRead + Unpin),
) -> Result<Option<T>, ReadError> {
    match Messages::new(reader).next().await {
        Err(ReadError::Ended) => Ok(None),
        message => message.map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read_all(bytes: &[u8]) -> Result<Vec<Request>, ReadError> {
        let mut reader = bytes;
        let mut requests = Vec::new();
        while let Some(request) = read(&mut reader).await? {
            requests.push(request);
        }
        Ok(requests)
    }

    #[tokio::test]
    async fn what_is_written_is_read() {
        let ask = |pki: &str| Ask::Pki { pki: pki.to_owned(), question: PkiQuestion::Log };
        let mut lines = line(&Request { id: 1, ask: ask("a\nb") }).unwrap();
        lines.extend(line(&Request { id: 2, ask: ask("c") }).unwrap());
        let requests = read_all(&lines).await.unwrap();
        assert!(
            matches!(&requests[0], Request { id: 1, ask: Ask::Pki { pki, .. } } if pki == "a\nb")
        );
        assert_eq!(requests.len(), 2);
    }

    #[tokio::test]
    async fn what_is_no_message_is_an_error() {
        for bytes in [&b"{}\n"[..], b"\xff\n", b"{\"id\":1", b"\n"] {
            read_all(bytes).await.unwrap_err();
        }
    }

    #[tokio::test]
    async fn a_line_without_an_end_is_read_up_to_a_limit() {
        let mut reader = tokio::io::BufReader::new(tokio::io::repeat(b'x'));
        let error = read::<Request>(&mut reader).await.unwrap_err();
        assert!(error.is_nonsense(), "{error}");
    }
}

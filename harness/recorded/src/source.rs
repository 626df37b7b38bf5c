//! The recording of one server, with the keys that are known.

use std::collections::BTreeSet;
use std::time::SystemTime;

use bundle::Bundle;
use recording::Exchange;
use scep::identity::Identity;
use thiserror::Error;

/// The most exchanges that are replayed: each is read, and its message opened, before the first request.
const MOST_EXCHANGES: usize = 2_000;

/// The most keys that are tried at a message.
const MOST_KEYS: usize = 64;

/// The recording of one server, with the keys that are known: of the server, and of clients.
#[derive(Debug, Clone)]
pub struct Source {
    /// What was recorded: the id of a scenario, or a command.
    pub of: String,
    /// The exchanges in the order in which they ended.
    pub exchanges: Vec<Exchange>,
    /// Keys with their certificates.
    pub keys: Vec<Identity>,
}

/// Why a recording cannot be replayed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SourceError {
    /// It has no exchange with a server of this name.
    #[error("the recording has no PKI `{name}`{}", it_has(.known))]
    UnknownPki {
        /// The name.
        name: String,
        /// The names that it has.
        known: Vec<String>,
    },
    /// It has several servers, and none was named.
    #[error("the recording has several PKIs, and one must be named{}", it_has(.0))]
    SeveralPkis(Vec<String>),
    /// It has no exchange at all; with what was taken out of it, in sentences.
    #[error("the recording has no message, so there is nothing to answer or to send{}", because(.0))]
    Empty(Vec<String>),
    /// It has more exchanges than are replayed.
    #[error("the recording has {0} exchanges; no more than {MOST_EXCHANGES} are replayed")]
    TooLong(usize),
    /// It has more keys than are tried.
    #[error("the recording has {0} keys; no more than {MOST_KEYS} are tried at a message")]
    TooManyKeys(usize),
}

fn it_has(names: &[String]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("`{}`", name.escape_debug())).collect();
    if names.is_empty() { String::new() } else { format!(": it has {}", names.join(", ")) }
}

fn because(taken_out: &[String]) -> String {
    if taken_out.is_empty() { String::new() } else { format!("; {}", taken_out.join("; ")) }
}

impl Source {
    /// The exchanges with the PKI of this name, or with the only one.
    ///
    /// # Errors
    /// Fails if there is no such PKI, or the recording is too long.
    pub fn of(bundle: Bundle, pki: Option<&str>) -> Result<Self, SourceError> {
        let mut exchanges = bundle.recording.exchanges;
        if exchanges.is_empty() {
            let about = |sentence: &String| sentence.contains("messages are ");
            let taken_out = bundle.index.taken_out.into_iter().filter(about);
            return Err(SourceError::Empty(taken_out.collect()));
        }
        let keys = bundle.keys.into_iter();
        let keys =
            keys.filter(|key| pki.is_none() || key.pki.is_none() || key.pki.as_deref() == pki);
        let keys: Vec<Identity> = keys.map(|key| key.identity).collect();
        let names: BTreeSet<_> = exchanges.iter().filter_map(|one| one.pki.clone()).collect();
        let names: Vec<String> = names.into_iter().collect();
        match pki {
            Some(name) => {
                exchanges.retain(|one| one.pki.as_deref() == Some(name));
                if exchanges.is_empty() {
                    return Err(SourceError::UnknownPki { name: name.to_owned(), known: names });
                }
            }
            None if names.len() > 1 => return Err(SourceError::SeveralPkis(names)),
            None => {}
        }
        if exchanges.len() > MOST_EXCHANGES {
            return Err(SourceError::TooLong(exchanges.len()));
        }
        if keys.len() > MOST_KEYS {
            return Err(SourceError::TooManyKeys(keys.len()));
        }
        Ok(Self { of: bundle.recording.of, exchanges, keys })
    }

    /// The path of the SCEP service, as the first request of an operation names it; `/scep` if there is none.
    pub fn path(&self) -> &str {
        let requests = self.exchanges.iter().filter_map(|one| one.request.as_ref());
        let mut operations = requests.filter(|request| matches!(request.operation(), Some(Ok(_))));
        let target = operations.next().map(|request| request.target.as_str());
        let path = target.map(|target| target.split_once('?').map_or(target, |(path, _)| path));
        path.filter(|path| path.starts_with('/')).unwrap_or("/scep")
    }

    /// The port at which the server was reached, if the recording has its address.
    pub fn port(&self) -> Option<u16> {
        let mut servers = self.exchanges.iter().filter_map(|one| one.server.as_ref());
        servers.find_map(|server| server.rsplit_once(':')?.1.parse().ok())
    }

    /// The time of the first exchange.
    pub fn began(&self) -> Option<SystemTime> {
        self.exchanges.iter().filter_map(|one| one.at).min()
    }
}

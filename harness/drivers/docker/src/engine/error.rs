//! Classifies the errors of an engine by their text, because most have no codes.

use std::error::Error;
use std::io::{self, ErrorKind};

/// The class of an engine's error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineError {
    /// The file system in which the engine keeps images and containers is full.
    DiskFull,
    /// The requested addresses belong to another network.
    PoolOverlaps,
    /// The engine has no addresses left for a network without an address range of its own.
    PoolExhausted,
    /// There is no such image, and it cannot be pulled.
    ImageMissing,
    /// Another process uses the port.
    PortTaken,
    /// The object does not exist, or not any more.
    NotFound,
    /// The object is in use, or is already being removed.
    Conflict,
    /// The engine has ended, or does not listen any more.
    Unreachable,
    /// The engine did not answer in time.
    TimedOut,
    /// Another error.
    Other,
}

/// Texts of engines' errors in lower case, most specific first; sources: moby's `libnetwork` and `daemon`, containerd.
const WORDS: &[(&str, EngineError)] = &[
    ("no space left on device", EngineError::DiskFull),
    ("disk quota exceeded", EngineError::DiskFull),
    ("pool overlaps", EngineError::PoolOverlaps),
    ("networks have overlapping", EngineError::PoolOverlaps),
    ("non-overlapping ipv4 address pool", EngineError::PoolExhausted),
    ("all predefined address pools have been fully subnetted", EngineError::PoolExhausted),
    ("port is already allocated", EngineError::PortTaken),
    ("address already in use", EngineError::PortTaken),
    ("no such image", EngineError::ImageMissing),
    ("failed to pull the image", EngineError::ImageMissing),
    ("pull access denied", EngineError::ImageMissing),
    ("manifest unknown", EngineError::ImageMissing),
    ("manifest for", EngineError::ImageMissing),
    ("status code 404", EngineError::NotFound),
    ("status code 409", EngineError::Conflict),
    ("has active endpoints", EngineError::Conflict),
    ("timeout error", EngineError::TimedOut),
    ("connection closed before message completed", EngineError::Unreachable),
    ("socket not found", EngineError::Unreachable),
    ("client error (connect)", EngineError::Unreachable),
    ("client error (sendrequest)", EngineError::Unreachable),
];

impl EngineError {
    /// The class of an error of bollard or testcontainers.
    pub fn of(error: &(dyn Error + 'static)) -> Self {
        let text = text(error).to_lowercase();
        let known = WORDS.iter().find(|(words, _)| text.contains(words));
        match known {
            Some((_, class)) => *class,
            None if is_loss(error) => Self::Unreachable,
            None => Self::Other,
        }
    }

    /// True if the object does not exist.
    pub(crate) fn is_absence(self) -> bool {
        matches!(self, Self::NotFound | Self::ImageMissing)
    }

    /// The error as a message: the operation, the engine's error, and advice.
    pub(super) fn explanation(self, doing: &str, message: &str, folder: Option<&str>) -> String {
        match self.advice(folder) {
            Some(advice) => format!("{doing}: {message}; {advice}"),
            None => format!("{doing}: {message}"),
        }
    }

    fn advice(self, folder: Option<&str>) -> Option<String> {
        let advice = match self {
            Self::DiskFull => {
                let folder = folder.map_or_else(String::new, |folder| format!(" (`{folder}`)"));
                return Some(format!(
                    "the disk that the engine keeps images and containers on{folder} is full: `docker system df` shows what uses \
                     it, `docker image prune` and `sceplab clean` make room"
                ));
            }
            Self::PoolOverlaps => {
                "another network of the engine has these addresses: `docker network ls` lists the networks, `docker network rm \
                 NAME` removes one, `sceplab clean` removes those that crashed runs left"
            }
            Self::PoolExhausted => {
                "the engine has no free address pool: `docker network prune` removes networks without containers, \
                 `sceplab clean` removes those that crashed runs left"
            }
            Self::ImageMissing => {
                "the engine has no such image and cannot pull it: `docker images` lists the images; build it, load it \
                 (`docker load`), or correct its name in the lab file"
            }
            Self::PortTaken => {
                "the port is in use on the engine's machine: stop the process that uses it, or choose another port"
            }
            Self::Unreachable => {
                "the engine went away: `docker info` shows whether it is back, its log (`journalctl -u docker`) why it ended; \
                 the next run, or `sceplab clean`, removes what this one left"
            }
            Self::TimedOut => {
                "the engine does not answer: it may be overloaded, or hang (`journalctl -u docker`)"
            }
            Self::NotFound | Self::Conflict | Self::Other => return None,
        };
        Some(advice.to_owned())
    }
}

/// The text of the error and of its sources, without repetitions.
pub(super) fn text(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    for source in sources(error).skip(1) {
        let source = source.to_string();
        if !text.contains(&source) {
            text = format!("{text}: {source}");
        }
    }
    text
}

/// The kind of the operating system's error, if it was one.
pub(super) fn kind(error: &(dyn Error + 'static)) -> Option<ErrorKind> {
    use bollard::errors::Error::IOError;
    sources(error).find_map(|error| match error.downcast_ref() {
        // This variant displays the error that it holds, but does not return it as its source.
        Some(IOError { err }) => Some(err.kind()),
        _ => Some(error.downcast_ref::<io::Error>()?.kind()),
    })
}

fn is_loss(error: &(dyn Error + 'static)) -> bool {
    use ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionRefused, ConnectionReset};
    use ErrorKind::{NotConnected, NotFound, UnexpectedEof};
    let lost = [BrokenPipe, ConnectionAborted, ConnectionRefused, ConnectionReset];
    let gone = [NotConnected, NotFound, UnexpectedEof];
    kind(error).is_some_and(|kind| lost.contains(&kind) || gone.contains(&kind))
}

fn sources<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status_code: u16, message: &str) -> bollard::errors::Error {
        let message = message.to_owned();
        bollard::errors::Error::DockerResponseServerError { status_code, message }
    }

    #[test]
    fn errors_of_engines_are_classified() {
        let classes = [
            (500, "write /var/lib/docker/tmp/x: no space left on device", EngineError::DiskFull),
            (403, "Pool overlaps with other one on this address space", EngineError::PoolOverlaps),
            (
                403,
                "cannot create network x (br-x): conflicts with network y (br-y): networks have overlapping IPv4",
                EngineError::PoolOverlaps,
            ),
            (
                404,
                "could not find an available, non-overlapping IPv4 address pool among the defaults",
                EngineError::PoolExhausted,
            ),
            (404, "No such image: sceplab-node:x", EngineError::ImageMissing),
            (
                500,
                "driver failed programming external connectivity: Bind for 127.0.0.1:8080 failed: port is already allocated",
                EngineError::PortTaken,
            ),
            (404, "No such container: x", EngineError::NotFound),
            (409, "removal of container x is already in progress", EngineError::Conflict),
            (500, "something new", EngineError::Other),
        ];
        for (status, message, class) in classes {
            assert_eq!(EngineError::of(&response(status, message)), class, "{message}");
        }
    }

    #[test]
    fn lost_connection_means_that_the_engine_is_gone() {
        let lost = bollard::errors::Error::from(io::Error::from(ErrorKind::ConnectionReset));
        assert_eq!(EngineError::of(&lost), EngineError::Unreachable);
        assert_eq!(
            EngineError::of(&bollard::errors::Error::RequestTimeoutError),
            EngineError::TimedOut
        );
    }

    #[test]
    fn errors_wrapped_by_testcontainers_are_classified() {
        let error = testcontainers::core::client::ClientError::CreateContainer(response(
            500,
            "No space left on device",
        ));
        assert_eq!(EngineError::of(&error), EngineError::DiskFull);
    }

    #[test]
    fn full_disk_is_reported_with_its_folder_and_advice() {
        let error = response(500, "no space left on device");
        let message = EngineError::of(&error).explanation(
            "making the node's image",
            &text(&error),
            Some("/var/lib/docker"),
        );
        insta::assert_snapshot!(message, @"making the node's image: Docker responded with status code 500: no space left on device; the disk that the engine keeps images and containers on (`/var/lib/docker`) is full: `docker system df` shows what uses it, `docker image prune` and `sceplab clean` make room");
    }
}

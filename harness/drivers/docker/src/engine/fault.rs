//! What went wrong at an engine, told by its words: it has no codes for most of it.

use std::error::Error;
use std::io::{self, ErrorKind};

/// What an error of an engine comes down to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The file system that the engine keeps its things in is full.
    DiskFull,
    /// The addresses asked for are another network's.
    PoolOverlaps,
    /// The engine has no addresses left for a network that names none.
    PoolExhausted,
    /// There is no such image, and none can be fetched.
    ImageMissing,
    /// The port is somebody else's.
    PortTaken,
    /// What was asked about is not there, or not there any more.
    NotFound,
    /// It is in use, or somebody else is about to remove it.
    Conflict,
    /// The engine went away, or does not listen any more.
    EngineGone,
    /// The engine did not answer in time.
    Silent,
    /// Something else.
    Other,
}

/// What engines say, in small letters, most particular first; sources: moby's `libnetwork` and `daemon`, containerd.
const WORDS: &[(&str, Fault)] = &[
    ("no space left on device", Fault::DiskFull),
    ("disk quota exceeded", Fault::DiskFull),
    ("pool overlaps", Fault::PoolOverlaps),
    ("networks have overlapping", Fault::PoolOverlaps),
    ("non-overlapping ipv4 address pool", Fault::PoolExhausted),
    ("all predefined address pools have been fully subnetted", Fault::PoolExhausted),
    ("port is already allocated", Fault::PortTaken),
    ("address already in use", Fault::PortTaken),
    ("no such image", Fault::ImageMissing),
    ("failed to pull the image", Fault::ImageMissing),
    ("pull access denied", Fault::ImageMissing),
    ("manifest unknown", Fault::ImageMissing),
    ("manifest for", Fault::ImageMissing),
    ("status code 404", Fault::NotFound),
    ("status code 409", Fault::Conflict),
    ("has active endpoints", Fault::Conflict),
    ("timeout error", Fault::Silent),
    ("connection closed before message completed", Fault::EngineGone),
    ("socket not found", Fault::EngineGone),
    ("client error (connect)", Fault::EngineGone),
    ("client error (sendrequest)", Fault::EngineGone),
];

impl Fault {
    /// What an error of bollard's or testcontainers' comes down to.
    pub fn of(error: &(dyn Error + 'static)) -> Self {
        let text = text(error).to_lowercase();
        let known = WORDS.iter().find(|(words, _)| text.contains(words));
        match known {
            Some((_, fault)) => *fault,
            None if is_loss(error) => Self::EngineGone,
            None => Self::Other,
        }
    }

    /// Whether what was asked about is not there.
    pub(crate) fn is_absence(self) -> bool {
        matches!(self, Self::NotFound | Self::ImageMissing)
    }

    /// The error in words: what was done, what came, what it means, what to do next.
    pub(super) fn explanation(self, doing: &str, said: &str, folder: Option<&str>) -> String {
        match self.advice(folder) {
            Some(advice) => format!("{doing}: {said}; {advice}"),
            None => format!("{doing}: {said}"),
        }
    }

    fn advice(self, folder: Option<&str>) -> Option<String> {
        let advice = match self {
            Self::DiskFull => {
                let folder = folder.map_or_else(String::new, |folder| format!(" (`{folder}`)"));
                return Some(format!(
                    "the disk that the engine keeps images and containers on{folder} is full: `docker system df` tells of \
                     what, `docker image prune` and `sceplab clean` make room"
                ));
            }
            Self::PoolOverlaps => {
                "another network of the engine has these addresses: `docker network ls` names them, `docker network rm \
                 NAME` removes one, `sceplab clean` those that crashed runs left"
            }
            Self::PoolExhausted => {
                "the engine has given all its address pools away: `docker network prune` removes networks without \
                 containers, `sceplab clean` those that crashed runs left"
            }
            Self::ImageMissing => {
                "the engine has no such image and cannot fetch it: `docker images` names what is there; build it, load it \
                 (`docker load`), or correct its name in the lab file"
            }
            Self::PortTaken => {
                "the port is in use on the engine's machine: stop who has it, or take another"
            }
            Self::EngineGone => {
                "the engine went away: `docker info` tells whether it is back, its own log (`journalctl -u docker`) why; \
                 what is left of the run the next one removes, or `sceplab clean`"
            }
            Self::Silent => {
                "the engine is there and does not answer: it may be overloaded, or hang (`journalctl -u docker`)"
            }
            Self::NotFound | Self::Conflict | Self::Other => return None,
        };
        Some(advice.to_owned())
    }
}

/// The error and what it came from, as far as it does not say so itself.
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

/// What kind of trouble the operating system had, where it was it.
pub(super) fn kind(error: &(dyn Error + 'static)) -> Option<ErrorKind> {
    use bollard::errors::Error::IOError;
    sources(error).find_map(|error| match error.downcast_ref() {
        // It passes for what it holds, and does not name it as its source.
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

    fn said(status_code: u16, message: &str) -> bollard::errors::Error {
        let message = message.to_owned();
        bollard::errors::Error::DockerResponseServerError { status_code, message }
    }

    #[test]
    fn what_engines_say_is_understood() {
        let faults = [
            (500, "write /var/lib/docker/tmp/x: no space left on device", Fault::DiskFull),
            (403, "Pool overlaps with other one on this address space", Fault::PoolOverlaps),
            (
                403,
                "cannot create network x (br-x): conflicts with network y (br-y): networks have overlapping IPv4",
                Fault::PoolOverlaps,
            ),
            (
                404,
                "could not find an available, non-overlapping IPv4 address pool among the defaults",
                Fault::PoolExhausted,
            ),
            (404, "No such image: sceplab-node:x", Fault::ImageMissing),
            (
                500,
                "driver failed programming external connectivity: Bind for 127.0.0.1:8080 failed: port is already allocated",
                Fault::PortTaken,
            ),
            (404, "No such container: x", Fault::NotFound),
            (409, "removal of container x is already in progress", Fault::Conflict),
            (500, "something new", Fault::Other),
        ];
        for (status, message, fault) in faults {
            assert_eq!(Fault::of(&said(status, message)), fault, "{message}");
        }
    }

    #[test]
    fn a_lost_connection_is_an_engine_that_went_away() {
        let lost = bollard::errors::Error::from(io::Error::from(ErrorKind::ConnectionReset));
        assert_eq!(Fault::of(&lost), Fault::EngineGone);
        assert_eq!(Fault::of(&bollard::errors::Error::RequestTimeoutError), Fault::Silent);
    }

    #[test]
    fn testcontainers_wraps_the_same_words() {
        let error = testcontainers::core::client::ClientError::CreateContainer(said(
            500,
            "No space left on device",
        ));
        assert_eq!(Fault::of(&error), Fault::DiskFull);
    }

    #[test]
    fn a_full_disk_is_told_with_its_folder_and_a_way_out() {
        let error = said(500, "no space left on device");
        let told = Fault::of(&error).explanation(
            "making the node's image",
            &text(&error),
            Some("/var/lib/docker"),
        );
        insta::assert_snapshot!(told, @"making the node's image: Docker responded with status code 500: no space left on device; the disk that the engine keeps images and containers on (`/var/lib/docker`) is full: `docker system df` tells of what, `docker image prune` and `sceplab clean` make room");
    }
}

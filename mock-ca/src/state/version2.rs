//! The state of version 2, a directory of small files, and how it is taken over into a database.
//!
//! ```text
//! state.json               the version of the format and the personality
//! issued/0000000002.json   each issued certificate, with its transaction and the time of its revocation
//! pending/0000000001.json  each request that waits, or was denied
//! challenges.json          one-time challenge passwords, used and unused
//! ```
//!
//! The files of the CA itself are the same in both versions, and stay at their places.

mod records;

use std::{
    collections::HashSet,
    fmt,
    path::{Path, PathBuf},
    time::SystemTime,
};

use rusqlite::Connection;
use serde::de::DeserializeOwned;

use super::{
    StateError, authority,
    database::{self, DATABASE},
    error::damaged,
    files, modes, prepared,
    rows::{self, PasswordOrigin},
};
use crate::{
    authority::{Succession, Timeline},
    personality::PersonalityName,
    settings::WindowsSettings,
};
use records::{Challenge, Issued, Kind, Pending};

/// The file with the version of the format.
pub(super) const STATE: &str = "state.json";

/// The directory for the files that are not used any more.
pub(super) const KEPT: &str = "version-2";

const ISSUED: &str = "issued";
const PENDING: &str = "pending";
const CHALLENGES: &str = "challenges.json";
const VERSION: u32 = 2;

/// The beginning of the name of a file that was not finished.
const UNFINISHED: &str = ".unfinished-";

/// True if only a state of this version has a file of this name.
pub(super) fn is_part(name: &str) -> bool {
    [STATE, ISSUED, PENDING, CHALLENGES, KEPT].contains(&name)
}

/// Makes the database with the content of the old files, which stay as they are.
pub(super) fn take_over(directory: &Path, now: SystemTime) -> Result<TakenOver, StateError> {
    let personality = personality(directory)?;
    let timeline = authority::read(directory, &authority::first_files(personality.personality()))?;
    let windows = WindowsSettings::default();
    let authorities = Succession::of(timeline.clone(), personality.personality(), &windows);
    let mut taken = TakenOver::default();
    prepared::prepare(directory, |unfinished| {
        database::create(&unfinished.join(DATABASE), personality, now, |connection| {
            taken = Import {
                directory,
                connection,
                timeline: &timeline,
                authorities: &authorities,
                now,
            }
            .all()?;
            Ok(())
        })
    })?;
    Ok(taken)
}

/// Moves the old files to a directory of their own; `state.json` first, without which no older version uses the rest.
pub(super) fn set_aside(directory: &Path) -> Result<(), StateError> {
    let kept = directory.join(KEPT);
    for name in [STATE, CHALLENGES, ISSUED, PENDING] {
        let path = directory.join(name);
        if files::exists(&path) {
            files::make_directory(&kept)?;
            files::rename(&path, &kept.join(name))?;
            files::flush_directory(&kept)?;
            files::flush_directory(directory)?;
        }
    }
    Ok(())
}

/// The numbers of what was taken over.
#[derive(Default)]
pub(super) struct TakenOver {
    certificates: usize,
    requests: usize,
    challenges: usize,
}

impl fmt::Display for TakenOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counted = |count: usize, noun: &str| {
            format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
        };
        let certificates = counted(self.certificates, "certificate");
        let requests = counted(self.requests, "request");
        let challenges = counted(self.challenges, "challenge password");
        write!(f, "{certificates}, {requests} and {challenges}")
    }
}

fn personality(directory: &Path) -> Result<PersonalityName, StateError> {
    let path = directory.join(STATE);
    modes::CHANGES.expect(&path)?;
    let kind: Kind = read_json(&path)?;
    if kind.version != VERSION {
        return Err(damaged(&path, &format!("version {} is not known", kind.version)));
    }
    Ok(kind.personality)
}

/// The way of the old records into a new database.
struct Import<'a> {
    directory: &'a Path,
    connection: &'a Connection,
    timeline: &'a Timeline,
    authorities: &'a Succession,
    now: SystemTime,
}

impl Import<'_> {
    fn all(&self) -> Result<TakenOver, StateError> {
        let inserted = authority::insert(self.connection, self.timeline);
        inserted.map_err(|error| error.about(self.directory))?;
        let (certificates, answered) = self.issued()?;
        let requests = self.pending(&answered)?;
        Ok(TakenOver { certificates, requests, challenges: self.challenges()? })
    }

    /// Takes over the certificates; returns their number, and the numbers of the requests that they answer.
    fn issued(&self) -> Result<(usize, HashSet<u32>), StateError> {
        let (mut count, mut answered) = (0, HashSet::new());
        for path in self.records(ISSUED)? {
            let record = read_json::<Issued>(&path)?.numbered(number_of(&path)?);
            if !self.authorities.has_signed(&record.certificate) {
                return Err(damaged(&path, &"this CA did not sign it"));
            }
            let inserted = rows::insert_issued(self.connection, &record);
            inserted.map_err(|error| error.about(&path))?;
            answered.extend(record.answers);
            count += 1;
        }
        Ok((count, answered))
    }

    /// Takes over the requests that are not answered; an answered one was left when a machine stopped between two files.
    fn pending(&self, answered: &HashSet<u32>) -> Result<usize, StateError> {
        let mut count = 0;
        for path in self.records(PENDING)? {
            let record = read_json::<Pending>(&path)?.numbered(number_of(&path)?, self.now);
            if !answered.contains(&record.number) {
                let inserted = rows::insert_request(self.connection, &record);
                inserted.map_err(|error| error.about(&path))?;
                count += 1;
            }
        }
        // The number of an answered request is not used again.
        let next = answered.iter().max().map_or(0, |last| last.saturating_add(1));
        let query = "UPDATE ca SET next_request = max(next_request, ?)";
        let updated = self.connection.execute(query, [next]);
        updated.map_err(|error| database::QueryError::from(error).about(self.directory))?;
        Ok(count)
    }

    fn challenges(&self) -> Result<usize, StateError> {
        let path = self.directory.join(CHALLENGES);
        if !files::exists(&path) {
            return Ok(0);
        }
        modes::ANYTHING.expect(&path)?;
        let challenges: Vec<Challenge> = read_json(&path)?;
        for Challenge { password, made, is_used } in &challenges {
            // The time of the use is not known.
            let used = is_used.then_some(self.now);
            let origin = made.map_or(PasswordOrigin::Given(self.now), PasswordOrigin::Made);
            let inserted = rows::insert_challenge(self.connection, password, origin, used);
            inserted.map_err(|error| error.about(&path))?;
        }
        Ok(challenges.len())
    }

    /// The finished files of a directory, in order.
    fn records(&self, directory: &str) -> Result<Vec<PathBuf>, StateError> {
        let mut paths = files::entries(&self.directory.join(directory))?;
        paths.retain(|path| !files::name_of(path).starts_with(UNFINISHED));
        Ok(paths)
    }
}

fn number_of(path: &Path) -> Result<u32, StateError> {
    let name = files::name_of(path);
    let number = name.strip_suffix(".json").and_then(|digits| digits.parse().ok());
    let number = number.filter(|number| format!("{number:010}.json") == name);
    number.ok_or_else(|| damaged(path, &"not a file of a state"))
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, StateError> {
    // The parser quotes what it read, which may be a password.
    let unlike = |error: serde_json::Error| {
        let (line, column) = (error.line(), error.column());
        damaged(path, &format!("unexpected content at line {line}, column {column}"))
    };
    serde_json::from_slice(&files::read(path)?).map_err(unlike)
}

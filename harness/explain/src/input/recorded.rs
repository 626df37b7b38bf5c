//! Folders that `--save-messages` has written.

use std::{
    fs,
    path::{Path, PathBuf},
};

use diagnostics::counted;
use recording::{ReadError, Recording, folders_in, read};

use super::{InputError, MAX_EXHIBITS, budget::Budget};
use crate::exhibit::{Content, Exchange, Exhibit, Extent, Reply, Request};

/// The mark of an index of saved messages.
const MARK: &str = "sceplab saved messages";

/// The longest index that is looked at, in bytes.
const MAX_INDEX_BYTES: u64 = 64 * 1024 * 1024;

/// The folders with recordings in this one: itself, or those in it.
pub(super) fn folders(folder: &Path) -> Result<Vec<PathBuf>, InputError> {
    let mut folders = folders_in(folder).map_err(InputError::Recording)?;
    folders.retain(|folder| is_recording(folder));
    Ok(folders)
}

/// False if the `index.json` of a folder is that of another program.
fn is_recording(folder: &Path) -> bool {
    let index = files::regular(&folder.join("index.json"), MAX_INDEX_BYTES);
    let has_mark = |bytes: Vec<u8>| bytes.windows(MARK.len()).any(|piece| piece == MARK.as_bytes());
    index.map_or(true, has_mark) || has_heads(folder)
}

/// True if a folder has a file such as `001-GetCACaps-request.http`.
fn has_heads(folder: &Path) -> bool {
    const MOST: usize = 10_000;
    let is_head = |name: &str| {
        let number = name.chars().take_while(char::is_ascii_digit).count();
        let is_side = name.ends_with("-request.http") || name.ends_with("-reply.http");
        number >= 3 && name[number..].starts_with('-') && is_side
    };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().take(MOST);
    entries.into_iter().any(|entry| is_head(&entry.file_name().to_string_lossy()))
}

/// The exchanges in the recordings of a folder; none if it has no recording.
pub(super) fn exhibits(
    folder: &Path,
    budget: &mut Budget,
) -> Result<Option<Vec<Exhibit>>, InputError> {
    let (mut exhibits, mut empty) = (Vec::new(), None);
    for folder in folders(folder)? {
        let recording = read(&folder).map_err(|error| match error {
            ReadError::Version { .. } => InputError::Recording(error),
            error => InputError::Index(error),
        })?;
        let name = folder.display().to_string();
        let count = recording.exchanges.len();
        if count == 0 {
            empty = Some((name.clone(), recording.of.clone()));
        }
        for (at, mut exhibit) in of(recording, &name).enumerate() {
            let is_last_one = budget.exhibits_left() == 1 && at + 1 < count;
            let within = budget.take_exhibit() && budget.take_bytes(length(&exhibit.content));
            if let Some(limit) = budget.exceeded().filter(|_| !within) {
                return Err(InputError::TooMuch(name.clone(), limit.to_owned()));
            }
            if is_last_one && let Content::Exchange(exchange) = &mut exhibit.content {
                let further = counted(count - at - 1, "saved exchange");
                exchange.gaps.push(format!(
                    "{further} after this one were not looked at, because {MAX_EXHIBITS} are the limit"
                ));
            }
            exhibits.push(exhibit);
            if is_last_one {
                return Ok(Some(exhibits));
            }
        }
    }
    match (exhibits.is_empty(), empty) {
        (true, Some((folder, of))) => Err(InputError::NothingSaved { folder, of }),
        (true, None) => Ok(None),
        (false, _) => Ok(Some(exhibits)),
    }
}

/// The exchanges in the order of their requests: a recording has them in the order in which their connections ended.
pub(super) fn of(recording: Recording, folder: &str) -> impl Iterator<Item = Exhibit> + use<> {
    let (left_out, count) = (recording.left_out, recording.exchanges.len());
    let taken_for = format!("saved messages of {}", recording.of);
    let folder = folder.to_owned();
    let mut numbered: Vec<(usize, recording::Exchange)> = (1..).zip(recording.exchanges).collect();
    numbered.sort_by_key(|(_, saved)| saved.at);
    (1..).zip(numbered).map(move |(place, (number, saved))| {
        let mut exchange = exchange(saved);
        if place == count && left_out > 0 {
            let more = usize::try_from(left_out).unwrap_or(usize::MAX);
            exchange
                .gaps
                .push(format!("{} after this one were not saved", counted(more, "exchange")));
        }
        Exhibit {
            taken_for: vec![taken_for.clone()],
            origin: format!("{folder}, exchange {number}"),
            content: Content::Exchange(exchange),
        }
    })
}

fn exchange(saved: recording::Exchange) -> Exchange {
    let mut gaps = saved.gaps;
    let request = saved.request.filter(|request| {
        let is_http = !request.method.is_empty();
        if !is_http {
            gaps.push(foreign("client", request.head.len()));
        }
        is_http
    });
    let reply = saved.reply.and_then(|reply| {
        let Some(status) = reply.status else {
            gaps.push(foreign("server", reply.head.len()));
            return None;
        };
        let extent = extent(&gaps);
        Some(Reply { status, fields: reply.fields, body: reply.body, extent })
    });
    let request = request.map(|it| Request {
        method: it.method,
        target: it.target,
        fields: it.fields,
        extent: extent(&gaps),
        body: it.body,
    });
    Exchange {
        at: Some(saved.at),
        client: saved.client,
        server: saved.server,
        request,
        reply,
        gaps,
    }
}

/// A recording has all of a body, but for one that was too long for it or that was taken out.
fn extent(gaps: &[String]) -> Extent {
    let is_partial = gaps.iter().any(|gap| gap.ends_with("and are not saved"));
    if is_partial { Extent::Partial } else { Extent::Whole }
}

fn foreign(end: &str, count: usize) -> String {
    format!("the {end} sent {} that are no HTTP", counted(count, "byte"))
}

fn length(content: &Content) -> usize {
    match content {
        Content::Bytes(bytes) => bytes.len(),
        Content::Exchange(exchange) => {
            exchange.request.as_ref().map_or(0, |request| request.body.len())
                + exchange.reply.as_ref().map_or(0, |reply| reply.body.len())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use recording::End;

    use super::*;

    #[test]
    fn exchanges_come_in_the_order_of_their_requests() {
        let saved = |seconds| recording::Exchange {
            connection: seconds,
            pki: None,
            seen_by: End::Server,
            client: None,
            server: None,
            at: UNIX_EPOCH + Duration::from_secs(seconds),
            replied_at: None,
            request: None,
            reply: None,
            gaps: Vec::new(),
        };
        let exchanges = vec![saved(2), saved(1), saved(3)];
        let recording = Recording { of: "enrol".to_owned(), exchanges, left_out: 1 };
        let exhibits: Vec<Exhibit> = of(recording, "m").collect();
        let origins: Vec<&str> = exhibits.iter().map(|it| it.origin.as_str()).collect();
        assert_eq!(origins, ["m, exchange 2", "m, exchange 1", "m, exchange 3"]);
        let gaps = exhibits.iter().map(|it| match &it.content {
            Content::Exchange(exchange) => exchange.gaps.len(),
            Content::Bytes(_) => 0,
        });
        assert_eq!(gaps.collect::<Vec<_>>(), [0, 0, 1]);
    }
}

//! Folders that `--save-messages` has written.

use std::{
    fs,
    path::{Path, PathBuf},
};

use diagnostics::counted;
use recording::{ReadError, Recording, folders_in, read};

use super::{InputError, MAX_ITEMS, budget::Budget};
use crate::item::{Content, Exchange, Gap, InputItem};

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
pub(super) fn items(
    folder: &Path,
    budget: &mut Budget,
) -> Result<Option<Vec<InputItem>>, InputError> {
    let (mut items, mut empty) = (Vec::new(), None);
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
        for (at, mut item) in of(recording, &name).enumerate() {
            let is_last_one = budget.items_left() == 1 && at + 1 < count;
            let within = budget.take_item() && budget.take_bytes(length(&item.content));
            if let Some(limit) = budget.exceeded().filter(|_| !within) {
                return Err(InputError::TooMuch(name.clone(), limit.to_owned()));
            }
            if is_last_one && let Content::Exchange(exchange) = &mut item.content {
                let further = counted(count - at - 1, "saved exchange");
                exchange.gaps.push(Gap::Other(format!(
                    "{further} after this one were not looked at, because {MAX_ITEMS} are the limit"
                )));
            }
            items.push(item);
            if is_last_one {
                return Ok(Some(items));
            }
        }
    }
    match (items.is_empty(), empty) {
        (true, Some((folder, of))) => Err(InputError::NothingSaved { folder, of }),
        (true, None) => Ok(None),
        (false, _) => Ok(Some(items)),
    }
}

/// The exchanges in the order of their requests: a recording has them in the order in which their connections ended.
pub(super) fn of(recording: Recording, folder: &str) -> impl Iterator<Item = InputItem> + use<> {
    let (left_out, count) = (recording.left_out, recording.exchanges.len());
    let taken_for = format!("saved messages of {}", recording.of);
    let folder = folder.to_owned();
    let mut numbered: Vec<(usize, Exchange)> = (1..).zip(recording.exchanges).collect();
    numbered.sort_by_key(|(_, saved)| saved.at);
    (1..).zip(numbered).map(move |(place, (number, saved))| {
        let mut exchange = without_foreign(saved);
        if place == count && left_out > 0 {
            let more = usize::try_from(left_out).unwrap_or(usize::MAX);
            let words = format!("{} after this one were not saved", counted(more, "exchange"));
            exchange.gaps.push(Gap::Other(words));
        }
        InputItem {
            taken_for: vec![taken_for.clone()],
            origin: format!("{folder}, exchange {number}"),
            content: Content::Exchange(exchange),
        }
    })
}

/// An exchange that was recorded.
pub fn item(recorded: Exchange) -> InputItem {
    InputItem {
        taken_for: Vec::new(),
        origin: "the recording".to_owned(),
        content: Content::Exchange(without_foreign(recorded)),
    }
}

/// An exchange without the bytes in it that are no HTTP.
fn without_foreign(mut exchange: Exchange) -> Exchange {
    if let Some(request) = exchange.request.take_if(|request| request.method.is_empty()) {
        exchange.gaps.push(foreign("client", request.head.len()));
    }
    if let Some(reply) = exchange.reply.take_if(|reply| reply.status.is_none()) {
        exchange.gaps.push(foreign("server", reply.head.len()));
    }
    exchange
}

fn foreign(end: &str, count: usize) -> Gap {
    Gap::Other(format!("the {end} sent {} that are no HTTP", counted(count, "byte")))
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

    use super::*;

    #[test]
    fn exchanges_come_in_the_order_of_their_requests() {
        let saved = |seconds| Exchange {
            connection: seconds,
            at: Some(UNIX_EPOCH + Duration::from_secs(seconds)),
            ..Exchange::default()
        };
        let exchanges = vec![saved(2), saved(1), saved(3)];
        let recording = Recording { of: "enrol".to_owned(), exchanges, left_out: 1 };
        let items: Vec<InputItem> = of(recording, "m").collect();
        let origins: Vec<&str> = items.iter().map(|it| it.origin.as_str()).collect();
        assert_eq!(origins, ["m, exchange 2", "m, exchange 1", "m, exchange 3"]);
        let gaps = items.iter().map(|it| match &it.content {
            Content::Exchange(exchange) => exchange.gaps.len(),
            Content::Bytes(_) => 0,
        });
        assert_eq!(gaps.collect::<Vec<_>>(), [0, 0, 1]);
    }
}

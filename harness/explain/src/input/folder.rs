//! A folder of messages: every file in it and below it, a request before its reply.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
};

use diagnostics::counted;
use files::ReadError;

use super::{
    InputError, MAX_INPUT_BYTES, Unrecognised,
    budget::Budget,
    http::{self, Message},
    recognise,
};
use crate::item::{Content, Extent, InputItem};

/// The most files that are read.
const MAX_FILES: usize = 2000;

/// The most folders inside one another.
const MAX_FOLDERS: usize = 4;

/// The most bytes of all files together.
const MAX_BYTES: u64 = 4 * MAX_INPUT_BYTES;

/// The items in a folder. Files in which nothing is recognised are left out, unless all are such.
pub(super) fn items(folder: &Path, budget: &mut Budget) -> Result<Vec<InputItem>, InputError> {
    let origin = folder.display().to_string();
    let too_much = |limit: String| InputError::TooMuch(origin.clone(), limit);
    let unreadable = |error| InputError::Unreadable(origin.clone(), error);
    let mut paths = Vec::new();
    collect(folder, 0, &mut paths).map_err(|error| unreadable(ReadError::Io(error)))?;
    if paths.len() > MAX_FILES {
        return Err(too_much(format!("more than {MAX_FILES} files")));
    }
    paths.sort_by_cached_key(|path| Order::of(path));
    let (mut items, mut left) = (Vec::new(), MAX_BYTES);
    let mut joined: HashSet<&Path> = HashSet::new();
    for path in &paths {
        if joined.contains(&**path) {
            continue;
        }
        let bytes = match files::regular(path, MAX_INPUT_BYTES) {
            Ok(bytes) => bytes,
            Err(ReadError::TooLong(_) | ReadError::NotRegular) => continue,
            Err(error) => return Err(InputError::Unreadable(path.display().to_string(), error)),
        };
        left = left
            .checked_sub(bytes.len() as u64)
            .ok_or_else(|| too_much(format!("files of more than {MAX_BYTES} bytes")))?;
        if let Some(body) = body_of(path, &bytes, &paths)
            && let Some(item) = whole(path, &bytes, body, budget)
        {
            joined.insert(body);
            items.push(item);
            continue;
        }
        match recognise::whole(&path.display().to_string(), &bytes, budget) {
            Ok(found) => items.extend(found),
            Err(InputError::Unrecognised(_)) => {}
            Err(error) => return Err(error),
        }
    }
    if items.is_empty() {
        return Err(InputError::Unrecognised(Box::new(Unrecognised {
            origin,
            looks_like: format!(
                "a folder of {} in which nothing is recognised",
                counted(paths.len(), "file")
            ),
            tried: Vec::new(),
            help: "name a single file to see what it is taken for".to_owned(),
        })));
    }
    Ok(items)
}

/// The file with the body of a message of which another file has the head alone, as `--save-messages` writes them: `001-x-reply.der` beside
/// `001-x-reply.http`.
fn body_of<'a>(path: &Path, bytes: &[u8], paths: &'a [PathBuf]) -> Option<&'a Path> {
    const ENDINGS: [&str; 4] = ["der", "txt", "html", "bin"];
    let is_head = bytes.ends_with(b"\r\n\r\n") && path.extension().is_some_and(|it| it == "http");
    let of = |ending: &str| paths.iter().find(|other| **other == path.with_extension(ending));
    is_head.then(|| ENDINGS.into_iter().find_map(of))?.map(PathBuf::as_path)
}

/// A head and its body together; the body of a GET is what its query has.
fn whole(path: &Path, head: &[u8], body: &Path, budget: &mut Budget) -> Option<InputItem> {
    let mut found = http::message(head, http::End::Text, budget)?;
    let body = files::regular(body, MAX_INPUT_BYTES).ok()?;
    if found.length != head.len() || !budget.take_bytes(body.len()) || !budget.take_item() {
        return None;
    }
    found.gaps.clear();
    let exchange = match &mut found.message {
        Message::Request(request) => {
            request.extent = Extent::Whole;
            if request.method != "GET" {
                request.body = body;
            }
            http::exchange(Some(found), None)
        }
        Message::Reply(reply) => {
            (reply.body, reply.extent) = (body, Extent::Whole);
            http::exchange(None, Some(found))
        }
    };
    Some(InputItem {
        taken_for: vec![
            http::form(&exchange).to_owned(),
            "its body in a file beside it".to_owned(),
        ],
        origin: path.display().to_string(),
        content: Content::Exchange(exchange),
    })
}

/// The files in a folder and below it. Links are not followed.
fn collect(folder: &Path, depth: usize, paths: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        let is_hidden = entry.file_name().to_string_lossy().starts_with('.');
        if paths.len() > MAX_FILES {
            break;
        }
        match (kind.is_dir(), kind.is_file()) {
            _ if is_hidden => {}
            (true, _) if depth < MAX_FOLDERS => collect(&entry.path(), depth + 1, paths)?,
            (_, true) => paths.push(entry.path()),
            _ => {}
        }
    }
    Ok(())
}

/// Where a file comes: by its folder, by its name without what tells a request from its reply, and the request first.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Order {
    stem: PathBuf,
    side: u8,
    /// A head comes before its body.
    is_body: bool,
    path: PathBuf,
}

impl Order {
    fn of(path: &Path) -> Self {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let lower = name.to_ascii_lowercase();
        let sides = [("request", 0), ("req", 0), ("reply", 1), ("response", 1), ("rep", 1)];
        let side = sides.into_iter().find(|(word, _)| {
            let before = lower.strip_suffix(word);
            before.is_some_and(|before| before.ends_with(['-', '_', '.', ' ']))
        });
        let (stem, side) = match side {
            Some((word, side)) => (&name[..name.len() - word.len()], side),
            None => (&*name, 2),
        };
        Self {
            stem: path.with_file_name(stem),
            side,
            is_body: path.extension().is_some_and(|it| it != "http"),
            path: path.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_comes_before_its_reply() {
        let mut names = ["02-x-reply.http", "02-x-request.http", "01-y-reply.http", "notes"];
        names.sort_by_cached_key(|name| Order::of(Path::new(name)));
        assert_eq!(names, ["01-y-reply.http", "02-x-request.http", "02-x-reply.http", "notes"]);
    }
}

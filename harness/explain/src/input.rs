//! From what a user has to messages.

use std::{
    ffi::OsStr,
    fs,
    io::Read,
    path::{Path, PathBuf},
};

use scep::content;

use crate::{
    exhibit::{Content, Exchange, Exhibit, Reply, Request},
    forms::unwrapped,
};

/// What a user names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A file, which may be a pipe.
    File(PathBuf),
    /// Standard input.
    StandardInput,
    /// A text from the command line.
    Text(String),
    /// A folder of saved messages.
    Folder(PathBuf),
}

/// Why an input gave no message.
#[derive(Debug, thiserror::Error)]
#[error("`{name}` cannot be read: {reason}")]
pub struct InputError {
    /// The name of the source.
    pub name: String,
    /// The reason.
    pub reason: String,
}

/// The longest input that is read, in bytes.
const LONGEST: u64 = 64 * 1024 * 1024;

impl Source {
    /// The source that an argument of a command names: `-`, a path that exists, or else a text.
    pub fn named(argument: &OsStr) -> Self {
        let path = Path::new(argument);
        match fs::metadata(path) {
            _ if argument == "-" => Self::StandardInput,
            Ok(metadata) if metadata.is_dir() => Self::Folder(path.to_owned()),
            Ok(_) => Self::File(path.to_owned()),
            Err(_) => match argument.to_str() {
                Some(text) => Self::Text(text.to_owned()),
                None => Self::File(path.to_owned()),
            },
        }
    }
}

/// The messages and exchanges in all sources, in their order.
///
/// # Errors
/// If a source cannot be read.
pub fn exhibits(sources: Vec<Source>) -> Result<Vec<Exhibit>, InputError> {
    let mut exhibits = Vec::new();
    for source in sources {
        match source {
            Source::File(path) => exhibits.push(file(&path)?),
            Source::StandardInput => {
                let path = Path::new("/dev/stdin");
                exhibits.push(Exhibit { origin: "-".to_owned(), ..file(path)? });
            }
            Source::Text(text) => exhibits.push(exhibit("the text".to_owned(), text.into_bytes())),
            Source::Folder(path) => {
                let wrong = |error: std::io::Error| InputError {
                    name: path.display().to_string(),
                    reason: error.to_string(),
                };
                let entries = fs::read_dir(&path).map_err(wrong)?;
                let mut files: Vec<PathBuf> =
                    entries.filter_map(|it| Some(it.ok()?.path())).collect();
                files.retain(|file| file.is_file());
                // A request comes before its reply.
                files.sort_by_key(|file| file.display().to_string().replace("-reply", "-z"));
                for path in files {
                    exhibits.push(file(&path)?);
                }
            }
        }
    }
    Ok(exhibits)
}

fn file(path: &Path) -> Result<Exhibit, InputError> {
    let name = path.display().to_string();
    let mut bytes = Vec::new();
    let read = fs::File::open(path).and_then(|file| file.take(LONGEST).read_to_end(&mut bytes));
    match read {
        Ok(_) => Ok(exhibit(name, bytes)),
        Err(error) => Err(InputError { name, reason: error.to_string() }),
    }
}

fn exhibit(origin: String, bytes: Vec<u8>) -> Exhibit {
    let (taken_for, content) = match http(&bytes) {
        Some(exchange) if exchange.request.is_some() => {
            ("HTTP request", Content::Exchange(exchange))
        }
        Some(exchange) => ("HTTP reply", Content::Exchange(exchange)),
        None => match unwrapped(&bytes).filter(|_| is_encoded(&bytes)) {
            Some(inner) => ("PEM or base64", Content::Bytes(inner)),
            None => ("bytes", Content::Bytes(bytes)),
        },
    };
    Exhibit { taken_for: vec![taken_for.to_owned()], origin, content }
}

/// An HTTP message with its body.
fn http(bytes: &[u8]) -> Option<Exchange> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).ok()?;
    let mut lines = head.split("\r\n");
    let first: Vec<&str> = lines.next()?.splitn(3, ' ').collect();
    let fields: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect();
    let is_chunked = fields.iter().any(|(name, value)| {
        name.eq_ignore_ascii_case("transfer-encoding") && value.eq_ignore_ascii_case("chunked")
    });
    let body = &bytes[end + 4..];
    let body = if is_chunked { chunks(body)? } else { body.to_vec() };
    let mut exchange = Exchange::default();
    match first[..] {
        [version, status, ..] if version.starts_with("HTTP/1.") => {
            exchange.reply = Some(Reply { status: status.parse().ok()?, fields, body });
        }
        [method, target, version] if version.starts_with("HTTP/1.") => {
            let (method, target) = (method.to_owned(), target.to_owned());
            exchange.request = Some(Request { method, target, fields, body });
        }
        _ => return None,
    }
    Some(exchange)
}

fn chunks(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|two| two == b"\r\n")?;
        let line = std::str::from_utf8(&rest[..end]).ok()?;
        let size = usize::from_str_radix(line.split(';').next()?.trim(), 16).ok()?;
        rest = &rest[end + 2..];
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size + 2..)?;
    }
}

/// True for PEM, base64 and the like.
fn is_encoded(bytes: &[u8]) -> bool {
    use content::Content::{Base64, Hexadecimal, Pem};
    matches!(content::Content::of(bytes), Pem(_) | Base64(_) | Hexadecimal(_))
}

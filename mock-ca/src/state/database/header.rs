//! The first bytes of a database (sqlite.org/fileformat.html §1.3), read before SQLite opens the file: a file of another
//! program stays as it is.

use std::path::{Path, PathBuf};

use super::{
    super::{StateError, error::damaged, files, modes},
    schema::{APPLICATION_ID, VERSION},
    upgrade::VERSION_3,
};

const LENGTH: usize = 100;
const MAGIC: &[u8] = b"SQLite format 3\0";

/// The fields of the header that tell a database of this program from others.
struct Header {
    page_bytes: u64,
    pages: u64,
    user_version: u32,
    application_id: u32,
}

/// Refuses a file that is not a whole database of this program; returns its version, which is this one or one that is upgraded.
pub(in crate::state) fn expect_ours(path: &Path) -> Result<u32, StateError> {
    let Some((first, length)) = files::read_beginning(path, LENGTH)? else {
        return Err(StateError::Missing(path.to_owned()));
    };
    let beside = companions(path).map(|path| files::expect_regular(&path));
    let beside = beside.into_iter().collect::<Result<Vec<_>, _>>()?;
    let header = Header::parse(&first).ok_or_else(|| damaged(path, &no_database(&first)))?;
    if header.application_id != APPLICATION_ID {
        return Err(StateError::ForeignDatabase(path.to_owned()));
    }
    match header.user_version {
        VERSION | VERSION_3 => {}
        found if found > VERSION => {
            return Err(StateError::Newer { path: path.to_owned(), found, known: VERSION });
        }
        other => return Err(damaged(path, &format!("the version {other} is not known"))),
    }
    // Pages that a crash kept from their place are still in a file beside it.
    let is_complete = beside.iter().flatten().all(|metadata| metadata.len() == 0);
    let whole = header.pages.saturating_mul(header.page_bytes);
    if length < whole && is_complete {
        return Err(damaged(path, &format!("it is cut off after {length} of {whole} bytes")));
    }
    Ok(header.user_version)
}

/// Refuses a database that others can read or change, itself or by a file beside it, which SQLite would take over when it opens it.
pub(in crate::state) fn expect_private(path: &Path) -> Result<(), StateError> {
    modes::ANYTHING.expect(path)?;
    companions(path).iter().try_for_each(|path| modes::ANYTHING.expect(path))
}

/// The files that SQLite keeps beside a database.
fn companions(path: &Path) -> [PathBuf; 3] {
    ["-wal", "-shm", "-journal"].map(|ending| {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    })
}

fn no_database(first: &[u8]) -> &'static str {
    match first {
        [] => "it is empty",
        cut if cut.len() < LENGTH && MAGIC.starts_with(&cut[..cut.len().min(MAGIC.len())]) => {
            "it is cut off"
        }
        _ => "it is no database of SQLite",
    }
}

impl Header {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let rest = bytes.get(..LENGTH)?;
        let number = |at: usize| rest.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes);
        let page_bytes = match rest[16..18] {
            [0, 1] => 65_536,
            [high, low] => u64::from(u16::from_be_bytes([high, low])),
            _ => return None,
        };
        rest.starts_with(MAGIC).then_some(Self {
            page_bytes,
            pages: number(28)?.into(),
            user_version: number(60)?,
            application_id: number(68)?,
        })
    }
}

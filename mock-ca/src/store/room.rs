//! The room for records in a database that is not on disk.

use rusqlite::Connection;

use crate::state::QueryError;

/// Forgets requests that were denied, the oldest first, until the database has no more pages than these. If they are not enough,
/// the change fails as a whole, and none is forgotten.
pub(super) fn make_room(connection: &Connection, pages: Option<u32>) -> Result<(), QueryError> {
    let Some(pages) = pages else { return Ok(()) };
    while occupied(connection)? > pages {
        let query =
            "DELETE FROM request WHERE number = (SELECT min(number) FROM request WHERE denied = 1)";
        if connection.prepare_cached(query)?.execute([])? == 0 {
            return Err(QueryError::NoMemory);
        }
    }
    Ok(())
}

/// The number of pages with something in them.
fn occupied(connection: &Connection) -> Result<u32, QueryError> {
    let query = "SELECT page_count - freelist_count FROM pragma_page_count, pragma_freelist_count";
    Ok(connection.prepare_cached(query)?.query_row([], |row| row.get(0))?)
}

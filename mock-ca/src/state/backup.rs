//! A copy of a state, which a server may use meanwhile.

use std::{fs, path::Path};

use super::{
    StateError, authority,
    database::{self, DATABASE},
    error::at,
    files,
    layout::Content,
    modes,
};

/// Copies a state to a directory that does not exist or is empty, as it is between two changes. A server may use the state
/// meanwhile, and can be started with the copy.
///
/// A copy that continues beside its original gives out the same serial numbers.
///
/// # Errors
/// If there is no state of this version, the other directory has something in it, or a file cannot be read or written.
///
/// ```
/// use scep::clock::Clock;
///
/// use mock_ca::{Ca, PersonalityName, Settings, back_up};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let folder = tempfile::tempdir()?;
/// let (state, copy) = (folder.path().join("state"), folder.path().join("copy"));
/// let mut settings = Settings::new("ca", PersonalityName::Rfc8894);
/// settings.state = Some(state.clone());
/// let ca = Ca::open(settings.clone(), Clock::system())?;
/// back_up(&state, &copy)?;
///
/// settings.state = Some(copy);
/// assert_eq!(Ca::open(settings, Clock::system())?.ca_certificate(), ca.ca_certificate());
/// # Ok(())
/// # }
/// ```
pub fn back_up(state: &Path, to: &Path) -> Result<(), StateError> {
    let database = state.join(DATABASE);
    if Content::of(state)? != Content::Current {
        return Err(StateError::Missing(database));
    }
    files::make_directory(to)?;
    if let Some(found) = files::entries(to)?.first() {
        let found = files::name_of(found).to_owned();
        return Err(StateError::NotEmpty { path: to.to_owned(), found });
    }
    modes::ENTRIES.expect(to)?;
    for path in files::entries(state)? {
        let name = files::name_of(&path);
        if authority::is_file(name) {
            files::write(&to.join(name), &files::read(&path)?)?;
        }
    }
    // Last, because a copy without it is refused.
    let unfinished = to.join(".unfinished.db");
    database::copy(&database, &unfinished)?;
    fs::rename(&unfinished, to.join(DATABASE)).map_err(at("rename", &unfinished))?;
    files::flush_directory(to)
}

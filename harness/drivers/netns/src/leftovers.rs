//! Folders of labs whose runner was killed.

use std::path::PathBuf;

use async_trait::async_trait;
use testbed::leftovers::{Leftover, Removal, State, Thing};

use super::folder;

/// The folders of this user's labs whose runners are dead.
pub fn leftovers() -> Vec<Leftover> {
    let leftover = |folder: PathBuf| Leftover {
        what: format!("folder `{}`", folder.display()),
        state: State::Dead,
        thing: Box::new(Folder(folder)),
    };
    folder::those_of_the_dead().into_iter().map(leftover).collect()
}

struct Folder(PathBuf);

#[async_trait]
impl Thing for Folder {
    async fn remove(&self) -> Result<Removal, String> {
        super::forget_the_gone();
        let removed = folder::remove_if_dead(&self.0);
        removed.map(|()| Removal::Removed).map_err(|error| error.to_string())
    }
}

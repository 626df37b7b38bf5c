//! What labs left that ended before they could remove it: folders of the user's own, and what an engine has of them.

#[cfg(feature = "docker")]
mod on_engine;

use std::path::PathBuf;

#[cfg(feature = "docker")]
use self::on_engine::OnEngine;
#[cfg(target_os = "linux")]
use super::netns;

/// Something that a lab left, or that one that stands is made of.
#[derive(Debug)]
pub struct Leftover {
    /// What it is, in words: ``container `sceplab-x` of scep/linux-pki``.
    pub what: String,
    /// Whose it is.
    pub state: State,
    thing: Thing,
}

/// Whether somebody still needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Its run is dead.
    Dead,
    /// Its run is going.
    Living,
    /// Its run was, or is, on another machine or in another container.
    Elsewhere,
}

/// How the removal of something ended, where nothing went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// It is gone.
    Removed,
    /// A container needs it, and it stays.
    InUse,
}

/// All that was found.
#[derive(Debug, Default)]
pub struct Found {
    /// In the order in which it can be removed.
    pub leftovers: Vec<Leftover>,
    /// Where nothing can be, and why.
    pub nothing_there: Option<String>,
    /// Where could not be looked, and why.
    pub unseen: Option<String>,
}

#[derive(Debug)]
enum Thing {
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "made on Linux alone"))]
    Folder(PathBuf),
    #[cfg(feature = "docker")]
    OnEngine(Box<OnEngine>),
}

/// Looks everywhere.
pub async fn find() -> Found {
    let mut found = on_engine().await;
    found.leftovers.extend(folders());
    found
}

impl Leftover {
    /// Removes it, whatever its state.
    ///
    /// # Errors
    /// Why it is still there, in words.
    #[cfg_attr(
        not(feature = "docker"),
        expect(clippy::unused_async, reason = "only what is on an engine is waited for")
    )]
    pub async fn remove(&self) -> Result<Removal, String> {
        match &self.thing {
            Thing::Folder(folder) => remove_folder(folder),
            #[cfg(feature = "docker")]
            Thing::OnEngine(thing) => thing.remove().await,
        }
    }
}

#[cfg(target_os = "linux")]
fn folders() -> Vec<Leftover> {
    let leftover = |folder: PathBuf| Leftover {
        what: format!("folder `{}`", folder.display()),
        state: State::Dead,
        thing: Thing::Folder(folder),
    };
    netns::those_of_the_dead().into_iter().map(leftover).collect()
}

#[cfg(target_os = "linux")]
fn remove_folder(folder: &std::path::Path) -> Result<Removal, String> {
    netns::forget_the_gone();
    netns::remove_if_dead(folder).map(|()| Removal::Removed).map_err(|error| error.to_string())
}

#[cfg(not(target_os = "linux"))]
fn folders() -> Vec<Leftover> {
    Vec::new()
}

#[cfg(not(target_os = "linux"))]
fn remove_folder(_: &std::path::Path) -> Result<Removal, String> {
    Ok(Removal::Removed)
}

#[cfg(feature = "docker")]
async fn on_engine() -> Found {
    on_engine::find().await
}

#[cfg(not(feature = "docker"))]
#[expect(clippy::unused_async, reason = "only an engine is waited for")]
async fn on_engine() -> Found {
    let why =
        "this program was built without the feature `docker`, and does not look for containers";
    Found { nothing_there: Some(why.to_owned()), ..Found::default() }
}

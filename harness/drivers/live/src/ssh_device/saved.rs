//! Saves a device's configuration in a file that only the user can read, until it has been restored.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::configuration::Configuration;
use model::lab::SshTarget;

/// Saves a configuration; the file must be removed after the configuration was restored.
pub(super) fn save(
    name: &str,
    target: &SshTarget,
    configuration: &Configuration,
) -> io::Result<PathBuf> {
    let mut file = tempfile::Builder::new()
        .prefix(&prefix(name, target))
        .suffix(".conf")
        .tempfile_in(folder()?)?;
    write!(
        file,
        "# The configuration of {name} ({target}) before sceplab changed it.\n\
         # To put it back by hand: log in, `configure`, delete lines that are not here, type these lines, `commit`.\n{}",
        configuration.text()
    )?;
    file.as_file().sync_all()?;
    Ok(file.keep()?.1)
}

/// The timeout for another session with the same device to end.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// Locks the device at that address against other runs of this user, as long as the file is open.
///
/// # Errors
/// If another run has locked it, because this run would then save the other one's configuration as the device's own.
pub(super) async fn lock(target: &SshTarget) -> Result<File, String> {
    let failed = |error: io::Error| format!("it cannot be locked for this run: {error}");
    let name = format!("{}.lock", plain(&format!("{}-{}", target.host, target.port)));
    let path = folder().map_err(failed)?.join(name);
    let file = File::options().create(true).append(true).open(path).map_err(failed)?;
    let deadline = Instant::now() + LOCK_TIMEOUT;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
            Err(TryLockError::WouldBlock) if Instant::now() >= deadline => {
                return Err("another run of sceplab uses it; wait until that has ended".to_owned());
            }
            Err(TryLockError::WouldBlock) => sleep(Duration::from_millis(50)).await,
        }
    }
}

/// The files for a device that earlier runs left.
pub(super) fn leftovers(name: &str, target: &SshTarget) -> Vec<PathBuf> {
    let prefix = prefix(name, target);
    let entries = folder().and_then(fs::read_dir).into_iter().flatten().flatten();
    let meant = entries.filter(|it| it.file_name().to_string_lossy().starts_with(&prefix));
    meant.map(|entry| entry.path()).collect()
}

fn prefix(name: &str, target: &SshTarget) -> String {
    format!("{}--", plain(&format!("{name}-{}-{}", target.host, target.port)))
}

/// A text, changed so that it can be part of a file's name.
fn plain(text: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    text.trim_start_matches('.').chars().map(plain).collect()
}

/// The folder `sceplab` in the user's state folder (XDG Base Directory Specification), or the folder for temporary files.
fn folder() -> io::Result<PathBuf> {
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from);
    let home = || std::env::home_dir().filter(|home| home.is_absolute());
    let state = state.filter(|state| state.is_absolute());
    let state = state.or_else(|| home().map(|home| home.join(".local/state")));
    let mut builder = DirBuilder::new();
    builder.recursive(true).mode(0o700);
    let folder = state.map(|state| state.join("sceplab"));
    let folder = folder.filter(|folder| builder.create(folder).is_ok());
    let folder = folder.unwrap_or_else(std::env::temp_dir);
    builder.create(&folder).map(|()| folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn saved_configuration_stays() {
        let target = SshTarget::new("admin", "198.51.100.7", 22);
        let configuration = Configuration::parse("set a b").unwrap();
        let path = save("saved", &target, &configuration).unwrap();
        assert!(fs::read_to_string(&path).unwrap().ends_with("`commit`.\nset a b\n"));
        assert!(leftovers("saved", &target).contains(&path));
        fs::remove_file(path).unwrap();
    }
}

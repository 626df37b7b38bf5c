//! A device's configuration as it was, in a file that only the user can read, as long as it is not put back.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::configuration::Configuration;
use model::lab::SshTarget;

/// Writes a configuration down; the file stays until it is removed, if nobody has put the configuration back.
pub(super) fn write_down(
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
        "# The configuration of {name} ({target}) as it was before sceplab changed it.\n\
         # To put it back by hand: log in, `configure`, delete what is not here, type these lines, `commit`.\n{}",
        configuration.text()
    )?;
    file.as_file().sync_all()?;
    Ok(file.keep()?.1)
}

/// How long the end of another session with the same device is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Keeps other runs of this user off the device at that address, as long as the file is open.
///
/// # Errors
/// When another run has it, which would take this one's configuration for the device's own.
pub(super) async fn claim(target: &SshTarget) -> Result<File, String> {
    let unclaimed = |error: io::Error| format!("it cannot be claimed for this run: {error}");
    let name = format!("{}.lock", plain(&format!("{}-{}", target.host, target.port)));
    let path = folder().map_err(unclaimed)?.join(name);
    let file = File::options().create(true).append(true).open(path).map_err(unclaimed)?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(unclaimed(error)),
            Err(TryLockError::WouldBlock) if Instant::now() >= deadline => {
                return Err("another run of sceplab uses it; wait until that has ended".to_owned());
            }
            Err(TryLockError::WouldBlock) => sleep(Duration::from_millis(50)).await,
        }
    }
}

/// What earlier runs left of a device.
pub(super) fn leftovers(name: &str, target: &SshTarget) -> Vec<PathBuf> {
    let prefix = prefix(name, target);
    let entries = folder().and_then(fs::read_dir).into_iter().flatten().flatten();
    let meant = entries.filter(|it| it.file_name().to_string_lossy().starts_with(&prefix));
    meant.map(|entry| entry.path()).collect()
}

fn prefix(name: &str, target: &SshTarget) -> String {
    format!("{}--", plain(&format!("{name}-{}-{}", target.host, target.port)))
}

/// A text as part of a file's name.
fn plain(text: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    text.trim_start_matches('.').chars().map(plain).collect()
}

/// `sceplab` in the folder for what programs remember (the XDG Base Directory Specification), or else where files are
/// temporary.
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
    fn what_was_saved_stays() {
        let target = SshTarget::new("admin", "198.51.100.7", 22);
        let configuration = Configuration::parse("set a b").unwrap();
        let path = write_down("saved", &target, &configuration).unwrap();
        assert!(fs::read_to_string(&path).unwrap().ends_with("`commit`.\nset a b\n"));
        assert!(leftovers("saved", &target).contains(&path));
        fs::remove_file(path).unwrap();
    }
}

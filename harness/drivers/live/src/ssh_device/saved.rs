//! Saves a device's configuration in a file that only the user can read, until it has been restored.

use std::fs::{self, DirBuilder, File, Metadata, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use files::Readers;
use openssl::rand::rand_bytes;
use tokio::time::{Instant, sleep};

use super::configuration::Configuration;
use model::lab::SshTarget;

/// Saves a configuration; the file must be removed after the configuration was restored.
pub(super) fn save(
    name: &str,
    target: &SshTarget,
    configuration: &Configuration,
) -> io::Result<PathBuf> {
    let text = format!(
        "# The configuration of {name} ({target}) before sceplab changed it.\n\
         # To put it back by hand: log in, `configure`, delete lines that are not here, type these lines, `commit`.\n{}",
        configuration.text()
    );
    let folder = folder()?;
    loop {
        let path = folder.join(format!("{}{}.conf", prefix(name, target), random_name()?));
        match files::create_new(&path, text.as_bytes(), Readers::Owner) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => return made.map(|()| path),
        }
    }
}

/// Eight hexadecimal digits.
fn random_name() -> io::Result<String> {
    let mut bytes = [0; 4];
    rand_bytes(&mut bytes).map_err(io::Error::other)?;
    Ok(format!("{:08x}", u32::from_ne_bytes(bytes)))
}

/// The timeout for another session with the same device to end.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// A lock on a device against other runs of this user. Its file is removed with it.
#[derive(Debug)]
pub(super) struct DeviceLock {
    /// The lock ends when it is closed.
    _file: File,
    path: PathBuf,
}

impl Drop for DeviceLock {
    fn drop(&mut self) {
        // The lock is still held, and a run that waits for it finds out that the file is gone.
        let _ = fs::remove_file(&self.path);
    }
}

/// Locks the device at that address.
///
/// # Errors
/// If another run has locked it, because this run would then save the other one's configuration as the device's own.
pub(super) async fn lock(target: &SshTarget) -> Result<DeviceLock, String> {
    let failed = |error: io::Error| format!("it cannot be locked for this run: {error}");
    let name = format!("{}.lock", plain(&format!("{}-{}", target.host, target.port)));
    let path = folder().map_err(failed)?.join(name);
    let deadline = Instant::now() + LOCK_TIMEOUT;
    loop {
        let file = File::options().create(true).append(true).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) if is_at(&file, &path) => return Ok(DeviceLock { _file: file, path }),
            // The run that had it has removed it in the meantime.
            Ok(()) => {}
            Err(TryLockError::Error(error)) => return Err(failed(error)),
            Err(TryLockError::WouldBlock) if Instant::now() >= deadline => {
                return Err("another run of sceplab uses it; wait until that has ended".to_owned());
            }
            Err(TryLockError::WouldBlock) => sleep(Duration::from_millis(50)).await,
        }
    }
}

/// True if the path still leads to this file.
fn is_at(file: &File, path: &Path) -> bool {
    let identity = |metadata: Metadata| (metadata.dev(), metadata.ino());
    let there = fs::metadata(path).map(identity);
    file.metadata().map(identity).is_ok_and(|own| there.is_ok_and(|there| there == own))
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

    #[tokio::test]
    async fn lock_of_device_leaves_no_file() {
        let target = SshTarget::new("admin", "198.51.100.8", 22);
        let path = {
            let first = lock(&target).await.unwrap();
            let path = first.path.clone();
            let waiting =
                tokio::spawn(async move { lock(&target).await.map(|it| it.path.clone()) });
            tokio::task::yield_now().await;
            assert!(!waiting.is_finished() && path.exists());
            drop(first);
            assert_eq!(waiting.await.unwrap().unwrap(), path);
            path
        };
        assert!(!path.exists());
    }
}

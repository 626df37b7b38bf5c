//! Single files that are written as a whole.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use tempfile::NamedTempFile;

/// Limit of links that are followed; the kernel has the same.
const LINKS: usize = 40;

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// Its owner.
    Owner,
    /// All users, as far as the user's file mode creation mask permits.
    Everyone,
}

impl Readers {
    pub(crate) fn mode(self) -> u32 {
        match self {
            Self::Owner => 0o600,
            Self::Everyone => 0o666,
        }
    }
}

/// Writes a file beside its place, flushes it and renames it: a reader sees the old file or the whole new one, and so does who
/// looks after a crash. Links are followed. A file that everyone may read keeps the permissions of the one that it replaces.
///
/// # Errors
/// If the file cannot be written; then the old one is unchanged.
pub fn replace(path: &Path, bytes: &[u8], readers: Readers) -> io::Result<()> {
    let place = end_of_links(path);
    let draft = draft(&place, bytes, readers)?;
    if let (Readers::Everyone, Ok(old)) = (readers, fs::metadata(&place)) {
        draft.as_file().set_permissions(old.permissions())?;
    }
    draft.persist(&place)?;
    sync_folder_of(&place);
    Ok(())
}

/// Writes a file like [`replace`], but does not flush it: a reader sees the old file or the whole new one, and after a crash of the machine
/// it may be missing.
///
/// # Errors
/// If the file cannot be written; then the old one is unchanged.
pub fn replace_unflushed(path: &Path, bytes: &[u8], readers: Readers) -> io::Result<()> {
    let place = end_of_links(path);
    unflushed_draft(&place, bytes, readers)?.persist(&place)?;
    Ok(())
}

/// Checks that [`replace`] can write a file there, and leaves nothing.
///
/// # Errors
/// If it cannot.
pub fn check_replace(path: &Path) -> io::Result<()> {
    draft(&end_of_links(path), b"", Readers::Owner).map(drop)
}

/// Writes a file like [`replace`], but only if there is none.
///
/// # Errors
/// If the file cannot be written, or exists.
pub fn create_new(path: &Path, bytes: &[u8], readers: Readers) -> io::Result<()> {
    draft(path, bytes, readers)?.persist_noclobber(path)?;
    sync_folder_of(path);
    Ok(())
}

/// A complete and flushed file beside the place.
fn draft(place: &Path, bytes: &[u8], readers: Readers) -> io::Result<NamedTempFile> {
    let draft = unflushed_draft(place, bytes, readers)?;
    draft.as_file().sync_all()?;
    Ok(draft)
}

/// A complete file beside the place.
fn unflushed_draft(place: &Path, bytes: &[u8], readers: Readers) -> io::Result<NamedTempFile> {
    let permissions = Permissions::from_mode(readers.mode());
    let mut draft = tempfile::Builder::new();
    let draft = draft.prefix(".sceplab-").suffix(".tmp").permissions(permissions);
    let mut draft = draft.tempfile_in(folder_of(place))?;
    draft.write_all(bytes)?;
    Ok(draft)
}

/// Flushes the names in the folder of a file. Some file systems cannot; the file is in its place all the same.
fn sync_folder_of(place: &Path) {
    let _ = File::open(folder_of(place)).and_then(|folder| folder.sync_all());
}

/// The folder of a file.
fn folder_of(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// The path at the end of a chain of links, even if it does not exist yet.
pub fn end_of_links(path: &Path) -> PathBuf {
    fn followed(path: &Path, links: usize) -> PathBuf {
        match fs::read_link(path) {
            Ok(target) if links > 0 => followed(&path.with_file_name("").join(target), links - 1),
            _ => path.to_owned(),
        }
    }
    followed(path, LINKS)
}

/// A file that grows for a long time, such as a capture. Until it is finished, it has the suffix `.partial`, and what was there before
/// stays. A device or a pipe is written to directly.
#[derive(Debug)]
pub struct Growing {
    file: File,
    /// The path until the file is finished, and the one after that.
    renamed: Option<(PathBuf, PathBuf)>,
}

impl Growing {
    /// Begins a file for this place, for these readers; links are followed.
    ///
    /// # Errors
    /// If the file cannot be made, or is a pipe that nobody reads.
    pub fn begin(path: &Path, readers: Readers) -> io::Result<Self> {
        let path = end_of_links(path);
        if fs::metadata(&path).is_ok_and(|it| !it.is_file()) {
            return Ok(Self { file: open_special(&path)?, renamed: None });
        }
        let mut partial = path.clone().into_os_string();
        partial.push(".partial");
        let partial = PathBuf::from(partial);
        // One that an earlier run left is replaced, and what another user put there is not followed.
        match fs::remove_file(&partial) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mode = readers.mode();
        let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&partial)?;
        Ok(Self { file, renamed: Some((partial, path)) })
    }

    /// Flushes the file and renames it to its place.
    ///
    /// # Errors
    /// If that fails; then the file keeps its name with the suffix.
    pub fn finish(self) -> io::Result<()> {
        let Some((partial, path)) = self.renamed else { return Ok(()) };
        self.file.sync_all()?;
        fs::rename(&partial, &path)?;
        sync_folder_of(&path);
        Ok(())
    }
}

/// Opens a file for lines at its end; it is made if it does not exist. A device or a pipe is opened without waiting for a reader.
///
/// # Errors
/// If it cannot be opened or made, or is a pipe that nobody reads.
pub fn append_to(path: &Path) -> io::Result<File> {
    if fs::metadata(path).is_ok_and(|it| !it.is_file()) {
        return open_special(path);
    }
    OpenOptions::new().create(true).append(true).open(path)
}

/// Opens a device or a pipe for writing, without waiting for a reader.
fn open_special(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().write(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path);
    let file = file.map_err(|error| match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::ENXIO) => {
            io::Error::other("it is a pipe that nobody reads; start its reader first")
        }
        _ => error,
    })?;
    let flags = OFlag::from_bits_retain(fcntl(&file, FcntlArg::F_GETFL)?);
    fcntl(&file, FcntlArg::F_SETFL(flags - OFlag::O_NONBLOCK))?;
    Ok(file)
}

impl Write for Growing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn replaced_file_keeps_its_permissions_and_links_lead_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        symlink("file", &link).unwrap();
        replace(&link, b"one", Readers::Everyone).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
        replace(&link, b"two", Readers::Everyone).unwrap();
        assert_eq!((fs::read(&file).unwrap(), mode(&file)), (b"two".to_vec(), 0o640));
        assert!(link.is_symlink());
        replace(&link, b"secret", Readers::Owner).unwrap();
        assert_eq!(mode(&file), 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn new_file_does_not_replace_another() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        create_new(&file, b"one", Readers::Owner).unwrap();
        let error = create_new(&file, b"two", Readers::Owner).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&file).unwrap(), b"one");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn growing_file_takes_its_place_when_it_is_finished() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.pcap");
        fs::write(&file, "old").unwrap();
        let mut growing = Growing::begin(&file, Readers::Owner).unwrap();
        growing.write_all(b"new").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"old");
        // A run that was killed leaves the partial file, and the next one replaces it.
        drop(growing);
        assert!(folder.path().join("a.pcap.partial").exists());
        let mut growing = Growing::begin(&file, Readers::Owner).unwrap();
        growing.write_all(b"newer").unwrap();
        growing.finish().unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"newer");
        assert_eq!(mode(&file), 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}

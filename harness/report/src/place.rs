//! The places of reports, to find out if two are one file.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use files::end_of_links;

/// The place of a report, however its path is spelled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReportPlace {
    /// A file that exists: its device and inode.
    Existing(u64, u64),
    /// A file that does not exist yet.
    New(PathBuf),
}

impl ReportPlace {
    /// The place at a path; `None` for `/dev/null`, which loses nothing that anybody wants.
    pub fn of(path: &Path) -> Option<Self> {
        if let Ok(metadata) = fs::metadata(path) {
            return Self::existing(&metadata);
        }
        let path = end_of_links(path);
        let folder = path.parent().filter(|folder| *folder != Path::new(""));
        let folder = folder.unwrap_or(Path::new(".")).canonicalize().ok()?;
        Some(Self::New(folder.join(path.file_name()?)))
    }

    /// The place of standard output.
    pub fn of_stdout() -> Option<Self> {
        Self::of(Path::new("/dev/stdout"))
    }

    fn existing(metadata: &Metadata) -> Option<Self> {
        let null = fs::metadata("/dev/null").map(|null| null.rdev());
        let is_null = metadata.rdev() != 0 && null.is_ok_and(|null| null == metadata.rdev());
        (!is_null).then(|| Self::Existing(metadata.dev(), metadata.ino()))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn one_file_has_one_place_whatever_its_spelling() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a");
        let link = folder.path().join("link");
        symlink("a", &link).unwrap();
        fs::create_dir(folder.path().join("sub")).unwrap();
        let spellings = [file.clone(), folder.path().join("./sub/../a"), link];
        let new = ReportPlace::of(&file);
        assert!(new.is_some());
        assert!(spellings.iter().all(|path| ReportPlace::of(path) == new));
        fs::write(&file, "").unwrap();
        fs::hard_link(&file, folder.path().join("hard")).unwrap();
        let there = ReportPlace::of(&file);
        assert!(spellings.iter().all(|path| ReportPlace::of(path) == there));
        assert_eq!(ReportPlace::of(&folder.path().join("hard")), there);
        assert_ne!(ReportPlace::of(&folder.path().join("b")), there);
        assert_eq!(ReportPlace::of(Path::new("/dev/null")), None);
    }
}

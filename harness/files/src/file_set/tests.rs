//! Stops after each change of the file system, as a killed run does, and looks at what is there.

use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

use super::*;
use crate::disk::stopping::StoppingDisk;

const MEMBERS: [Member; 2] = [
    Member { name: "key", readers: Readers::Owner },
    Member { name: "certificate", readers: Readers::Everyone },
];

fn set(folder: &TempDir) -> FileSet {
    FileSet::new(folder.path().join("mine"), &MEMBERS)
}

/// What a reader finds: nothing, or the number of a whole pair.
fn found(set: &FileSet) -> Option<String> {
    let read = |name| fs::read_to_string(set.file(name)).ok();
    let [key, certificate] = ["key", "certificate"].map(read);
    assert_eq!(key, certificate, "no whole pair");
    key
}

fn write_pair(set: &FileSet, disk: &dyn Disk, pair: &str) -> io::Result<()> {
    let mut draft = Draft::begin(set, disk)?;
    draft.write("key", pair.as_bytes(), Readers::Owner)?;
    draft.reserve(10)?;
    draft.release()?;
    draft.write("certificate", pair.as_bytes(), Readers::Everyone)?;
    draft.put_in_place()
}

/// Writes a pair after each number of changes at which the run stops; `make` prepares the folder.
fn stop_after_each_change(make: impl Fn(&FileSet), before: Option<&str>) {
    let mut steps = 0;
    loop {
        let folder = tempfile::tempdir().unwrap();
        let set = set(&folder);
        make(&set);
        let disk = StoppingDisk::after(steps);
        let written = write_pair(&set, &disk, "new");
        let there = found(&set);
        assert!(
            there.as_deref() == before || there.as_deref() == Some("new"),
            "{steps}: {there:?}"
        );
        if written.is_ok() && !disk.has_stopped() {
            assert_eq!(there.as_deref(), Some("new"));
            assert!(steps > 15, "{steps}");
            return;
        }
        // The next run puts in place what was complete, and then works as if nothing had happened.
        set.finish_earlier().unwrap();
        let there = found(&set);
        assert!(
            there.as_deref() == before || there.as_deref() == Some("new"),
            "{steps}: {there:?}"
        );
        write_pair(&set, &Kernel, "newer").unwrap();
        assert_eq!(found(&set).as_deref(), Some("newer"), "{steps}");
        assert_eq!(fs::read_dir(set.folder().join(VERSIONS)).unwrap().count(), 2, "{steps}");
        steps += 1;
    }
}

#[test]
fn stopped_first_run_leaves_nothing_or_whole_pair() {
    stop_after_each_change(|_| {}, None);
}

#[test]
fn stopped_run_leaves_old_or_new_pair() {
    stop_after_each_change(|set| write_pair(set, &Kernel, "old").unwrap(), Some("old"));
}

#[test]
fn stopped_run_leaves_old_or_new_pair_where_files_were_no_links() {
    let make = |set: &FileSet| {
        fs::create_dir(set.folder()).unwrap();
        for name in ["key", "certificate"] {
            fs::write(set.file(name), "old").unwrap();
        }
    };
    stop_after_each_change(make, Some("old"));
}

#[test]
fn files_that_replaced_the_links_are_taken_over() {
    let folder = tempfile::tempdir().unwrap();
    let set = set(&folder);
    write_pair(&set, &Kernel, "old").unwrap();
    for name in ["key", "certificate"] {
        fs::remove_file(set.file(name)).unwrap();
        fs::write(set.file(name), "by hand").unwrap();
    }
    stop_and_find(&set, "by hand");
    write_pair(&set, &Kernel, "new").unwrap();
    assert_eq!(found(&set).as_deref(), Some("new"));
}

/// A run that is stopped before its files are in place.
fn stop_and_find(set: &FileSet, expected: &str) {
    let draft = set.begin().unwrap();
    assert_eq!(found(set).as_deref(), Some(expected));
    drop(draft);
    assert_eq!(found(set).as_deref(), Some(expected));
}

#[test]
fn draft_without_result_leaves_no_folder() {
    let folder = tempfile::tempdir().unwrap();
    let set = FileSet::new(folder.path().join("a/b/c"), &MEMBERS);
    drop(set.begin().unwrap());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn kept_draft_survives_the_next_run() {
    let folder = tempfile::tempdir().unwrap();
    let set = set(&folder);
    let draft = set.begin().unwrap();
    draft.write("key", b"precious", Readers::Owner).unwrap();
    let Kept::InPart(kept) = draft.keep() else { panic!("it has no certificate") };
    write_pair(&set, &Kernel, "new").unwrap();
    assert_eq!(fs::read(kept.join("key")).unwrap(), b"precious");
}

/// Refuses one change of the writing of a pair, and compares what is kept with what is there.
fn refuse_each_change(make: impl Fn(&FileSet), before: Option<&str>) {
    let mut seen = [false; 3];
    for step in 0.. {
        let folder = tempfile::tempdir().unwrap();
        let set = set(&folder);
        make(&set);
        let disk = StoppingDisk::refusing_one_after(step);
        let Ok(mut draft) = Draft::begin(&set, &disk) else {
            assert_eq!(found(&set).as_deref(), before, "{step}");
            continue;
        };
        let written = ["key", "certificate"]
            .into_iter()
            .try_for_each(|name| draft.write(name, b"new", Readers::Owner))
            .and_then(|()| draft.put_in_place());
        if written.is_ok() {
            assert_eq!(found(&set).as_deref(), Some("new"));
            break;
        }
        match draft.keep() {
            Kept::InPart(kept) => {
                seen[0] = true;
                assert_eq!(found(&set).as_deref(), before, "{step}");
                assert!(kept.exists(), "{step}");
                assert!(!set.finish_earlier().unwrap(), "{step}");
            }
            Kept::Complete(kept) => {
                seen[1] = true;
                assert_eq!(found(&set).as_deref(), before, "{step}");
                assert_eq!(fs::read(kept.join("key")).unwrap(), b"new", "{step}");
                assert!(set.finish_earlier().unwrap(), "{step}");
                assert_eq!(found(&set).as_deref(), Some("new"), "{step}");
            }
            Kept::InPlace => {
                seen[2] = true;
                assert_eq!(found(&set).as_deref(), Some("new"), "{step}");
            }
        }
    }
    assert_eq!(seen, [true; 3]);
}

#[test]
fn refused_change_is_told_as_what_it_left() {
    refuse_each_change(|_| {}, None);
    refuse_each_change(|set| write_pair(set, &Kernel, "old").unwrap(), Some("old"));
}

#[test]
fn folder_is_locked_while_a_version_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let set = set(&folder);
    let draft = set.begin().unwrap();
    assert_eq!(set.begin().unwrap_err().kind(), io::ErrorKind::ResourceBusy);
    drop(draft);
    set.begin().unwrap();
}

#[test]
fn only_the_owner_can_read_a_secret_file() {
    let folder = tempfile::tempdir().unwrap();
    let set = set(&folder);
    write_pair(&set, &Kernel, "new").unwrap();
    let mode = |name| fs::metadata(set.file(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("key"), 0o600);
    assert_ne!(mode("certificate") & 0o400, 0);
}

#[test]
fn nothing_is_removed_if_the_current_version_cannot_be_found_out() {
    let folder = tempfile::tempdir().unwrap();
    let set = set(&folder);
    write_pair(&set, &Kernel, "old").unwrap();
    let current = set.folder().join(VERSIONS).join(CURRENT);
    let version = set.folder().join(VERSIONS).join(fs::read_link(&current).unwrap());
    fs::remove_file(&current).unwrap();
    fs::write(&current, "no link").unwrap();
    assert!(write_pair(&set, &Kernel, "new").is_err());
    assert!(set.finish_earlier().is_err());
    assert_eq!(fs::read_to_string(version.join("key")).unwrap(), "old");
}

#[test]
fn pipe_in_place_of_the_folder_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let set = set(&folder);
    nix::unistd::mkfifo(set.folder(), nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert!(write_pair(&set, &Kernel, "new").is_err());
}

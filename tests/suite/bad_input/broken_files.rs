//! Files that are no scenario at all, and paths that lead to none.

use std::fs;

use super::{Files, LAB};
use crate::suite::sceplab::run_in;

#[test]
fn an_empty_file_says_what_is_missing() {
    for text in ["", "\n\n", "# only a comment\n", "---\n", "{}\n"] {
        let told = Files::with(text).refused();
        assert!(told.contains("a.yaml"), "{told}");
        assert!(told.contains("empty") || told.contains("lacks the field"), "{told}");
    }
}

#[test]
fn a_file_that_is_not_utf_8_says_where() {
    let told = Files::with(b"title: T\nlab: \xff\xfe\n").refused();
    assert!(told.contains("not UTF-8: byte 0xff at offset 14, in line 2"), "{told}");
    let utf16: Vec<u8> = "title: T".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(!Files::with(utf16).refused().is_empty());
}

#[test]
fn bytes_of_any_kind_are_refused() {
    for bytes in [&b"\0\0\0\0"[..], b"\x7fELF\x02\x01\x01", b"\x1b[2J\x1b[31m", b"\r\r\r\t\t"] {
        let told = Files::with(bytes).refused();
        assert!(!told.contains('\x1b'), "{told:?}");
    }
}

#[test]
fn a_tab_is_no_indentation() {
    let told = Files::with("title: T\nlab: labs/lab.yaml\nsteps:\n\t- approve: {}\n").refused();
    assert!(told.contains("a.yaml:4:"), "{told}");
}

#[test]
fn a_missing_file_and_a_file_of_another_kind_are_named() {
    let files = Files::with("x");
    fs::write(files.path("notes.txt"), "x").unwrap();
    assert!(files.refused_at("nowhere.yaml").contains("there is no such file or folder"));
    assert!(files.refused_at("notes.txt").contains("ends in `.yaml` or `.yml`"));
    let run = run_in(files.folder.path(), &["run", "labs/lab.yaml"]);
    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(run.stderr.contains("this is a lab file"), "{run:?}");
}

#[test]
fn a_folder_in_place_of_a_file_is_named() {
    let files = Files::with("title: T\nlab: labs\nsteps: [approve: {}]\n");
    let told = files.refused();
    assert!(told.contains("a.yaml:2:6") && told.contains("folder"), "{told}");
    fs::create_dir(files.path("b.yaml")).unwrap();
    let empty = run_in(files.folder.path(), &["check", "b.yaml"]);
    assert_eq!(empty.code, Some(5), "{}", empty.stderr);
}

#[cfg(unix)]
#[test]
fn an_unreadable_file_is_named() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let files = Files::with(LAB);
    fs::set_permissions(files.path("a.yaml"), fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read(files.path("a.yaml")).is_err() {
        assert!(files.refused().contains("a.yaml"));
    }
    // Root reads whatever there is; nobody reads what is not there.
    fs::remove_file(files.path("a.yaml")).unwrap();
    symlink("gone.yaml", files.path("a.yaml")).unwrap();
    assert!(files.refused().contains("a.yaml"));
}

#[cfg(unix)]
#[test]
fn a_file_without_end_is_not_read_to_its_end() {
    use std::os::unix::fs::symlink;
    let files = Files::with("x");
    fs::remove_file(files.path("a.yaml")).unwrap();
    symlink("/dev/zero", files.path("a.yaml")).unwrap();
    assert!(files.refused().contains("a.yaml"));
}

#[test]
fn a_folder_with_nothing_in_it_is_nothing_selected() {
    let folder = tempfile::tempdir().unwrap();
    let ended = run_in(folder.path(), &["run", "."]);
    assert_eq!(ended.code, Some(5));
    assert!(ended.stderr.contains("there are no scenarios in `.`"), "{}", ended.stderr);
}

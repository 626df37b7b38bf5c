//! Files that are not scenarios, and paths without a scenario.

use std::fs;

use super::{Files, LAB};
use crate::suite::sceplab::run_in;

#[test]
fn empty_file_reports_missing_fields() {
    for text in ["", "\n\n", "# only a comment\n", "---\n", "{}\n"] {
        let told = Files::with(text).refused();
        assert!(told.contains("a.yaml"), "{told}");
        assert!(told.contains("empty") || told.contains("lacks the field"), "{told}");
    }
}

#[test]
fn invalid_utf8_is_reported_with_its_place() {
    let told = Files::with(b"title: T\nlab: \xff\xfe\n").refused();
    assert!(told.contains("not UTF-8: byte 0xff at offset 14, in line 2"), "{told}");
    let utf16: Vec<u8> = "title: T".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(!Files::with(utf16).refused().is_empty());
}

#[test]
fn binary_files_are_rejected() {
    for bytes in [&b"\0\0\0\0"[..], b"\x7fELF\x02\x01\x01", b"\x1b[2J\x1b[31m", b"\r\r\r\t\t"] {
        let told = Files::with(bytes).refused();
        assert!(!told.contains('\x1b'), "{told:?}");
    }
}

#[test]
fn tab_indentation_is_rejected() {
    let told = Files::with("title: T\nlab: labs/lab.yaml\nsteps:\n\t- approve: {}\n").refused();
    assert!(told.contains("a.yaml:4:"), "{told}");
}

#[test]
fn missing_file_and_wrong_kind_of_file_are_reported() {
    let files = Files::with("x");
    fs::write(files.path("notes.txt"), "x").unwrap();
    assert!(files.refused_at("nowhere.yaml").contains("there is no such file or folder"));
    assert!(files.refused_at("notes.txt").contains("ends in `.yaml` or `.yml`"));
    let run = run_in(files.folder.path(), &["run", "labs/lab.yaml"]);
    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(run.stderr.contains("this is a lab file"), "{run:?}");
}

#[test]
fn folder_in_place_of_a_file_is_reported() {
    let files = Files::with("title: T\nlab: labs\nsteps: [approve: {}]\n");
    let told = files.refused();
    assert!(told.contains("a.yaml:2:6") && told.contains("folder"), "{told}");
    fs::create_dir(files.path("b.yaml")).unwrap();
    let empty = run_in(files.folder.path(), &["check", "b.yaml"]);
    assert_eq!(empty.code, Some(5), "{}", empty.stderr);
}

#[cfg(unix)]
#[test]
fn unreadable_file_is_reported() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let files = Files::with(LAB);
    fs::set_permissions(files.path("a.yaml"), fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read(files.path("a.yaml")).is_err() {
        assert!(files.refused().contains("a.yaml"));
    }
    // Root can read every file, so the rest tests a missing one.
    fs::remove_file(files.path("a.yaml")).unwrap();
    symlink("gone.yaml", files.path("a.yaml")).unwrap();
    assert!(files.refused().contains("a.yaml"));
}

#[cfg(unix)]
#[test]
fn endless_file_is_rejected() {
    use std::os::unix::fs::symlink;
    let files = Files::with("x");
    fs::remove_file(files.path("a.yaml")).unwrap();
    symlink("/dev/zero", files.path("a.yaml")).unwrap();
    assert!(files.refused().contains("a.yaml"));
}

#[test]
fn empty_folder_selects_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let ended = run_in(folder.path(), &["run", "."]);
    assert_eq!(ended.code, Some(5));
    assert!(ended.stderr.contains("there are no scenarios in `.`"), "{}", ended.stderr);
}

//! States that are refused: nothing is changed, and the error says what would mend it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use mock_ca::{PersonalityName, Settings, StateError};
use rusqlite::Connection;
use tempfile::TempDir;

use super::{database, forget, kept, refusal, with_fresh_keys};
use crate::client::{LINUX, enrol, open, settings};

/// A state with these certificates, which no server uses.
async fn state(passwords: &[&str]) -> TempDir {
    let directory = TempDir::new().unwrap();
    fill(kept(PersonalityName::Linux, directory.path()), passwords).await;
    directory
}

/// The same, of a CA with a key of its own.
async fn state_of_another_ca(passwords: &[&str]) -> TempDir {
    let directory = TempDir::new().unwrap();
    fill(with_fresh_keys(kept(PersonalityName::Linux, directory.path())), passwords).await;
    directory
}

async fn fill(mut given: Settings, passwords: &[&str]) {
    given.allow_duplicate_names = true;
    let ca = open(given);
    for password in passwords {
        enrol(&ca, LINUX, settings(Some(password))).await.unwrap();
    }
    forget(ca).await;
}

fn refused(directory: &Path) -> String {
    refusal(kept(PersonalityName::Linux, directory)).to_string()
}

/// The files of a directory with their content; SQLite and the lock may leave further ones.
fn content(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.filter(|path| path.is_file()).map(|path| {
        (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(path).unwrap())
    });
    files.filter(|(name, _)| name != "lock" && !name.starts_with("state.db-")).collect()
}

#[tokio::test]
async fn state_without_one_of_its_files_is_refused_and_unchanged() {
    for missing in ["state.db", "ca.key", "ca.pem"] {
        let directory = state(&["ONCE"]).await;
        fs::remove_file(directory.path().join(missing)).unwrap();
        let before = content(directory.path());
        let error = refused(directory.path());
        assert!(error.contains(&format!("{missing}` is missing")), "{error}");
        assert!(error.contains("put ") && error.contains("from a backup"), "{error}");
        assert_eq!(content(directory.path()), before, "{missing}");
    }
}

#[test]
fn parts_of_a_state_alone_are_refused_and_unchanged() {
    for (part, missing) in [
        ("ca.key", "state.db"),
        ("next-ca.pem", "state.db"),
        ("state.db-wal", "state.db"),
        ("next-number", "state.db"),
        ("challenges.json", "state.json"),
    ] {
        let directory = TempDir::new().unwrap();
        fs::write(directory.path().join(part), "precious").unwrap();
        let error = refusal(kept(PersonalityName::Linux, directory.path()));
        assert!(
            matches!(&error, StateError::Incomplete { found, missing: named, .. }
                if found == part && *named == missing),
            "{error}"
        );
        assert_eq!(fs::read_to_string(directory.path().join(part)).unwrap(), "precious");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
    for folder in ["issued", "pending"] {
        let directory = TempDir::new().unwrap();
        fs::create_dir(directory.path().join(folder)).unwrap();
        let error = refused(directory.path());
        assert!(error.contains("`state.json` is missing"), "{error}");
    }
}

#[tokio::test]
async fn damaged_file_is_named_and_unchanged() {
    let directory = state(&["ONCE"]).await;
    for name in ["state.db", "ca.key", "ca.pem", "next-number"] {
        let path = directory.path().join(name);
        let whole = fs::read(&path).unwrap();
        for damage in [&whole[..whole.len() / 2], &[0xff; 100], &[b'x'; 20]] {
            // A cut number is a smaller number.
            if name == "next-number" && damage[0] == b'0' {
                continue;
            }
            fs::write(&path, damage).unwrap();
            let error = refusal(kept(PersonalityName::Linux, directory.path()));
            assert!(
                matches!(&error, StateError::Damaged { path: at, .. } if *at == path),
                "{error}"
            );
            assert_eq!(fs::read(&path).unwrap(), damage);
        }
        fs::write(&path, whole).unwrap();
    }
    fs::write(directory.path().join("state.db"), "").unwrap();
    let error = refused(directory.path());
    assert!(error.ends_with("it is empty; restore it from a backup, or give another directory"));
}

#[tokio::test]
async fn database_that_is_cut_off_is_refused() {
    let directory = state(&["ONCE"]).await;
    let path = directory.path().join("state.db");
    let whole = fs::read(&path).unwrap();
    let mut length = 0;
    while length < whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        let error = refusal(kept(PersonalityName::Linux, directory.path()));
        assert!(matches!(&error, StateError::Damaged { .. }), "{length} bytes: {error}");
        length += 1_000;
    }
    assert!(refused(directory.path()).contains(&format!("of {} bytes", whole.len())));
}

#[tokio::test]
async fn every_damaged_page_of_a_small_database_is_noticed() {
    const PAGE: usize = 4096;
    let directory = state(&["ONCE", "TWICE"]).await;
    let path = directory.path().join("state.db");
    let whole = fs::read(&path).unwrap();
    for page in 1..whole.len() / PAGE {
        let mut damaged = whole.clone();
        damaged[page * PAGE..(page + 1) * PAGE].fill(0x55);
        fs::write(&path, damaged).unwrap();
        let error = refusal(kept(PersonalityName::Linux, directory.path()));
        assert!(matches!(&error, StateError::Damaged { .. }), "page {page}: {error}");
    }
}

#[tokio::test]
async fn certificate_of_another_ca_is_refused() {
    let (ours, theirs) = (state(&["ONCE"]).await, state_of_another_ca(&["ONCE"]).await);
    let query = "SELECT der FROM certificate";
    let der: Vec<u8> = database(theirs.path()).query_row(query, [], |row| row.get(0)).unwrap();
    database(ours.path()).execute("UPDATE certificate SET der = ?", [der]).unwrap();
    let error = refused(ours.path());
    assert!(error.contains("number 2: this CA did not sign it"), "{error}");
}

#[tokio::test]
async fn certificates_that_changed_places_are_refused() {
    let directory = state(&["ONCE", "TWICE"]).await;
    let swap = "UPDATE certificate SET der = (SELECT der FROM certificate AS other WHERE other.number = 5 - certificate.number)";
    database(directory.path()).execute_batch(swap).unwrap();
    let error = refused(directory.path());
    assert!(error.contains("its columns are not those of the certificate in it"), "{error}");
}

#[tokio::test]
async fn changed_columns_are_refused() {
    for change in ["serial = '0' || serial", "subject = 'CN = b'", "not_after = not_before"] {
        let directory = state(&["ONCE"]).await;
        let change = format!("UPDATE certificate SET {change}");
        database(directory.path()).execute_batch(&change).unwrap();
        let error = refused(directory.path());
        assert!(error.contains("its columns are not those"), "{change}: {error}");
    }
}

#[tokio::test]
async fn deleted_certificate_is_noticed() {
    for number in [2, 3] {
        let directory = state(&["ONCE", "TWICE"]).await;
        let delete = format!("DELETE FROM certificate WHERE number = {number}");
        database(directory.path()).execute_batch(&delete).unwrap();
        let error = refused(directory.path());
        assert!(error.contains("2 certificates were issued, and it holds 1"), "{error}");
    }
}

#[tokio::test]
async fn number_that_would_repeat_is_noticed() {
    let directory = state(&["ONCE"]).await;
    database(directory.path()).execute_batch("UPDATE ca SET next_certificate = 2").unwrap();
    fs::remove_file(directory.path().join("next-number")).unwrap();
    let error = refused(directory.path());
    assert!(error.contains("would get the number 2, which is used"), "{error}");
}

#[tokio::test]
async fn older_database_in_the_place_of_a_newer_one_is_refused_until_it_continues_after_it() {
    let directory = state(&["ONCE"]).await;
    let path = directory.path().join("state.db");
    let older = fs::read(&path).unwrap();
    let again = open(kept(PersonalityName::Linux, directory.path()));
    let with_other_name = || {
        let mut other = settings(Some("TWICE"));
        other.subject = scep::name::parse("CN=b").unwrap();
        other
    };
    enrol(&again, LINUX, with_other_name()).await.unwrap();
    forget(again).await;
    fs::write(&path, older).unwrap();
    let error = refused(directory.path());
    assert!(
        error.starts_with("serial numbers would repeat: certificates up to number 3"),
        "{error}"
    );

    // The command in the message.
    let mend = error.rsplit_once('"').unwrap().0.rsplit_once('"').unwrap().1;
    database(directory.path()).execute_batch(mend).unwrap();
    let ca = open(kept(PersonalityName::Linux, directory.path()));
    enrol(&ca, LINUX, with_other_name()).await.unwrap();
    assert_eq!(ca.issued().unwrap().last().unwrap().serial, "04");
}

#[tokio::test]
async fn keys_and_certificate_of_another_ca_are_refused() {
    let (ours, theirs) = (state(&[]).await, state_of_another_ca(&[]).await);
    for name in ["ca.key", "ca.pem"] {
        fs::copy(theirs.path().join(name), ours.path().join(name)).unwrap();
    }
    let error = refused(ours.path());
    assert!(error.contains("ca.pem` is damaged: its SHA-256 fingerprint is"), "{error}");
}

#[tokio::test]
async fn database_with_anything_added_is_refused() {
    for addition in [
        "CREATE TRIGGER t AFTER INSERT ON certificate BEGIN DELETE FROM ca; END",
        "CREATE TABLE t (a)",
        "DROP INDEX certificate_subject",
    ] {
        let directory = state(&["ONCE"]).await;
        database(directory.path()).execute_batch(addition).unwrap();
        let error = refused(directory.path());
        assert!(error.contains("is not one that this program makes"), "{error}");
    }
}

#[test]
fn database_of_another_application_is_refused_and_unchanged() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("state.db");
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE photos (a)").unwrap();
    let before = fs::read(&path).unwrap();
    let error = refusal(kept(PersonalityName::Linux, directory.path()));
    assert!(matches!(&error, StateError::ForeignDatabase(at) if *at == path), "{error}");
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn database_of_a_newer_version_is_refused() {
    let directory = state(&["ONCE"]).await;
    database(directory.path()).execute_batch("PRAGMA user_version = 5").unwrap();
    let error = refused(directory.path());
    assert!(error.contains("newer version of this program (format 5, and this version knows 4)"));
    database(directory.path()).execute_batch("PRAGMA user_version = 1").unwrap();
    assert!(refused(directory.path()).contains("the version 1 is not known"));
}

#[tokio::test]
async fn database_that_another_program_has_locked_is_refused() {
    let directory = state(&["ONCE"]).await;
    let other = database(directory.path());
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = refusal(kept(PersonalityName::Linux, directory.path()));
    assert!(matches!(&error, StateError::DatabaseLocked(_)), "{error}");
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(open(kept(PersonalityName::Linux, directory.path())).issued().unwrap().len(), 1);
}

#[cfg(unix)]
#[tokio::test]
async fn pipe_in_the_place_of_a_file_is_refused() {
    for name in ["state.db", "state.db-wal", "ca.key", "ca.pem", "next-number", "lock"] {
        let directory = state(&["ONCE"]).await;
        let path = directory.path().join(name);
        let _ = fs::remove_file(&path);
        let made = std::process::Command::new("mkfifo").args(["-m", "600"]).arg(&path).status();
        assert!(made.unwrap().success());
        let error = refusal(kept(PersonalityName::Linux, directory.path()));
        assert!(matches!(&error, StateError::NotAFile(at) if *at == path), "{error}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn modes_that_let_others_in_are_refused_with_what_mends_them() {
    use std::os::unix::fs::PermissionsExt;
    for (name, mode, mend) in [
        ("ca.key", 0o640, "go="),
        ("ca.key", 0o604, "go="),
        ("state.db", 0o644, "go="),
        ("state.db-wal", 0o666, "go="),
        ("state.db-shm", 0o640, "go="),
        ("next-number", 0o666, "go-w"),
        ("lock", 0o662, "go-w"),
        ("ca.pem", 0o664, "go-w"),
        ("", 0o770, "go-w"),
        ("", 0o777, "go-w"),
    ] {
        let directory = state(&["ONCE"]).await;
        let path: PathBuf = directory.path().join(name).components().collect();
        if !path.exists() {
            fs::write(&path, "").unwrap();
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let error = refusal(kept(PersonalityName::Linux, directory.path()));
        assert!(matches!(&error, StateError::TooOpen { .. }), "{name} {mode:o}: {error}");
        let mend = format!("chmod {mend} '{}'", path.display());
        assert!(error.to_string().contains(&mend), "{error}");
        let mended = std::process::Command::new("sh").args(["-c", &mend]).status();
        assert!(mended.unwrap().success());
        open(kept(PersonalityName::Linux, directory.path()));
    }
    let directory = state(&["ONCE"]).await;
    for (name, mode) in [("", 0o755), ("ca.pem", 0o644)] {
        let path = directory.path().join(name);
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }
    open(kept(PersonalityName::Linux, directory.path()));
}

#[tokio::test]
async fn state_of_another_or_running_ca_is_rejected() {
    let directory = TempDir::new().unwrap();
    let ca = open(kept(PersonalityName::Linux, directory.path()));
    assert!(matches!(
        refusal(kept(PersonalityName::Linux, directory.path())),
        StateError::Locked(_)
    ));
    forget(ca).await;
    let error = refusal(kept(PersonalityName::Ndes, directory.path()));
    assert!(
        error.to_string().ends_with("holds a CA with the personality `linux`, not `ndes`"),
        "{error}"
    );
    let mut other = kept(PersonalityName::Linux, directory.path());
    other.subject = Some("CN=Other".into());
    let error = refusal(other).to_string();
    assert!(
        error.ends_with(
            "subject `CN = Teldat-PKI, O = Teldat, L = Madrid, C = ES`, not `CN = Other`"
        ),
        "{error}"
    );
}

#[test]
fn foreign_directory_is_rejected_and_unchanged() {
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("thesis.txt"), "precious").unwrap();
    let error = refusal(kept(PersonalityName::Linux, directory.path()));
    assert!(
        matches!(&error, StateError::NotAState { found, .. } if found == "thesis.txt"),
        "{error}"
    );
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    let file = directory.path().join("thesis.txt");
    let error = refusal(kept(PersonalityName::Linux, &file));
    assert!(matches!(error, StateError::Io { .. }), "{error}");
    // Its text has that of the system's error, so a reader of the chain would see it twice.
    assert!(std::error::Error::source(&error).is_none());
}

#[test]
fn state_of_the_first_version_is_rejected() {
    let directory = TempDir::new().unwrap();
    for (name, content) in [("state", "sceplab-state 1\npersonality: linux\n"), ("lock", "")] {
        fs::write(directory.path().join(name), content).unwrap();
    }
    let error = refusal(kept(PersonalityName::Linux, directory.path()));
    assert!(matches!(&error, StateError::Outdated(path) if path == directory.path()), "{error}");
}

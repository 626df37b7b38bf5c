//! The state of version 2, a directory of files, becomes a database.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use mock_ca::{Approval, ChallengePolicy, PersonalityName, Settings, StateError};
use tempfile::TempDir;

use super::{database, forget, kept, refusal};
use crate::client::{NDES, enrol, last_reason, open, settings};

/// A copy of the state that `make.sh` in it has made.
fn old_state() -> TempDir {
    let directory = TempDir::new().unwrap();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/state-version-2");
    copy(&from, directory.path());
    fs::remove_file(directory.path().join("make.sh")).unwrap();
    fs::write(directory.path().join("lock"), "").unwrap();
    directory
}

fn copy(from: &Path, to: &Path) {
    for path in fs::read_dir(from).unwrap().map(|entry| entry.unwrap().path()) {
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            fs::create_dir(&target).unwrap();
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
            make_private(&target);
        }
    }
}

/// A checkout has other modes.
pub(super) fn make_private(path: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }
}

fn ndes(directory: &Path) -> Settings {
    let mut settings = kept(PersonalityName::Ndes, directory);
    settings.challenge = ChallengePolicy::one_time(Vec::new());
    settings
}

/// Every file below a directory with its content, but for the lock.
fn content(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(next) = directories.pop() {
        for path in fs::read_dir(next).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                directories.push(path);
            } else if !path.ends_with("lock") {
                let name = path.strip_prefix(directory).unwrap().to_owned();
                found.insert(name, fs::read(path).unwrap());
            }
        }
    }
    found
}

#[tokio::test]
async fn state_of_version_2_is_taken_over() {
    let directory = old_state();
    let before = content(directory.path());
    let ca = open(ndes(directory.path()));
    let note = ca.state_note().unwrap();
    assert!(
        note.contains("2 certificates, 2 requests and 5 challenge passwords are now in `state.db`"),
        "{note}"
    );
    let issued = ca.issued().unwrap();
    let subjects: Vec<_> =
        issued.iter().map(|one| (one.subject.as_str(), one.revoked.is_some())).collect();
    assert_eq!(subjects, [("CN = FIRST", false), ("CN = SECOND", true)]);
    assert_eq!(ca.pending().unwrap().len(), 1);
    assert_eq!(ca.pending().unwrap()[0].subject, "CN = THIRD");
    let denied: String = database(directory.path())
        .query_row("SELECT subject FROM request WHERE denied = 1", [], |row| row.get(0))
        .unwrap();
    assert_eq!(denied, "CN = FOURTH");
    enrol(&ca, NDES, settings(Some("FIRST"))).await.unwrap_err();
    assert_eq!(last_reason(&ca), "challenge password already used");
    forget(ca).await;

    // The old files are kept, and nothing is said a second time.
    for (name, bytes) in before {
        let is_identity = name.extension().is_some_and(|it| it == "key" || it == "pem");
        let folder = if is_identity { "" } else { "version-2" };
        assert_eq!(fs::read(directory.path().join(folder).join(&name)).unwrap(), bytes);
    }
    let mut manual = ndes(directory.path());
    manual.approval = Approval::Manual;
    let ca = open(manual);
    assert_eq!(ca.state_note(), None);
    ca.approve(&ca.pending().unwrap()[0].transaction_id.clone()).unwrap();
    assert!(
        ca.issued().unwrap()[2].serial.starts_with("1100001425"),
        "{}",
        ca.issued().unwrap()[2].serial
    );
}

#[tokio::test]
async fn take_over_that_was_cut_short_is_taken_up_again() {
    let finished = old_state();
    forget(open(ndes(finished.path()))).await;
    let prepared = fs::read(finished.path().join("state.db")).unwrap();
    let put = |path: PathBuf, content: &[u8]| {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        make_private(&path);
    };
    for (cut, moved) in [
        (".unfinished", &[][..]),
        (".complete", &[]),
        (".complete", &["state.json"]),
        (".complete", &["state.json", "challenges.json", "issued"]),
        (".complete", &["state.json", "challenges.json", "issued", "pending"]),
    ] {
        let directory = old_state();
        let database = directory.path().join(cut).join("state.db");
        // While `state.json` is at its place, what is prepared is of no value.
        let content = if moved.is_empty() { &b"half"[..] } else { &prepared };
        put(database, content);
        for name in moved {
            fs::create_dir_all(directory.path().join("version-2")).unwrap();
            let kept = directory.path().join("version-2").join(name);
            fs::rename(directory.path().join(name), kept).unwrap();
        }
        let ca = open(ndes(directory.path()));
        assert_eq!(
            (ca.issued().unwrap().len(), ca.pending().unwrap().len()),
            (2, 1),
            "{cut}, {moved:?}"
        );
        for name in ["state.json", "challenges.json", "issued", "pending"] {
            assert!(directory.path().join("version-2").join(name).exists(), "{name}, {moved:?}");
        }
        assert!(!directory.path().join(cut).exists());
    }
}

#[tokio::test]
async fn request_that_was_answered_just_before_a_crash_is_not_taken_over() {
    let directory = old_state();
    let path = directory.path().join("issued/0000005156.json");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("\"answers\": null", "\"answers\": 2")).unwrap();
    let ca = open(ndes(directory.path()));
    assert!(ca.state_note().unwrap().contains("2 certificates, 1 request and"));
    forget(ca).await;
    let query = "SELECT next_request FROM ca";
    let next: u32 = database(directory.path()).query_row(query, [], |row| row.get(0)).unwrap();
    assert_eq!(next, 3);
}

#[test]
fn damaged_file_of_version_2_is_named_and_nothing_is_changed() {
    for name in [
        "state.json",
        "challenges.json",
        "issued/0000005155.json",
        "pending/0000000001.json",
        "ca.key",
    ] {
        let directory = old_state();
        let path = directory.path().join(name);
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        let before = content(directory.path());
        let error = refusal(ndes(directory.path()));
        assert!(matches!(&error, StateError::Damaged { path: at, .. } if *at == path), "{error}");
        let mut after = content(directory.path());
        after.retain(|path, _| !path.starts_with(".unfinished"));
        assert_eq!(after, before);
    }
}

#[test]
fn certificate_of_another_ca_in_version_2_is_refused() {
    let directory = old_state();
    let ca = openssl::x509::X509::from_pem(&fs::read(directory.path().join("ca.pem")).unwrap());
    let path = directory.path().join("issued/0000005155.json");
    let text = fs::read_to_string(&path).unwrap();
    // The CA's certificate names the CA as its issuer, too, but the private key of the lab signs another one.
    let other = mock_ca::MockCa::ndes().start_blocking().unwrap();
    let other = String::from_utf8(other.ca_certificate().to_pem().unwrap()).unwrap();
    assert_ne!(ca.unwrap().to_pem().unwrap(), other.as_bytes());
    let (start, end) =
        (text.find("-----BEGIN").unwrap(), text.find("END CERTIFICATE-----").unwrap());
    let swapped = format!(
        "{}{}{}",
        &text[..start],
        other.trim_end().replace('\n', "\\n"),
        &text[end + "END CERTIFICATE-----".len()..]
    );
    fs::write(&path, swapped).unwrap();
    let error = refusal(ndes(directory.path())).to_string();
    assert!(error.contains("0000005155.json` is damaged: this CA did not sign it"), "{error}");
}

#[tokio::test]
async fn states_of_two_versions_in_one_directory_are_refused() {
    let directory = old_state();
    forget(open(ndes(directory.path()))).await;
    let kept = directory.path().join("version-2/state.json");
    fs::copy(kept, directory.path().join("state.json")).unwrap();
    let error = refusal(ndes(directory.path()));
    assert!(matches!(&error, StateError::Ambiguous(_)), "{error}");
}

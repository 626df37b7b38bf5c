//! A CA that is stopped abruptly, and opened again.

mod refused;
mod take_over;
mod version3;

use std::{fs, os::unix::fs::OpenOptionsExt, path::Path, sync::Arc, time::Duration};

use mock_ca::{
    Approval, Ca, ChallengePolicy, Keys, OpenError, PersonalityName, Settings, StateError, back_up,
};
use openssl::rand::rand_bytes;
use rusqlite::{Connection, backup::Backup};
use scep::client::Client;
use scep::clock::Clock;
use tempfile::TempDir;

use crate::client::{LINUX, NDES, drive, enrol, last_reason, open, password, settings};

fn kept(personality: PersonalityName, directory: &Path) -> Settings {
    let mut settings = Settings::new("test", personality);
    settings.state = Some(directory.to_owned());
    settings.challenge = ChallengePolicy::one_time(vec![password("ONCE"), password("TWICE")]);
    settings
}

fn with_fresh_keys(mut settings: Settings) -> Settings {
    settings.keys = Keys::Fresh;
    settings
}

/// The settings of a CA without challenge passwords, whose requests wait for approval.
fn waiting(directory: &Path) -> Settings {
    let mut settings = kept(PersonalityName::Linux, directory);
    settings.approval = Approval::Manual;
    settings.challenge = ChallengePolicy::None;
    settings
}

/// The database of a state, as another program opens it.
pub(crate) fn database(directory: &Path) -> Connection {
    Connection::open(directory.join("state.db")).unwrap()
}

fn refusal(settings: Settings) -> StateError {
    match Ca::open(settings, Clock::system()).expect_err("refused") {
        OpenError::State(error) => error,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn keys_certificates_and_passwords_survive_a_restart() {
    let directory = TempDir::new().unwrap();
    let keep = || with_fresh_keys(kept(PersonalityName::Ndes, directory.path()));
    let ca = open(keep());
    let certificates = |ca: &Ca| -> Vec<Vec<u8>> {
        ca.certificates().iter().map(|certificate| certificate.to_der().unwrap()).collect()
    };
    let before = certificates(&ca);
    let issued = enrol(&ca, NDES, settings(Some("ONCE"))).await.unwrap();
    let made = ca.new_challenge().unwrap();
    forget(ca).await;

    let ca = open(keep());
    assert_eq!(certificates(&ca), before);
    assert_eq!(ca.issued().unwrap()[0].certificate.to_der().unwrap(), issued.to_der().unwrap());
    enrol(&ca, NDES, settings(Some("ONCE"))).await.unwrap_err();
    assert_eq!(last_reason(&ca), "challenge password already used");
    enrol(&ca, NDES, settings(Some(made.expose()))).await.unwrap();
    enrol(&ca, NDES, settings(Some("TWICE"))).await.unwrap();
    let serials: Vec<String> =
        ca.issued().unwrap().into_iter().map(|one| one.serial[..10].to_owned()).collect();
    assert_eq!(serials, ["1100001423", "1100001424", "1100001425"]);
}

/// Drops a CA without an orderly end, after its last answer. The lock is released as the system does for a dead process.
pub(crate) async fn forget(ca: Arc<Ca>) {
    while Arc::strong_count(&ca) > 1 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn request_waits_across_restarts() {
    let directory = TempDir::new().unwrap();
    let keep = || waiting(directory.path());
    let ca = open(keep());
    let mut client = Client::new(settings(None));
    let first = client.start();
    assert!(drive(&ca, LINUX, &mut client, first).await.unwrap().is_none());
    forget(ca).await;

    let ca = open(keep());
    let id = ca.pending().unwrap()[0].transaction_id.clone();
    let poll = client.poll(&mut rand_bytes).unwrap();
    assert!(drive(&ca, LINUX, &mut client, poll).await.unwrap().is_none());
    ca.approve(&id).unwrap();
    forget(ca).await;

    let ca = open(keep());
    assert!(ca.pending().unwrap().is_empty());
    let poll = client.poll(&mut rand_bytes).unwrap();
    assert!(drive(&ca, LINUX, &mut client, poll).await.unwrap().is_some());
}

#[tokio::test]
async fn denial_survives_a_restart() {
    let directory = TempDir::new().unwrap();
    let keep = || waiting(directory.path());
    let ca = open(keep());
    let mut client = Client::new(settings(None));
    let first = client.start();
    drive(&ca, LINUX, &mut client, first).await.unwrap();
    ca.deny(&ca.pending().unwrap()[0].transaction_id).unwrap();
    forget(ca).await;

    let ca = open(keep());
    assert!(ca.pending().unwrap().is_empty());
    let poll = client.poll(&mut rand_bytes).unwrap();
    drive(&ca, LINUX, &mut client, poll).await.unwrap_err();
    assert_eq!(last_reason(&ca), "the request was denied");
}

#[tokio::test]
async fn revocation_survives_a_restart() {
    let directory = TempDir::new().unwrap();
    let keep = || kept(PersonalityName::Linux, directory.path());
    let ca = open(keep());
    enrol(&ca, LINUX, settings(Some("ONCE"))).await.unwrap();
    ca.revoke("2").unwrap();
    forget(ca).await;
    assert!(open(keep()).issued().unwrap()[0].revoked.is_some());
}

#[tokio::test]
async fn start_that_was_cut_short_is_begun_again() {
    let directory = TempDir::new().unwrap();
    let unfinished = directory.path().join(".unfinished");
    fs::create_dir(&unfinished).unwrap();
    for name in ["ca.key", "state.db"] {
        fs::write(unfinished.join(name), "half").unwrap();
    }
    let ca = open(with_fresh_keys(kept(PersonalityName::Linux, directory.path())));
    enrol(&ca, LINUX, settings(Some("ONCE"))).await.unwrap();
    assert!(!unfinished.exists());
}

#[tokio::test]
async fn new_ca_that_is_not_all_at_its_place_is_completed() {
    let directory = TempDir::new().unwrap();
    let keep = || with_fresh_keys(kept(PersonalityName::Ndes, directory.path()));
    let ca = open(keep());
    let certificate = ca.ca_certificate();
    forget(ca).await;
    let complete = directory.path().join(".complete");
    fs::create_dir(&complete).unwrap();
    for name in ["ra-signing.key", "state.db"] {
        fs::rename(directory.path().join(name), complete.join(name)).unwrap();
    }
    assert_eq!(open(keep()).ca_certificate(), certificate);
    assert!(!complete.exists());
}

#[tokio::test]
async fn database_can_be_read_by_anyone_who_knows_sql() {
    let directory = TempDir::new().unwrap();
    let ca = open(waiting(directory.path()));
    let mut client = Client::new(settings(None));
    let first = client.start();
    drive(&ca, LINUX, &mut client, first).await.unwrap();
    let id = ca.pending().unwrap()[0].transaction_id.clone();
    let query = |query: &str| -> String {
        database(directory.path()).query_row(query, [], |row| row.get(0)).unwrap()
    };
    assert_eq!(query("SELECT subject FROM request WHERE denied = 0"), "CN = MyUserCert");
    let certificate = ca.approve(&id).unwrap();
    let columns = "serial || ' ' || subject || ' ' || transaction_id";
    assert_eq!(
        query(&format!("SELECT {columns} FROM certificate")),
        format!("02 CN = MyUserCert {id}")
    );
    let end = query("SELECT not_after FROM certificate");
    let expected = certificate.not_after().to_string();
    assert!(expected.contains(&end[11..19]) && end.ends_with('Z'), "{end}, {expected}");
    ca.revoke("02").unwrap();
    assert!(query("SELECT revoked_at FROM certificate") < end);
}

#[tokio::test]
async fn copy_made_while_a_server_runs_can_be_started() {
    let (directory, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let copy = other.path().join("copy");
    let ca = open(with_fresh_keys(kept(PersonalityName::Ndes, directory.path())));
    let issued = enrol(&ca, NDES, settings(Some("ONCE"))).await.unwrap();
    back_up(directory.path(), &copy).unwrap();
    enrol(&ca, NDES, settings(Some("TWICE"))).await.unwrap();

    let copied = open(kept(PersonalityName::Ndes, &copy));
    assert_eq!(copied.certificates(), ca.certificates());
    let certificates: Vec<_> =
        copied.issued().unwrap().into_iter().map(|one| one.certificate).collect();
    assert_eq!(certificates, [issued]);
    enrol(&copied, NDES, settings(Some("ONCE"))).await.unwrap_err();
    enrol(&copied, NDES, settings(Some("TWICE"))).await.unwrap();
    let again = back_up(directory.path(), &copy).unwrap_err();
    assert!(matches!(&again, StateError::NotEmpty { .. }), "{again}");
}

#[tokio::test]
async fn copy_by_another_program_can_be_started() {
    let (directory, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let ca = open(with_fresh_keys(kept(PersonalityName::Linux, directory.path())));
    enrol(&ca, LINUX, settings(Some("ONCE"))).await.unwrap();
    // As `sqlite3 state.db ".backup copy/state.db"`.
    let copy = other.path().join("state.db");
    fs::File::options().write(true).create_new(true).mode(0o600).open(&copy).unwrap();
    let mut target = Connection::open(&copy).unwrap();
    let source = database(directory.path());
    let backup = Backup::new(&source, &mut target).unwrap();
    backup.run_to_completion(100, Duration::ZERO, None).unwrap();
    drop(backup);
    drop(target);
    for name in ["ca.key", "ca.pem"] {
        fs::copy(directory.path().join(name), other.path().join(name)).unwrap();
    }
    let copied = open(kept(PersonalityName::Linux, other.path()));
    assert_eq!(copied.issued().unwrap()[0].certificate, ca.issued().unwrap()[0].certificate);
}

#[tokio::test]
async fn password_that_cannot_be_stored_as_used_is_refused() {
    let directory = TempDir::new().unwrap();
    let ca = open(kept(PersonalityName::Ndes, directory.path()));
    let obstacle =
        "CREATE TRIGGER full BEFORE UPDATE ON challenge BEGIN SELECT RAISE(FAIL, 'full'); END";
    database(directory.path()).execute_batch(obstacle).unwrap();
    enrol(&ca, NDES, settings(Some("ONCE"))).await.unwrap_err();
    assert!(last_reason(&ca).ends_with("state.db`: full"), "{}", last_reason(&ca));
    // What belongs together was not done either.
    assert!(ca.issued().unwrap().is_empty());
    database(directory.path()).execute_batch("DROP TRIGGER full").unwrap();
    enrol(&ca, NDES, settings(Some("ONCE"))).await.unwrap();
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_the_state() {
    use std::os::unix::fs::PermissionsExt;
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("ca");
    let ca = open(kept(PersonalityName::Ndes, &path));
    ca.new_challenge().unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
    for name in [
        "ca.key",
        "ra-signing.key",
        "ra-encryption.key",
        "state.db",
        "state.db-wal",
        "state.db-shm",
    ] {
        let mode = fs::metadata(path.join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

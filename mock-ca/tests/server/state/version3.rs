//! A database of version 3 gets the tables of this version.

use std::{fs, path::Path};

use mock_ca::{Approval, Ca, ChallengePolicy, PersonalityName, Settings, StateError};
use scep::clock::moment;
use tempfile::TempDir;

use super::{database, forget, kept, refusal, take_over::make_private};
use crate::client::{enrol, last_reason, open_at, password, settings};

/// The time at which the states of these tests are opened.
const OPENED: &str = "2026-12-01T00:00Z";

/// A copy of the state that `make.sh` beside it has made.
fn old_state() -> TempDir {
    let directory = TempDir::new().unwrap();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/state-version-3");
    for name in ["ca.key", "ca.pem", "next-ca.key", "next-ca.pem", "next-number"] {
        fs::copy(from.join(name), directory.path().join(name)).unwrap();
        make_private(&directory.path().join(name));
    }
    let connection = database(directory.path());
    connection.execute_batch(&fs::read_to_string(from.join("state.sql")).unwrap()).unwrap();
    // The dump does not have the marks in the header.
    connection.pragma_update(None, "application_id", 0x5343_504c_u32).unwrap();
    connection.pragma_update(None, "user_version", 3).unwrap();
    drop(connection);
    make_private(&directory.path().join("state.db"));
    directory
}

fn rfc8894(directory: &Path) -> Settings {
    let mut settings = kept(PersonalityName::Rfc8894, directory);
    settings.challenge = ChallengePolicy::one_time(vec![password("ONCE"), password("FOURTH")]);
    settings
}

fn opened(settings: Settings) -> std::sync::Arc<Ca> {
    open_at(moment(OPENED).unwrap(), settings)
}

#[tokio::test]
async fn database_of_version_3_is_upgraded() {
    let directory = old_state();
    let mut manual = rfc8894(directory.path());
    manual.approval = Approval::Manual;
    let ca = opened(manual);
    let note = ca.state_note().unwrap();
    assert!(note.contains("was of an older version"), "{note}");
    let issued = ca.issued().unwrap();
    let subjects: Vec<_> =
        issued.iter().map(|one| (one.subject.as_str(), one.revoked.is_some())).collect();
    assert_eq!(subjects, [("CN = r1", true), ("CN = r2", false)]);
    assert_eq!(ca.pending().unwrap()[0].subject, "CN = r3");
    ca.approve(&ca.pending().unwrap()[0].transaction_id.clone()).unwrap();
    assert_eq!(ca.issued().unwrap()[2].serial, "03");
    // Its next CA begins when it ends.
    let (_, from) = ca.next_ca().unwrap();
    assert_eq!(from, scep::clock::system_time(ca.ca_certificate().not_after()).unwrap());
    forget(ca).await;

    let asked: String = database(directory.path())
        .query_row("SELECT min(given_at) FROM challenge", [], |row| row.get(0))
        .unwrap();
    assert_eq!(asked, "2026-12-01T00:00:00Z");
    let ca = opened(rfc8894(directory.path()));
    assert_eq!(ca.state_note(), None);
    enrol(&ca, "/", settings(Some("ONCE"))).await.unwrap_err();
    assert_eq!(last_reason(&ca), "challenge password already used");
    enrol(&ca, "/", settings(Some("FOURTH"))).await.unwrap();
}

#[tokio::test]
async fn database_of_version_3_with_another_table_is_refused_and_unchanged() {
    let directory = old_state();
    database(directory.path()).execute_batch("CREATE TABLE other (a TEXT)").unwrap();
    let before = fs::read(directory.path().join("state.db")).unwrap();
    let error = refusal(rfc8894(directory.path()));
    assert!(matches!(&error, StateError::Damaged { .. }), "{error}");
    assert!(error.to_string().contains("its table `other`"), "{error}");
    assert_eq!(fs::read(directory.path().join("state.db")).unwrap(), before);
}

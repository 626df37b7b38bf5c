//! A CA that is stopped abruptly, and opened again.

use std::{fs, path::Path, sync::Arc, time::SystemTime};

use mock_ca::{
    Approval, Ca, ChallengePolicy, Keys, OpenError, PersonalityName, Settings, StateError,
};
use openssl::rand::rand_bytes;
use scep::client::Client;
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

fn refusal(settings: Settings) -> StateError {
    match Ca::open(settings, SystemTime::now()).expect_err("refused") {
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
    assert_eq!(ca.issued()[0].certificate.to_der().unwrap(), issued.to_der().unwrap());
    enrol(&ca, NDES, settings(Some("ONCE"))).await.unwrap_err();
    assert_eq!(last_reason(&ca), "challenge password already used");
    enrol(&ca, NDES, settings(Some(made.expose()))).await.unwrap();
    enrol(&ca, NDES, settings(Some("TWICE"))).await.unwrap();
    let serials: Vec<String> =
        ca.issued().into_iter().map(|one| one.serial[..10].to_owned()).collect();
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
    let id = ca.pending()[0].transaction_id.clone();
    let poll = client.poll(&mut rand_bytes).unwrap();
    assert!(drive(&ca, LINUX, &mut client, poll).await.unwrap().is_none());
    ca.approve(&id).unwrap();
    forget(ca).await;

    let ca = open(keep());
    assert!(ca.pending().is_empty());
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
    ca.deny(&ca.pending()[0].transaction_id).unwrap();
    forget(ca).await;

    let ca = open(keep());
    assert!(ca.pending().is_empty());
    let poll = client.poll(&mut rand_bytes).unwrap();
    drive(&ca, LINUX, &mut client, poll).await.unwrap_err();
    assert_eq!(last_reason(&ca), "the request was denied");
}

#[tokio::test]
async fn unfinished_files_are_removed() {
    let directory = TempDir::new().unwrap();
    forget(open(kept(PersonalityName::Linux, directory.path()))).await;
    let unfinished = directory.path().join("issued/.unfinished-0000000002.json");
    fs::write(&unfinished, "half a certif").unwrap();
    let ca = open(kept(PersonalityName::Linux, directory.path()));
    assert!(ca.issued().is_empty() && !unfinished.exists());

    // A CA that was not finished is replaced, too, because it has issued nothing.
    forget(ca).await;
    fs::remove_file(directory.path().join("state.json")).unwrap();
    fs::write(directory.path().join("ca.pem"), "half").unwrap();
    enrol(&open(kept(PersonalityName::Linux, directory.path())), LINUX, settings(Some("ONCE")))
        .await
        .unwrap();
}

#[tokio::test]
async fn damaged_file_is_named() {
    let directory = TempDir::new().unwrap();
    let keep = || kept(PersonalityName::Linux, directory.path());
    let ca = open(keep());
    enrol(&ca, LINUX, settings(Some("ONCE"))).await.unwrap();
    forget(ca).await;
    for name in ["issued/0000000002.json", "ca.key", "ca.pem", "challenges.json", "state.json"] {
        let path = directory.path().join(name);
        let whole = fs::read(&path).unwrap();
        for damage in [&whole[..whole.len() / 2], b"", &[0xff; 100]] {
            fs::write(&path, damage).unwrap();
            let error = refusal(keep());
            assert!(matches!(&error, StateError::Damaged { .. }), "{name}: {error}");
            assert!(error.to_string().contains(name.rsplit('/').next().unwrap()), "{error}");
        }
        fs::write(&path, whole).unwrap();
    }
    assert_eq!(open(keep()).issued().len(), 1);
}

#[tokio::test]
async fn certificate_of_another_ca_is_rejected() {
    let (ours, theirs) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    for directory in [&ours, &theirs] {
        let ca = open(with_fresh_keys(kept(PersonalityName::Linux, directory.path())));
        enrol(&ca, LINUX, settings(Some("ONCE"))).await.unwrap();
    }
    let name = "issued/0000000002.json";
    fs::copy(theirs.path().join(name), ours.path().join(name)).unwrap();
    let error = refusal(kept(PersonalityName::Linux, ours.path()));
    assert!(error.to_string().ends_with("is damaged: this CA did not sign it"), "{error}");
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
    assert!(matches!(refusal(kept(PersonalityName::Linux, &file)), StateError::Io { .. }));
}

#[test]
fn state_of_an_older_version_is_rejected() {
    let directory = TempDir::new().unwrap();
    for (name, content) in [("state", "sceplab-state 1\npersonality: linux\n"), ("lock", "")] {
        fs::write(directory.path().join(name), content).unwrap();
    }
    let error = refusal(kept(PersonalityName::Linux, directory.path()));
    assert!(matches!(&error, StateError::Outdated(path) if path == directory.path()), "{error}");
}

#[test]
fn key_of_another_ca_is_rejected_and_unchanged() {
    for name in ["ca.key", "ca.pem"] {
        let directory = TempDir::new().unwrap();
        let file = directory.path().join(name);
        fs::write(&file, "precious").unwrap();
        let error = refusal(kept(PersonalityName::Linux, directory.path()));
        assert!(matches!(&error, StateError::NotAState { found, .. } if found == name), "{error}");
        assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
    }
}

#[tokio::test]
async fn password_that_cannot_be_stored_as_used_is_refused() {
    let directory = TempDir::new().unwrap();
    let ca = open(kept(PersonalityName::Ndes, directory.path()));
    let obstacle = directory.path().join(".unfinished-challenges.json");
    fs::create_dir(&obstacle).unwrap();
    enrol(&ca, NDES, settings(Some("ONCE"))).await.unwrap_err();
    assert!(last_reason(&ca).starts_with("cannot write `"), "{}", last_reason(&ca));
    assert!(ca.issued().is_empty());
    fs::remove_dir(&obstacle).unwrap();
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
    for name in ["ca.key", "ra-signing.key", "ra-encryption.key", "challenges.json"] {
        let mode = fs::metadata(path.join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

//! Replacing, refusing, keeping and restoring the configuration.

use driver_live::ssh_device::Restored;
use model::lab::SshTarget;
use testbed::device::{Change, Device, DeviceError};

use super::device::{assert_contains, connect, script, sessions};
use super::sshd::Sshd;
use crate::support::trials::{Need, Planned, trials};

pub(crate) fn trials(needs: &[&Need]) -> Vec<Planned> {
    trials![
        needs;
        configuration_is_replaced_and_restored,
        unchanged_configuration_is_not_restored,
        dropped_device_restores_its_configuration,
        keep_config_leaves_the_new_configuration_and_the_kept_paths,
        refused_line_is_reported_by_number_without_its_secret,
        refused_commit_is_reported_with_its_line,
        lines_other_than_set_and_delete_are_rejected,
        commit_waits_for_the_lock_of_another_session,
        masked_secret_is_neither_deleted_nor_overwritten,
        device_without_set_lines_is_rejected,
        interface_that_may_carry_the_session_is_not_deleted,
        device_in_use_by_another_run_is_rejected,
        refused_restore_of_many_values_shows_nothing_that_the_device_said,
    ]
}

const BEFORE: &str =
    "set interfaces ethernet eth0 address 10.0.0.1/24\nset system login user admin\n";

fn server(special: &str) -> Sshd {
    let server = Sshd::start(&script(special));
    std::fs::write(server.path("running"), BEFORE).unwrap();
    server
}

async fn refused(special: &str, lines: &str) -> (Sshd, usize, String, String) {
    let server = server(special);
    let device = connect(&server.target()).await.unwrap();
    let error = device.configure(Change::Replace(lines)).await.unwrap_err();
    assert_eq!(server.text("running"), BEFORE, "the configuration is changed");
    // The session still works.
    device.configure(Change::Modify("set system name x")).await.unwrap();
    assert_eq!(device.restore().await, Restored::PutBack);
    assert_eq!(server.text("running"), BEFORE);
    match error {
        DeviceError::ConfigurationRefused { line, text, message } => (server, line, text, message),
        other => panic!("the lines were not refused: {other:?}"),
    }
}

async fn configuration_is_replaced_and_restored() {
    let server = server("");
    let device = connect(&server.target()).await.unwrap();
    let lines =
        "# new\nset interfaces ethernet eth0 address 10.0.0.2/24\n\nset system host-name 'r 1'\n";
    device.configure(Change::Replace(lines)).await.unwrap();
    assert_eq!(
        device.execute("show running").await.unwrap(),
        "# A device version 1\nset interfaces ethernet eth0 address 10.0.0.2/24\nset system host-name 'r 1'\n\
         set system login user admin"
    );
    device.configure(Change::Modify("delete system host-name\n")).await.unwrap();
    assert!(!server.text("running").contains("host-name"));
    assert_eq!(device.restore().await, Restored::PutBack);
    assert_eq!(server.text("running"), BEFORE);
    // Only differences are typed, and nothing is saved.
    assert!(!server.text("typed").contains("login"), "{}", server.text("typed"));
    assert!(!server.text("typed").contains("save"));
    let refused = device.execute("show running").await;
    assert!(matches!(refused, Err(DeviceError::Broken { .. })), "{refused:?}");
}

async fn unchanged_configuration_is_not_restored() {
    let server = server("");
    let device = connect(&server.target()).await.unwrap();
    assert_eq!(device.restore().await, Restored::Unchanged);
    assert!(!server.text("typed").contains("configure"));
}

async fn dropped_device_restores_its_configuration() {
    let (server, sessions) = (server(""), sessions(None));
    let device = sessions.open("DUT0", &server.target(), false).await.unwrap();
    device.configure(Change::Replace("set a b")).await.unwrap();
    let told: Vec<String> =
        sessions.not_put_back().into_iter().map(|changed| changed.device).collect();
    assert_eq!(told, [format!("device `DUT0` (`{}`)", server.target())]);
    drop(device);
    assert_eq!(sessions.settled().await, []);
    assert_eq!(sessions.not_put_back(), []);
    assert_eq!(server.text("running"), BEFORE);
}

async fn keep_config_leaves_the_new_configuration_and_the_kept_paths() {
    let server = server("");
    let keep = vec![vec!["interfaces".to_owned()]];
    let target = SshTarget { keep, ..server.target() };
    let device = sessions(None).open("DUT0", &target, true).await.unwrap();
    device.configure(Change::Replace("set a b")).await.unwrap();
    assert_eq!(device.restore().await, Restored::Kept);
    assert_eq!(server.text("running"), format!("set a b\n{BEFORE}"));
}

async fn refused_line_is_reported_by_number_without_its_secret() {
    let special = r#"special() {
        case "$1" in *pasword*) printf '\r\n  Configuration path: system [pasword] is not valid\r\n  Set failed\r\n\r\n'; return 0 ;; esac
        return 1
    }"#;
    let lines = "set system name x\n\nset system certificate scep csr C pasword hunter2\nset a b";
    let (server, line, text, message) = refused(special, lines).await;
    assert_eq!(line, 3);
    assert_eq!(text, "set system certificate scep csr C pasword ****");
    assert_contains(&message, &["Configuration path: system [pasword] is not valid", "Set failed"]);
    assert!(!server.text("typed").contains("set a b"), "further lines were typed");
}

async fn refused_commit_is_reported_with_its_line() {
    let special = r#"special() {
        [ "$1" = commit ] && grep -q bad candidate && {
            printf '[ system bad ]\r\nit is bad\r\n\r\n[[system bad]] failed\r\nCommit failed\r\n'; return 0; }
        return 1
    }"#;
    let (_server, line, text, message) = refused(special, "set a b\nset system bad idea").await;
    assert_eq!((line, text.as_str()), (2, "set system bad idea"));
    assert_eq!(message, "[ system bad ]\nit is bad\n\n[[system bad]] failed\nCommit failed");
}

async fn lines_other_than_set_and_delete_are_rejected() {
    let (server, line, _, message) = refused("", "set a b\nsave").await;
    assert_eq!(line, 2);
    assert_contains(&message, &["`save` is no configuration line"]);
    assert!(!server.text("typed").contains("save"));
}

async fn commit_waits_for_the_lock_of_another_session() {
    let special = r#"special() {
        [ "$1" = commit ] && [ "$(wc -l < locks)" -lt 3 ] && { echo x >> locks
            echo 'Configuration system temporarily locked due to another commit in progress'; return 0; }
        return 1
    }
    touch locks"#;
    let server = server(special);
    let device = connect(&server.target()).await.unwrap();
    device.configure(Change::Modify("set a b")).await.unwrap();
    assert_eq!(server.text("running"), format!("set a b\n{BEFORE}"));
    device.restore().await;
}

async fn masked_secret_is_neither_deleted_nor_overwritten() {
    let server = server("");
    let masked = "set service snmp community '****'\nset service snmp listen 1\n";
    std::fs::write(server.path("running"), format!("{BEFORE}{masked}set service x\n")).unwrap();
    let before = server.text("running");
    let device = connect(&server.target()).await.unwrap();
    assert_contains(
        &device.notes().await.join("\n"),
        &["DUT0: the value of `set service snmp community` is shown masked"],
    );
    let error =
        device.configure(Change::Replace("set service snmp community y")).await.unwrap_err();
    assert_contains(&error.to_string(), &["`service snmp community`", "`--keep-config`"]);
    assert_eq!(server.text("running"), before);
    device.configure(Change::Replace("set a b")).await.unwrap();
    assert!(server.text("running").contains(masked), "{}", server.text("running"));
    assert!(!server.text("running").contains("service x"));
    assert_eq!(device.restore().await, Restored::PutBack);
    assert_eq!(server.text("running").lines().count(), before.lines().count());
}

async fn device_without_set_lines_is_rejected() {
    let special =
        r#"special() { case "$1" in show*) echo 'interfaces {'; return 0 ;; esac; return 1; }"#;
    let server = server(special);
    let told = super::device::reason(connect(&server.target()).await);
    assert_contains(
        &told,
        &[
            "its configuration cannot be saved",
            "`show running` shows no `set` lines, but one that begins with `interfaces`",
        ],
    );
    assert!(!server.text("typed").contains("configure"));
}

async fn interface_that_may_carry_the_session_is_not_deleted() {
    let server = server("");
    let target = SshTarget { keep: Vec::new(), ..server.target() };
    let device = connect(&target).await.unwrap();
    let error = device.configure(Change::Replace("set system host-name r1\n")).await.unwrap_err();
    assert_contains(&error.to_string(), &["could cut off the way in", "127.0.0.1", "`keep: "]);
    assert_eq!(server.text("running"), BEFORE);
    // A change that deletes nothing is safe.
    device.configure(Change::Modify("set system host-name r1\n")).await.unwrap();
    assert_eq!(device.restore().await, Restored::PutBack);
}

async fn device_in_use_by_another_run_is_rejected() {
    let server = server("");
    let device = connect(&server.target()).await.unwrap();
    let error = connect(&server.target()).await.err().map(|error| error.to_string());
    assert_contains(&error.unwrap_or_default(), &["another run of sceplab uses it"]);
    assert_eq!(device.restore().await, Restored::Unchanged);
    connect(&server.target()).await.unwrap().restore().await;
}

/// The values have too many bytes to be searched for in what the device says.
async fn refused_restore_of_many_values_shows_nothing_that_the_device_said() {
    let special = r#"special() {
        [ -e refuse ] || return 1
        case "$1" in *hidden-20*) printf '\r\n  hidden-20 and hidden-21 are not valid\r\n  Set failed\r\n\r\n'; return 0 ;; esac
        return 1
    }"#;
    let server = server(special);
    let filler = "x".repeat(1000);
    let line = |n: u32| format!("set system host h{n} note hidden-{n}-{filler}");
    let many = (0..34).map(line).collect::<Vec<_>>().join("\n");
    std::fs::write(server.path("running"), format!("{BEFORE}{many}\n")).unwrap();
    let device = connect(&server.target()).await.unwrap();
    device.configure(Change::Replace("set a b")).await.unwrap();
    std::fs::write(server.path("refuse"), "").unwrap();
    let Restored::NotPutBack { reason, saved_in: Some(path) } = device.restore().await else {
        panic!("the configuration is restored")
    };
    assert_contains(&reason, &["the device refused"]);
    assert!(!reason.contains("not valid") && !reason.contains("hidden-"), "{reason}");
    std::fs::remove_file(path).unwrap();
}

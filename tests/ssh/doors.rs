//! Who is let in: host keys, keys, passwords, and servers that are none.

use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;

use driver_live::ssh_device::SshDevice;
use model::lab::{PasswordSource, SshTarget};

use super::device::{Knows, assert_tells, connect, reason, script};
use super::sshd::{Sshd, write};
use crate::support::rig::files::{PASSWORD, new_key};
use crate::support::sceplab::refusing;
use crate::support::trials::{Need, Planned, trials};

pub(crate) fn trials(needs: &[&Need]) -> Vec<Planned> {
    trials![
        needs;
        a_server_without_common_algorithms_is_told_with_the_own_ones,
        an_unknown_host_key_is_refused_with_its_fingerprint,
        a_changed_host_key_is_refused_with_both_fingerprints,
        hashed_names_of_hosts_are_known,
        a_wrong_key_is_refused_with_what_the_device_takes,
        a_key_may_have_a_pass_phrase,
        a_password_comes_from_a_file_and_is_never_told,
        a_password_that_nobody_knows_is_told_with_what_to_give,
        a_password_may_be_asked_for_at_the_keyboard,
    ]
}

pub(crate) fn without_servers() -> Vec<Planned> {
    trials![
        &[];
        where_nobody_listens_the_connection_is_refused,
        a_server_of_another_kind_is_told_from_ssh,
    ]
}

async fn where_nobody_listens_the_connection_is_refused() {
    let (_socket, address) = refusing();
    let port = address.port();
    let told = reason(connect(&SshTarget::new("admin", "127.0.0.1", port)).await);
    assert_tells(
        &told,
        &[&format!("`127.0.0.1` refused the connection to port {port}"), "`set service ssh`"],
    );
    let told = reason(connect(&SshTarget::new("admin", "no.such.host.invalid", 22)).await);
    assert_tells(&told, &["`no.such.host.invalid` is not resolved"]);
}

async fn a_server_of_another_kind_is_told_from_ssh() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    let told = reason(connect(&SshTarget::new("admin", "127.0.0.1", port)).await);
    server.join().unwrap();
    assert_tells(&told, &["before the SSH handshake was through", "it may be no SSH server"]);
}

async fn a_server_without_common_algorithms_is_told_with_the_own_ones() {
    let settings = "KexAlgorithms sntrup761x25519-sha512@openssh.com";
    let server = Sshd::with(&script(""), settings);
    let told = reason(connect(&server.target()).await);
    assert_tells(&told, &["found no algorithms in common", "curve25519-sha256", "`ssh -vv`"]);
}

async fn an_unknown_host_key_is_refused_with_its_fingerprint() {
    let server = Sshd::start(&script(""));
    let fingerprint = server.fingerprint("host_key.pub");
    std::fs::remove_file(server.path("known_hosts")).unwrap();
    let told = reason(connect(&server.target()).await);
    assert_tells(&told, &["is not known", &fingerprint, "ssh-keyscan -p"]);
    assert!(!server.path("known_hosts").exists(), "a key was taken for granted");
    assert!(!server.path("typed").exists(), "something was typed");
}

async fn a_changed_host_key_is_refused_with_both_fingerprints() {
    let server = Sshd::start(&script(""));
    new_key(&server.path("other"));
    server.write_known_hosts("other.pub");
    let told = reason(connect(&server.target()).await);
    let (new, old) = (server.fingerprint("host_key.pub"), server.fingerprint("other.pub"));
    let line = format!("`{}:2`", server.path("known_hosts").display());
    assert_tells(&told, &["HAS CHANGED", &new, &old, &line, "ssh-keygen -f"]);
    assert!(!server.path("typed").exists(), "something was typed");
}

async fn hashed_names_of_hosts_are_known() {
    let server = Sshd::start(&script(""));
    server.hash_known_hosts();
    assert!(server.text("known_hosts").starts_with("|1|"));
    connect(&server.target()).await.unwrap().restore().await;
}

async fn a_wrong_key_is_refused_with_what_the_device_takes() {
    let server =
        Sshd::with(&script(""), "PasswordAuthentication no\nKbdInteractiveAuthentication no");
    new_key(&server.path("wrong"));
    let target = SshTarget { identity: Some(server.path("wrong")), ..server.target() };
    let told = reason(connect(&target).await);
    let key = format!("the key `{}` was not accepted", server.path("wrong").display());
    assert_tells(&told, &[&key, "it takes publickey", "`identity`"]);
    let target = SshTarget { identity: Some(server.path("nothing")), ..server.target() };
    assert_tells(&reason(connect(&target).await), &["cannot be read"]);
}

async fn a_key_may_have_a_pass_phrase() {
    let server = Sshd::start(&script(""));
    server.protect_identity("open sesame");
    let target = server.target();
    let knows = |answer| SshDevice::connect("DUT0", &target, Arc::new(Knows(answer)), false);
    knows(Some("open sesame")).await.unwrap().restore().await;
    let told = reason(knows(None).await);
    assert_tells(&told, &["has a pass phrase: nobody knows it", "the agent"]);
    let told = reason(knows(Some("wr0ng phrase")).await);
    assert!(!told.contains("wr0ng"), "{told}");
}

async fn a_password_comes_from_a_file_and_is_never_told() {
    let server = Sshd::start(&script(""));
    connect(&server.target_with_password()).await.unwrap().restore().await;
    write(&server.path("password"), "wr0ng-passw0rd\n", 0o600);
    let wrong = SshTarget {
        password: PasswordSource::File(server.path("password")),
        ..server.target_with_wrong_key()
    };
    let told = reason(connect(&wrong).await);
    let file = format!("the password in `{}` was not accepted", server.path("password").display());
    assert_tells(&told, &["the key", &file, "password"]);
    assert!(!told.contains("wr0ng-passw0rd"), "{told}");
}

async fn a_password_that_nobody_knows_is_told_with_what_to_give() {
    let server = Sshd::start(&script(""));
    let asked = SshTarget { password: PasswordSource::Asked, identity: None, ..server.target() };
    let told = reason(connect(&asked).await);
    assert_tells(&told, &["wants a password: nobody knows it"]);
    let knows = Arc::new(Knows(Some(PASSWORD)));
    let device = SshDevice::connect("DUT0", &asked, knows, false).await.unwrap();
    device.restore().await;
    let told = reason(connect(&SshTarget { identity: None, ..server.target() }).await);
    assert_tells(&told, &["`SCEPLAB_TEST_NO_PASSWORD`", "holds no password"]);
}

async fn a_password_may_be_asked_for_at_the_keyboard() {
    let settings = "PasswordAuthentication no\nKbdInteractiveAuthentication yes\nUsePAM yes";
    let server = Sshd::with(&script(""), settings);
    let device = connect(&server.target_with_password()).await;
    device.unwrap().restore().await;
    write(&server.path("password"), "wr0ng-passw0rd\n", 0o600);
    let target = SshTarget {
        password: PasswordSource::File(server.path("password")),
        identity: None,
        ..server.target()
    };
    let told = reason(connect(&target).await);
    assert_tells(&told, &["was not accepted", "keyboard-interactive"]);
    assert!(!told.contains("wr0ng-passw0rd"), "{told}");
}

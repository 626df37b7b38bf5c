//! Login: host keys, keys, passwords, and servers that do not speak SSH.

use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};

use model::lab::{PasswordSource, SshTarget};

use super::device::{assert_contains, connect, reason, script, sessions};
use super::sshd::{Sshd, write};
use crate::support::rig::files::{PASSWORD, new_key};
use crate::support::sceplab::refusing;
use crate::support::trials::{Need, Planned, trials};

pub(crate) fn trials(needs: &[&Need]) -> Vec<Planned> {
    trials![
        needs;
        closed_port_and_unknown_host_are_reported,
        server_without_ssh_is_reported,
        lack_of_common_algorithms_is_reported_with_those_of_the_server,
        algorithms_of_old_routers_are_supported,
        unknown_host_key_is_rejected_with_its_fingerprint,
        changed_host_key_is_rejected_with_both_fingerprints,
        hashed_known_hosts_are_recognised,
        wrong_key_is_reported_with_the_accepted_methods,
        key_with_a_pass_phrase_is_accepted,
        password_from_a_file_is_used_and_never_shown,
        missing_password_is_reported_with_its_possible_sources,
        keyboard_interactive_password_is_accepted,
    ]
}

async fn closed_port_and_unknown_host_are_reported() {
    let (_socket, address) = refusing();
    let port = address.port();
    let told = reason(connect(&SshTarget::new("admin", "127.0.0.1", port)).await);
    assert_contains(
        &told,
        &[&format!("`127.0.0.1` refused the connection to port {port}"), "`set service ssh`"],
    );
    let told = reason(connect(&SshTarget::new("admin", "no.such.host.invalid", 22)).await);
    assert_contains(&told, &["`no.such.host.invalid` is not resolved"]);
}

async fn server_without_ssh_is_reported() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    let told = reason(connect(&SshTarget::new("admin", "127.0.0.1", port)).await);
    server.join().unwrap();
    assert_contains(
        &told,
        &["before the SSH handshake was complete", "it may not be an SSH server"],
    );
}

async fn lack_of_common_algorithms_is_reported_with_those_of_the_server() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    // `ssh` connects a second time, with the algorithms of old routers.
    let server = std::thread::spawn(move || {
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(b"SSH-2.0-Odd\r\n").unwrap();
            stream.write_all(&key_exchange("curve0-of-nobody")).unwrap();
            let _ = std::io::copy(&mut stream, &mut std::io::sink());
        }
    });
    let told = reason(connect(&SshTarget::new("admin", "127.0.0.1", port)).await);
    server.join().unwrap();
    let parts = ["have no algorithms in common", "curve0-of-nobody", "`ssh -Q kex`", "`ssh -vv`"];
    assert_contains(&told, &parts);
}

/// A `SSH_MSG_KEXINIT` packet with the same algorithm in each list (RFC 4253 §6 and §7.1).
fn key_exchange(algorithm: &str) -> Vec<u8> {
    let name_list = |name: &str| {
        let length = u32::try_from(name.len()).unwrap().to_be_bytes();
        [&length[..], name.as_bytes()].concat()
    };
    let lists = [vec![name_list(algorithm); 8], vec![name_list(""); 2]].concat().concat();
    let mut payload = [&[20][..], &[0; 16], &lists, &[0; 5]].concat();
    let padding = 12 - (payload.len() + 1) % 8;
    payload.resize(payload.len() + padding, 0);
    let length = u32::try_from(payload.len() + 1).unwrap().to_be_bytes();
    [&length[..], &[u8::try_from(padding).unwrap()], &payload].concat()
}

async fn algorithms_of_old_routers_are_supported() {
    let settings = "KexAlgorithms diffie-hellman-group1-sha1\nCiphers 3des-cbc\nMACs hmac-sha1";
    let server = Sshd::with(&script(""), settings);
    connect(&server.target()).await.unwrap().restore().await;
}

async fn unknown_host_key_is_rejected_with_its_fingerprint() {
    let server = Sshd::start(&script(""));
    let fingerprint = server.fingerprint("host_key.pub");
    std::fs::remove_file(server.path("known_hosts")).unwrap();
    let told = reason(connect(&server.target()).await);
    assert_contains(&told, &["is not known", &fingerprint, "ssh-keyscan -p"]);
    assert!(!server.path("known_hosts").exists(), "an unknown key was saved");
    assert!(!server.path("typed").exists(), "something was typed");
}

async fn changed_host_key_is_rejected_with_both_fingerprints() {
    let server = Sshd::start(&script(""));
    new_key(&server.path("other"));
    server.write_known_hosts("other.pub");
    let told = reason(connect(&server.target()).await);
    let (new, old) = (server.fingerprint("host_key.pub"), server.fingerprint("other.pub"));
    let line = format!("`{}:2`", server.path("known_hosts").display());
    assert_contains(&told, &["HAS CHANGED", &new, &old, &line, "ssh-keygen -f"]);
    assert!(!server.path("typed").exists(), "something was typed");
}

async fn hashed_known_hosts_are_recognised() {
    let server = Sshd::start(&script(""));
    server.hash_known_hosts();
    assert!(server.text("known_hosts").starts_with("|1|"));
    connect(&server.target()).await.unwrap().restore().await;
}

async fn wrong_key_is_reported_with_the_accepted_methods() {
    let server =
        Sshd::with(&script(""), "PasswordAuthentication no\nKbdInteractiveAuthentication no");
    new_key(&server.path("wrong"));
    let target = SshTarget { identity: Some(server.path("wrong")), ..server.target() };
    let told = reason(connect(&target).await);
    let key = format!("the key `{}` was not accepted", server.path("wrong").display());
    assert_contains(&told, &[&key, "it accepts publickey", "`identity`"]);
    let target = SshTarget { identity: Some(server.path("nothing")), ..server.target() };
    assert_contains(&reason(connect(&target).await), &["cannot be read"]);
}

async fn key_with_a_pass_phrase_is_accepted() {
    let server = Sshd::start(&script(""));
    server.protect_identity("open sesame");
    let target = server.target();
    let knows = async |answer| sessions(answer).open("DUT0", &target, false).await;
    knows(Some("open sesame")).await.unwrap().restore().await;
    let told = reason(knows(None).await);
    assert_contains(&told, &["has a pass phrase: no password is known", "the agent"]);
    let told = reason(knows(Some("wr0ng phrase")).await);
    assert!(!told.contains("wr0ng"), "{told}");
}

async fn password_from_a_file_is_used_and_never_shown() {
    let server = Sshd::start(&script(""));
    connect(&server.target_with_password()).await.unwrap().restore().await;
    write(&server.path("password"), "wr0ng-passw0rd\n", 0o600);
    let wrong = SshTarget {
        password: Some(PasswordSource::File(server.path("password"))),
        ..server.target_with_wrong_key()
    };
    let told = reason(connect(&wrong).await);
    let file = format!("the password in `{}` was not accepted", server.path("password").display());
    assert_contains(&told, &["the key", &file, "password"]);
    assert!(!told.contains("wr0ng-passw0rd"), "{told}");
}

async fn missing_password_is_reported_with_its_possible_sources() {
    let server = Sshd::start(&script(""));
    let asked = SshTarget { password: None, identity: None, ..server.target() };
    let told = reason(connect(&asked).await);
    assert_contains(&told, &["wants a password: no password is known"]);
    let device = sessions(Some(PASSWORD)).open("DUT0", &asked, false).await.unwrap();
    device.restore().await;
    let told = reason(connect(&SshTarget { identity: None, ..server.target() }).await);
    assert_contains(&told, &["`SCEPLAB_TEST_NO_PASSWORD`", "holds no password"]);
}

async fn keyboard_interactive_password_is_accepted() {
    let settings = "PasswordAuthentication no\nKbdInteractiveAuthentication yes\nUsePAM yes";
    let server = Sshd::with(&script(""), settings);
    let device = connect(&server.target_with_password()).await;
    device.unwrap().restore().await;
    write(&server.path("password"), "wr0ng-passw0rd\n", 0o600);
    let target = SshTarget {
        password: Some(PasswordSource::File(server.path("password"))),
        identity: None,
        ..server.target()
    };
    let told = reason(connect(&target).await);
    assert_contains(&told, &["was not accepted", "keyboard-interactive"]);
    assert!(!told.contains("wr0ng-passw0rd"), "{told}");
}

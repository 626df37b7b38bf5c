//! Engines that are missing, not permitted, hang, are too old or full: each is reported by its own message, in bounded time.

use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;

use driver_docker::node_image::NodeImages;
use testbed::TestbedError;

use super::fake::{FakeEngine, healthy, healthy_on, json};
use super::{options, runtime};
use crate::support::needs;
use crate::support::sceplab::{Ended, command, finish, refusing};
use crate::support::trials::{Planned, trials};

pub(crate) fn trials() -> Vec<Planned> {
    let root = needs::another_user();
    let mut all = trials![
        &[];
        missing_socket_is_reported,
        unserved_socket_is_reported,
        closed_port_is_reported,
        unknown_address_scheme_is_reported,
        silent_engine_times_out,
        engine_without_http_is_reported,
        old_engine_is_reported,
        engine_for_windows_containers_is_reported,
        full_disk_of_an_engine_is_reported,
        engine_that_disconnects_is_reported,
        engine_for_another_processor_is_reported,
    ];
    all.extend(trials![
        &[&root];
        socket_without_permission_is_reported,
    ]);
    all
}

/// The result of `clean` with the engine at that address.
#[track_caller]
fn clean_at(host: &str) -> Ended {
    let folder = tempfile::tempdir().unwrap();
    let mut command = command(folder.path(), &["clean", "--dry-run"]);
    command.env("DOCKER_HOST", host).env("TMPDIR", folder.path());
    let ended = finish(command);
    ended.assert_orderly();
    ended
}

#[track_caller]
fn assert_refused(ended: &Ended, words: &[&str]) {
    assert_eq!(ended.code, Some(3), "{ended:?}");
    for word in words {
        assert!(ended.stderr.contains(word), "`{word}` is not in {}", ended.stderr);
    }
}

fn missing_socket_is_reported() {
    assert_refused(
        &clean_at("unix:///nowhere/docker.sock"),
        &["there is no Docker engine at `unix:///nowhere/docker.sock`", "DOCKER_HOST"],
    );
}

fn unserved_socket_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("engine");
    drop(UnixListener::bind(&socket).unwrap());
    let ended = clean_at(&format!("unix://{}", socket.display()));
    assert_refused(&ended, &["no Docker engine answers", "systemctl start docker"]);
}

fn closed_port_is_reported() {
    let (_socket, address) = refusing();
    let ended = clean_at(&format!("tcp://{address}"));
    assert_refused(&ended, &["no Docker engine answers", "DOCKER_HOST"]);
}

fn socket_without_permission_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let socket = folder.path().join("engine");
    let _engine = UnixListener::bind(&socket).unwrap();
    set_permissions(&socket, Permissions::from_mode(0o600)).unwrap();
    // An ordinary user may not open the socket, and cannot reach the original program.
    let program = folder.path().join("sceplab");
    std::fs::copy(env!("CARGO_BIN_EXE_sceplab"), &program).unwrap();
    let mut command = needs::as_another_user();
    command.arg(&program).arg("clean");
    command.env("DOCKER_HOST", format!("unix://{}", socket.display())).current_dir("/");
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let ended = Ended { code: output.status.code(), stdout: String::new(), stderr };
    assert_refused(&ended, &["no permission to use the Docker engine", "usermod -aG docker"]);
}

fn unknown_address_scheme_is_reported() {
    assert_refused(&clean_at("ftp://127.0.0.1"), &["unix://", "ssh -NL"]);
}

fn silent_engine_times_out() {
    let engine = FakeEngine::start(|_| None);
    assert_refused(&clean_at(&engine.host()), &["did not report its version within 5 s"]);
}

fn engine_without_http_is_reported() {
    let engine = FakeEngine::start(|_| Some("SSH-2.0-OpenSSH_9.2\r\n".to_owned()));
    assert_refused(&clean_at(&engine.host()), &["cannot be used"]);
}

fn old_engine_is_reported() {
    let engine = FakeEngine::start(|_| Some(json(200, r#"{"ApiVersion": "1.24", "Os": "linux"}"#)));
    assert_refused(&clean_at(&engine.host()), &["is too old: it has version 1.24"]);
}

fn engine_for_windows_containers_is_reported() {
    let engine =
        FakeEngine::start(|_| Some(json(200, r#"{"ApiVersion": "1.41", "Os": "windows"}"#)));
    assert_refused(&clean_at(&engine.host()), &["runs containers of windows"]);
}

fn full_disk_of_an_engine_is_reported() {
    let engine = FakeEngine::start(|request| Some(full(request)));
    let told = image_at(&engine);
    assert!(told.contains("no space left on device"), "{told}");
    assert!(told.contains("`/data/docker`") && told.contains("docker system df"), "{told}");
}

fn engine_that_disconnects_is_reported() {
    let engine = FakeEngine::start(|request| {
        Some(if request.contains("/images/") { String::new() } else { healthy(request) })
    });
    let told = image_at(&engine);
    assert!(told.contains("the engine went away") && told.contains("sceplab clean"), "{told}");
}

fn engine_for_another_processor_is_reported() {
    let engine = FakeEngine::start(|request| Some(healthy_on("mips64", request)));
    let told = image_at(&engine);
    assert!(told.contains("mips64") && told.contains("--node-image"), "{told}");
}

/// The error of making a node image at an engine.
#[track_caller]
fn image_at(engine: &FakeEngine) -> String {
    let error: TestbedError = runtime().block_on(async {
        let engine = engine.connect().await;
        NodeImages::default().obtain(&engine, &options()).await.unwrap_err()
    });
    error.to_string()
}

fn full(request: &str) -> String {
    if request.contains("/images/create") {
        return json(500, r#"{"message": "write /data/docker/tmp/x: no space left on device"}"#);
    }
    healthy(request)
}

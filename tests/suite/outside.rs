//! `tests/outside`: a crate outside the workspace that depends on `scep` and `mock-ca`, as other people's crates do.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use process::{Event, Process, Stream};
use tokio::process::Command;
use tokio::time::Instant;

use super::sceplab::workspace;

/// Time after which the test gives up; `cargo nextest` would kill it after ten minutes.
const DEADLINE: Duration = Duration::from_secs(9 * 60);

/// In the debug profile it is built in the workspace's folder for builds, which has OpenSSL already, and which cargo does not lock
/// while tests run. Other profiles have no such build, so there it gets a folder of its own.
#[tokio::test]
async fn crate_outside_the_workspace_passes_its_tests() {
    let profile = Path::new(env!("CARGO_BIN_EXE_sceplab")).parent().unwrap();
    let own = profile.join("outside");
    let target = if profile.ends_with("debug") { profile.parent().unwrap() } else { &own };
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["test", "--locked", "--offline", "--manifest-path"]);
    cargo.arg(workspace().join("tests/outside/Cargo.toml")).env("CARGO_TARGET_DIR", target);
    cargo.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = Process::start(&mut cargo).unwrap();
    let deadline = Instant::now() + DEADLINE;
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let status = loop {
        match running.next(Some(deadline)).await.unwrap() {
            Event::Printed(Stream::Out, bytes) => stdout.extend_from_slice(bytes),
            Event::Printed(Stream::Err, bytes) => stderr.extend_from_slice(bytes),
            Event::Ended(status) => break Some(status),
            Event::GuardKilled(_) | Event::Overdue => break None,
        }
    };
    running.end().await;
    let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    let Some(status) = status else {
        panic!("cargo was killed, because it did not end within {DEADLINE:?}\n{stdout}\n{stderr}");
    };
    assert!(status.success(), "{stdout}\n{stderr}");
    assert!(stdout.contains("test result: ok. 4 passed; 0 failed"), "{stdout}");
}

/// With other versions it would need the network, and build OpenSSL again.
#[test]
fn crate_outside_the_workspace_has_the_same_dependencies() {
    let ours = packages(&workspace().join("Cargo.lock"));
    let others = packages(&workspace().join("tests/outside/Cargo.lock"));
    let different: Vec<_> =
        others.difference(&ours).filter(|package| !package.contains("\"outside\"")).collect();
    assert!(
        different.is_empty(),
        "tests/outside/Cargo.lock has packages that Cargo.lock has not got: {different:?}; `cp Cargo.lock tests/outside/` and \
         `cargo test --manifest-path tests/outside/Cargo.toml` bring them together"
    );
}

/// With another profile its builds would serve nothing else. Cargo warns of packages in a profile that a build has not got.
#[test]
fn crate_outside_the_workspace_has_the_same_debug_profile() {
    let there = packages(&workspace().join("tests/outside/Cargo.lock"));
    let is_there = |line: &&str| match line.split_once(" = { opt-level") {
        Some((package, _)) => {
            there.iter().any(|it| it.starts_with(&format!("name = \"{package}\"")))
        }
        None => true,
    };
    let ours = debug_profile(&workspace().join("Cargo.toml"));
    assert!(ours.contains("[profile.dev.package]"), "{ours}");
    let ours: Vec<_> = ours.lines().filter(is_there).collect();
    assert_eq!(ours.join("\n"), debug_profile(&workspace().join("tests/outside/Cargo.toml")));
}

/// The name and version of each package in a lock file.
fn packages(lock: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(lock).unwrap();
    let packages = text.split("[[package]]\n").skip(1);
    packages.map(|package| package.lines().take(2).collect::<Vec<_>>().join(", ")).collect()
}

/// The sections of the debug profile in a manifest, without comments.
fn debug_profile(manifest: &Path) -> String {
    let text = fs::read_to_string(manifest).unwrap();
    let mut is_inside = false;
    let lines = text.lines().filter(|line| {
        if line.starts_with('[') {
            is_inside = line.starts_with("[profile.dev]") || line.starts_with("[profile.dev.");
        }
        is_inside && !line.is_empty() && !line.starts_with('#')
    });
    lines.collect::<Vec<_>>().join("\n")
}

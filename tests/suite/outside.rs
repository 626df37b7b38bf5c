//! `tests/outside`: a crate outside the workspace that depends on `scep` and `mock-ca`, as other people's crates do.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::sceplab::workspace;

/// It is built in the workspace's folder for builds, which has OpenSSL already, and which cargo does not lock while tests run.
#[test]
fn crate_outside_the_workspace_passes_its_tests() {
    let target = Path::new(env!("CARGO_BIN_EXE_sceplab")).ancestors().nth(2).unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["test", "--locked", "--offline", "--manifest-path"]);
    cargo.arg(workspace().join("tests/outside/Cargo.toml")).env("CARGO_TARGET_DIR", target);
    let output = cargo.output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{stdout}\n{}", String::from_utf8_lossy(&output.stderr));
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

/// The name and version of each package in a lock file.
fn packages(lock: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(lock).unwrap();
    let packages = text.split("[[package]]\n").skip(1);
    packages.map(|package| package.lines().take(2).collect::<Vec<_>>().join(", ")).collect()
}

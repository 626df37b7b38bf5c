//! `cargo test`: trials for each scenario file; a new file is a new trial.
//!
//! `scep/x` runs in the virtual lab, `netns/scep/x` on the kernel's network where that is permitted, `docker/scep/x` in
//! containers with the feature `docker` and where there is an engine, and `scepserver/scep/x` at a real server where that is
//! installed.
//!
//! The files are those below `scenarios`, or below the folder that `SCEPLAB_SCENARIOS` names.

#[path = "support"]
mod support {
    pub(crate) mod groups;
}
#[path = "scenarios/trials.rs"]
mod trials;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use libtest_mimic::Arguments;

fn main() -> ExitCode {
    let kinds = [
        trials::VIRTUAL,
        trials::NETNS,
        trials::SCEPSERVER,
        #[cfg(feature = "docker")]
        trials::DOCKER,
    ];
    if let Some(failure) = support::groups::failure() {
        return failure;
    }
    match trials::run(&Arguments::from_args(), &folder(), &kinds) {
        Ok(conclusion) => conclusion.exit_code(),
        Err(reason) => {
            complain(&reason);
            ExitCode::FAILURE
        }
    }
}

/// A relative path is relative to where `cargo` is called, the root of the workspace.
fn folder() -> PathBuf {
    let workspace = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let named = std::env::var_os("SCEPLAB_SCENARIOS").unwrap_or_else(|| "scenarios".into());
    workspace.join(named)
}

#[expect(clippy::print_stderr, reason = "a test program has nowhere else to say this")]
fn complain(reason: &str) {
    eprintln!("{reason}");
}

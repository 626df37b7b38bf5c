//! A trial for each scenario file.
//!
//! `scep/x` runs in the virtual lab, `netns/scep/x` on the kernel's network, `docker/scep/x` in containers (with the feature
//! `docker`), and `scepserver/scep/x` at a real server. A trial is ignored if the machine lacks what it needs.
//!
//! The files are those below `scenarios`, or below the folder that `SCEPLAB_SCENARIOS` names.

#[path = "support"]
mod support {
    pub(crate) mod arguments;
    pub(crate) mod groups;
}
#[path = "scenarios/trials.rs"]
mod trials;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

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
    match trials::run(&support::arguments::arguments(), &folder(), &kinds) {
        Ok(conclusion) => conclusion.exit_code(),
        Err(reason) => {
            complain(&reason);
            ExitCode::FAILURE
        }
    }
}

/// The folder of the scenario files; a relative path is relative to the root of the workspace.
fn folder() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let named = std::env::var_os("SCEPLAB_SCENARIOS").unwrap_or_else(|| "scenarios".into());
    package.ancestors().nth(2).unwrap_or(package).join(named)
}

#[expect(clippy::print_stderr, reason = "a test program has nowhere else to say this")]
fn complain(reason: &str) {
    eprintln!("{reason}");
}

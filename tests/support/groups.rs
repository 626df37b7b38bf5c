//! The groups of trials that not every machine can run. A trial that cannot run here is ignored with its reason; it fails if
//! `SCEPLAB_MUST_RUN` names its group.

use std::process::ExitCode;

use libtest_mimic::{Completion, Failed};

/// The environment variable that names the groups that this machine must be able to run, separated by commas.
const MUST_RUN: &str = "SCEPLAB_MUST_RUN";

/// All groups, each named after what a machine may lack.
pub(crate) const ALL: [&str; 16] = [
    "netns",         // network namespaces
    "userns",        // user namespaces with their own limits
    "docker",        // a Docker engine and its command line client
    "docker-socket", // the Docker engine at the usual socket
    "ssh",           // OpenSSH's server, and root, to make namespaces
    "scepclient",    // micromdm's client
    "scepserver",    // micromdm's server
    "strongswan",    // strongSwan's `pki`
    "sscep",         // certnanny's client
    "certmonger",    // certmonger's `scep-submit`
    "faketime",      // libfaketime, which shows programs another time
    "curl",          // an HTTP client
    "openssl",       // the command line tool
    "terminal",      // util-linux's `script`
    "another-user",  // root, to become another user
    "own-interface", // an Ethernet interface of the machine itself
];

/// The result of a trial that cannot run here: ignored, or failed if this machine must run that group.
pub(crate) fn ignored(group: &str, reason: &str) -> Result<Completion, Failed> {
    if must_run().iter().any(|named| named == group) {
        return Err(format!("`{MUST_RUN}` names `{group}`, and it cannot run: {reason}").into());
    }
    Ok(Completion::ignored_with(reason))
}

/// True if a trial must be listed as ignored. `end` is its result if it cannot run here.
///
/// nextest does not support trials that ignore themselves, but asks beforehand which ones are ignored.
pub(crate) fn is_flagged(end: impl FnOnce() -> Option<Result<Completion, Failed>>) -> bool {
    std::env::var_os("NEXTEST").is_some() && matches!(end(), Some(Ok(_)))
}

/// The exit code of the test program if `SCEPLAB_MUST_RUN` names an unknown group, which would never fail a trial.
#[expect(clippy::print_stderr, reason = "a test program has nowhere else to say this")]
pub(crate) fn failure() -> Option<ExitCode> {
    let named = must_run();
    let unknown = named.iter().find(|named| !ALL.contains(&named.as_str()))?;
    eprintln!("`{MUST_RUN}` names `{unknown}`, which is none of {}", ALL.join(", "));
    Some(ExitCode::FAILURE)
}

fn must_run() -> Vec<String> {
    let named = std::env::var(MUST_RUN).unwrap_or_default();
    named.split(',').filter(|named| !named.is_empty()).map(str::to_owned).collect()
}

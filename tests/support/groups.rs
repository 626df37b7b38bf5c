//! The groups of trials that not every machine can run. A trial that cannot run here is ignored with its reason; it fails if
//! `SCEPLAB_MUST_RUN` names its group.

use std::process::ExitCode;

use libtest_mimic::{Completion, Failed};

/// The environment variable that names the groups that this machine must be able to run, separated by commas.
const MUST_RUN: &str = "SCEPLAB_MUST_RUN";

/// Every group: what a machine may have or lack.
pub(crate) const ALL: [&str; 15] = [
    "netns",         // network namespaces
    "userns",        // user namespaces, with limits of their own
    "docker",        // an engine, and its own client
    "docker-socket", // that engine at the usual socket
    "ssh",           // OpenSSH's server, in namespaces that only root may make
    "scepclient",    // micromdm's client
    "scepserver",    // micromdm's server
    "strongswan",    // strongSwan's `pki`
    "sscep",         // certnanny's client
    "certmonger",    // certmonger's `scep-submit`
    "curl",          // an HTTP client
    "openssl",       // the command line tool
    "terminal",      // util-linux's `script`
    "another-user",  // root, who can become one
    "own-interface", // an Ethernet interface of the machine itself
];

/// The end of a trial that cannot run here: ignored, or failed if this machine must be able to run that group.
pub(crate) fn ignored(group: &str, reason: &str) -> Result<Completion, Failed> {
    if must_run().iter().any(|named| named == group) {
        return Err(format!("`{MUST_RUN}` names `{group}`, and it cannot run: {reason}").into());
    }
    Ok(Completion::ignored_with(reason))
}

/// Whether a trial is to be listed as ignored, by how it would end here without being tried.
///
/// nextest knows no trial that ignores itself, but asks beforehand which ones are ignored.
pub(crate) fn is_flagged(end: impl FnOnce() -> Option<Result<Completion, Failed>>) -> bool {
    std::env::var_os("NEXTEST").is_some() && matches!(end(), Some(Ok(_)))
}

/// The end of the test program if `SCEPLAB_MUST_RUN` names a group that there is not: nothing would be missed of it.
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

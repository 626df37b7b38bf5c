//! Options for the limits of the CA, and the limit of the system for open files.

use clap::Args;
use mock_ca::Limits;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// Options for the limits of the CA.
#[derive(Clone, Debug, Args)]
pub(super) struct LimitOptions {
    /// The memory in MiB for everything that clients make the server hold; beyond it, a request is answered with HTTP status 503
    #[arg(long, value_name = "MIB", default_value_t = 256, value_parser = clap::value_parser!(u32).range(8..))]
    memory: u32,
    /// The longest message of a client in KiB
    #[arg(long, value_name = "KIB", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=2048))]
    max_message: u32,
}

impl LimitOptions {
    /// The limits of the CA.
    pub(super) fn limits(&self) -> Limits {
        let mut limits = Limits::default();
        limits.memory = self.memory as usize * MIB;
        limits.body_bytes = self.max_message as usize * KIB;
        limits
    }
}

/// Lets the process open a file for each connection, as far as the system permits; returns the number of connections for which it
/// may.
#[cfg(target_os = "linux")]
pub(super) fn with_files(connections: usize) -> usize {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};

    /// The files beside those of connections: the outputs, the log, the state, the control port.
    const OTHER_FILES: usize = 64;
    let wanted = (connections + OTHER_FILES) as u64;
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return connections };
    let raised = wanted.min(hard);
    let may_open = if soft < raised && setrlimit(Resource::RLIMIT_NOFILE, raised, hard).is_ok() {
        raised
    } else {
        soft
    };
    let for_connections = may_open.saturating_sub(OTHER_FILES as u64).max(may_open / 4);
    connections.min(usize::try_from(for_connections).unwrap_or(connections)).max(1)
}

#[cfg(not(target_os = "linux"))]
pub(super) fn with_files(connections: usize) -> usize {
    connections
}

//! The memory of this process, which has passwords and keys, gets into no core dump.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// The limit of a core dump, in bytes. With 0 the kernel writes no file, but passes a dump to a program such as systemd-coredump;
/// with 1 it does neither (`core(5)`, and `do_coredump` in Linux).
const LIMIT: u64 = 1;

/// Lowers the limit of this process. Processes that it starts inherit it, and may raise it again up to the hard limit, which stays.
pub(super) fn prevent() {
    // If the limit cannot be read or set, there is no other way.
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_CORE) {
        let _ = setrlimit(Resource::RLIMIT_CORE, LIMIT.min(hard), hard);
    }
}

//! A network for each trial, and the open ports of networks.

use std::panic::resume_unwind;
use std::thread;

use nix::sched::{CloneFlags, unshare};

use super::namespaces::Namespaces;
use crate::support::sceplab::run_program;

/// Runs a test in its own network, which has only a loopback interface: every port is free, and stays free.
///
/// Threads and processes that the test starts are in the same network.
pub(crate) fn in_own_network(test: Box<dyn FnOnce() + Send>) {
    let alone = thread::spawn(|| {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        run_program("ip", &["link", "set", "lo", "up"]);
        test();
    });
    if let Err(panic) = alone.join() {
        resume_unwind(panic);
    }
}

/// True if a server listens at that port, in a network of the namespaces or in that of this thread.
pub(super) fn is_listened_at(namespaces: &Namespaces, network: Option<&str>, port: u16) -> bool {
    listened_at(namespaces, network).contains(&port)
}

/// The open ports, in a network of the namespaces or in that of this thread.
pub(super) fn listened_at(namespaces: &Namespaces, network: Option<&str>) -> Vec<u16> {
    let table = match network {
        Some(network) => {
            let shown =
                namespaces.in_network(network, "cat").arg("/proc/net/tcp").output().unwrap();
            String::from_utf8(shown.stdout).unwrap()
        }
        None => std::fs::read_to_string("/proc/thread-self/net/tcp").unwrap(),
    };
    // The second column of proc(5)'s table is the address, the fourth the state; 0A is LISTEN.
    let listener = |line: &str| {
        let columns: Vec<_> = line.split_whitespace().collect();
        let (_, port) = columns.get(1)?.rsplit_once(':')?;
        u16::from_str_radix(port, 16).ok().filter(|_| columns.get(3) == Some(&"0A"))
    };
    table.lines().filter_map(listener).collect()
}

//! Networks: one of each trial's own, and what is listened at in those of a room.

use std::panic::resume_unwind;
use std::thread;

use nix::sched::{CloneFlags, unshare};

use super::room::Room;
use crate::support::sceplab::run_program;

/// Runs a test in a network that has nothing but its loopback, and nobody else in it: every port is free, and stays so.
///
/// The threads and the processes that the test starts are in it as well.
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

/// Whether anything listens at that port of a network of the room.
pub(super) fn is_listened_at(room: &Room, network: Option<&str>, port: u16) -> bool {
    listened_at(room, network).contains(&port)
}

/// The ports that anything listens at in a network of the room, or in that of this thread.
pub(super) fn listened_at(room: &Room, network: Option<&str>) -> Vec<u16> {
    let table = match network {
        Some(network) => {
            let shown = room.in_network(network, "cat").arg("/proc/net/tcp").output().unwrap();
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

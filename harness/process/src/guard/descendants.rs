//! The descendants of this process, by the system's list of processes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::thread::sleep;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::{Pid, getpid};

use super::lists_own_namespace;

/// Time for killed processes to end; one that waits for a broken disk may never.
const LIMIT: Duration = Duration::from_secs(2);

/// The pause before processes are looked for again.
const PAUSE: Duration = Duration::from_millis(2);

/// Kills all descendants and waits for their ends. This process must be their subreaper: then it has no descendant if it has no child.
pub(super) fn end_descendants() {
    if !lists_own_namespace() {
        return;
    }
    let mut left = LIMIT;
    while has_children() && !left.is_zero() {
        for process in descendants(getpid().as_raw(), &parents()) {
            // One that has ended in the meantime is no error.
            let _ = kill(Pid::from_raw(process), Signal::SIGKILL);
        }
        sleep(PAUSE);
        left = left.saturating_sub(PAUSE);
    }
}

/// Takes the status of children that have ended; true if there are others.
fn has_children() -> bool {
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(status) if status.pid().is_some() => {}
            Err(Errno::ECHILD) => return false,
            _ => return true,
        }
    }
}

/// The parent of each process.
fn parents() -> BTreeMap<i32, i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter_map(|id| Some((id, parent(&fs::read_to_string(format!("/proc/{id}/stat")).ok()?)?)))
        .collect()
}

/// The parent in a line of `/proc/PID/stat`, in which the name in parentheses may have any character.
fn parent(stat: &str) -> Option<i32> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

fn descendants(ancestor: i32, parents: &BTreeMap<i32, i32>) -> BTreeSet<i32> {
    let mut found = BTreeSet::new();
    let mut level = BTreeSet::from([ancestor]);
    while !level.is_empty() {
        let children = parents.iter().filter(|(_, parent)| level.contains(parent));
        level = children.map(|(child, _)| *child).filter(|child| !found.contains(child)).collect();
        found.extend(&level);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parent_is_read_after_any_name() {
        assert_eq!(parent("4711 (a) S 7 b) S 12 4711 4711 0"), Some(12));
        assert_eq!(parent("4711 (a"), None);
    }

    #[test]
    fn descendants_are_found_over_several_generations() {
        let parents = BTreeMap::from([(2, 1), (3, 2), (4, 3), (5, 1), (6, 5)]);
        assert_eq!(descendants(2, &parents), BTreeSet::from([3, 4]));
        assert_eq!(descendants(6, &parents), BTreeSet::new());
    }
}

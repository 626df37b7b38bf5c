//! Processes whose guard was killed: they have its name in their environment.

use std::fs;
use std::os::unix::fs::MetadataExt;

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getuid};

use super::lists_own_namespace;

/// The variable with the name of the guard.
pub(super) const VARIABLE: &str = "SCEPLAB_GUARD";

/// A process whose guard is dead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftProcess {
    /// The process ID.
    pub id: i32,
    /// The name of its program.
    pub program: String,
    started: String,
}

impl LeftProcess {
    /// Kills the process, unless its ID belongs to another one by now.
    pub fn end(&self) {
        if start_time(self.id).as_ref() == Some(&self.started) {
            // One that has ended in the meantime is no error.
            let _ = kill(Pid::from_raw(self.id), Signal::SIGKILL);
        }
    }

    /// True if the process still runs.
    pub fn is_alive(&self) -> bool {
        start_time(self.id).as_ref() == Some(&self.started)
    }
}

/// The processes of this user whose guards were killed.
pub fn leftovers() -> Vec<LeftProcess> {
    let Some(namespace) = namespace().filter(|_| lists_own_namespace()) else { return Vec::new() };
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let own =
        entries.filter(|entry| entry.metadata().is_ok_and(|it| it.uid() == getuid().as_raw()));
    let ids = own.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter_map(|id| left(id, &namespace)).collect()
}

fn left(id: i32, namespace: &str) -> Option<LeftProcess> {
    let started = start_time(id)?;
    let environment = fs::read(format!("/proc/{id}/environ")).ok()?;
    let name = guard_in(&environment)?;
    if is_alive(&name, namespace)? {
        return None;
    }
    let program = fs::read_to_string(format!("/proc/{id}/comm")).unwrap_or_default();
    Some(LeftProcess { id, program: program.trim().to_owned(), started })
}

/// The name of the guard in an environment.
fn guard_in(environment: &[u8]) -> Option<String> {
    let variables = environment.split(|byte| *byte == 0);
    let mut names = variables
        .filter_map(|it| std::str::from_utf8(it).ok()?.strip_prefix(VARIABLE)?.strip_prefix('='));
    names.next().map(str::to_owned)
}

/// True if the guard of this name runs; `None` if it is one of another PID namespace, whose processes are not known here.
fn is_alive(name: &str, namespace: &str) -> Option<bool> {
    let (its_namespace, process) = name.split_once('/')?;
    let (id, started) = process.split_once('/')?;
    let id = id.parse().ok()?;
    (its_namespace == namespace).then(|| start_time(id).as_deref() == Some(started))
}

/// The name of this process as a guard: its PID namespace, its ID and its start time.
pub(super) fn own_name() -> Option<String> {
    let id = i32::try_from(std::process::id()).ok()?;
    Some(format!("{}/{id}/{}", namespace()?, start_time(id)?))
}

fn namespace() -> Option<String> {
    Some(fs::metadata("/proc/self/ns/pid").ok()?.ino().to_string())
}

/// The start time of a process that has not ended (`/proc/PID/stat`).
fn start_time(id: i32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let is_alive = !matches!(fields.next()?, "Z" | "X");
    fields.nth(18).filter(|_| is_alive).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_process_is_alive_and_other_start_time_is_another_process() {
        let (name, namespace) = (own_name().unwrap(), namespace().unwrap());
        assert_eq!(is_alive(&name, &namespace), Some(true));
        assert_eq!(is_alive(&format!("{name}0"), &namespace), Some(false));
        assert_eq!(is_alive(&name, "1"), None);
        assert_eq!(is_alive("", &namespace), None);
    }

    #[test]
    fn name_of_guard_is_found_in_environment() {
        let environment = b"PATH=/bin\0SCEPLAB_GUARD=1/2/3\0HOME=/";
        assert_eq!(guard_in(environment), Some("1/2/3".to_owned()));
        assert_eq!(guard_in(b"XSCEPLAB_GUARD=1"), None);
    }
}

//! The process that created an object, on any machine, and whether it still lives.

use std::fmt;

use testbed::leftovers::State;

/// A process, distinguished from all other processes on all machines at all times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The machine's name, for human readers.
    pub host: String,
    /// A hash of the machine's ID.
    machine: String,
    /// The ID of the machine's boot.
    boot: String,
    /// The PID namespace of the process ID.
    namespace: String,
    /// The process ID.
    pub process: u32,
    /// The start time of the process in the kernel's format, because process IDs are reused.
    started: String,
}

/// The value for a property that the system does not report.
const UNKNOWN: &str = "-";

impl Owner {
    /// This process.
    pub fn of_this_process() -> Self {
        Self::of(std::process::id())
    }

    /// The process of this machine with that ID.
    pub fn of(process: u32) -> Self {
        let started = system::start_of(process).unwrap_or_else(|| UNKNOWN.to_owned());
        Self { process, started, ..system::here() }
    }

    /// The process in a label; `None` if the label is malformed.
    pub(super) fn parse(label: &str) -> Option<Self> {
        let parts: Vec<String> = label.split('/').map(str::to_owned).collect();
        let [host, machine, boot, namespace, process, started] = parts.try_into().ok()?;
        Some(Self { host, machine, boot, namespace, process: process.parse().ok()?, started })
    }

    /// Whether the process lives, if that can be determined from here.
    pub fn state(&self) -> State {
        self.state_seen_from(&system::here())
    }

    fn state_seen_from(&self, here: &Self) -> State {
        if self.machine == UNKNOWN || (&self.host, &self.machine) != (&here.host, &here.machine) {
            return State::Elsewhere;
        }
        if self.boot != here.boot {
            return State::Dead;
        }
        if self.namespace != here.namespace {
            return State::Elsewhere;
        }
        system::state(self.process, &self.started)
    }
}

impl fmt::Display for Owner {
    /// The text for a label.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, machine, boot, namespace, process, started } = self;
        write!(f, "{host}/{machine}/{boot}/{namespace}/{process}/{started}")
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::fs;

    use nix::errno::Errno;
    use nix::sys::signal::kill;
    use nix::unistd::Pid;

    use super::{Owner, State, UNKNOWN};
    pub(super) use simulated::kernel::start_of;

    /// This machine, with a placeholder for the process.
    pub(super) fn here() -> Owner {
        let line = |path: &str| fs::read_to_string(path).ok().map(|text| text.trim().to_owned());
        let known = |text: Option<String>| {
            text.filter(|text| !text.is_empty() && !text.contains('/'))
                .unwrap_or_else(|| UNKNOWN.to_owned())
        };
        let namespace = fs::read_link("/proc/self/ns/pid").ok();
        Owner {
            host: known(line("/proc/sys/kernel/hostname")),
            machine: known(line("/etc/machine-id").filter(|id| !id.is_empty()).map(|id| hash(&id))),
            boot: known(line("/proc/sys/kernel/random/boot_id")),
            namespace: known(namespace.map(|link| link.to_string_lossy().into_owned())),
            process: 0,
            started: UNKNOWN.to_owned(),
        }
    }

    /// A hash of the machine's ID, because the ID itself is confidential: machine-id(5).
    fn hash(id: &str) -> String {
        hex::encode(&openssl::sha::sha256(format!("sceplab {id}").as_bytes())[..8])
    }

    pub(super) fn state(process: u32, started: &str) -> State {
        match start_of(process) {
            Some(now) if now == started => State::Living,
            // Processes of other users may be hidden: proc(5), `hidepid`.
            None if exists(process) => State::Living,
            Some(_) | None => State::Dead,
        }
    }

    fn exists(process: u32) -> bool {
        let process = i32::try_from(process).ok().filter(|process| *process > 0);
        process.is_some_and(|process| kill(Pid::from_raw(process), None) != Err(Errno::ESRCH))
    }
}

/// Systems that do not report enough to identify a process: none is ever considered dead.
#[cfg(not(target_os = "linux"))]
mod system {
    use super::{Owner, State, UNKNOWN};

    pub(super) fn here() -> Owner {
        let [host, machine, boot, namespace, started] = [(); 5].map(|()| UNKNOWN.to_owned());
        Owner { host, machine, boot, namespace, process: 0, started }
    }

    pub(super) fn start_of(_: u32) -> Option<String> {
        None
    }

    pub(super) fn state(_: u32, _: &str) -> State {
        State::Elsewhere
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn this_process_lives_and_survives_a_round_trip() {
        let owner = Owner::of_this_process();
        assert_eq!(Owner::parse(&owner.to_string()), Some(owner.clone()));
        assert_ne!(owner.state(), State::Dead);
        assert_eq!(Owner::parse("vm/1/2"), None);
    }

    #[test]
    fn only_a_process_of_this_machine_can_be_dead() {
        // Sets the machine's ID, because this machine may have none.
        let known = |owner: Owner| Owner { machine: "1".to_owned(), ..owner };
        let state = |owner: &Owner, here: &Owner| owner.state_seen_from(here);
        let here = known(system::here());
        let owner = known(Owner::of_this_process());
        assert_eq!(state(&owner, &here), State::Living);
        let other = |change: fn(&mut Owner)| {
            let mut other = owner.clone();
            change(&mut other);
            state(&other, &here)
        };
        assert_eq!(other(|it| it.started = "1".to_owned()), State::Dead);
        // No process has this number (PID_MAX_LIMIT of proc(5) is 2^22).
        assert_eq!(other(|it| it.process = 99_999_999), State::Dead);
        assert_eq!(other(|it| it.boot = "earlier".to_owned()), State::Dead);
        assert_eq!(other(|it| it.namespace = "pid:[1]".to_owned()), State::Elsewhere);
        assert_eq!(other(|it| it.host = "elsewhere".to_owned()), State::Elsewhere);
        assert_eq!(other(|it| it.machine = "2".to_owned()), State::Elsewhere);
        assert_eq!(other(|it| it.machine = UNKNOWN.to_owned()), State::Elsewhere);
    }
}

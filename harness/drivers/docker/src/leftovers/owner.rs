//! The process that made something, wherever it runs, and whether it still lives.

use std::fmt;
use std::str::FromStr;

/// A process of some machine, told from all others that ever were.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The machine: its name, for people, and what stands for its identity.
    host: String,
    machine: String,
    /// Which start of it.
    boot: String,
    /// The namespace in which the process has its number.
    namespace: String,
    process: u32,
    /// When the process was started, in the kernel's own count: numbers are used again.
    started: String,
}

/// What is known of whether a process still lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// It does.
    Living,
    /// It does not.
    Dead,
    /// It is, or was, on another machine or in another container, where one cannot look.
    Elsewhere,
}

/// What stands where the system does not tell.
const UNKNOWN: &str = "-";

impl Owner {
    /// This process.
    pub fn of_this_process() -> Self {
        Self::of(std::process::id())
    }

    /// A process of this machine, by its number.
    pub fn of(process: u32) -> Self {
        let started = system::start_of(process).unwrap_or_else(|| UNKNOWN.to_owned());
        Self { process, started, ..system::here() }
    }

    /// The machine's name.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Its number there.
    pub fn process(&self) -> u32 {
        self.process
    }

    /// Whether it lives, as far as it can be known here.
    pub fn life(&self) -> Life {
        self.life_seen_from(&system::here())
    }

    fn life_seen_from(&self, here: &Self) -> Life {
        if self.machine == UNKNOWN || (&self.host, &self.machine) != (&here.host, &here.machine) {
            return Life::Elsewhere;
        }
        if self.boot != here.boot {
            return Life::Dead;
        }
        if self.namespace != here.namespace {
            return Life::Elsewhere;
        }
        system::life(self.process, &self.started)
    }
}

impl fmt::Display for Owner {
    /// As it stands in a label.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, machine, boot, namespace, process, started } = self;
        write!(f, "{host}/{machine}/{boot}/{namespace}/{process}/{started}")
    }
}

/// A label that names no process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAnOwner;

impl FromStr for Owner {
    type Err = NotAnOwner;

    fn from_str(text: &str) -> Result<Self, NotAnOwner> {
        let parts: Vec<&str> = text.split('/').collect();
        let [host, machine, boot, namespace, process, started] = parts[..] else {
            return Err(NotAnOwner);
        };
        let process = process.parse().map_err(|_| NotAnOwner)?;
        let [host, machine, boot, namespace, started] =
            [host, machine, boot, namespace, started].map(str::to_owned);
        Ok(Self { host, machine, boot, namespace, process, started })
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::fs;

    use nix::errno::Errno;
    use nix::sys::signal::kill;
    use nix::unistd::Pid;

    use super::{Life, Owner, UNKNOWN};
    use simulated::kernel;

    /// This machine, with a process that does not matter.
    pub(super) fn here() -> Owner {
        let line = |path: &str| fs::read_to_string(path).ok().map(|text| text.trim().to_owned());
        let known = |text: Option<String>| {
            text.filter(|text| !text.is_empty() && !text.contains('/'))
                .unwrap_or_else(|| UNKNOWN.to_owned())
        };
        let namespace = fs::read_link("/proc/self/ns/pid").ok();
        Owner {
            host: known(line("/proc/sys/kernel/hostname")),
            machine: known(line("/etc/machine-id").filter(|id| !id.is_empty()).map(|id| seal(&id))),
            boot: known(line("/proc/sys/kernel/random/boot_id")),
            namespace: known(namespace.map(|link| link.to_string_lossy().into_owned())),
            process: 0,
            started: UNKNOWN.to_owned(),
        }
    }

    /// What stands for the machine's id, which is not to be shown around: machine-id(5).
    fn seal(id: &str) -> String {
        let digest = openssl::sha::sha256(format!("sceplab {id}").as_bytes());
        digest[..8].iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
    }

    pub(super) fn start_of(process: u32) -> Option<String> {
        kernel::start_of(process)
    }

    pub(super) fn life(process: u32, started: &str) -> Life {
        match start_of(process) {
            Some(now) if now == started => Life::Living,
            // Processes of others may be hidden: proc(5), `hidepid`.
            None if is_there(process) => Life::Living,
            Some(_) | None => Life::Dead,
        }
    }

    fn is_there(process: u32) -> bool {
        let process = i32::try_from(process).ok().filter(|process| *process > 0);
        process.is_some_and(|process| kill(Pid::from_raw(process), None) != Err(Errno::ESRCH))
    }
}

/// Where the system does not tell which process a number means, nothing is ever taken for dead.
#[cfg(not(target_os = "linux"))]
mod system {
    use super::{Life, Owner, UNKNOWN};

    pub(super) fn here() -> Owner {
        let unknown = || UNKNOWN.to_owned();
        let (host, machine, boot) = (unknown(), unknown(), unknown());
        Owner { host, machine, boot, namespace: unknown(), process: 0, started: unknown() }
    }

    pub(super) fn start_of(_: u32) -> Option<String> {
        None
    }

    pub(super) fn life(_: u32, _: &str) -> Life {
        Life::Elsewhere
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn this_process_lives_and_is_read_as_it_is_written() {
        let owner = Owner::of_this_process();
        assert_eq!(owner.to_string().parse(), Ok(owner.clone()));
        assert_ne!(owner.life(), Life::Dead);
        assert_eq!("vm/1/2".parse::<Owner>(), Err(NotAnOwner));
    }

    #[test]
    fn only_what_can_be_known_to_be_dead_is() {
        // As on a machine that has an id, whether this one has or not.
        let known = |owner: Owner| Owner { machine: "1".to_owned(), ..owner };
        let life = |owner: &Owner, here: &Owner| owner.life_seen_from(here);
        let here = known(system::here());
        let owner = known(Owner::of_this_process());
        assert_eq!(life(&owner, &here), Life::Living);
        let other = |change: fn(&mut Owner)| {
            let mut other = owner.clone();
            change(&mut other);
            life(&other, &here)
        };
        assert_eq!(other(|it| it.started = "1".to_owned()), Life::Dead);
        // No process has this number (PID_MAX_LIMIT of proc(5) is 2^22).
        assert_eq!(other(|it| it.process = 99_999_999), Life::Dead);
        assert_eq!(other(|it| it.boot = "earlier".to_owned()), Life::Dead);
        assert_eq!(other(|it| it.namespace = "pid:[1]".to_owned()), Life::Elsewhere);
        assert_eq!(other(|it| it.host = "elsewhere".to_owned()), Life::Elsewhere);
        assert_eq!(other(|it| it.machine = "2".to_owned()), Life::Elsewhere);
        assert_eq!(other(|it| it.machine = UNKNOWN.to_owned()), Life::Elsewhere);
    }
}

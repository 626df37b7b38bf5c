//! A guard for a program that a command starts: a process between the two. If the command ends, in whatever way, the guard ends the
//! program and everything that it started, also what left its process group. If the program ends, so does what it left.
//!
//! The guard is this program again, with other arguments, and so is its child, the program's parent. Each is a subreaper of the
//! program's descendants, so that none can leave it, and each ends them if the other is killed: a program that kills its parent is
//! ended as well. If both are killed, the next run finds the processes by a variable in their environment ([`leftovers`]).

#[cfg(target_os = "linux")]
mod descendants;
mod leftovers;
#[cfg(target_os = "linux")]
mod running;

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::OnceLock;

pub use self::leftovers::{LeftProcess, leftovers};
#[cfg(target_os = "linux")]
pub use self::running::{run, run_parent};

/// The program that can be a guard, and its arguments before those of the guarded program.
static GUARD: OnceLock<(PathBuf, Vec<OsString>)> = OnceLock::new();

/// Set once the processes of killed guards have been ended.
static SWEPT: OnceLock<()> = OnceLock::new();

/// The message of a guard that its program has started.
const STARTED: u8 = b'S';

/// The message of a guard that its program cannot be started; the number of the error follows.
const REFUSED: u8 = b'R';

/// The message of a guard that its program has ended; the status follows.
const ENDED: u8 = b'E';

/// The message of a guard that the program's parent was killed; the parent's status follows.
const LOST: u8 = b'L';

/// Lets this program guard the programs that are started from now on: it is run with `arguments`, then the program's.
pub fn install(program: PathBuf, arguments: Vec<OsString>) {
    let _ = GUARD.set((program, arguments));
}

/// True if programs are guarded.
pub(crate) fn is_installed() -> bool {
    GUARD.get().is_some()
}

/// A command for a program, guarded if a guard is installed; add arguments, and give it to
/// [`Process::start_guarded`](crate::Process::start_guarded).
pub fn command(program: impl Into<OsString>) -> tokio::process::Command {
    let Some((guard, arguments)) = GUARD.get() else {
        return tokio::process::Command::new(program.into());
    };
    SWEPT.get_or_init(|| {
        for left in leftovers() {
            left.end();
        }
    });
    let mut command = tokio::process::Command::new(guard);
    command.arg0("sceplab").args(arguments).arg(program.into());
    command
}

/// True if `/proc` has the processes of this PID namespace, so that its numbers mean the same here.
fn lists_own_namespace() -> bool {
    let own = std::process::id().to_string();
    std::fs::read_link("/proc/self").is_ok_and(|link| link.to_str() == Some(&own))
}

/// What a guard reports about its program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Report {
    /// It has started.
    Started,
    /// It cannot be started; the number of the error.
    Refused(i32),
    /// It has ended.
    Ended(ExitStatus),
    /// Its parent has ended, with this status, and the program was ended as well.
    Lost(ExitStatus),
}

/// Length of a report, in bytes.
pub(crate) const REPORT_LENGTH: usize = 5;

impl Report {
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "guards need Linux"))]
    fn encode(self) -> [u8; REPORT_LENGTH] {
        let (kind, number) = match self {
            Self::Started => (STARTED, 0),
            Self::Refused(error) => (REFUSED, error),
            Self::Ended(status) => (ENDED, status.into_raw()),
            Self::Lost(status) => (LOST, status.into_raw()),
        };
        let [a, b, c, d] = number.to_le_bytes();
        [kind, a, b, c, d]
    }

    pub(crate) fn decode([kind, a, b, c, d]: [u8; REPORT_LENGTH]) -> Option<Self> {
        let number = i32::from_le_bytes([a, b, c, d]);
        match kind {
            STARTED => Some(Self::Started),
            REFUSED => Some(Self::Refused(number)),
            ENDED => Some(Self::Ended(ExitStatus::from_raw(number))),
            LOST => Some(Self::Lost(ExitStatus::from_raw(number))),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_read_as_they_were_written() {
        let ended = Report::Ended(ExitStatus::from_raw(139));
        let lost = Report::Lost(ExitStatus::from_raw(9));
        for report in [Report::Started, Report::Refused(2), ended, lost] {
            assert_eq!(Report::decode(report.encode()), Some(report));
        }
        assert_eq!(Report::decode([0; REPORT_LENGTH]), None);
    }
}

//! The time that the client's program is shown: that of the device, by libfaketime.

use std::path::Path;

use files::PrivateFolder;
use process::faketime::{Faketime, SharedMemory, TimeFile};

use crate::enrolment::EnrolmentContext;

/// The clock of a device may differ so much from that of the system before its programs are shown it, in milliseconds.
const SAME_MS: i64 = 2_000;

/// The time that programs are shown.
pub(crate) struct ProgramTime {
    pub(super) faketime: Faketime,
    pub(super) file: TimeFile,
    /// Keeps the file.
    _folder: PrivateFolder,
    /// Removed with the device, because a killed program leaves something there.
    _shared: SharedMemory,
}

impl ProgramTime {
    /// The time for a program, if libfaketime works for it.
    ///
    /// # Errors
    /// Why it does not, in words.
    fn of(program: &Path) -> Result<Self, String> {
        let faketime = Faketime::for_program(program).map_err(|error| error.to_string())?;
        let folder = PrivateFolder::new("sceplab-time-");
        let folder = folder.map_err(|error| format!("the folder for its time: {error}"))?;
        let file = TimeFile::at(folder.path().join("time"));
        Ok(Self { faketime, file, _folder: folder, _shared: SharedMemory::watch() })
    }
}

impl EnrolmentContext {
    /// The time for the client's program; none if that of the system is right.
    ///
    /// # Errors
    /// Why the program can only be shown that of the system, in words.
    pub(super) fn time_for(&self, program: &Path) -> Result<Option<&ProgramTime>, String> {
        if !self.programs_follow && self.clock.ahead_of_system_ms().abs() < SAME_MS {
            return Ok(None);
        }
        let time = self.program_time.get_or_init(|| ProgramTime::of(program));
        let time = time.as_ref().map_err(Clone::clone)?;
        self.write_time(time)?;
        Ok(Some(time))
    }

    /// Shows programs that are running the time of the device, which has changed.
    pub(crate) fn tell_programs(&self) -> Result<(), String> {
        match self.program_time.get() {
            Some(Ok(time)) => self.write_time(time),
            Some(Err(_)) | None => Ok(()),
        }
    }

    fn write_time(&self, time: &ProgramTime) -> Result<(), String> {
        let written = time.file.write(self.clock.ahead_of_system_ms());
        written.map_err(|error| format!("the file with its time: {error}"))
    }
}

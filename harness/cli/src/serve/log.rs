//! The log of `sceplab serve` in a file.

use std::io::Write;
use std::mem;

use files::{append_to, end_of_links, overlap, read_as};
use mock_ca::LogObserver;

use super::Serve;
use crate::output::{log_queued, log_to, shown, warn};
use testbed::injection::panic_if_asked;

impl Serve {
    /// Writes the CA's log to the file of `--log`, or to standard output.
    pub(super) fn log_observer(&self) -> Result<LogObserver, String> {
        let observer = LogObserver::new(|entry| {
            panic_if_asked("serve");
            log_queued(&entry.to_string());
        });
        let Some(path) = &self.log else { return Ok(observer) };
        let name = path.display().to_string();
        let file =
            append_to(path).map_err(|error| format!("cannot write the log `{name}`: {error}"))?;
        let mut warned = false;
        log_to(move |line| {
            let written = (&file).write_all(format!("{}\n", shown(line)).as_bytes());
            if let Err(error) = written
                && !mem::replace(&mut warned, true)
            {
                warn(&format!("warning: cannot write the log `{name}`: {error}"));
            }
        });
        Ok(observer)
    }

    /// Checks that the log takes no lines into a file of the state, or into one that this command has read.
    pub(super) fn expect_log_apart(&self) -> Result<(), String> {
        let Some(log) = &self.log else { return Ok(()) };
        let name = log.display();
        if let Some(state) = self.state.as_deref().filter(|it| overlap(&end_of_links(log), it)) {
            return Err(format!(
                "the log `{name}` lies in the directory of `--state {}`, which has files of its own: name a file outside of it",
                state.display()
            ));
        }
        match read_as(log) {
            Some(input) => Err(format!(
                "the log `{name}` would add lines to `{}`, which this command reads: name another file for the log",
                input.display()
            )),
            None => Ok(()),
        }
    }
}

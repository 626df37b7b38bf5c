//! The version of an installed program.

use std::process::Stdio;
use std::time::Duration;

use process::{Event, Process, guard};
use tokio::time::Instant;

use super::Installed;

/// Time limit for the answer of a program.
const LIMIT: Duration = Duration::from_secs(10);
/// Maximum output that is searched, in bytes.
const MOST_BYTES: usize = 64 * 1024;

/// How a program tells its version.
#[derive(Debug, Clone, Copy)]
pub(in crate::enrolment) struct Version {
    /// The arguments.
    pub(in crate::enrolment) arguments: &'static [&'static str],
    /// The text before the version in a line of the output.
    pub(in crate::enrolment) before: &'static str,
}

impl Version {
    /// The version in the output of the program.
    fn find(&self, output: &str) -> Option<String> {
        let version = output.lines().find_map(|line| {
            let (_, after) = line.split_once(self.before)?;
            let after = after.trim_start_matches('v');
            let is_part = |it: char| it.is_ascii_alphanumeric() || it == '.' || it == '-';
            let end = after.find(|it| !is_part(it)).unwrap_or(after.len());
            Some(&after[..end]).filter(|it| it.starts_with(|first: char| first.is_ascii_digit()))
        });
        version.map(str::to_owned)
    }
}

impl Installed {
    /// The version of the program; none if it does not tell it.
    pub(in crate::enrolment) async fn version(&self) -> Option<String> {
        let version = self.adapter.version?;
        let mut command = guard::command(&self.program);
        command.args(version.arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = Process::start_guarded(&mut command).await.ok()?;
        let (deadline, mut output) = (Instant::now() + LIMIT, Vec::new());
        while let Ok(Event::Printed(_, bytes)) = process.next(Some(deadline)).await {
            output.extend_from_slice(bytes);
            if output.len() > MOST_BYTES {
                break;
            }
        }
        version.find(&String::from_utf8_lossy(&output))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_is_found_in_the_output() {
        let version = |before, output: &str| Version { arguments: &[], before }.find(output);
        let pki = "plugin 'tpm': failed to load\nstrongSwan 5.9.8 PKI tool\nusage:";
        assert_eq!(version("strongSwan ", pki).as_deref(), Some("5.9.8"));
        assert_eq!(version("", "scepclient\n2.1.0\n").as_deref(), Some("2.1.0"));
        assert_eq!(version("", "v2.3.0-rc1\n").as_deref(), Some("2.3.0-rc1"));
        let sscep = "\nsscep version 0.10.0\n\nUsage: sscep OPERATION";
        assert_eq!(version("sscep version ", sscep).as_deref(), Some("0.10.0"));
        assert_eq!(version("", "unknown\n"), None);
    }
}

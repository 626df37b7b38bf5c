//! `sceplab serve` on a free port.

use std::process::Stdio;

use super::sceplab::{Running, command, workspace};

/// The SCEP path of a Linux server.
pub(crate) const LINUX: &str = "/scep";

/// The SCEP path of a Windows server, as the documented device requests it.
pub(crate) const NDES: &str = "/CertSrv/mscep/mscep.dll/pkiclient.exe";

/// A running server and the values that it printed at its start; killed when dropped.
pub(crate) struct Server {
    pub(crate) running: Running,
    /// Address and port, as in a URL.
    pub(crate) authority: String,
    /// Kind and SHA-256 fingerprint of each certificate.
    certificates: Vec<(String, String)>,
}

impl Server {
    /// Starts `sceplab serve` with these arguments on a free port, and waits until it listens.
    #[track_caller]
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::start_with(arguments, &[])
    }

    /// The same with these variables in its environment.
    #[track_caller]
    pub(crate) fn start_with(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let whole = [&["serve"], arguments, &["--listen", "127.0.0.1:0"]].concat();
        let mut command = command(workspace(), &whole);
        command.stdin(Stdio::piped()).envs(environment.iter().copied());
        let mut running = Running::start(command);
        let authority = running.stdout_line(|line| {
            let url = line.strip_prefix("url")?.trim().strip_prefix("http://")?;
            Some(url.split('/').next()?.to_owned())
        });
        let mut certificates = Vec::new();
        while certificates.last().is_none_or(|(kind, _)| kind != "ca") {
            certificates.push(running.stdout_line(certificate));
        }
        Self { running, authority, certificates }
    }

    /// The SHA-256 fingerprint of a certificate: `ca`, `ra-signing`, `ra-encryption`.
    pub(crate) fn fingerprint(&self, wanted: &str) -> &str {
        let found = self.certificates.iter().find(|(kind, _)| kind == wanted);
        &found.unwrap_or_else(|| panic!("no {wanted}: {:?}", self.certificates)).1
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.authority)
    }

    /// Ends the server as Ctrl-C does, and returns its exit code and both outputs.
    #[cfg(unix)]
    #[track_caller]
    pub(crate) fn interrupt(mut self) -> (Option<i32>, String, String) {
        self.running.signal("INT");
        let status = self.running.wait();
        (status.code(), self.running.rest_of_stdout(), self.running.rest_of_stderr())
    }
}

fn certificate(line: &str) -> Option<(String, String)> {
    let mut words = line.split_whitespace();
    let kind =
        words.next().filter(|kind| matches!(*kind, "ca" | "ra-signing" | "ra-encryption"))?;
    let fingerprint = words.nth(1).filter(|word| word.len() == 64)?;
    Some((kind.to_owned(), fingerprint.to_owned()))
}

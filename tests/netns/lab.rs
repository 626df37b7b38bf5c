//! A run whose lab stands, with everything that belongs to it.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

pub(super) use crate::support::sceplab::wait_until;
use crate::support::sceplab::{Running, command};

/// A scenario that waits for an hour for what never comes.
pub(super) const WAITS: &str = "title: Waits
lab:
  devices: {DUT0: {interfaces: {eth0: 10.0.0.0/24}}}
  hosts:
    gateway: {addresses: [10.0.0.1/24, 10.0.1.1/24], forwards: true, runs: ca}
    other: {addresses: [10.0.1.2/24], ttl: 99, routes: {default: 10.0.1.1}}
  pki: {ca: {personality: linux, port: 8080}}
steps:
  - issued: {pki: ca, count: 9, within: 60m}
";

/// A run of the binary, and the folders that it leaves traces in.
pub(super) struct LabRun {
    pub(super) running: Running,
    pub(super) folder: TempDir,
}

impl LabRun {
    /// Runs `scenario`, with these further arguments, until its lab stands.
    pub(super) fn start(scenario: &str, further: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("it.yaml"), scenario).unwrap();
        let mut command = command(folder.path(), &["run", "--driver", "netns", "it.yaml"]);
        command.args(further);
        in_folders(&mut command, folder.path());
        let run = Self { running: Running::start(command), folder };
        wait_until("a lab stands", || run.registered().is_some());
        run
    }

    /// Runs the scenarios of a folder, one after another, until the lab of the one with this id stands.
    pub(super) fn start_folder(folder: TempDir, last: &str) -> Self {
        let mut command = command(folder.path(), &["run", "--driver", "netns", "--jobs", "1", "."]);
        in_folders(&mut command, folder.path());
        let run = Self { running: Running::start(command), folder };
        wait_until("the last lab stands", || {
            run.registered().is_some_and(|lab| lab.contains(last))
        });
        run
    }

    /// The memory that the run has in use, in KiB (`VmRSS` of proc(5)).
    pub(super) fn resident_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.running.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// What is registered of the lab, as its file says.
    pub(super) fn registered(&self) -> Option<String> {
        registered(self.folder.path())
    }

    /// The processes below that of the run: the one that made the namespaces first, then that which lives in them.
    pub(super) fn processes(&self) -> Vec<u32> {
        let mut found = Vec::new();
        let mut to_visit = vec![self.running.id()];
        while let Some(process) = to_visit.pop() {
            for child in children(process) {
                found.push(child);
                to_visit.push(child);
            }
        }
        found
    }

    /// The namespaces that this test does not live in and the processes of the run do.
    pub(super) fn namespaces(&self) -> HashSet<PathBuf> {
        let own = namespaces_of("self");
        let all =
            self.processes().into_iter().flat_map(|process| namespaces_of(&process.to_string()));
        all.filter(|namespace| !own.contains(namespace)).collect()
    }

    /// What is in the folder for what is temporary.
    pub(super) fn temporary(&self) -> Vec<PathBuf> {
        let folder = fs::read_dir(self.folder.path().join("temporary")).unwrap();
        folder.map(|entry| entry.unwrap().path()).collect()
    }
}

/// Keeps what is temporary, and with it what is told to other terminals, in the test's own folder.
pub(super) fn in_folders(command: &mut std::process::Command, folder: &Path) {
    use std::os::unix::fs::DirBuilderExt;
    let folder = folder.join("temporary");
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder).unwrap();
    command.env("TMPDIR", folder).env_remove("XDG_RUNTIME_DIR");
}

/// What is registered of a lab whose run keeps what is temporary in this folder.
pub(super) fn registered(folder: &Path) -> Option<String> {
    let labs = fs::read_dir(folder.join("temporary")).ok()?;
    labs.flatten().find_map(|lab| fs::read_to_string(lab.path().join("lab.json")).ok())
}

/// The namespaces in which any process lives that can be seen.
pub(super) fn inhabited() -> HashSet<PathBuf> {
    let processes = fs::read_dir("/proc").unwrap();
    let names = processes.filter_map(|process| process.ok()?.file_name().into_string().ok());
    let ids = names.filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
    ids.flat_map(|id| namespaces_of(&id)).collect()
}

fn namespaces_of(process: &str) -> Vec<PathBuf> {
    let kinds = ["user", "pid", "mnt", "net"].into_iter();
    kinds.filter_map(|kind| fs::read_link(format!("/proc/{process}/ns/{kind}")).ok()).collect()
}

fn children(process: u32) -> Vec<u32> {
    let Ok(tasks) = fs::read_dir(format!("/proc/{process}/task")) else { return Vec::new() };
    let lists =
        tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("children")).ok());
    lists
        .flat_map(|list| {
            list.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<_>>()
        })
        .collect()
}

//! A run with its lab: processes, namespaces and folders.

use std::collections::HashSet;
use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

pub(super) use crate::support::sceplab::wait_until;
use crate::support::sceplab::{Running, command};

/// A scenario that waits an hour for certificates that are never issued.
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

/// A run of the binary and its folder.
pub(super) struct LabRun {
    pub(super) running: Running,
    pub(super) folder: TempDir,
}

impl LabRun {
    /// Runs `scenario` with further arguments, and waits until its lab is built.
    pub(super) fn start(scenario: &str, further: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("it.yaml"), scenario).unwrap();
        let mut command = command(folder.path(), &["run", "--driver", "netns", "it.yaml"]);
        command.args(further);
        in_folders(&mut command, folder.path());
        let run = Self { running: Running::start(command), folder };
        wait_until("a lab is built", || run.registered().is_some());
        run
    }

    /// Runs the scenarios of a folder one after another, and waits until the lab of the one with the id `last` is built.
    pub(super) fn start_folder(folder: TempDir, last: &str) -> Self {
        let mut command = command(folder.path(), &["run", "--driver", "netns", "--jobs", "1", "."]);
        in_folders(&mut command, folder.path());
        let run = Self { running: Running::start(command), folder };
        wait_until("the last lab is built", || {
            run.registered().is_some_and(|lab| lab.contains(last))
        });
        run
    }

    /// The run's memory in KiB (`VmRSS` of proc(5)).
    pub(super) fn resident_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.running.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// The text of the lab's file in the registry.
    pub(super) fn registered(&self) -> Option<String> {
        registered(self.folder.path())
    }

    /// The processes below that of the run: first the one that made the namespaces, then the first one in them.
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

    /// The namespaces of the run's processes, without those of this test.
    pub(super) fn namespaces(&self) -> Namespaces {
        let own = namespaces_of("self");
        let mut namespaces = Namespaces { names: HashSet::new(), kept: Vec::new() };
        for process in self.processes() {
            for kind in KINDS {
                let Ok(file) = File::open(namespace_of(&process.to_string(), kind)) else {
                    continue;
                };
                let name = fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).unwrap();
                if !own.contains(&name) && namespaces.names.insert(name) {
                    namespaces.kept.push(file);
                }
            }
        }
        namespaces
    }

    /// The entries of the folder for temporary files.
    pub(super) fn temporary(&self) -> Vec<PathBuf> {
        let folder = fs::read_dir(self.folder.path().join("temporary")).unwrap();
        folder.map(|entry| entry.unwrap().path()).collect()
    }
}

/// Namespaces of a run. They are kept open, because the kernel gives the names of closed ones to the labs of other trials.
pub(super) struct Namespaces {
    names: HashSet<PathBuf>,
    kept: Vec<File>,
}

impl Namespaces {
    pub(super) fn count(&self) -> usize {
        self.kept.len()
    }

    /// True if a process lives in one of them.
    pub(super) fn inhabited(&self) -> bool {
        let processes = fs::read_dir("/proc").unwrap();
        let names = processes.filter_map(|process| process.ok()?.file_name().into_string().ok());
        let mut ids = names.filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
        ids.any(|id| namespaces_of(&id).iter().any(|name| self.names.contains(name)))
    }
}

/// Keeps temporary files, and with them the registry of labs, in the test's own folder.
pub(super) fn in_folders(command: &mut std::process::Command, folder: &Path) {
    use std::os::unix::fs::DirBuilderExt;
    let folder = folder.join("temporary");
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder).unwrap();
    command.env("TMPDIR", folder).env_remove("XDG_RUNTIME_DIR");
}

/// The text of a lab's file in the registry, for a run with this folder.
pub(super) fn registered(folder: &Path) -> Option<String> {
    let labs = fs::read_dir(folder.join("temporary")).ok()?;
    labs.flatten().find_map(|lab| fs::read_to_string(lab.path().join("lab.json")).ok())
}

const KINDS: [&str; 4] = ["user", "pid", "mnt", "net"];

fn namespace_of(process: &str, kind: &str) -> PathBuf {
    format!("/proc/{process}/ns/{kind}").into()
}

fn namespaces_of(process: &str) -> Vec<PathBuf> {
    KINDS.iter().filter_map(|kind| fs::read_link(namespace_of(process, kind)).ok()).collect()
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

//! Invalid files: all errors are reported at once, with exit code 2, and never a panic.

mod bombs;
mod broken_files;
mod mistakes;

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::sceplab::{Ended, command, finish, run_in};

/// A valid lab.
const LAB: &str = "devices:
  DUT0: {interfaces: {eth0: 10.0.0.0/24}}
hosts:
  gateway: {addresses: [10.0.0.1/24], runs: ca}
pki:
  ca: {personality: linux, challenge: {static: lab-secret-word}}
";

/// A folder with a lab and the scenario file `a.yaml`.
struct Files {
    folder: TempDir,
}

impl Files {
    /// A folder with this scenario.
    fn with(scenario: impl AsRef<[u8]>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("labs")).unwrap();
        fs::write(folder.path().join("labs/lab.yaml"), LAB).unwrap();
        fs::write(folder.path().join("a.yaml"), scenario).unwrap();
        Self { folder }
    }

    /// A folder with an otherwise valid scenario that has these steps.
    fn with_steps(steps: &str) -> Self {
        Self::with(format!("title: T\nlab: labs/lab.yaml\nsteps:\n{steps}"))
    }

    /// A folder with a valid scenario and this lab.
    fn with_lab(lab: impl AsRef<[u8]>) -> Self {
        let files = Self::with_steps(
            "  - configure: {set: set interfaces ethernet eth0 address 10.0.0.64/24}\n  - ping: {address: 10.0.0.1}\n",
        );
        fs::write(files.path("labs/lab.yaml"), lab).unwrap();
        files
    }

    fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    /// The error messages of `check` for the scenario. Fails unless `run` rejects it with the same messages.
    #[track_caller]
    fn refused(&self) -> String {
        self.refused_at("a.yaml")
    }

    #[track_caller]
    fn refused_at(&self, path: &str) -> String {
        let checked = run_in(self.folder.path(), &["check", path]);
        assert_refused(&checked);
        let run = run_in(self.folder.path(), &["run", path]);
        assert_refused(&run);
        assert_eq!(checked.stderr, run.stderr);
        checked.stderr
    }

    /// The error messages of `check` in a process that may use no more than this address space.
    #[cfg(unix)]
    #[track_caller]
    fn refused_within(&self, kibibytes: u64) -> String {
        let inner = command(self.folder.path(), &[]);
        let program = inner.get_program().to_str().unwrap().to_owned();
        let mut limited = std::process::Command::new("sh");
        let script = format!("ulimit -v {kibibytes} && exec '{program}' check a.yaml");
        limited.args(["-c", &script]).current_dir(self.folder.path());
        let ended = finish(limited);
        assert_refused(&ended);
        ended.stderr
    }
}

#[track_caller]
fn assert_refused(ended: &Ended) {
    ended.assert_orderly();
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{}", ended.stderr);
    assert!(!ended.stderr.contains("lab-secret-word"), "{}", ended.stderr);
}

#[test]
fn base_files_of_these_tests_are_valid() {
    let files = Files::with_lab(LAB);
    let checked = run_in(files.folder.path(), &["check", "a.yaml"]);
    assert_eq!(checked.transcript(), "exit code: 0\n--- stdout\n1 scenario in order\n");
}

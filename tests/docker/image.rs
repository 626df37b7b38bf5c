//! Images of programs of this machine, because there may be no registry: a shell, OpenSSL, and Debian's scepserver if it is
//! installed.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::trials::{Need, find_program};

/// An image on the engine, removed when dropped.
pub(super) struct Image {
    pub(super) name: String,
}

impl Image {
    /// Makes an image of these programs with the libraries that they need.
    #[track_caller]
    pub(super) fn of(name: &str, programs: &[&str]) -> Self {
        let root = tempfile::tempdir().unwrap();
        for program in programs {
            let path = find_program(program).unwrap();
            copy(&path, root.path(), &format!("bin/{program}"));
            for library in libraries(&path) {
                let inside = library.strip_prefix("/").unwrap().to_owned();
                copy(&library, root.path(), inside.to_str().unwrap());
            }
        }
        std::fs::create_dir_all(root.path().join("tmp")).unwrap();
        let name = format!("sceplab-test-{name}-{}:latest", std::process::id());
        import(root.path(), &name);
        Self { name }
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        let mut remove = Command::new("docker");
        remove.args(["image", "rm", "--force", &self.name]);
        let _ = remove.stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
}

/// Needs for making images: the engine's client imports archives of folders.
pub(super) fn needs() -> [Need; 2] {
    [Need::program("docker", "docker", "docker-cli"), Need::program("docker", "tar", "tar")]
}

fn copy(from: &Path, root: &Path, inside: &str) {
    let to = root.join(inside);
    std::fs::create_dir_all(to.parent().unwrap()).unwrap();
    std::fs::copy(from, to).unwrap();
}

/// The libraries that `ldd` lists; none for a static program.
fn libraries(program: &Path) -> Vec<PathBuf> {
    let listed = Command::new("ldd").arg(program).output().unwrap();
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let paths = listed
        .lines()
        .filter_map(|line| line.split_whitespace().find(|word| word.starts_with('/')));
    paths.map(PathBuf::from).collect()
}

fn import(root: &Path, name: &str) {
    let mut tar = Command::new("tar")
        .args(["--create", "--owner=0", "--group=0", "--directory"])
        .arg(root)
        .arg(".")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let status = Command::new("docker")
        .args(["import", "--change", "ENV PATH=/bin", "-", name])
        .stdin(tar.stdout.take().unwrap())
        .stdout(Stdio::null())
        .status();
    assert!(tar.wait().unwrap().success() && status.unwrap().success());
}

//! Lab and scenario files for `--driver live`.

use std::net::TcpListener;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::sceplab::{Ended, command, finish};

/// A folder with a lab file and a scenario. Its device enrols at a server on a port of this machine.
pub(crate) struct Files {
    folder: TempDir,
}

impl Files {
    /// `pki` has further lines of the PKI in the lab file, `password` is the device's configuration line for the password.
    pub(crate) fn new(authority: &str, path: &str, pki: &str, password: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let lab = format!(
            "devices:\n  DUT0: {{interfaces: {{eth0: 10.215.168.0/24}}}}\npki:\n  the-pki:\n    url: \
             http://{authority}{path}\n{pki}"
        );
        let port = authority.rsplit_once(':').unwrap().1;
        let configuration = [
            "interfaces ethernet eth0 address 10.215.168.64/24".to_owned(),
            "protocols static route 127.0.0.0/8 next-hop 10.215.168.1".to_owned(),
            format!("system certificate scep csr CSR cgi-path {path}"),
            "system certificate scep csr CSR distinguished-names CN=MyUserCert".to_owned(),
            format!("system certificate scep csr CSR {password}"),
            format!("system certificate scep csr CSR port {port}"),
            "system certificate scep csr CSR url 'http://127.0.0.1'".to_owned(),
        ];
        let lines: String = configuration.map(|line| format!("        set {line}\n")).concat();
        let scenario = format!(
            "title: T\nlab: lab.yaml\nsteps:\n  - configure:\n      set: |\n{lines}  - run:\n      \
             command: pki scep show CSR\n      matches: usercert\\s+Valid\n      within: 10s\n"
        );
        std::fs::write(folder.path().join("lab.yaml"), lab).unwrap();
        std::fs::write(folder.path().join("one.yaml"), scenario).unwrap();
        Self { folder }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a further file into the folder.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Appends a step to the scenario.
    pub(crate) fn with_step(self, step: &str) -> Self {
        let path = self.path().join("one.yaml");
        let text = std::fs::read_to_string(&path).unwrap() + step;
        std::fs::write(path, text).unwrap();
        self
    }

    /// Runs the scenario with `--driver live` and these arguments.
    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        let whole = [&["run", "one.yaml", "--driver", "live"], arguments].concat();
        let ended = finish(command(self.path(), &whole));
        ended.assert_orderly();
        ended
    }
}

/// A listener that no client may connect to, and its address.
pub(crate) fn untouched_listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let authority = listener.local_addr().unwrap().to_string();
    (listener, authority)
}

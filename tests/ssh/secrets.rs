//! A device over SSH that prints a password in all forms: neither the run nor a report shows it.

use std::fs;

use super::device::script;
use super::sshd::Sshd;
use crate::support::echo_server::{Answer, EchoServer};
use crate::support::sceplab::{command, finish};
use crate::support::secret_forms::{
    Found, SECRET, WITH_REPORTS, add_all, assert_nothing_found, forms, reports, sinks,
};
use crate::support::trials::{Need, Planned, trials};

pub(crate) fn trials(needs: &[&Need]) -> Vec<Planned> {
    trials![
        needs;
        run_and_its_reports_show_no_form_that_a_device_prints,
    ]
}

/// Forms in one run: an output that is long is not shown completely.
const AT_ONCE: usize = 8;

/// For `show it`, the device prints a file.
const PRINTS: &str =
    r#"special() { [ "$1" = 'show it' ] && { cat '{dir}/forms'; return 0; }; return 1; }"#;

fn run_and_its_reports_show_no_form_that_a_device_prints() {
    let server = Sshd::start(&script(PRINTS));
    let target = server.target();
    let pki = EchoServer::start(Answer::FailInfoText, "no");
    let lab = format!(
        "devices:
  DUT0: {{ssh: {}@{}, port: {}, identity: {}, known-hosts: {}, keep: interfaces ethernet mgmt0, answer-within: 20s}}
pki:
  the-pki: {{url: '{}', challenge: {{static: '{SECRET}'}}}}
",
        target.user,
        target.host,
        target.port,
        target.identity.as_ref().unwrap().display(),
        target.known_hosts.as_ref().unwrap().display(),
        pki.url()
    );
    let scenario = "title: T
lab: lab.yaml
steps:
  - configure: {set: 'set system certificate scep csr CSR password {{challenge}}'}
  - run: {command: show it, contains: [never], within: 0s}
";
    let mut found = Found::new();
    for some in forms(SECRET).chunks(AT_ONCE) {
        let texts: String = some.iter().map(|form| form.text.clone() + "\n--\n").collect();
        fs::write(server.path("forms"), texts).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("lab.yaml"), &lab).unwrap();
        fs::write(folder.path().join("it.yaml"), scenario).unwrap();
        let mut run =
            command(folder.path(), &["run", "--driver", "live", "it.yaml", "--yes", "-v"]);
        run.args(reports());
        run.env("XDG_STATE_HOME", folder.path().join("state"));
        let ended = finish(run);
        assert_eq!(ended.code, Some(4), "{}", ended.transcript());
        assert!(ended.stdout.contains("--\n"), "{}", ended.transcript());
        let sinks = sinks(&ended, folder.path());
        assert_eq!(sinks.len(), WITH_REPORTS, "{}", ended.transcript());
        add_all(&mut found, some, &sinks);
    }
    assert_nothing_found(&found);
}

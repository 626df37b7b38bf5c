//! Programs of a lab that print passwords in all forms, and PKIs that send them back to a device: no output shows them.

use std::fs;
use std::process::Stdio;

use super::lab::in_folders;
use crate::support::echo_server::environment;
use crate::support::sceplab::{Running, command, finish};
use crate::support::secret_forms::{
    Form, Found, SECRET, WITH_REPORTS, add_all, assert_nothing_found, forms, reports, sinks,
};
use crate::support::trials::{Need, Planned, trials};

pub(crate) fn trials(needs: &[&Need]) -> Vec<Planned> {
    trials![
        needs;
        run_and_its_reports_show_no_form_of_a_programs_secret,
        console_of_a_device_shows_no_form_of_its_password,
    ]
}

/// Forms in one run: a report shows only the newest lines of a program.
const AT_ONCE: usize = 8;

fn run_and_its_reports_show_no_form_of_a_programs_secret() {
    let scenario = format!(
        "title: Prints
lab:
  devices: {{DUT0: {{interfaces: {{eth0: 10.0.0.0/24}}}}}}
  hosts:
    gateway:
      addresses: [10.0.0.1/24]
      runs:
        program: [sh, '{{{{lab}}}}/server.sh', '{{{{lab}}}}/forms']
        secrets: {{SCEP_PASSWORD: '{SECRET}'}}
        ready: {{output: '^ready$', within: 60s}}
steps:
  - configure: {{set: set interfaces ethernet eth0 address 10.0.0.64/24}}
  - run: {{command: show running, matches: [never], within: 0s}}
"
    );
    let mut found = Found::new();
    for some in forms(SECRET).chunks(AT_ONCE) {
        let folder = tempfile::tempdir().unwrap();
        let texts: String = some.iter().map(|form| form.text.clone() + "\n--\n").collect();
        fs::write(folder.path().join("forms"), texts).unwrap();
        fs::write(folder.path().join("it.yaml"), &scenario).unwrap();
        let server = "cat \"$1\"; cat \"$1\" >&2; echo ready; exec sleep 1000";
        fs::write(folder.path().join("server.sh"), server).unwrap();
        let mut run = command(folder.path(), &["run", "--driver", "netns", "it.yaml", "-v"]);
        run.args(reports());
        in_folders(&mut run, folder.path());
        let ended = finish(run);
        assert_eq!(ended.code, Some(4), "{}", ended.transcript());
        assert!(ended.stdout.contains("gateway: --\n"), "{}", ended.transcript());
        let sinks = sinks(&ended, folder.path());
        assert_eq!(sinks.len(), WITH_REPORTS, "{}", ended.transcript());
        add_all(&mut found, some, &sinks);
    }
    assert_nothing_found(&found);
}

/// The PKI is this test program, which sends each form as the reason of a refusal.
fn console_of_a_device_shows_no_form_of_its_password() {
    let folder = tempfile::tempdir().unwrap();
    let all: Vec<Form> = forms(SECRET);
    let texts: Vec<&str> = all.iter().map(|form| form.text.as_str()).collect();
    let file = folder.path().join("texts.json");
    fs::write(&file, serde_json::to_string(&texts).unwrap()).unwrap();
    let program = std::env::current_exe().unwrap();
    let (variable, value) = environment("10.0.0.1:8080", file.to_str().unwrap());
    let lab = format!(
        "devices: {{DUT0: {{interfaces: {{eth0: 10.0.0.0/24}}}}}}
hosts:
  gateway:
    addresses: [10.0.0.1/24]
    runs:
      program: ['{}']
      env: {{{variable}: '{value}'}}
      ready: {{port: 8080, within: 60s}}
",
        program.display()
    );
    fs::write(folder.path().join("lab.yaml"), lab).unwrap();
    let mut dut = command(folder.path(), &["dut", "--driver", "netns", "--lab", "lab.yaml"]);
    in_folders(&mut dut, folder.path());
    dut.stdin(Stdio::piped());
    let mut dut = Running::start(dut);
    for line in ["configure", "set interfaces ethernet eth0 address 10.0.0.64/24", "commit", "exit"]
    {
        dut.write_line(line);
    }
    let mut shown = String::new();
    for number in 0..all.len() {
        let csr = format!("set system certificate scep csr C{number}");
        dut.write_line("configure");
        for field in
            ["cgi-path /scep", "distinguished-names CN=a", "port 8080", "url http://10.0.0.1"]
        {
            dut.write_line(&format!("{csr} {field}"));
        }
        dut.write_line(&format!("{csr} password '{SECRET}'"));
        dut.write_line("commit");
        dut.write_line("exit");
        // The line below the table says why there is no certificate.
        shown += &loop {
            dut.write_line(&format!("pki scep show C{number}"));
            dut.write_line("show date");
            let lines = lines_until_the_date(&mut dut);
            if lines.contains("was answered FAILURE") {
                break lines;
            }
        };
    }
    for line in ["show running", "system journal show", "exit"] {
        dut.write_line(line);
    }
    dut.close_stdin();
    assert_eq!(dut.wait().code(), Some(0));
    shown += &dut.rest_of_stdout();
    let sinks = [("stdout", shown), ("stderr", dut.rest_of_stderr())];
    let mut found = Found::new();
    add_all(&mut found, &all, &sinks);
    assert_nothing_found(&found);
}

/// What the device prints up to its date.
fn lines_until_the_date(dut: &mut Running) -> String {
    let mut lines = String::new();
    loop {
        let line = dut.stdout_line(|line| Some(line.to_owned()));
        if line.contains("+00:00") {
            return lines;
        }
        lines += &line;
        lines.push('\n');
    }
}

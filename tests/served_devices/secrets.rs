//! A PKI that sends a password back in all forms: neither the answers of a served device nor its outputs show it.

use std::fs;

use crate::support::echo_server::environment;
use crate::support::rig::Rig;
use crate::support::sceplab::{Running, wait_until};
use crate::support::secret_forms::{Form, Found, SECRET, add_all, assert_nothing_found, forms};
use crate::support::trials::{Need, Planned, trials};

pub(crate) fn trials(needs: &[&Need]) -> Vec<Planned> {
    trials![
        needs;
        served_device_shows_no_form_of_its_password,
    ]
}

/// The PKI is this test program, which sends each form as the reason of a refusal.
fn served_device_shows_no_form_of_its_password() {
    let mut rig = Rig::start();
    let all: Vec<Form> = forms(SECRET);
    let texts: Vec<&str> = all.iter().map(|form| form.text.as_str()).collect();
    let file = rig.folder().join("texts.json");
    fs::write(&file, serde_json::to_string(&texts).unwrap()).unwrap();
    let program = std::env::current_exe().unwrap();
    let mut pki = rig.on_gateway(program.to_str().unwrap());
    let (variable, value) = environment("10.215.168.1:8088", file.to_str().unwrap());
    pki.env(variable, value);
    let _pki = Running::start(pki);
    let said = rig.on_device(
        "configure\nset interfaces ethernet eth0 address 10.215.168.64/24\ncommit\nexit",
    );
    assert_eq!(said.code, Some(0), "{said:?}");
    let mut shown = Vec::new();
    for number in 0..all.len() {
        let csr = format!("set system certificate scep csr C{number}");
        let said = rig.on_device(&format!(
            "configure\n{csr} cgi-path /scep\n{csr} distinguished-names CN=a\n{csr} port 8088\n{csr} url \
             http://10.215.168.1\n{csr} password '{SECRET}'\ncommit\nexit"
        ));
        assert_eq!(said.code, Some(0), "{said:?}");
        let table = || rig.on_device(&format!("pki scep show C{number}"));
        wait_until("the request is refused", || table().stdout.contains("was answered FAILURE"));
        shown.extend([("answer", table().transcript()), ("answer", said.transcript())]);
    }
    shown.push(("answer", rig.on_device("show running\nsystem journal show").transcript()));
    let (stdout, stderr) = rig.end_device();
    shown.extend([("stdout", stdout), ("stderr", stderr)]);
    let mut found = Found::new();
    add_all(&mut found, &all, &shown);
    assert_nothing_found(&found);
}

//! Compares the outputs of both documented scenarios with the documentation.
//!
//! Its white space is collapsed; serial numbers, dates, moduli, key identifiers, signatures and times change with every run.
//! Everything else must be equal, including the order of lines.

mod form;
mod perturbed;

use self::form::{certificate, documented_table, ping, table};
use super::documentation::{self, Documented};
use super::documented_run::{LINUX, Outputs, WINDOWS};

const CA: &str = "pki show certificate running://auth/certificates/scep/CSR/ca/ca.der";
const USER: &str = "pki show certificate running://auth/certificates/scep/CSR/user/cert";
const SHOW: &str = "pki scep show CSR";
const PING_GATEWAY: &str = "ping 10.215.168.1 count 1 size 56 timeout 1";
const PING_WINDOWS: &str = "ping 192.168.213.25 count 1 size 56 timeout 1";

/// An output, the function that makes its comparable form, and the expected form.
struct Comparison {
    output: String,
    form: fn(&str) -> String,
    expected: String,
}

impl Comparison {
    fn certificate(documented: &Documented, outputs: &Outputs, command: &str) -> Self {
        let expected = certificate(documented.output(command));
        Self { output: outputs[command].clone(), form: certificate, expected }
    }

    fn ping(documented: &Documented, outputs: &Outputs, command: &str) -> Self {
        let expected = ping(documented.output(command));
        Self { output: outputs[command].clone(), form: ping, expected }
    }

    fn table(documented: &Documented, outputs: &Outputs) -> Self {
        let expected = documented_table(documented.output(SHOW));
        Self { output: outputs[SHOW].clone(), form: table, expected }
    }

    fn holds_for(&self, output: &str) -> bool {
        (self.form)(output) == self.expected
    }

    #[track_caller]
    fn assert(&self) {
        let found = (self.form)(&self.output);
        assert!(
            found == self.expected,
            "not as documented\n\ndocumented:\n{}\n\nfound:\n{found}\n\noutput:\n{}",
            self.expected,
            self.output
        );
    }
}

fn comparisons() -> Vec<Comparison> {
    let (linux, windows) = (documentation::linux(), documentation::windows());
    vec![
        Comparison::ping(linux, &LINUX, PING_GATEWAY),
        Comparison::table(linux, &LINUX),
        Comparison::certificate(linux, &LINUX, CA),
        Comparison::certificate(linux, &LINUX, USER),
        Comparison::ping(windows, &WINDOWS, PING_GATEWAY),
        Comparison::ping(windows, &WINDOWS, PING_WINDOWS),
        Comparison::table(windows, &WINDOWS),
        Comparison::certificate(windows, &WINDOWS, CA),
        Comparison::certificate(windows, &WINDOWS, USER),
    ]
}

#[test]
fn ping_to_the_gateway_is_as_documented() {
    Comparison::ping(documentation::linux(), &LINUX, PING_GATEWAY).assert();
    Comparison::ping(documentation::windows(), &WINDOWS, PING_GATEWAY).assert();
    assert!(LINUX[PING_GATEWAY].contains("ttl=64 "));
}

#[test]
fn ping_to_the_windows_server_is_as_documented() {
    Comparison::ping(documentation::windows(), &WINDOWS, PING_WINDOWS).assert();
    assert!(WINDOWS[PING_WINDOWS].contains("ttl=126 "));
}

#[test]
fn linux_table_is_as_documented() {
    Comparison::table(documentation::linux(), &LINUX).assert();
    assert_eq!(LINUX[SHOW].lines().next(), Some("-".repeat(97).as_str()));
}

#[test]
fn windows_table_is_as_documented() {
    Comparison::table(documentation::windows(), &WINDOWS).assert();
    assert_eq!(WINDOWS[SHOW].lines().next(), Some("-".repeat(85).as_str()));
}

#[test]
fn linux_ca_certificate_is_as_documented() {
    Comparison::certificate(documentation::linux(), &LINUX, CA).assert();
}

#[test]
fn linux_user_certificate_is_as_documented() {
    Comparison::certificate(documentation::linux(), &LINUX, USER).assert();
}

#[test]
fn windows_ca_certificate_is_as_documented() {
    Comparison::certificate(documentation::windows(), &WINDOWS, CA).assert();
}

#[test]
fn windows_user_certificate_is_as_documented() {
    Comparison::certificate(documentation::windows(), &WINDOWS, USER).assert();
}

//! `sceplab dut`, its commands from a file.

use std::fs::{self, File};

use super::{assert_told, samples};
use crate::suite::sceplab::{Ended, command, finish};

fn dut(lines: &str, arguments: &[&str]) -> Ended {
    let samples = samples();
    let file = samples.path().join("commands");
    fs::write(&file, lines).unwrap();
    let mut command = command(samples.path(), &[&["dut"], arguments].concat());
    command.stdin(File::open(file).unwrap());
    let ended = finish(command);
    ended.assert_orderly();
    ended
}

#[test]
fn a_device_is_configured_and_asked() {
    let lines = "configure
set interfaces ethernet eth0 address 10.215.168.64/24
set system certificate scep csr CSR ciphr aes
set system certificate scep csr CSR cgi-path /scep
set system certificate scep csr CSR distinguished-names CN=MyUserCert
set system certificate scep csr CSR password geheim
compare
commit
discard
exit
ping 10.215.168.1 count 1 size 56 timeout 1
show running
exit
";
    let told = dut(lines, &[]).told();
    assert!(!told.contains("geheim"), "{told}");
    assert_told("dut", &told);
}

#[test]
fn a_device_that_is_not_there_is_told() {
    assert_told("dut-unknown", &dut("", &["--device", "DUT7"]).told());
    assert_told("dut-lab", &dut("", &["--lab", "scenarios/ping.yaml"]).told());
}

//! `sceplab dut` with commands from a file.

use std::fs::{self, File};
use std::process::Stdio;

use super::{assert_output, samples};
use crate::suite::sceplab::{Ended, command, finish};

fn dut(lines: impl AsRef<[u8]>, arguments: &[&str]) -> Ended {
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
fn console_configures_and_queries_a_device() {
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
    let told = dut(lines, &[]).transcript();
    assert!(!told.contains("geheim"), "{told}");
    assert_output("dut", &told);
}

#[test]
fn missing_device_is_reported() {
    assert_output("dut-unknown", &dut("", &["--device", "DUT7"]).transcript());
    assert_output("dut-lab", &dut("", &["--lab", "scenarios/ping.yaml"]).transcript());
}

#[test]
fn invalid_utf8_line_is_rejected_and_the_next_line_is_read() {
    let told = dut(b"set system host-name \xff\xfe\x80\nshow date\n", &[]);
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    let lines: Vec<&str> = told.stdout.lines().collect();
    assert_eq!(lines[0], "CLI Error: the line is not UTF-8");
    assert!(lines.len() == 2 && lines[1].ends_with("+00:00"), "{lines:?}");
}

#[test]
fn closed_stdout_ends_the_console() {
    let samples = samples();
    let file = samples.path().join("commands");
    fs::write(&file, "show date\n".repeat(100)).unwrap();
    let mut command = command(samples.path(), &["dut"]);
    command.stdin(File::open(file).unwrap()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
}

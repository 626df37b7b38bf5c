//! Trials of the rig itself.

use std::fs;
use std::path::Path;

use super::namespaces::Namespaces;
use super::{files, topology};
use crate::support::trials::{Need, Planned, trials};

pub(crate) fn trials(needs: &[&Need]) -> Vec<Planned> {
    trials![needs; namespaces_end_with_all_their_processes_if_a_test_panics]
}

fn namespaces_end_with_all_their_processes_if_a_test_panics() {
    let folder = tempfile::tempdir().unwrap();
    files::write(folder.path(), "nowhere", files::USER_ID);
    let users = fs::read("/etc/passwd").unwrap();
    let (sender, receiver) = std::sync::mpsc::channel();
    let path = folder.path().to_owned();
    let test = std::thread::spawn(move || {
        let namespaces = Namespaces::new(&path, true, &topology::script());
        let mut living = namespaces.command(Some("dut"), "sleep", &["100000"]);
        sender.send((namespaces.first_process(), living.spawn().unwrap())).unwrap();
        panic!("a failing test");
    });
    assert!(test.join().is_err());
    let (first_process, mut living) = receiver.recv().unwrap();
    assert!(!living.wait().unwrap().success());
    assert!(!Path::new(&format!("/proc/{first_process}")).exists());
    assert_eq!(fs::read("/etc/passwd").unwrap(), users);
}

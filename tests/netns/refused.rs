//! Labs that the kernel refuses: each is a clear error in bounded time.

use std::fs;

use model::lab::{Host, Lab};
use testbed::Driver;

use super::lab::in_folders;
use crate::support::needs::{netns_driver, runtime};
use crate::support::sceplab::{Ended, command, finish};
use crate::support::trials::{Need, Planned, trials};

pub(crate) fn trials(needs: &[&Need]) -> Vec<Planned> {
    trials![
        needs;
        too_long_interface_name_is_reported,
        impossible_host_address_is_reported,
    ]
}

fn run(lab: &str) -> Ended {
    let folder = tempfile::tempdir().unwrap();
    let scenario = format!(
        "title: It\nlab:\n  {}\nsteps:\n  - run: {{command: show date}}\n",
        lab.replace('\n', "\n  ")
    );
    fs::write(folder.path().join("it.yaml"), scenario).unwrap();
    let mut command = command(folder.path(), &["run", "--driver", "netns", "it.yaml"]);
    in_folders(&mut command, folder.path());
    let ended = finish(command);
    let left = fs::read_dir(folder.path().join("temporary")).unwrap().count();
    assert_eq!(left, 0, "{ended:?}");
    ended
}

#[track_caller]
fn assert_refused(lab: &str, words: &str) {
    let ended = run(lab);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    ended.assert_orderly();
    assert!(ended.stdout.contains(words), "{}", ended.stdout);
}

fn too_long_interface_name_is_reported() {
    assert_refused(
        "devices: {DUT0: {interfaces: {a-name-that-is-too-long: 10.0.0.0/24}}}\nhosts: {a: {addresses: [10.0.0.1/24]}}",
        "device `DUT0`: the kernel refuses the interface `a-name-that-is-too-long`: ",
    );
}

/// Lab files cannot have such an address, but other callers can.
fn impossible_host_address_is_reported() {
    let host = Host {
        addresses: vec!["224.0.0.1/24".parse().unwrap()],
        forwards: false,
        routes: Vec::new(),
        ttl: 64,
        runs: None,
    };
    let lab = Lab { hosts: [("a".to_owned(), host)].into(), ..Lab::default() };
    let error = runtime().block_on(netns_driver().build(&lab, "x")).unwrap_err();
    let words = "network: host `a`: the kernel refuses ";
    assert!(error.to_string().starts_with(words), "{error}");
}

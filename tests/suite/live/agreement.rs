//! A run uses this machine's network only after it has listed the addresses and the user has agreed.

use super::{Files, untouched_listener};
use crate::suite::sceplab::{command, finish, run, run_in, workspace};
use crate::suite::serve::LINUX;

#[test]
fn live_run_without_consent_sends_nothing() {
    let (listener, authority) = untouched_listener();
    let files = Files::new(&authority, LINUX, "", "password x1-y2-z3");
    let ended = files.run(&[]);
    let port = authority.rsplit_once(':').unwrap().1;
    insta::assert_snapshot!("no-terminal", ended.transcript().replace(port, "PORT"));
    assert!(listener.accept().is_err(), "a client connected");
}

#[test]
fn live_lab_needs_the_live_driver() {
    let files = Files::new("127.0.0.1:1", LINUX, "", "password x1-y2-z3");
    let ended = run_in(files.path(), &["run", "one.yaml"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("type `--driver live`"), "{}", ended.stderr);
    let ended = run_in(files.path(), &["run", "one.yaml", "--driver", "virtual", "--yes"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("`--driver live`"), "{}", ended.stderr);
}

#[test]
fn conflicting_options_are_rejected_with_a_suggestion() {
    let scenario = "scenarios/scep/linux-pki.yaml";
    let two = "pki:\n  a: {url: http://127.0.0.1:1/a}\n  b: {url: http://127.0.0.1:1/b}\n";
    let files = Files::new("127.0.0.1:1", LINUX, "", "password x1-y2-z3");
    let two = files.write("two.yaml", &format!("devices: {{DUT0: {{interfaces: {{}}}}}}\n{two}"));
    let two = two.to_str().unwrap();
    for (arguments, told) in [
        (&["run", scenario, "--yes"][..], "`--yes` is for real devices and PKIs"),
        (&["run", scenario, "--keep-config"], "type `--keep-config --driver live`"),
        (&["run", scenario, "--challenge", "x1-y2"], "`--challenge` is for real devices and PKIs"),
        (
            &["run", scenario, "--driver", "live"],
            "devices by SSH and PKIs by URL; type `--lab FILE`",
        ),
        (&["run", scenario, "--driver", "live", "--keep"], "`--keep` is for labs that are built"),
        (
            &["run", scenario, "--driver", "live", "--client", "sscep"],
            "type `--client sscep --driver netns`",
        ),
        (
            &["run", scenario, "--driver", "live", "--lab", two, "--challenge", "x1-y2"],
            "`--challenge` is for one PKI, and there are several",
        ),
        (&["matrix", "--driver", "live"], "sceplab run --driver live"),
    ] {
        let ended = run(arguments);
        assert_eq!(ended.code, Some(2), "{arguments:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(told), "{arguments:?}: {}", ended.stderr);
        assert!(!ended.transcript().contains("x1-y2"), "{arguments:?}");
    }
    let ended = run(&["dut", "--driver", "live"]);
    assert!(ended.stderr.contains("a real device has its own, by `ssh`"), "{}", ended.stderr);
    assert_eq!(ended.code, Some(3));
}

#[test]
fn contradictory_lab_file_is_rejected_with_its_places() {
    let lab = "\
devices:
  DUT0: {interfaces: {eth0: 10.215.168.0/24}}
hosts:
  gateway: {addresses: [10.215.168.1/24], forwards: true, runs: there}
pki:
  there:
    url: ldap://pki.example.com/scep
    personality: linux
    challenge: {static: hunter2-x, file: y}
    timeout: 9m
  here: {personality: linux}
  page:
    url: http://pki.example.com/scep
    challenge: {env: '7x'}
    ndes-admin: {url: http://pki.example.com/mscep_admin, user: boss}
";
    let files = Files::new("127.0.0.1:1", LINUX, "", "password {{challenge:nobody}}");
    files.write("wrong.yaml", lab);
    let ended = run_in(files.path(), &["check", "one.yaml", "--lab", "wrong.yaml"]);
    insta::assert_snapshot!("wrong-lab", ended.transcript());
    let ended = run_in(files.path(), &["check", "one.yaml"]);
    insta::assert_snapshot!("wrong-placeholder", ended.transcript());
}

#[test]
fn live_labs_of_the_repository_are_valid_and_need_consent() {
    for lab in ["live-linux-pki", "live-windows-pki"] {
        let lab = format!("scenarios/labs/{lab}.yaml");
        let ended = run(&["check", "scenarios/scep", "--lab", &lab]);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let mut listed =
            command(workspace(), &["run", "scenarios/scep", "--driver", "live", "--lab", &lab]);
        for variable in ["LINUX_PKI_CHALLENGE", "NDES_PASSWORD"] {
            listed.env(variable, "x1-y2");
        }
        let ended = finish(listed);
        assert_eq!(ended.code, Some(2), "{}", ended.stderr);
        assert!(ended.stderr.contains("198.51.100."), "{}", ended.stderr);
        assert!(ended.stderr.contains("type `--yes`"), "{}", ended.stderr);
    }
}

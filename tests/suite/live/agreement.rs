//! Nothing of this machine's network is used before it is listed, and somebody has agreed.

use super::{Files, silent};
use crate::suite::sceplab::{command, finish, run, run_in, workspace};
use crate::suite::serve::LINUX;

#[test]
fn without_somebody_who_agrees_nothing_is_sent() {
    let (listener, authority) = silent();
    let files = Files::new(&authority, LINUX, "", "password x1-y2-z3");
    let ended = files.run(&[]);
    let port = authority.rsplit_once(':').unwrap().1;
    insta::assert_snapshot!("no-terminal", ended.told().replace(port, "PORT"));
    assert!(listener.accept().is_err(), "somebody connected");
}

#[test]
fn what_is_there_already_is_used_only_where_it_is_asked_for() {
    let files = Files::new("127.0.0.1:1", LINUX, "", "password x1-y2-z3");
    let ended = run_in(files.path(), &["run", "one.yaml"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("type `--driver live`"), "{}", ended.stderr);
    let ended = run_in(files.path(), &["run", "one.yaml", "--driver", "virtual", "--yes"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("`--driver live`"), "{}", ended.stderr);
}

#[test]
fn options_that_do_not_go_together_are_refused_with_what_to_type() {
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
        assert!(!ended.told().contains("x1-y2"), "{arguments:?}");
    }
    let ended = run(&["dut", "--driver", "live"]);
    assert!(ended.stderr.contains("a real device has its own, by `ssh`"), "{}", ended.stderr);
    assert_eq!(ended.code, Some(3));
}

#[test]
fn a_lab_file_that_makes_no_sense_is_refused_at_its_places() {
    let lab = "\
devices:
  DUT0: {interfaces: {eth0: 10.215.168.0/24}}
hosts:
  gateway: {addresses: [10.215.168.1/24], forwards: true, runs: there}
pki:
  there:
    url: https://pki.example.com/scep
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
    insta::assert_snapshot!("wrong-lab", ended.told());
    let ended = run_in(files.path(), &["check", "one.yaml"]);
    insta::assert_snapshot!("wrong-placeholder", ended.told());
}

#[test]
fn the_labs_that_come_along_are_in_order_and_are_not_used_by_themselves() {
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

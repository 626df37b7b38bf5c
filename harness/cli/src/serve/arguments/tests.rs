//! Settings that follow from options, and options that do not fit together.

use std::fs;

use clap::Parser;

use super::*;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    serve: Serve,
}

fn serve(arguments: &[&str]) -> Serve {
    Line::try_parse_from(["serve"].iter().chain(arguments)).unwrap().serve
}

fn refusal(arguments: &[&str]) -> String {
    serve(arguments).settings().unwrap_err()
}

#[test]
fn each_personality_has_its_own_default_port() {
    assert_eq!(serve(&["linux"]).address().unwrap().to_string(), "127.0.0.1:8080");
    assert_eq!(serve(&["ndes"]).address().unwrap().to_string(), "127.0.0.1:8081");
    assert_eq!(serve(&["rfc8894"]).address().unwrap().to_string(), "127.0.0.1:8082");
    let elsewhere = serve(&["ndes", "--listen", "[::1]:0"]);
    assert_eq!(elsewhere.address().unwrap().to_string(), "[::1]:0");
}

#[test]
fn challenge_policy_follows_from_personality_and_options() {
    let challenge = |arguments: &[&str]| serve(arguments).settings().unwrap().challenge;
    assert!(matches!(challenge(&["linux"]), ChallengePolicy::None));
    assert!(matches!(challenge(&["linux", "--challenge", "a"]), ChallengePolicy::Static(_)));
    let two = challenge(&["ndes", "--challenge", "a", "--challenge", "b"]);
    assert!(matches!(two, ChallengePolicy::OneTime { preset, .. } if preset.len() == 2));
    assert!(matches!(challenge(&["rfc8894"]), ChallengePolicy::None));
    let one = challenge(&["rfc8894", "--challenge", "a"]);
    assert!(matches!(one, ChallengePolicy::OneTime { preset, .. } if preset.len() == 1));
    let single = challenge(&["ndes", "--challenge", "a", "--single-password"]);
    assert!(matches!(single, ChallengePolicy::Static(_)));
}

#[test]
fn challenge_file_has_a_password_on_each_line() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("challenges");
    fs::write(&file, "first\r\n\nsecond\n").unwrap();
    let policy = serve(&["ndes", "--challenge-file", file.to_str().unwrap()]).settings();
    let ChallengePolicy::OneTime { preset, .. } = policy.unwrap().challenge else {
        panic!("not one-time");
    };
    assert_eq!(preset.iter().map(Secret::expose).collect::<Vec<_>>(), ["first", "second"]);
}

#[test]
fn options_that_do_not_fit_together_are_rejected() {
    assert_eq!(
        refusal(&["linux", "--challenge", "a", "--challenge", "b"]),
        "`linux` takes one challenge password, and 2 were given"
    );
    assert_eq!(
        refusal(&["ndes", "--single-password"]),
        "`--single-password` takes one challenge password, and none was given"
    );
    assert_eq!(refusal(&["linux", "--single-password"]), "`--single-password` is not for `linux`");
    assert_eq!(
        refusal(&["rfc8894", "--open-with-signing-key"]),
        "`--open-with-signing-key` is for `ndes` only"
    );
    assert!(refusal(&["ndes", "--challenge-file", "/nowhere"]).contains("`/nowhere` cannot be"));
}

#[test]
fn empty_password_is_rejected() {
    for arguments in [["linux", "--challenge", ""], ["ndes", "--challenge", ""]] {
        assert_eq!(
            refusal(&arguments),
            "`--challenge` takes a password, and an empty one was given"
        );
    }
}

#[test]
fn open_ca_gives_a_warning() {
    let count = |arguments: &[&str], bound: &str| {
        let serve = serve(arguments);
        serve.warnings(&serve.settings().unwrap(), bound.parse().unwrap()).len()
    };
    assert_eq!(count(&["linux", "--challenge", "a"], "127.0.0.1:8080"), 1);
    assert_eq!(count(&["linux"], "127.0.0.1:8080"), 2);
    assert_eq!(count(&["linux"], "0.0.0.0:8080"), 3);
    assert_eq!(count(&["ndes"], "127.0.0.1:8081"), 1);
}

#[test]
fn fault_option_takes_a_rule() {
    let rule = "on: PKIOperation, nth: 2, do: http-status 503";
    let given = serve(&["linux", "--fault", rule, "--fault", "on: GetCACaps, do: caps-none"]);
    let faults = given.settings().unwrap().faults;
    assert_eq!((faults.len(), faults[0].to_string().as_str()), (2, rule));
    let wrong = Line::try_parse_from(["serve", "linux", "--fault", "on: GetCACaps, do: nothing"]);
    assert!(wrong.err().unwrap().to_string().contains("`nothing` is no fault"));
}

#[test]
fn personality_is_required_except_for_the_list_of_faults() {
    assert!(Line::try_parse_from(["serve", "--list-faults"]).unwrap().serve.list_faults);
    assert!(Line::try_parse_from(["serve"]).is_err());
    assert!(Line::try_parse_from(["serve", "linux", "--list-faults"]).is_err());
}

#[test]
fn control_address_must_be_loopback() {
    let control = |address| serve(&["linux", "--control", address]).control();
    assert_eq!(control("[::1]:0").unwrap().unwrap().to_string(), "[::1]:0");
    let refused = control("0.0.0.0:9000").unwrap_err();
    assert!(refused.contains("`0.0.0.0:9000` is none"), "{refused}");
}

#[test]
fn next_ca_capability_needs_rfc8894() {
    let offer = ["--capabilities", "GetNextCACert"];
    assert!(serve(&[&["rfc8894"], &offer[..]].concat()).settings().is_ok());
    assert_eq!(refusal(&[&["ndes"], &offer[..]].concat()), "`GetNextCACert` is for `rfc8894` only");
}

//! What options come to, and which do not go together.

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
    serve(arguments).settings().unwrap_err().to_string()
}

#[test]
fn each_personality_has_a_port_of_its_own_that_needs_no_privilege() {
    assert_eq!(serve(&["linux"]).address().to_string(), "127.0.0.1:8080");
    assert_eq!(serve(&["ndes"]).address().to_string(), "127.0.0.1:8081");
    assert_eq!(serve(&["rfc8894"]).address().to_string(), "127.0.0.1:8082");
    let elsewhere = serve(&["ndes", "--listen", "[::1]:0"]);
    assert_eq!(elsewhere.address().to_string(), "[::1]:0");
}

#[test]
fn passwords_serve_once_unless_told_otherwise() {
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
fn passwords_come_from_a_file_too() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("challenges");
    fs::write(&file, "first\r\n\nsecond\n").unwrap();
    let policy = serve(&["ndes", "--challenge-file", file.to_str().unwrap()]).settings();
    let ChallengePolicy::OneTime { preset, .. } = policy.unwrap().challenge else {
        panic!("not one-time");
    };
    assert_eq!(
        preset.iter().map(ChallengePassword::expose).collect::<Vec<_>>(),
        ["first", "second"]
    );
}

#[test]
fn what_does_not_fit_together_is_refused() {
    assert_eq!(
        refusal(&["linux", "--challenge", "a", "--challenge", "b"]),
        "`linux` takes one challenge password, 2 were given"
    );
    assert_eq!(
        refusal(&["ndes", "--single-password"]),
        "`--single-password` takes one challenge password, 0 were given"
    );
    assert_eq!(refusal(&["linux", "--single-password"]), "`--single-password` is not for `linux`");
    assert_eq!(
        refusal(&["rfc8894", "--open-with-signing-key"]),
        "`--open-with-signing-key` is for `ndes` alone"
    );
    assert!(refusal(&["ndes", "--challenge-file", "/nowhere"]).contains("`/nowhere` cannot be"));
}

#[test]
fn an_empty_password_is_refused() {
    for arguments in [["linux", "--challenge", ""], ["ndes", "--challenge", ""]] {
        assert_eq!(
            refusal(&arguments),
            "`--challenge` takes a password, and an empty one was given"
        );
    }
}

#[test]
fn an_open_ca_is_warned_about() {
    let count = |arguments: &[&str], bound: &str| {
        let serve = serve(arguments);
        serve.warnings(&serve.settings().unwrap(), bound.parse().unwrap()).len()
    };
    assert_eq!(count(&["linux", "--challenge", "a"], "127.0.0.1:8080"), 1);
    assert_eq!(count(&["linux"], "127.0.0.1:8080"), 2);
    assert_eq!(count(&["linux"], "0.0.0.0:8080"), 3);
    assert_eq!(count(&["ndes"], "127.0.0.1:8081"), 1);
}

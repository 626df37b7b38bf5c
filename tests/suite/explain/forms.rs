//! The forms in which people have messages, and what is said about those that are none.

use super::explain;

#[test]
fn password_in_place_of_its_source_is_not_shown() {
    let options = ["--pkcs12", "ca.p12", "--pkcs12-password"];
    for value in ["s3cretpw", "pass:s3cretpw", "file=s3cretpw"] {
        let ended = explain(&[&["a.der"], &options[..], &[value]].concat());
        assert_eq!(ended.code, Some(2), "{}", ended.transcript());
        assert!(ended.stderr.contains("it is `file:PATH` or `env:NAME`"), "{}", ended.stderr);
        assert!(!ended.transcript().contains("s3cretpw"), "{}", ended.transcript());
    }
}

#[test]
fn input_without_a_message_has_its_reasons_in_lines_of_their_own() {
    let ended = explain(&["this is no message at all"]);
    assert_eq!(ended.code, Some(2), "{}", ended.transcript());
    assert!(!ended.stderr.contains("\\n"), "{}", ended.stderr);
    let lines: Vec<&str> = ended.stderr.lines().collect();
    assert!(lines[0].starts_with("error: `this is no m…` has no message in it: it looks"));
    assert!(
        lines.iter().any(|line| line.trim_start().starts_with("= hand in the message as DER")),
        "{}",
        ended.stderr
    );
}

#[test]
fn missing_file_is_named_as_such() {
    for name in ["nosuch.der", "nosuch", "no/such/file"] {
        let ended = explain(&[name]);
        assert_eq!(ended.code, Some(2), "{}", ended.transcript());
        let words = format!("there is no file `{name}`");
        assert!(ended.stderr.contains(&words), "{}", ended.stderr);
        assert!(!ended.stderr.contains("looks like"), "{}", ended.stderr);
    }
}

//! Enrolments by `sceplab enrol`.

mod careless_ca;
mod files;
mod requests;

use std::fs;
use std::path::Path;

use self::careless_ca::CarelessCa;
use super::sceplab::{Ended, command, finish, run_in};
use super::serve::{LINUX, Server};

const PATH: &str = "/cgi-bin/pkiclient.exe";
const PASSWORD: &str = "correct-horse-battery";

fn enrol(folder: &Path, url: &str, more: &[&str]) -> Ended {
    let ended = run_in(folder, &[&["enrol", url], more].concat());
    ended.assert_orderly();
    assert!(!ended.transcript().contains(PASSWORD), "{}", ended.transcript());
    ended
}

#[test]
fn key_and_certificates_are_saved_and_renewed() {
    let server = Server::start(&["rfc8894", "--challenge", PASSWORD]);
    let folder = tempfile::tempdir().unwrap();
    let ca = server.fingerprint("ca");
    let url = server.url(PATH);
    let first = ["--challenge", PASSWORD, "--subject", "CN=r1, O=Ex", "--dns", "r1.example"];
    let kept = ["--out", "r1", "--ca-fingerprint", ca];
    let ended = enrol(folder.path(), &url, &[&first[..], &kept].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    assert!(ended.stdout.contains("subject  CN = r1, O = Ex"), "{}", ended.stdout);
    let key = fs::read(folder.path().join("r1/key.pem")).unwrap();
    assert!(key.starts_with(b"-----BEGIN PRIVATE KEY-----"));
    assert!(fs::read_to_string(folder.path().join("r1/ca.pem")).unwrap().contains("CERTIFICATE"));

    // Another enrolment does not overwrite the key; a renewal needs no password.
    let again = enrol(folder.path(), &url, &[&first[..], &kept].concat());
    assert_eq!(again.code, Some(2), "{}", again.transcript());
    assert!(again.stderr.contains("--renew"), "{}", again.stderr);
    let renewed = enrol(folder.path(), &url, &["--out", "r1", "--ca", "r1/ca.pem", "--renew"]);
    assert_eq!(renewed.code, Some(0), "{}", renewed.transcript());
    assert!(renewed.stdout.contains("subject  CN = r1, O = Ex"), "{}", renewed.stdout);
    assert_ne!(fs::read(folder.path().join("r1/key.pem")).unwrap(), key);
}

#[test]
fn decision_that_is_waited_for_is_told_once() {
    let server = Server::start(&["linux", "--approve-after", "2s"]);
    let folder = tempfile::tempdir().unwrap();
    let ended = enrol(folder.path(), &server.url(LINUX), &["--poll-within", "50"]);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    let line =
        "note: the CA has not decided (PENDING): it is asked again every 1s, for 50s at most\n";
    assert_eq!(ended.stderr.matches(line).count(), 1, "{}", ended.transcript());
    assert_eq!(ended.stderr.matches("PENDING").count(), 1, "{}", ended.transcript());
}

#[cfg(unix)]
#[test]
fn key_file_is_readable_by_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let server = Server::start(&["linux"]);
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("out")).unwrap();
    let ended = enrol(folder.path(), &server.url(LINUX), &["--out", "out"]);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    let mode = |file: &str| {
        let metadata = fs::metadata(folder.path().join("out").join(file)).unwrap();
        metadata.permissions().mode() & 0o777
    };
    assert_eq!(mode("key.pem"), 0o600);
}

#[test]
fn refusal_names_its_stage_and_environment_password_is_used() {
    let server = Server::start(&["rfc8894", "--challenge", PASSWORD]);
    let folder = tempfile::tempdir().unwrap();
    let url = server.url(PATH);
    let refused = enrol(folder.path(), &url, &["--challenge", "wrong"]);
    assert_eq!(refused.code, Some(4), "{}", refused.transcript());
    assert!(refused.stderr.contains("FAILURE, badMessageCheck"), "{}", refused.stderr);
    let foreign = enrol(folder.path(), &url, &["--ca-fingerprint", &"00".repeat(32)]);
    assert_eq!(foreign.code, Some(4), "{}", foreign.transcript());
    assert!(foreign.stderr.contains("GetCACert: no CA certificate"), "{}", foreign.stderr);
    let mut command = command(folder.path(), &["enrol", &url]);
    command.env("SCEPLAB_CHALLENGE", PASSWORD);
    let ended = finish(command);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
}

#[test]
fn undecided_request_is_given_up() {
    let server = Server::start(&["rfc8894", "--approval", "manual"]);
    let folder = tempfile::tempdir().unwrap();
    let ended = enrol(folder.path(), &server.url(PATH), &["--poll-within", "0"]);
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    assert!(ended.stderr.contains("still waits for a decision"), "{}", ended.stderr);
}

#[test]
fn unreachable_ca_exits_with_3_and_invalid_url_with_2() {
    let folder = tempfile::tempdir().unwrap();
    let unreachable = enrol(folder.path(), "http://127.0.0.1:1/scep", &[]);
    assert_eq!(unreachable.code, Some(3), "{}", unreachable.transcript());
    assert!(unreachable.stderr.contains("cannot connect"), "{}", unreachable.stderr);
    for wrong in [&["ldap://h/scep"][..], &["http://h/", "--ca-fingerprint", "12"]] {
        assert_eq!(enrol(folder.path(), wrong[0], &wrong[1..]).code, Some(2));
    }
}

#[test]
fn names_that_the_ca_dropped_are_reported() {
    let url = CarelessCa { drops_names: true, ..CarelessCa::default() }.start();
    let folder = tempfile::tempdir().unwrap();
    let asked =
        ["--subject", "CN=router1, O=Example", "--dns", "router1.example.com", "--out", "r"];
    let ended = enrol(folder.path(), &url, &asked);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    for warning in [
        "warning: the subject lacks `O = Example`, which was asked for",
        "warning: the certificate lacks the alternative name `DNS:router1.example.com`, which was asked for",
    ] {
        assert!(ended.stderr.contains(warning), "{}", ended.transcript());
    }
    let same = enrol(folder.path(), &url, &["--subject", "CN=router1"]);
    assert!(!same.stderr.contains("warning"), "{}", same.transcript());
}

#[test]
fn expired_certificate_is_reported() {
    let url = CarelessCa { issues_expired: true, ..CarelessCa::default() }.start();
    let folder = tempfile::tempdir().unwrap();
    let ended = enrol(folder.path(), &url, &["--out", "r"]);
    assert!(
        ended.stderr.contains("warning: the certificate expired on "),
        "{}",
        ended.transcript()
    );
    assert!(folder.path().join("r/cert.pem").exists());
}

#[test]
fn expired_ca_certificate_of_the_same_name_does_not_block() {
    let url = CarelessCa { lists_expired_ca: true, ..CarelessCa::default() }.start();
    let folder = tempfile::tempdir().unwrap();
    let ended = enrol(folder.path(), &url, &["--out", "r"]);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    // The first certificate of the file is the one to trust.
    let renewed = enrol(folder.path(), &url, &["--out", "r", "--renew", "--ca", "r/ca.pem"]);
    assert_eq!(renewed.code, Some(0), "{}", renewed.transcript());
}

#[test]
fn choice_between_two_unrelated_cas_is_told() {
    let url = CarelessCa { lists_another_ca: true, ..CarelessCa::default() }.start();
    let folder = tempfile::tempdir().unwrap();
    let ended = enrol(folder.path(), &url, &[]);
    let [own, other] =
        ["Careless CA", "Another CA"].map(|name| format!("`CN = {name}` (serial number "));
    // DER sorts the certificates by their contents, so either may be the first.
    let is_right = ended.stderr.contains(&format!("it is addressed to {own}"));
    let told =
        "warning: several certificates of the CA could receive the request: it is addressed to ";
    for word in [told, &own, &other, "`--ca-fingerprint` or `--ca` says which CA is meant"] {
        assert!(ended.stderr.contains(word), "lacks `{word}`: {}", ended.transcript());
    }
    let advice = "perhaps the request went to the wrong one";
    assert_eq!(ended.stderr.contains(advice), !is_right, "{}", ended.transcript());
    assert_eq!(ended.code, Some(if is_right { 0 } else { 4 }), "{}", ended.transcript());
    if !is_right {
        let failed = format!("error: {url}: PKIOperation (PKCSReq) was answered HTTP 400");
        assert!(ended.stderr.contains(&failed), "{}", ended.transcript());
    }
    let health = run_in(folder.path(), &["health", &url]);
    assert!(health.stdout.contains("it is addressed to `CN = "), "{}", health.transcript());
    // One certificate leaves no choice.
    let url = CarelessCa::default().start();
    let alone = enrol(folder.path(), &url, &[]);
    assert!(!alone.stderr.contains("several certificates"), "{}", alone.transcript());
}

#[test]
fn failed_enrolment_names_url_and_exchange() {
    let folder = tempfile::tempdir().unwrap();
    let refused = enrol(folder.path(), "http://127.0.0.1:1/scep", &[]);
    let told = "error: http://127.0.0.1:1/scep: GetCACaps: cannot connect to 127.0.0.1:1: ";
    assert!(refused.stderr.contains(told), "{}", refused.transcript());
    let server = Server::start(&["linux", "--challenge", PASSWORD]);
    let url = server.url(LINUX);
    let denied = enrol(folder.path(), &url, &[]);
    let told = format!("error: {url}: PKIOperation (PKCSReq) was answered FAILURE, ");
    assert!(denied.stderr.contains(&told), "{}", denied.transcript());
}

#[test]
fn renewal_has_a_challenge_password_if_one_is_given() {
    let url = CarelessCa { challenge: Some(PASSWORD), ..CarelessCa::default() }.start();
    let folder = tempfile::tempdir().unwrap();
    let first = enrol(folder.path(), &url, &["--challenge", PASSWORD, "--out", "r"]);
    assert_eq!(first.code, Some(0), "{}", first.transcript());
    let without = enrol(folder.path(), &url, &["--out", "r", "--renew"]);
    assert_eq!(without.code, Some(4), "{}", without.transcript());
    let note = "the renewal was sent without a challenge password";
    assert!(without.stderr.contains(note), "{}", without.transcript());
    let wrong = enrol(folder.path(), &url, &["--out", "r", "--renew", "--challenge", "wrong"]);
    assert_eq!(wrong.code, Some(4), "{}", wrong.transcript());
    assert!(!wrong.stderr.contains(note), "{}", wrong.transcript());
    for file in [format!("{PASSWORD}\n"), format!("\u{feff}{PASSWORD}\r\n")] {
        fs::write(folder.path().join("password"), file).unwrap();
        let with = ["--out", "r", "--renew", "--challenge-file", "password"];
        let renewed = enrol(folder.path(), &url, &with);
        assert_eq!(renewed.code, Some(0), "{}", renewed.transcript());
    }
}

#[test]
fn refusals_of_a_server_without_reasons_say_what_to_compare() {
    let server = Server::start(&["linux", "--challenge", PASSWORD]);
    let folder = tempfile::tempdir().unwrap();
    let refused = |more: &[&str]| {
        let ended = enrol(folder.path(), &server.url(LINUX), more);
        assert_eq!(ended.code, Some(4), "{}", ended.transcript());
        assert!(ended.stderr.contains("its log may have one"), "{}", ended.transcript());
        ended.stderr
    };
    let without = refused(&[]);
    assert!(without.contains("the request had no challenge password"), "{without}");
    let wrong = refused(&["--challenge", "something-else"]);
    assert!(wrong.contains("the challenge password, and whether it was used before"), "{wrong}");
    let first = enrol(folder.path(), &server.url(LINUX), &["--challenge", PASSWORD]);
    assert_eq!(first.code, Some(0), "{}", first.transcript());
    let again = refused(&["--challenge", PASSWORD]);
    assert!(again.contains("issued a certificate to `CN = sceplab client` before"), "{again}");
}

#[test]
fn refused_renewal_says_what_is_known_of_renewals() {
    let server = Server::start(&["linux", "--challenge", PASSWORD]);
    let (folder, url) = (tempfile::tempdir().unwrap(), server.url(LINUX));
    let given = ["--challenge", PASSWORD, "--out", "r"];
    let first = enrol(folder.path(), &url, &given);
    assert_eq!(first.code, Some(0), "{}", first.transcript());
    let known = "some CAs renew only in the last days of a certificate";
    let with = enrol(folder.path(), &url, &[&given[..], &["--renew"]].concat());
    let without = enrol(folder.path(), &url, &["--out", "r", "--renew"]);
    for (ended, is_without) in [(with, false), (without, true)] {
        assert_eq!(ended.code, Some(4), "{}", ended.transcript());
        assert!(ended.stderr.contains(known), "{}", ended.stderr);
        assert!(!ended.stderr.contains("`--subject`"), "{}", ended.stderr);
        let hint = ended.stderr.contains("sent without a challenge password");
        assert_eq!(hint, is_without, "{}", ended.stderr);
    }
}

#[test]
fn password_with_a_blank_at_an_end_gets_a_warning() {
    let server = Server::start(&["linux", "--challenge", PASSWORD]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    for (text, words) in [
        (format!("{PASSWORD} \n"), "password 1 in `password` ends with a blank"),
        (format!("\t{PASSWORD}\r\n"), "password 1 in `password` begins with a blank"),
    ] {
        fs::write(&file, text).unwrap();
        let refused = enrol(folder.path(), &server.url(LINUX), &["--challenge-file", "password"]);
        assert_eq!(refused.code, Some(4), "{}", refused.transcript());
        assert!(refused.stderr.contains(words), "{}", refused.transcript());
    }
    fs::write(&file, format!("{PASSWORD}\r\n")).unwrap();
    let right = enrol(folder.path(), &server.url(LINUX), &["--challenge-file", "password"]);
    assert_eq!(right.code, Some(0), "{}", right.transcript());
    assert!(!right.stderr.contains("blank"), "{}", right.transcript());
}

#[test]
fn renewal_asks_for_the_alternative_names_of_the_certificate() {
    let server = Server::start(&["rfc8894"]);
    let folder = tempfile::tempdir().unwrap();
    let url = server.url(PATH);
    let first = enrol(folder.path(), &url, &["--dns", "r1.example", "--out", "r"]);
    assert_eq!(first.code, Some(0), "{}", first.transcript());
    let renewed = enrol(folder.path(), &url, &["--out", "r", "--renew"]);
    assert_eq!(renewed.code, Some(0), "{}", renewed.transcript());
    let pem = fs::read(folder.path().join("r/cert.pem")).unwrap();
    let certificate = openssl::x509::X509::from_pem(&pem).unwrap();
    let names = certificate.subject_alt_names().expect("alternative names");
    assert_eq!(names.iter().next().unwrap().dnsname(), Some("r1.example"));
}

#[test]
fn subject_is_sent_as_it_is_written() {
    let server = Server::start(&["rfc8894"]);
    let folder = tempfile::tempdir().unwrap();
    for (subject, shown) in [
        ("CN=r1+serialNumber=12", "CN = r1 + serialNumber = 12"),
        (
            "OU=lab, serialNumber=100000001+unstructuredName=r1.example",
            "OU = lab, serialNumber = 100000001 + unstructuredName = r1.example",
        ),
        ("1.2.840.113549.1.9.2=r1.example", "unstructuredName = r1.example"),
        (r"O=Smith\, Jones, CN=a\+b", r#"O = "Smith, Jones", CN = "a+b""#),
        ("CN=a, CN=b, emailAddress=a@b.example", "CN = a, CN = b, emailAddress = a@b.example"),
    ] {
        let ended = enrol(folder.path(), &server.url(PATH), &["--subject", subject]);
        assert_eq!(ended.code, Some(0), "{}", ended.transcript());
        assert!(ended.stdout.contains(&format!("subject  {shown}\n")), "{}", ended.transcript());
        assert!(!ended.stderr.contains("warning"), "{}", ended.transcript());
    }
}

#[test]
fn values_that_would_be_sent_as_something_else_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (wrong, reason) in [
        (&["http://127.0.0.1:80800/scep"][..], "the port must be a number from 1 to 65535"),
        (&["http://127.0.0.1:/scep"], "the port is missing"),
        (&["http://2001:db8::1/scep"], "an IPv6 address must be in brackets"),
        (&["http://h/scep?profile=a"], "leave out the query"),
        (&["http://h/scep#a"], "leave out the `#`"),
        (&["http:/h/scep"], "begins with `http://`"),
        (&["h/scep"], "begins with `http://`"),
        (&["ldaps://h/scep"], "begins with `http://` or `https://`"),
        (&["http://h/scep", "--subject", "CN=r1;O=Example"], "a semicolon"),
        (&["http://h/scep", "--subject", "CN=r1 O=Example"], "is a comma missing before `O=`?"),
        (&["http://h/scep", "--subject", "/CN=r1/O=Example"], "separated by commas"),
        (&["http://h/scep", "--subject", r"CN=DOMAIN\user"], "is no escape"),
        (&["http://h/scep", "--subject", "CN=a,"], "a part of the name is empty"),
        (&["http://h/scep", "--subject", "O=, CN=a"], "`O` has no value"),
        (&["http://h/scep", "--dns", "10.0.0.1"], "an IP address is no DNS name"),
        (&["http://h/scep", "--dns", "http://r1"], "a DNS name is made of"),
    ] {
        let ended = enrol(folder.path(), wrong[0], &wrong[1..]);
        assert_eq!(ended.code, Some(2), "{}", ended.transcript());
        assert!(ended.stderr.contains(reason), "{reason}: {}", ended.transcript());
    }
}

#[test]
fn password_in_a_url_is_refused_and_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    for url in [
        format!("http://user:{PASSWORD}@127.0.0.1/scep"),
        format!("http://user:{PASSWORD}/x@127.0.0.1/scep"),
        format!("https://user:{PASSWORD}@127.0.0.1/scep"),
    ] {
        let ended = enrol(folder.path(), &url, &[]);
        assert_eq!(ended.code, Some(2), "{}", ended.transcript());
        let health = run_in(folder.path(), &["health", &url]);
        assert_eq!(health.code, Some(2), "{}", health.transcript());
        assert!(!health.transcript().contains(PASSWORD), "{}", health.transcript());
    }
    let ended = enrol(folder.path(), "http://user@127.0.0.1/scep", &[]);
    assert!(ended.stderr.contains("leave out the user and the password"), "{}", ended.transcript());
}

#[test]
fn reply_in_single_des_says_that_the_certificate_was_issued() {
    let server = Server::start(&["linux", "--fault", "on: PKCSReq, do: des-reply"]);
    let folder = tempfile::tempdir().unwrap();
    let ended = enrol(folder.path(), &server.url(LINUX), &[]);
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    for words in ["single DES", "the CA has issued the certificate", "`--obsolete` accepts"] {
        assert!(ended.stderr.contains(words), "{}", ended.stderr);
    }
}

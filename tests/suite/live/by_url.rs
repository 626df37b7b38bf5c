//! The simulated device enrols at servers on this machine. The lab file has their URLs.

use super::Files;
use crate::suite::sceplab::{command, finish};
use crate::suite::serve::{LINUX, NDES, Server};

const PASSWORD: &str = "live-s3cret-42";
const CLEAR: &str = "password live-s3cret-42";
const FETCHED: &str = "password {{challenge}}";

#[test]
fn device_enrols_with_the_password_of_the_lab_file() {
    let server = Server::start(&["linux", "--challenge", PASSWORD]);
    let challenge = format!("    challenge: {{static: {PASSWORD}}}\n");
    let files = Files::new(&server.authority, LINUX, &challenge, FETCHED);
    let ended = files.run(&["--yes", "-v"]);
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("set system certificate scep csr CSR password {{challenge}}"));
    assert!(
        ended.stderr.contains(&format!("pki the-pki  {}", server.url(LINUX))),
        "{}",
        ended.stderr
    );
    assert!(!ended.transcript().contains(PASSWORD), "{}", ended.transcript());
}

#[test]
fn passwords_come_from_files_the_environment_and_the_command_line() {
    let server = Server::start(&["linux", "--challenge", PASSWORD, "--allow-duplicate-names"]);
    let in_file =
        Files::new(&server.authority, LINUX, "    challenge: {file: its-password}\n", FETCHED);
    in_file.write("its-password", &format!("{PASSWORD}\n"));
    assert_eq!(in_file.run(&["--yes"]).code, Some(0));

    let named =
        Files::new(&server.authority, LINUX, "    challenge: {env: PKI_PASSWORD}\n", FETCHED);
    let missing = named.run(&["--yes"]);
    assert_eq!(missing.code, Some(2));
    let told = "pki `the-pki`: the environment variable `PKI_PASSWORD` holds no password";
    assert!(missing.stderr.contains(told), "{}", missing.stderr);
    let whole = ["run", "one.yaml", "--driver", "live", "--yes"];
    let mut given = command(named.path(), &whole);
    given.env("PKI_PASSWORD", PASSWORD);
    assert_eq!(finish(given).code, Some(0));

    let unsaid = Files::new(&server.authority, LINUX, "", FETCHED);
    assert_eq!(unsaid.run(&["--yes", "--challenge", PASSWORD]).code, Some(0));
    let mut told = command(unsaid.path(), &whole);
    told.env("SCEPLAB_CHALLENGE", PASSWORD);
    assert_eq!(finish(told).code, Some(0));
}

#[test]
fn scenario_is_skipped_if_the_pki_gives_no_password() {
    let server = Server::start(&["linux"]);
    let files = Files::new(&server.authority, LINUX, "    challenge: none\n", FETCHED);
    let ended = files.run(&["--yes"]);
    assert_eq!(ended.code, Some(0));
    let told = "`the-pki` has no challenge password to give: none is configured or given (step 1: ";
    assert!(ended.stdout.contains(told), "{}", ended.stdout);
}

#[test]
fn step_that_needs_a_control_port_is_skipped_with_the_reason() {
    let server = Server::start(&["linux", "--challenge", PASSWORD]);
    let files =
        Files::new(&server.authority, LINUX, "", CLEAR).with_step("  - issued: {count: 1}\n");
    let ended = files.run(&["--yes"]);
    assert_eq!(ended.code, Some(0));
    let told = "`the-pki`: the PKI does not support listing issued certificates by its URL alone, without `control` (step 3: ";
    assert!(ended.stdout.contains(told), "{}", ended.stdout);
}

#[test]
fn wrong_challenge_fails_and_shows_the_capabilities_of_the_pki() {
    let server = Server::start(&["linux", "--challenge", "another-one"]);
    let ended = Files::new(&server.authority, LINUX, "", CLEAR).run(&["--yes"]);
    assert_eq!(ended.code, Some(4));
    for part in ["was answered FAILURE", "GetCACaps from here is answered: Renewal, SHA-1"] {
        assert!(ended.stdout.contains(part), "{part}: {}", ended.stdout);
    }
    assert!(!ended.transcript().contains(PASSWORD), "{}", ended.transcript());
}

#[test]
fn unreachable_pki_is_reported_by_its_url() {
    let ended = Files::new("127.0.0.1:1", LINUX, "", CLEAR).run(&["--yes"]);
    assert_eq!(ended.code, Some(4));
    let told =
        "the-pki: http://127.0.0.1:1/scep: GetCACaps from here: cannot connect to 127.0.0.1:1";
    assert!(ended.stdout.contains(told), "{}", ended.stdout);
}

#[test]
fn one_time_passwords_are_fetched_from_mscep_admin_for_each_run() {
    let files = Files::new("127.0.0.1:1", NDES, "", CLEAR);
    let admin = files.write("admin", "admin-s3cret\n");
    let admin = admin.to_str().unwrap();
    let server = Server::start(&["ndes", "--admin-user", "boss", "--admin-password-file", admin]);
    let page = format!(
        "    ndes-admin: {{url: '{}', user: boss, password-file: admin}}\n",
        server.url("/certsrv/mscep_admin/")
    );
    let files = Files::new(&server.authority, NDES, &page, FETCHED);
    files.write("admin", "admin-s3cret\n");
    for _ in 0..2 {
        let ended = files.run(&["--yes", "-v"]);
        assert_eq!(ended.code, Some(0), "{}\n{}", ended.stdout, ended.stderr);
        assert!(
            ended.stderr.contains("mscep_admin of the-pki  http://127.0.0.1:"),
            "{}",
            ended.stderr
        );
        assert!(!ended.transcript().contains("admin-s3cret"), "{}", ended.transcript());
    }
    files.write("admin", "no-s3cret\n");
    let ended = files.run(&["--yes"]);
    assert_eq!(ended.code, Some(3));
    let told = "HTTP 401 again, by Basic: the user `boss` or the password is wrong";
    assert!(ended.stdout.contains(told), "{}", ended.stdout);
}

#[test]
fn address_outside_the_lab_file_is_not_reached() {
    let server = Server::start(&["linux", "--challenge", PASSWORD]);
    let files = Files::new(&server.authority, LINUX, "", CLEAR);
    let scenario = std::fs::read_to_string(files.path().join("one.yaml")).unwrap();
    files.write("one.yaml", &scenario.replace("http://127.0.0.1", "http://127.0.0.9"));
    let ended = files.run(&["--yes"]);
    assert_eq!(ended.code, Some(4));
    assert!(ended.stdout.contains("the lab file does not name it"), "{}", ended.stdout);
}

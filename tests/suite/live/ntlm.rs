//! One-time passwords from a page of a Windows server that requires NTLM.

use super::Files;
use super::windows_page::{Account, WindowsPage};
use crate::suite::serve::{NDES, Server};

const ONE_TIME: &str = "8CE317021F6900691ED0DD50F7459D6E";

const ACCOUNT: Account =
    Account { domain: "LAB", user: "enroller", password: "Passw0rd-\u{e9}", shows: ONE_TIME };

fn files(server: &Server, page: &WindowsPage, password: &str) -> Files {
    let lab = format!(
        "    ndes-admin: {{url: 'http://{}/certsrv/mscep_admin/', user: 'LAB\\enroller', password-file: \
         admin}}\n",
        page.authority
    );
    let files = Files::new(&server.authority, NDES, &lab, "password {{challenge}}");
    files.write("admin", &format!("{password}\n"));
    files
}

#[test]
fn ntlm_login_reads_the_page() {
    let page = WindowsPage::start(ACCOUNT);
    let server = Server::start(&["ndes", "--challenge", ONE_TIME]);
    let ended = files(&server, &page, ACCOUNT.password).run(&["--yes", "-v"]);
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.stdout, ended.stderr);
    assert_eq!(page.visits.try_iter().collect::<Vec<_>>(), ["right"]);
    for secret in [ONE_TIME, ACCOUNT.password] {
        assert!(!ended.transcript().contains(secret), "{}", ended.transcript());
    }
}

#[test]
fn ntlm_login_with_a_wrong_password_is_reported_without_it() {
    let page = WindowsPage::start(ACCOUNT);
    let server = Server::start(&["ndes", "--challenge", ONE_TIME]);
    let ended = files(&server, &page, "Passw0rd-e").run(&["--yes"]);
    assert_eq!(ended.code, Some(3), "{}\n{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("by Ntlm: the user `LAB\\enroller` or the password is wrong"));
    assert_eq!(page.visits.try_iter().collect::<Vec<_>>(), ["wrong"]);
    assert!(!ended.transcript().contains("Passw0rd-e"), "{}", ended.transcript());
}

#[test]
fn wrong_password_is_tried_once_per_run() {
    let page = WindowsPage::start(ACCOUNT);
    let server = Server::start(&["ndes", "--challenge", ONE_TIME]);
    let files = files(&server, &page, "Passw0rd-e");
    let scenario = std::fs::read_to_string(files.path().join("one.yaml")).unwrap();
    for another in ["two.yaml", "three.yaml"] {
        files.write(another, &scenario);
    }
    let ended = files.run(&["two.yaml", "three.yaml", "--yes"]);
    assert_eq!(ended.code, Some(3), "{}\n{}", ended.stdout, ended.stderr);
    // Each scenario shows it in its line and in its report.
    assert_eq!(ended.stdout.matches("not tried again").count(), 4, "{}", ended.stdout);
    assert_eq!(page.visits.try_iter().collect::<Vec<_>>(), ["wrong"]);
}

//! `--save-messages`: what is exchanged with PKIs, as it is on the wire, in a folder for its user alone.
#![cfg(unix)]

mod explained;
mod folders;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use recording::{End, Exchange, Gap, folders_in, read};
use scep::message::Message;

use super::sceplab::{Ended, run_in, workspace};
use super::serve::{LINUX, Server};
use crate::support::conform::conform;

/// A password whose words appear nowhere else.
pub(super) const PASSWORD: &str = "Sauerampfer-4Vh";

const SCEPLAB: &str = env!("CARGO_BIN_EXE_sceplab");

/// A scenario in which a device enrols at a CA with these faults.
pub(super) fn scenario(personality: &str, faults: &str) -> String {
    format!(
        "title: T
lab:
  devices: {{DUT0: {{interfaces: {{eth0: 10.0.0.0/24}}}}}}
  hosts: {{pki: {{addresses: [10.0.0.1/24], runs: ca}}}}
  pki: {{ca: {{personality: {personality}, port: 8080, challenge: {{static: {PASSWORD}}}, faults: [{faults}]}}}}
steps:
  - configure:
      set: |
        set interfaces ethernet eth0 address 10.0.0.64/24
        set system certificate scep csr CSR cgi-path /scep
        set system certificate scep csr CSR distinguished-names CN=MyUserCert
        set system certificate scep csr CSR password {PASSWORD}
        set system certificate scep csr CSR port 8080
        set system certificate scep csr CSR url 'http://10.0.0.1'
  - run: {{command: pki scep show CSR, matches: [usercert\\s+Valid], within: 5s}}
"
    )
}

/// The exchanges in the only recording of a folder; the folder must be its user's alone.
fn exchanges(folder: &Path) -> Vec<Exchange> {
    let folders = folders_in(folder).unwrap();
    assert_eq!(folders.len(), 1, "{folders:?}");
    assert_private(folder);
    read(&folders[0]).unwrap().exchanges
}

/// Fails if another user may read anything in the folder.
fn assert_private(folder: &Path) {
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(folder), 0o700, "{}", folder.display());
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            assert_private(&path);
        } else {
            assert_eq!(mode(&path), 0o600, "{}", path.display());
        }
    }
}

fn files(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|it| it.unwrap().file_name());
    let mut names: Vec<String> = names.map(|it| it.into_string().unwrap()).collect();
    names.sort();
    names
}

fn targets(exchanges: &[Exchange]) -> Vec<String> {
    let of = |it: &Exchange| it.request.as_ref().map(|request| request.target.clone());
    exchanges.iter().filter_map(of).collect()
}

fn run(folder: &Path, arguments: &[&str], text: &str) -> Ended {
    fs::write(folder.join("a.yaml"), text).unwrap();
    run_in(folder, arguments)
}

const RUN: [&str; 4] = ["run", "a.yaml", "--save-messages", "m"];

#[test]
fn run_saves_what_the_device_and_the_ca_exchange() {
    let folder = tempfile::tempdir().unwrap();
    let ended = run(folder.path(), &RUN, &scenario("linux", ""));
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    let note = "note: `m` gets the messages as they are on the wire, so challenge passwords, logins (`Authorization`) and keys in them are what they are; only you can read it\n";
    assert_eq!(ended.stderr.lines().next(), note.lines().next(), "{}", ended.transcript());
    let saved = folder.path().join("m");
    assert_eq!(files(&saved), ["a"]);
    let names = files(&saved.join("a"));
    let expected = [
        "001-GetCACaps-reply.http",
        "001-GetCACaps-reply.txt",
        "001-GetCACaps-request.http",
        "002-GetCACert-reply.der",
        "002-GetCACert-reply.http",
        "002-GetCACert-request.http",
        "003-PKCSReq-reply.der",
        "003-PKCSReq-reply.http",
        "003-PKCSReq-request.der",
        "003-PKCSReq-request.http",
        "index.json",
    ];
    assert_eq!(names, expected);
    let exchanges = exchanges(&saved);
    for exchange in &exchanges {
        assert_eq!(exchange.seen_by, Some(End::Server));
        assert_eq!(exchange.pki.as_deref(), Some("ca"));
        assert_eq!(exchange.server.as_deref(), Some("10.0.0.1:8080"));
        assert!(exchange.client.as_ref().unwrap().starts_with("10.0.0.64:"));
        assert!(exchange.replied_at >= exchange.at);
        assert!(exchange.gaps.is_empty(), "{:?}", exchange.gaps);
    }
    let last = exchanges.last().unwrap();
    let (request, reply) = (last.request.as_ref().unwrap(), last.reply.as_ref().unwrap());
    assert_eq!((request.method.as_str(), reply.status), ("POST", Some(200)));
    let transaction = |body| Message::parse(body).unwrap().attributes().transaction_id().unwrap();
    assert_eq!(transaction(&request.body), transaction(&reply.body));
}

#[test]
fn message_of_a_get_is_saved_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let text =
        scenario("linux", "").replace("faults: []", "capabilities: [AES, SHA-256], faults: []");
    let ended = run(folder.path(), &RUN, &text);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    let saved = folder.path().join("m/a");
    let message = fs::read(saved.join("003-PKCSReq-request.der")).unwrap();
    assert!(Message::parse(&message).is_ok());
    let head = fs::read_to_string(saved.join("003-PKCSReq-request.http")).unwrap();
    assert!(head.starts_with("GET /scep?operation=PKIOperation&message=MI"), "{head}");
}

#[test]
fn replies_that_are_cut_or_missing_are_saved_as_they_were() {
    let first = |fault: &str| {
        let folder = tempfile::tempdir().unwrap();
        run(folder.path(), &RUN, &scenario("linux", &format!("{{on: PKCSReq, do: {fault}}}")));
        let exchanges = exchanges(&folder.path().join("m"));
        let is_post = |it: &Exchange| it.request.as_ref().unwrap().method == "POST";
        exchanges.into_iter().find(is_post).unwrap()
    };
    let closed = first("close-connection");
    let gap = "no reply came in 0.0 s; the server ended the connection";
    assert_eq!(closed.gaps, [Gap::Unanswered(gap.to_owned())]);
    assert_eq!(closed.reply, None);
    let reply = first("truncated-body").reply.unwrap();
    assert!(Message::parse(&reply.body).is_err());
    let reply = first("http-status 503").reply.unwrap();
    assert_eq!(reply.status, Some(503));
    assert!(reply.head.starts_with(b"HTTP/1.1 503 "));
}

#[test]
fn folder_with_other_things_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("m")).unwrap();
    fs::write(folder.path().join("m/notes"), "mine").unwrap();
    let ended = run(folder.path(), &RUN, &scenario("linux", ""));
    assert_eq!(ended.code, Some(2), "{}", ended.transcript());
    let expected = "`m` is not empty, and messages are saved in a folder of their own, so that none is mixed up with those of another run: \
                    name a new folder, or remove this one";
    assert!(ended.stderr.contains(expected), "{}", ended.transcript());
    assert_eq!(files(&folder.path().join("m")), ["notes"]);
    let docker = [&RUN[..], &["--driver", "docker"]].concat();
    let ended = run(folder.path(), &docker, &scenario("linux", ""));
    assert_eq!(ended.code, Some(2), "{}", ended.transcript());
    assert!(
        ended.stderr.contains("type `--save-messages m --driver netns`"),
        "{}",
        ended.transcript()
    );
}

#[test]
fn enrol_saves_what_the_client_sees() {
    let server = Server::start(&["linux", "--challenge", PASSWORD]);
    let folder = tempfile::tempdir().unwrap();
    let url = server.url(LINUX);
    let arguments = ["enrol", &url, "--challenge", PASSWORD, "--save-messages", "m"];
    let ended = run_in(folder.path(), &arguments);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    let exchanges = exchanges(&folder.path().join("m"));
    assert_eq!(exchanges.len(), 3);
    for exchange in &exchanges {
        assert_eq!(exchange.seen_by, Some(End::Client));
        assert_eq!(exchange.server.as_deref(), Some(server.authority.as_str()));
        assert_eq!(exchange.reply.as_ref().unwrap().status, Some(200));
    }
    // Nothing is saved unless it is asked for.
    assert_eq!(files(folder.path()), ["m"]);
}

#[test]
fn serve_saves_what_the_server_sees() {
    let folder = tempfile::tempdir().unwrap();
    let saved = folder.path().join("m");
    let server = Server::start(&["linux", "--save-messages", saved.to_str().unwrap()]);
    let url = server.url(LINUX);
    let ended = run_in(folder.path(), &["enrol", &url, "--save-messages", "client"]);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    server.interrupt();
    // A connection may end after the next one.
    let in_order = |folder: &Path| {
        let mut exchanges = exchanges(folder);
        exchanges.sort_by_key(|exchange| exchange.at);
        exchanges
    };
    let of_client = in_order(&folder.path().join("client"));
    let of_server = in_order(&saved);
    assert_eq!(of_server.len(), 3);
    for (client, server) in of_client.iter().zip(&of_server) {
        assert_eq!(server.seen_by, Some(End::Server));
        // Both ends saw the same bytes.
        assert_eq!(client.request, server.request);
        assert_eq!(client.reply, server.reply);
        assert_eq!(client.client, server.client);
    }
}

#[test]
fn conform_saves_each_case_in_a_folder_of_its_own() {
    let server = Server::start(&["rfc8894"]);
    let folder = tempfile::tempdir().unwrap();
    let url = server.url("/cgi-bin/pkiclient.exe");
    let saved = folder.path().join("m");
    let ended = super::sceplab::run(&[
        "conform",
        &url,
        "--case",
        "enrolment/pkcs-req",
        "--save-messages",
        saved.to_str().unwrap(),
    ]);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    assert_private(&saved);
    let folders = folders_in(&saved).unwrap();
    let of = |path: &PathBuf| read(path).unwrap().of;
    let recorded: Vec<String> = folders.iter().map(of).collect();
    assert!(recorded.contains(&"outside-of-the-cases".to_owned()), "{recorded:?}");
    let case = folders.iter().find(|path| of(path).ends_with("enrolment/pkcs-req")).unwrap();
    let exchanges = read(case).unwrap().exchanges;
    assert!(targets(&exchanges).iter().any(|it| it.ends_with("operation=PKIOperation")));
    assert!(exchanges.iter().all(|it| it.seen_by == Some(End::Client)));
}

#[test]
fn conform_client_saves_each_case_in_a_folder_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let saved = folder.path().join("m");
    let script = workspace().join("scenarios/clients/sceplab.sh");
    let client = [script.to_str().unwrap(), SCEPLAB, "{url}", "{challenge}", "{dir}", "{ca}"];
    let options = ["--case", "transaction-id", "--save-messages", saved.to_str().unwrap()];
    let (ended, verdicts) = conform(&options, &client);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    assert!(!verdicts.is_empty());
    assert_private(&saved);
    let folders = folders_in(&saved).unwrap();
    // The plain exchange before the cases is there, too.
    assert!(folders.len() > verdicts.len(), "{folders:?}");
    for folder in folders {
        let exchanges = read(&folder).unwrap().exchanges;
        assert!(exchanges.iter().all(|it| it.seen_by == Some(End::Server)));
        assert!(!exchanges.is_empty(), "{}", folder.display());
    }
}

#[test]
fn matrix_saves_each_cell_in_a_folder_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let arguments =
        ["matrix", "a.yaml", "--driver", "virtual", "--client", "builtin", "--save-messages", "m"];
    fs::create_dir(folder.path().join("labs")).unwrap();
    let text = scenario("linux", "");
    let ended = run(folder.path(), &arguments, &text);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    let saved = folder.path().join("m");
    let names = files(&saved);
    assert!(
        names.len() == 1 && names[0].starts_with("a-") && names[0].ends_with("-builtin"),
        "{names:?}"
    );
    assert_eq!(exchanges(&saved).len(), 3);
}

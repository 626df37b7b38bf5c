//! The personality `linux` against its model, Debian's scepserver, message by message: both have the same CA and get the same bytes.

mod answer;
mod differences;
mod inputs;
mod servers;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::process::Command;
use std::sync::Arc;

use conformance::OnePki;
use model::scenario::scep::{Carrier, Mutation};
use model::scenario::{Found, Scenario, discover, load};
use runner::run_all;
use testbed::pki::Pki;
use testbed::{Driver, KeyStore, ReceivedLog};

use self::differences::{DIFFERENCES, Difference};
use self::servers::Servers;
use crate::support::needs::runtime;
use crate::support::sceplab::{finish, workspace};
use crate::support::trials::{Need, Planned, trials};

pub(crate) fn trials(needs: &[&Need]) -> Vec<Planned> {
    let scepserver = Need::program("scepserver", "scepserver", "scep");
    let ip = Need::program("scepserver", "ip", "iproute2");
    trials![
        &[needs, &[&scepserver, &ip]].concat();
        linux_answers_as_scepserver,
    ]
}

/// The variable that says that the test runs in a network of its own already: scepserver listens on every address.
const IN_OWN_NETWORK: &str = "SCEPLAB_TEST_IN_OWN_NETWORK";

fn linux_answers_as_scepserver() {
    if std::env::var_os(IN_OWN_NETWORK).is_some() {
        let up = Command::new("ip").args(["link", "set", "lo", "up"]).status().unwrap();
        assert!(up.success());
        return compare();
    }
    let trial = concat!(module_path!(), "::linux_answers_as_scepserver");
    let mut again = Command::new("unshare");
    again.args(["--user", "--map-root-user", "--net", "--"]);
    again.arg(std::env::current_exe().unwrap());
    again.args(["--exact", trial.split_once("::").unwrap().1]);
    again.env(IN_OWN_NETWORK, "yes").env_remove("NEXTEST");
    let ended = finish(again);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("1 passed"), "{}", ended.stdout);
}

/// Sends everything to both servers, and compares the differences with the table.
fn compare() {
    runtime().block_on(async {
        let servers = Arc::new(Servers::start().await);
        for (name, request) in inputs::all(&servers.ca_certificate()) {
            servers.begin(&name);
            servers.send(&request, "").await;
        }
        let cases = cases();
        assert!(cases.len() > 200, "{}", cases.len());
        let keys = KeyStore::default();
        for case in cases {
            servers.begin(case.id.trim_start_matches("conformance/server/"));
            run(&servers, &keys, case).await;
        }
        let (compared, found) = servers.found();
        assert!(compared > 400, "{compared} answers were compared");
        assert_as_in_table(&found);
    });
}

/// The cases for servers, and each mutation of the requests for certificates.
fn cases() -> Vec<Scenario> {
    let folder = workspace().join("scenarios/conformance/server");
    let found = discover(&[folder]).unwrap();
    let cases = found.iter().map(|found| load(found, None).unwrap());
    let mutated = Mutation::ALL.iter().copied().flat_map(|wrong| {
        let operations: &[&str] = match wrong.carrier() {
            Carrier::Lookup => &["CertPoll", "GetCert", "GetCRL"],
            _ => &["PKCSReq", "RenewalReq"],
        };
        operations.iter().map(move |operation| mutated(operation, wrong))
    });
    cases.chain(mutated).collect()
}

/// A scenario that sends a request with this mutation, and accepts any reply.
fn mutated(operation: &str, wrong: Mutation) -> Scenario {
    let method = if wrong.carrier() == Carrier::Get { "get" } else { "post" };
    let first = if operation == "RenewalReq" {
        "- scep: {send: PKCSReq, accept: [{status: SUCCESS}]}\n"
    } else {
        ""
    };
    let lab = workspace().join("scenarios/labs/conformance.yaml");
    let text = format!(
        "title: T\nlab: {}\nsteps:\n{first}- scep: {{send: {operation}, challenge: always, method: {method}, \
         wrong: {wrong}, accept: [{{reply: HTTP}}, {{reply: none}}]}}\n",
        lab.display()
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.yaml");
    std::fs::write(&path, text).unwrap();
    load(&Found { id: format!("{operation} {wrong}"), path }, None).unwrap()
}

async fn run(servers: &Arc<Servers>, keys: &KeyStore, case: Scenario) {
    let pki: Arc<dyn Pki> = Arc::<Servers>::clone(servers);
    let driver: Arc<dyn Driver> = Arc::new(OnePki {
        pki,
        subject: "CN=device-{n}".to_owned(),
        received: ReceivedLog::default(),
        secrets: Vec::new(),
        keys: keys.clone(),
        messages: None,
    });
    let stop = std::future::pending();
    run_all(&driver, vec![case], NonZeroUsize::MIN, stop, |_| {}).await;
}

/// Fails for a difference that is not in the table, and for one that is only there.
#[track_caller]
fn assert_as_in_table(found: &BTreeMap<String, BTreeSet<String>>) {
    let table: BTreeMap<&str, &Difference> =
        DIFFERENCES.iter().map(|known| (known.input, known)).collect();
    assert_eq!(table.len(), DIFFERENCES.len(), "an input is in the table twice");
    let known =
        |input: &String| table.get(input.as_str()).map(|known| known.facts).unwrap_or_default();
    let mut wrong = Vec::new();
    for (input, facts) in found {
        let facts = facts.iter().cloned().collect::<Vec<_>>().join("; ");
        if facts != known(input) {
            wrong.push(format!("found:     {input}: {facts}\n  in the table: {}", known(input)));
        }
    }
    let gone = table.keys().filter(|input| !found.contains_key(**input));
    wrong.extend(gone.map(|input| format!("gone:      {input}: {}", table[input].facts)));
    assert!(wrong.is_empty(), "scepserver's value is before the arrow:\n{}", wrong.join("\n"));
}

//! Clients and servers of other projects: their conversations are captured, and explained from the capture.

use dut_sim::ScepClient;

use super::lab::in_folders;
use crate::support::needs::client;
use crate::support::sceplab::{command, finish, workspace};
use crate::support::trials::{Need, Planned};

/// A conversation of a client and a server, and who is wrong in it.
#[derive(Clone, Copy)]
struct Peers {
    client: ScepClient,
    server: Server,
    verdict: Expected,
}

/// The exit code of `explain`, and what its first line has.
type Expected = (i32, &'static [&'static str]);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Server {
    MockCa,
    Scepserver,
}

const GRANTED: Expected =
    (0, &["nothing wrong was seen: the request was granted; the reply was not opened"]);

const DES_OF_SERVER: Expected = (
    4,
    &[
        "the server is wrong: in #",
        " (CertRep): the envelope is enciphered with single DES, which is forbidden",
    ],
);

const DES_OF_BOTH: Expected = (
    4,
    &[
        "both are wrong: the client: in #",
        " (PKCSReq): the envelope is enciphered with single DES, which is forbidden; the server: in #",
        " (CertRep): the envelope is enciphered with single DES, which is forbidden",
    ],
);

const ALL: [Peers; 7] = [
    Peers { client: ScepClient::Strongswan, server: Server::MockCa, verdict: GRANTED },
    Peers { client: ScepClient::Certmonger, server: Server::MockCa, verdict: GRANTED },
    Peers { client: ScepClient::Sscep, server: Server::MockCa, verdict: GRANTED },
    // It knows single DES alone, and a server replies as it was asked.
    Peers { client: ScepClient::Scepclient, server: Server::MockCa, verdict: DES_OF_BOTH },
    Peers { client: ScepClient::Scepclient, server: Server::Scepserver, verdict: DES_OF_BOTH },
    Peers { client: ScepClient::Certmonger, server: Server::Scepserver, verdict: DES_OF_SERVER },
    Peers { client: ScepClient::Builtin, server: Server::Scepserver, verdict: DES_OF_SERVER },
];

pub(crate) fn trials(needs: &[&Need]) -> Vec<Planned> {
    let scepserver = Need::program("scepserver", "scepserver", "scep");
    let planned = |peers: &Peers| {
        let own = client(peers.client);
        let server = (peers.server == Server::Scepserver).then_some(&scepserver);
        let needs: Vec<&Need> = needs.iter().copied().chain(&own).chain(server).collect();
        let at = if peers.server == Server::MockCa { "mock-ca" } else { "scepserver" };
        let name = format!("{}::conversation_is_explained::{}-{at}", module_path!(), peers.client);
        let peers = *peers;
        Planned::new(&name, &needs, move || is_explained(peers))
    };
    ALL.iter().map(planned).collect()
}

fn is_explained(peers: Peers) {
    let lab = match (peers.server, peers.client) {
        (Server::Scepserver, _) => "linux-scepserver",
        // It reads no reply in pieces.
        (Server::MockCa, ScepClient::Strongswan) => "linux-strongswan",
        (Server::MockCa, _) => "linux-pki",
    };
    let folder = tempfile::tempdir().unwrap();
    let (client, lab) = (peers.client.to_string(), format!("scenarios/labs/{lab}.yaml"));
    let scenario = "scenarios/scep/linux-pki.yaml";
    let arguments = ["run", scenario, "--driver", "netns", "--client", &client, "--lab", &lab];
    let mut run = command(workspace(), &arguments);
    run.arg("--pcap").arg(folder.path().join("there"));
    in_folders(&mut run, folder.path());
    let ended = finish(run);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    let capture = folder.path().join("there/scep-linux-pki/10.215.168.0-24.pcap");
    let ended = finish(command(workspace(), &["explain", "--all", capture.to_str().unwrap()]));
    ended.assert_orderly();
    let (code, words) = peers.verdict;
    assert_eq!(ended.code, Some(code), "{}", ended.transcript());
    let first = ended.stdout.lines().next().unwrap();
    assert!(words.iter().all(|words| first.contains(words)), "{}", ended.transcript());
    // Each exchange of the conversation is there, whole.
    assert!(ended.stdout.contains("PKIOperation (PKCSReq), request"), "{}", ended.transcript());
    assert!(!ended.stdout.contains("missing: "), "{}", ended.transcript());
}

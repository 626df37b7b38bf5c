//! Programs as clients in labs whose time is not that of the system: libfaketime shows it to those that it reaches.

use std::fs;

use dut_sim::ScepClient;

use crate::support::conform::conform;
use crate::support::needs::{client, faketime, netns};
use crate::support::sceplab::{Ended, run_in, workspace};
use crate::support::trials::{Need, Planned};

/// The cases that move the client's clock, and one that does not.
const CASES: [&str; 14] = [
    "--case",
    "request/after-2049",
    "--case",
    "renewal/last-days",
    "--case",
    "renewal/after-the-end",
    "--case",
    "renewal/another-ca",
    "--case",
    "renewal/another-ra",
    "--case",
    "certificate/after-2049",
    "--case",
    "ca-certificates/expired-namesake",
];

pub(crate) fn trials() -> Vec<Planned> {
    let trial = |name: &str, its: ScepClient, netns: Option<Need>, test: fn()| {
        let needs: Vec<Need> = netns.into_iter().chain(client(its)).chain([faketime()]).collect();
        Planned::new(
            &format!("{}::{name}", module_path!()),
            &needs.iter().collect::<Vec<_>>(),
            test,
        )
    };
    vec![
        trial(
            "strongswan_passes_lifecycle_files_with_a_lab_in_which_it_finds_aes",
            ScepClient::Strongswan,
            Some(netns()),
            || lifecycle("strongswan", &["--lab", "scenarios/labs/rfc8894-strongswan-2026.yaml"]),
        ),
        trial("certmonger_passes_lifecycle_files", ScepClient::Certmonger, Some(netns()), || {
            lifecycle("certmonger", &[]);
        }),
        trial(
            "strongswan_renews_by_the_time_of_its_lab",
            ScepClient::Strongswan,
            Some(netns()),
            || {
                renews("strongswan", "its self-signed certificate is valid on that day");
            },
        ),
        trial(
            "certmonger_renews_by_the_time_of_its_lab",
            ScepClient::Certmonger,
            Some(netns()),
            || {
                renews("certmonger", "");
            },
        ),
        trial(
            "strongswan_polls_by_itself_while_the_time_is_moved",
            ScepClient::Strongswan,
            Some(netns()),
            polls,
        ),
        trial(
            "scenario_that_asks_for_more_than_a_program_can_is_skipped",
            ScepClient::Certmonger,
            Some(netns()),
            limited,
        ),
        trial(
            "go_program_is_skipped_in_a_lab_on_its_own_time",
            ScepClient::Scepclient,
            Some(netns()),
            skipped,
        ),
        trial(
            "cases_on_their_own_time_run_with_strongswan",
            ScepClient::Strongswan,
            None,
            conforms,
        ),
        trial(
            "cases_on_their_own_time_are_skipped_with_a_go_program",
            ScepClient::Scepclient,
            None,
            not_conforms,
        ),
    ]
}

const LAB: &str = "title: On its own time
lab:
  clock: 2031-01-01T00:00Z
  devices: {DUT0: {interfaces: {eth0: 10.0.0.0/24}}}
  hosts: {gateway: {addresses: [10.0.0.1/24], runs: ca}}
  pki:
    ca:
      personality: rfc8894
      port: 8080
      capabilities: [AES, DES3, POSTPKIOperation, Renewal, SCEPStandard, SHA-1, SHA-256, SHA-384]
";

const CONFIGURED: &str = "steps:
  - configure:
      set: |
        set interfaces ethernet eth0 address 10.0.0.64/24
        set system certificate scep csr CSR distinguished-names CN=a
        set system certificate scep csr CSR port 8080
        set system certificate scep csr CSR renew-at 80
        set system certificate scep csr CSR url http://10.0.0.1
";

/// Runs a scenario with this client on the kernel's network.
fn run(client: &str, text: &str) -> Ended {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("it.yaml"), text).unwrap();
    let ended =
        run_in(folder.path(), &["run", "--driver", "netns", "--client", client, "it.yaml", "-v"]);
    ended.assert_orderly();
    ended
}

/// A device renews in time, and its program knows the day: `own` says that its own certificate begins on it.
fn renews(client: &str, own: &str) {
    let seen = "  - seen: {on: PKCSReq, accept: [{signer-validity: valid}]}\n";
    let ended = run(
        client,
        &format!(
            "{LAB}{CONFIGURED}  - certificate: {{csr: CSR, is: {{serial-number: '01'}}}}
{seen}  - advance: {{by: 291d}}
  - certificate: {{csr: CSR, is: {{serial: same, validity: valid}}, within: 0s}}
  - advance: {{by: 2d}}
  - certificate: {{csr: CSR, is: {{serial: other, validity: valid}}, within: 0s}}
  - issued: {{count: 2, within: 0s}}
"
        ),
    );
    assert_eq!(ended.code, Some(0), "{own}: {}", ended.transcript());
}

/// The CA decides after three days, in which the program asks again and again.
fn polls() {
    let approval = "      approval: {after: 3d}\n";
    let ended = run("strongswan", &format!("{LAB}{approval}{CONFIGURED}  - run: {{command: pki scep show CSR, matches: [usercert\\s+Pending], matches_not: [usercert\\s+Valid]}}
  - advance: {{by: 4d}}
  - certificate: {{csr: CSR, is: {{validity: valid, days-left: 360..365}}}}
"));
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    let granted =
        ended.stdout.lines().find(|line| line.contains("ca: granted the request")).unwrap();
    assert!(granted.trim_start().starts_with("2031-01-04T00:0"), "{granted}");
}

/// What the program cannot do is the reason of a skip, whatever the step that fails of it.
fn limited() {
    let configured = |line: &str| {
        let url = "        set system certificate scep csr CSR url http://10.0.0.1\n";
        CONFIGURED.replace(url, &format!("{line}{url}"))
    };
    let line = |words: &str| format!("        set system certificate scep csr CSR {words}\n");
    let old = "      ca: {subject: CN=ca, issued-by: {subject: CN=ca, valid-from: 2015-01-01T00:00Z, valid-for: 10y}}\n";
    for (lab, set, matches, reason) in [
        ("", line("crl-check scep"), "crl: .*fresh", "does not ask by GetCRL"),
        ("", line("rollover get-next-ca"), "next-ca", "does not ask by GetNextCACert"),
        (
            "      approval: manual\n",
            String::new(),
            "CA has not decided",
            "a reply without content",
        ),
        (old, String::new(), "usercert .*Valid", "if several of a CA have one name"),
    ] {
        let check = format!(
            "  - run: {{command: pki scep show CSR, matches: ['{matches}'], within: 3s}}\n"
        );
        let ended = run("certmonger", &format!("{LAB}{lab}{}{check}", configured(&set)));
        assert_eq!(ended.code, Some(0), "{}", ended.transcript());
        let is_told =
            |line: &str| line.contains("the client `certmonger` ") && line.contains(reason);
        assert!(
            ended.stdout.lines().any(is_told) && ended.stdout.contains("1 skipped"),
            "{}",
            ended.transcript()
        );
    }
}

/// Lifecycle files that move the clock, and that a program passes in seconds.
const LIFECYCLE: [&str; 6] = [
    "reboot-while-a-renewal-is-retried",
    "key-kept",
    "key-renewed",
    "rollover-in-an-emergency",
    "two-requests-each-at-its-time",
    "unsaved-configuration",
];

fn lifecycle(client: &str, further: &[&str]) {
    let files = LIFECYCLE.map(|name| format!("scenarios/lifecycle/{name}.yaml"));
    let mut arguments = vec!["run", "--driver", "netns", "--client", client];
    arguments.extend(files.iter().map(String::as_str).chain(further.iter().copied()));
    let ended = run_in(workspace(), &arguments);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    let count = format!("\n{} passed in ", LIFECYCLE.len());
    assert!(ended.stdout.contains(&count), "{}", ended.transcript());
}

fn skipped() {
    let ended = run("scepclient", &format!("{LAB}{CONFIGURED}"));
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    let reason = "the client `scepclient` goes by the system's clock: `scepclient` is a Go program and linked statically, so that no \
                  dynamic linker loads libfaketime into it";
    assert!(ended.stdout.contains(reason), "{}", ended.transcript());
}

fn conforms() {
    let script = ["scenarios/clients/strongswan.sh", "{url}", "{challenge}", "{dir}", "{ca}"];
    let (ended, verdicts) = conform(&CASES, &script);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    assert_eq!(verdicts.len(), CASES.len() / 2);
    assert!(verdicts.values().all(|kind| kind == "conforms"), "{}", ended.transcript());
}

fn not_conforms() {
    let script = ["scenarios/clients/scepclient.sh", "{url}", "{challenge}", "{dir}"];
    let (ended, verdicts) = conform(&CASES, &script);
    let skipped: Vec<&str> =
        verdicts.iter().filter(|(_, kind)| *kind == "skipped").map(|(id, _)| id.as_str()).collect();
    let moved = [
        "renewal/after-the-end",
        "renewal/another-ca",
        "renewal/another-ra",
        "renewal/last-days",
        "request/after-2049",
    ];
    assert_eq!(skipped, moved, "{}", ended.transcript());
    let evidence = "the client goes by the system's clock";
    assert!(ended.stdout.contains(evidence), "{}", ended.transcript());
    assert!(
        ended.stdout.contains("and the certificate that it made itself begins at 20"),
        "{}",
        ended.transcript()
    );
}

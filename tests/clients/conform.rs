//! `sceplab conform-client` with other clients than the built-in one.

use dut_sim::ScepClient;

use crate::support::conform::conform;
use crate::support::needs::client;
use crate::support::trials::{Need, Planned};

/// A trial for each client that has a target file.
pub(crate) fn trials() -> Vec<Planned> {
    let trial = |(its, arguments): (ScepClient, &'static [&'static str])| {
        let program = client(its);
        let needs: Vec<&Need> = program.iter().collect();
        let name = "client_deviates_only_where_its_target_file_says";
        let name = format!("{}::{name}::{its}", module_path!());
        Planned::new(&name, &needs, move || deviates(&its.to_string(), arguments))
    };
    let strongswan: &[&str] = &["{url}", "{challenge}", "{dir}", "{ca}"];
    let scepclient: &[&str] = &["{url}", "{challenge}", "{dir}"];
    [(ScepClient::Strongswan, strongswan), (ScepClient::Scepclient, scepclient)].map(trial).into()
}

fn deviates(name: &str, arguments: &[&str]) {
    let target = format!("scenarios/targets/{name}.yaml");
    let script = format!("scenarios/clients/{name}.sh");
    let some = ["--case", "attributes", "--case", "certificate", "--case", "request"];
    let whole = [&["--target", &target, "--strict"], &some[..]].concat();
    let (ended, verdicts) = conform(&whole, &[&[script.as_str()], arguments].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    assert!(!ended.stdout.contains("\ngone "), "{}", ended.stdout);
    assert!(verdicts.values().any(|kind| kind == "conforms"), "{verdicts:?}");
}

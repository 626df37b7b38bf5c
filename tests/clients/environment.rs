//! The caller's environment does not change what client programs do in a lab.

use dut_sim::ScepClient;

use crate::support::needs::client;
use crate::support::sceplab::{command, finish, workspace};
use crate::support::trials::{Need, Planned};

/// One trial per client.
pub(crate) fn trials(netns: &Need) -> Vec<Planned> {
    let trial = |its: ScepClient| {
        let program = client(its);
        let needs: Vec<&Need> = [netns].into_iter().chain(&program).collect();
        let name = "proxy_and_configuration_of_the_caller_are_ignored";
        let name = format!("{}::{name}::{its}", module_path!());
        Planned::new(&name, &needs, move || ignores_the_environment(its))
    };
    ScepClient::ALL.iter().copied().map(trial).collect()
}

fn ignores_the_environment(client: ScepClient) {
    let (scenario, name) = ("scenarios/scep/des3-sha1.yaml", client.to_string());
    let arguments = ["run", scenario, "--driver", "netns", "--client", &name];
    let mut command = command(workspace(), &arguments);
    if client == ScepClient::Strongswan {
        // It does not read the replies of the Linux server.
        command.args(["--lab", "scenarios/labs/linux-strongswan.yaml"]);
    }
    for proxy in ["http_proxy", "HTTP_PROXY", "ALL_PROXY"] {
        command.env(proxy, "http://127.0.0.1:9");
    }
    command.env("STRONGSWAN_CONF", "/nowhere/strongswan.conf").env("OPENSSL_CONF", "/nowhere");
    let ended = finish(command);
    assert_eq!(ended.code, Some(0), "{client}: {}{}", ended.stdout, ended.stderr);
}

//! What the caller's environment holds for such programs does not change what they do in a lab.

use dut_sim::ScepClient;

use crate::suite::netns;
use crate::suite::sceplab::{command, finish, skip, workspace};

#[test]
fn a_proxy_and_a_configuration_of_the_caller_s_do_not_reach_the_programs() {
    if !netns::permitted() {
        return;
    }
    for client in ScepClient::ALL {
        if let Some(missing) = client.missing() {
            skip(&missing.to_string());
            continue;
        }
        let (scenario, name) = ("scenarios/scep/des3-sha1.yaml", client.to_string());
        let arguments = ["run", scenario, "--driver", "netns", "--client", &name];
        let mut command = command(workspace(), &arguments);
        for proxy in ["http_proxy", "HTTP_PROXY", "ALL_PROXY"] {
            command.env(proxy, "http://127.0.0.1:9");
        }
        command.env("STRONGSWAN_CONF", "/nowhere/strongswan.conf").env("OPENSSL_CONF", "/nowhere");
        let ended = finish(command);
        assert_eq!(ended.code, Some(0), "{client}: {}{}", ended.stdout, ended.stderr);
    }
}

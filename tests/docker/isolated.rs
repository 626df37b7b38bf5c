//! A lab of containers is cut off from the outside.

use driver_docker::bollard::query_parameters::InspectNetworkOptions;

use super::scenario::{Docker, Scenario, WAITS, wait_until};
use crate::support::sceplab::Running;
use crate::support::trials::{Need, Planned, trials};
use driver_docker::leftovers::Kind;

pub(crate) fn trials(needs: &[&Need]) -> Vec<Planned> {
    trials![
        needs;
        addresses_outside_the_lab_are_unreachable,
        lab_network_is_internal_and_publishes_no_port,
    ]
}

/// A device with a default route to a router that has no further routes; 172.17.0.1 usually is the engine's machine.
const OUTWARDS: &str = "title: Outwards
lab:
  devices: {DUT0: {interfaces: {eth0: 10.215.168.0/24}}}
  hosts: {gateway: {addresses: [10.215.168.1/24], forwards: true}}
steps:
  - configure:
      set: |
        set interfaces ethernet eth0 address 10.215.168.64/24
        set protocols static route 0.0.0.0/0 next-hop 10.215.168.1
  - ping: {address: 10.215.168.1, count: 1, timeout: 1s, within: 20s}
  - run: {command: ping 172.17.0.1 count 1 timeout 2, contains: [Unreachable]}
  - run: {command: ping 203.0.113.1 count 1 timeout 2, contains: [Unreachable]}
";

fn addresses_outside_the_lab_are_unreachable() {
    let docker = Docker::here();
    let ended = Scenario::new("outwards", OUTWARDS).run(&docker, &["-v"]);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
}

fn lab_network_is_internal_and_publishes_no_port() {
    let docker = Docker::here();
    let scenario = Scenario::new("internal", WAITS);
    let mut run = Running::start(scenario.command(&[]));
    wait_until("the containers run", || docker.containers(&scenario.id).len() == 3);
    let things = docker.of_lab(&scenario.id);
    let network = things.iter().find(|thing| thing.kind == Kind::Network).unwrap();
    let client = docker.engine.client();
    let inspected = client.inspect_network(&network.id, None::<InspectNetworkOptions>);
    let inspected = docker.runtime.block_on(inspected).unwrap();
    assert_eq!(inspected.internal, Some(true));
    for container in docker.containers(&scenario.id) {
        let nothing = None::<driver_docker::bollard::query_parameters::InspectContainerOptions>;
        let inspected = client.inspect_container(&container, nothing);
        let settings = docker.runtime.block_on(inspected).unwrap().network_settings.unwrap();
        assert_eq!(settings.networks.unwrap().len(), 1);
        let published = settings.ports.unwrap_or_default();
        assert!(published.values().all(Option::is_none), "{published:?}");
    }
    run.signal("INT");
    assert_eq!(run.wait().code(), Some(130));
}

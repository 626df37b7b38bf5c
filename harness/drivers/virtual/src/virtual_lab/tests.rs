//! Tests the whole network from the side of a device.

mod connection;
mod echo;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use dut_sim::network::{Addressing, InterfaceAddress, Network, StaticRoute};
use ipnet::Ipv4Net;

use super::*;
use model::lab::{DEFAULT_TTL, Device, Host, Lab, Route};

const WINDOWS: &str = "192.168.213.25";

fn net(text: &str) -> Ipv4Net {
    text.parse().unwrap()
}

fn address(text: &str) -> Ipv4Addr {
    text.parse().unwrap()
}

fn router(addresses: &[&str], routes: &[(&str, &str)]) -> Host {
    Host {
        addresses: addresses.iter().map(|text| net(text)).collect(),
        forwards: true,
        routes: routes
            .iter()
            .map(|(to, by)| Route { destination: net(to), next_hop: address(by) })
            .collect(),
        ttl: DEFAULT_TTL,
        runs: None,
    }
}

/// DUT0 - gateway - core - windows.
fn documented_lab() -> Lab {
    let windows = router(&["192.168.213.25/22"], &[("0.0.0.0/0", "192.168.212.1")]);
    let hosts = [
        (
            "gateway",
            router(&["10.215.168.1/24", "10.0.12.1/30"], &[("192.168.212.0/22", "10.0.12.2")]),
        ),
        (
            "core",
            router(&["10.0.12.2/30", "192.168.212.1/22"], &[("10.215.168.0/24", "10.0.12.1")]),
        ),
        ("windows", Host { forwards: false, ttl: 128, ..windows }),
    ];
    let device = Device {
        interfaces: BTreeMap::from([("eth0".to_owned(), net("10.215.168.0/24"))]),
        keyring: BTreeMap::new(),
        ssh: None,
        clock_ahead_ms: 0,
    };
    Lab {
        devices: BTreeMap::from([("DUT0".to_owned(), device)]),
        hosts: hosts.into_iter().map(|(name, host)| (name.to_owned(), host)).collect(),
        pkis: BTreeMap::new(),
        ..Lab::default()
    }
}

fn addressing(eth0: &str, routes: &[(&str, &str)]) -> Addressing {
    Addressing {
        interfaces: vec![InterfaceAddress { interface: "eth0".to_owned(), address: net(eth0) }],
        routes: routes
            .iter()
            .map(|(to, by)| StaticRoute { destination: net(to), next_hop: address(by) })
            .collect(),
    }
}

/// The lab with its device configured as documented, and that device's network.
async fn configured(lab: &Lab) -> (VirtualLab, Arc<dyn Network>) {
    configured_as(lab, &addressing("10.215.168.64/24", &[("192.168.212.0/22", "10.215.168.1")]))
        .await
}

async fn configured_as(lab: &Lab, addressing: &Addressing) -> (VirtualLab, Arc<dyn Network>) {
    let lab = VirtualLab::new(lab);
    let network = lab.network("DUT0").unwrap();
    network.apply(addressing).await.unwrap();
    (lab, network)
}

//! What each container of a lab is told of its network, once the engine has given all of them their addresses.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use model::lab::topology::{Node, Topology};
use model::lab::{Lab, Runs};
use simulated::control::{Furnishing, Peers, Role};

/// The first number of a link (RFC 7348: VNI); any other would do.
const FIRST_LINK: usize = 1;

/// What each node is told, in the order of the plan.
///
/// # Errors
/// The name of one to which the engine has given no address.
pub(super) fn furnishings(
    lab: &Lab,
    topology: &Topology,
    addresses: &BTreeMap<String, Ipv4Addr>,
) -> Result<Vec<Furnishing>, String> {
    let address = |node: &Node| addresses.get(&node.name).copied().ok_or_else(|| node.name.clone());
    let furnishing = |node: &Node| {
        let others = topology.nodes.iter().filter(|other| other.name != node.name);
        let peers = node.interfaces.iter().map(|interface| {
            let stands_there =
                |other: &&Node| other.interfaces.iter().any(|it| it.link == interface.link);
            let there = others.clone().filter(stands_there).map(address);
            let link = u32::try_from(FIRST_LINK + interface.link).unwrap_or(u32::MAX);
            there.collect::<Result<_, String>>().map(|addresses| Peers { link, addresses })
        });
        let (carrier, role) = (address(node)?, role(lab, &node.name));
        Ok(Furnishing {
            node: node.clone(),
            carrier,
            peers: peers.collect::<Result<_, String>>()?,
            role,
        })
    };
    topology.nodes.iter().map(furnishing).collect()
}

fn role(lab: &Lab, name: &str) -> Role {
    if lab.devices.contains_key(name) {
        return Role::Device;
    }
    let runs = lab.hosts.get(name).and_then(|host| host.runs.as_ref());
    let pki = match runs {
        Some(Runs::Pki(pki)) => lab.pkis.get(pki).map(|plan| (pki.clone(), plan.clone())),
        _ => None,
    };
    pki.map_or(Role::Host, |(name, plan)| Role::Pki { name, plan: Box::new(plan) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use diagnostics::Source;

    const LAB: &str = "
devices: {DUT0: {interfaces: {eth0: 10.0.0.0/24}}}
hosts:
  gateway: {addresses: [10.0.0.1/24, 10.0.1.1/30], forwards: true, routes: {}}
  server: {addresses: [10.0.1.2/30], routes: {default: 10.0.1.1}, runs: ca}
pki: {ca: {personality: linux}}
";

    fn furnished(known: &[(&str, [u8; 4])]) -> Result<Vec<Furnishing>, String> {
        let lab = Lab::parse(&Source::new("lab", LAB.to_owned())).unwrap();
        let known = known.iter().map(|(name, ip)| ((*name).to_owned(), (*ip).into()));
        furnishings(&lab, &Topology::of(&lab), &known.collect())
    }

    #[test]
    fn each_link_leads_to_those_that_stand_in_it() {
        let [gateway, server, device] = furnished(&[
            ("gateway", [198, 18, 0, 2]),
            ("server", [198, 18, 0, 3]),
            ("DUT0", [198, 18, 0, 4]),
        ])
        .unwrap()
        .try_into()
        .unwrap();
        let peers = |link, last: u8| Peers { link, addresses: vec![[198, 18, 0, last].into()] };
        assert_eq!(gateway.peers, [peers(1, 4), peers(2, 3)]);
        assert_eq!(server.peers, [peers(2, 2)]);
        assert_eq!(device.peers, [peers(1, 2)]);
        assert!(matches!(gateway.role, Role::Host) && matches!(device.role, Role::Device));
        assert!(matches!(server.role, Role::Pki { name, .. } if name == "ca"));
    }

    #[test]
    fn a_container_without_an_address_is_named() {
        assert_eq!(furnished(&[("gateway", [198, 18, 0, 2])]).unwrap_err(), "DUT0");
    }
}

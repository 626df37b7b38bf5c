//! The network that carries a lab: its containers communicate over it, below the links that the lab file describes. Also computes
//! each container's network configuration, once the engine has assigned their addresses.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use bollard::models::{Ipam, IpamConfig, Network, NetworkCreateRequest};
use bollard::query_parameters::ListNetworksOptions;
use ipnet::Ipv4Net;

use super::engine::{Engine, EngineError};
use super::leftovers::{Labels, random_number};
use model::lab::topology::{Node, Topology};
use model::lab::{Lab, Pki, Runs};
use simulated::control::{NetworkConfig, Peers, Role};
use testbed::TestbedError;

/// The addresses for carriers, from the range that RFC 2544 reserves for tests and that no real network uses.
const POOL: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(198, 18, 0, 0), 15);

/// Room for 61 containers, enough for most labs; larger labs get larger blocks.
const LONGEST_PREFIX: u8 = 26;

/// The addresses of a network that no container gets: network, broadcast and gateway.
const RESERVED: u32 = 3;

/// Room for the headers of VXLAN (RFC 7348: 50 bytes) around packets of 1500 bytes.
const MTU: u32 = 1550;

/// The lowest link number (RFC 7348: VNI); the value is arbitrary.
const FIRST_LINK: usize = 1;

/// The number of attempts with another block, if another process takes the chosen one first.
const TRIES: u32 = 20;

/// The internal network of one lab, removed with the lab's containers.
#[derive(Debug)]
pub struct Carrier {
    /// The name of the network on the engine.
    pub name: String,
    /// The subnet from which the engine assigns the containers' addresses.
    pub subnet: Ipv4Net,
}

impl Carrier {
    /// Creates one with addresses that neither the lab nor another network has. The engine's machine has no address in it.
    ///
    /// # Errors
    /// If no block of addresses is left, or the engine refuses.
    pub async fn create(engine: &Engine, labels: &Labels, lab: &Lab) -> Result<Self, TestbedError> {
        let mut refused = None;
        for _ in 0..TRIES {
            let subnet = free_block(engine, lab).await?;
            match Self::try_create(engine, labels, subnet).await {
                Ok(carrier) => return Ok(carrier),
                Err(error) if EngineError::of(&error) == EngineError::PoolOverlaps => {
                    refused = Some(error);
                }
                Err(error) => return Err(engine.explain("making the lab's network", &error)),
            }
        }
        Err(match refused {
            Some(error) => engine.explain("making the lab's network", &error),
            None => none_left(),
        })
    }

    async fn try_create(
        engine: &Engine,
        labels: &Labels,
        subnet: Ipv4Net,
    ) -> Result<Self, bollard::errors::Error> {
        let name = format!("sceplab-{}-{:08x}", labels.run(), random_number());
        engine.client().create_network(request(&name, labels, subnet)).await?;
        Ok(Self { name, subnet })
    }
}

fn request(name: &str, labels: &Labels, subnet: Ipv4Net) -> NetworkCreateRequest {
    let block = IpamConfig { subnet: Some(subnet.to_string()), ..IpamConfig::default() };
    let options = [
        ("com.docker.network.driver.mtu", MTU.to_string()),
        // The engine's machine must not reach the containers.
        ("com.docker.network.bridge.inhibit_ipv4", "true".to_owned()),
    ];
    NetworkCreateRequest {
        name: name.to_owned(),
        driver: Some("bridge".to_owned()),
        internal: Some(true),
        enable_ipv6: Some(false),
        ipam: Some(Ipam { config: Some(vec![block]), ..Ipam::default() }),
        options: Some(options.map(|(key, value)| (key.to_owned(), value)).into()),
        labels: Some(labels.of_lab(name)),
        ..NetworkCreateRequest::default()
    }
}

/// A random free block of the pool.
async fn free_block(engine: &Engine, lab: &Lab) -> Result<Ipv4Net, TestbedError> {
    let networks = engine.client().list_networks(None::<ListNetworksOptions>).await;
    let networks =
        networks.map_err(|error| engine.explain("looking for free addresses", &error))?;
    let taken: Vec<Ipv4Net> = networks.iter().flat_map(subnets).chain(addressed(lab)).collect();
    let free: Vec<Ipv4Net> = blocks(lab)?.filter(|block| !overlaps(*block, &taken)).collect();
    // The modulo makes the choice slightly uneven, which does not matter.
    let chosen = usize::try_from(random_number()).unwrap_or_default() % free.len().max(1);
    free.get(chosen).copied().ok_or_else(none_left)
}

fn none_left() -> TestbedError {
    let reason = format!(
        "making the lab's network: all address blocks of `{POOL}` are in use by other networks of the engine, or by the lab's own \
         subnets: `docker network ls` lists the networks, `docker network rm NAME` removes one, `sceplab clean` removes those \
         that crashed runs left"
    );
    TestbedError::Engine { reason }
}

/// The pool, divided into blocks that are large enough for the lab.
fn blocks(lab: &Lab) -> Result<impl Iterator<Item = Ipv4Net>, TestbedError> {
    let containers = u32::try_from(lab.hosts.len() + lab.devices.len()).unwrap_or(u32::MAX);
    let needed = containers.saturating_add(RESERVED).checked_next_power_of_two();
    let bits = needed.map_or(32, u32::trailing_zeros);
    let prefix = LONGEST_PREFIX.min(u8::try_from(32 - bits.min(32)).unwrap_or_default());
    POOL.subnets(prefix).map_err(|_| {
        let reason = format!("a lab of {containers} hosts and devices is too large for `{POOL}`");
        TestbedError::Engine { reason }
    })
}

fn overlaps(block: Ipv4Net, taken: &[Ipv4Net]) -> bool {
    taken.iter().any(|other| other.contains(&block) || block.contains(other))
}

/// The IPv4 subnets of a network of the engine.
fn subnets(network: &Network) -> Vec<Ipv4Net> {
    let blocks = network.ipam.iter().filter_map(|ipam| ipam.config.as_ref()).flatten();
    blocks.filter_map(|block| block.subnet.as_ref()?.parse().ok()).collect()
}

/// The destinations of the lab's packets, except the default route.
fn addressed(lab: &Lab) -> impl Iterator<Item = Ipv4Net> {
    let links = lab.devices.values().flat_map(|device| device.interfaces.values().copied());
    let addresses = lab.hosts.values().flat_map(|host| host.addresses.iter().copied());
    let routes = lab.hosts.values().flat_map(|host| host.routes.iter().map(|it| it.destination));
    links.chain(addresses).chain(routes).filter(|net| net.prefix_len() > 0).map(|net| net.trunc())
}

/// The network configurations of the nodes, in the order of the topology.
///
/// # Errors
/// The name of a node without an address from the engine.
pub(super) fn configs(
    lab: &Lab,
    topology: &Topology,
    addresses: &BTreeMap<String, Ipv4Addr>,
) -> Result<Vec<NetworkConfig>, String> {
    let address = |node: &Node| addresses.get(&node.name).copied().ok_or_else(|| node.name.clone());
    let config = |node: &Node| {
        let others = topology.nodes.iter().filter(|other| other.name != node.name);
        let peers = node.interfaces.iter().map(|interface| {
            let is_on_link =
                |other: &&Node| other.interfaces.iter().any(|it| it.link == interface.link);
            let there = others.clone().filter(is_on_link).map(address);
            let link = u32::try_from(FIRST_LINK + interface.link).unwrap_or(u32::MAX);
            there.collect::<Result<_, String>>().map(|addresses| Peers { link, addresses })
        });
        let (carrier, role) = (address(node)?, role(lab, &node.name));
        Ok(NetworkConfig {
            node: node.clone(),
            carrier,
            peers: peers.collect::<Result<_, String>>()?,
            role,
        })
    };
    topology.nodes.iter().map(config).collect()
}

fn role(lab: &Lab, name: &str) -> Role {
    if lab.devices.contains_key(name) {
        return Role::Device;
    }
    let runs = lab.hosts.get(name).and_then(|host| host.runs.as_ref());
    let pki = match runs {
        // The clock of a container is that of the system.
        Some(Runs::Pki(pki)) => lab.pkis.get(pki).map(|plan| {
            let ahead = lab.ahead_of_system_ms().saturating_add(plan.clock_ahead_ms);
            (pki.clone(), Pki { clock_ahead_ms: ahead, ..plan.clone() })
        }),
        _ => None,
    };
    pki.map_or(Role::Host, |(name, plan)| Role::Pki { name, plan: Box::new(plan) })
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use diagnostics::Source;

    fn lab(text: &str) -> Lab {
        Lab::parse(&Source::new("lab", text.to_owned())).unwrap()
    }

    #[test]
    fn block_has_room_for_the_lab() {
        assert_eq!(blocks(&Lab::default()).unwrap().next().unwrap().to_string(), "198.18.0.0/26");
        let hosts = (1..=62).map(|n| format!("h{n}: {{addresses: [10.0.0.{n}/24]}}"));
        let hosts = hosts.collect::<Vec<_>>().join(", ");
        let large = lab(&format!("hosts: {{{hosts}}}"));
        assert_eq!(blocks(&large).unwrap().next().unwrap().to_string(), "198.18.0.0/25");
    }

    #[test]
    fn carrier_does_not_overlap_addresses_of_the_lab() {
        let routes = "routes: {default: 198.18.0.2, 198.19.0.0/16: 198.18.0.2}";
        let lab = lab(&format!(
            "hosts: {{a: {{addresses: [198.18.0.1/24], {routes}}}, b: {{addresses: [198.18.0.2/24], forwards: true}}}}"
        ));
        let taken: Vec<Ipv4Net> = addressed(&lab).collect();
        let free: Vec<Ipv4Net> =
            blocks(&lab).unwrap().filter(|block| !overlaps(*block, &taken)).collect();
        assert_eq!(free.len(), 1024 - 4);
        assert!(free.iter().all(|block| block.network() >= Ipv4Addr::new(198, 18, 1, 0)));
    }

    #[test]
    fn ipv4_subnets_of_a_network_are_read() {
        let network = |subnet: &str| {
            let config =
                vec![IpamConfig { subnet: Some(subnet.to_owned()), ..IpamConfig::default() }];
            let ipam = Some(Ipam { config: Some(config), ..Ipam::default() });
            Network { ipam, ..Network::default() }
        };
        assert_eq!(subnets(&network("172.17.0.0/16")), ["172.17.0.0/16".parse().unwrap()]);
        assert_eq!(subnets(&network("fd00::/64")), []);
        assert_eq!(subnets(&Network::default()), []);
    }

    #[test]
    fn engines_machine_gets_no_address_in_the_network() {
        let labels = Labels::of_this_process("scep/linux-pki");
        let request = request("x", &labels, "198.18.0.0/26".parse().unwrap());
        let options: HashMap<String, String> = request.options.unwrap();
        assert_eq!(options["com.docker.network.bridge.inhibit_ipv4"], "true");
        assert_eq!(request.internal, Some(true));
        assert_eq!(request.labels.unwrap()["sceplab.lab"], "scep/linux-pki");
    }

    const LAB: &str = "
devices: {DUT0: {interfaces: {eth0: 10.0.0.0/24}}}
hosts:
  gateway: {addresses: [10.0.0.1/24, 10.0.1.1/30], forwards: true, routes: {}}
  server: {addresses: [10.0.1.2/30], routes: {default: 10.0.1.1}, runs: ca}
pki: {ca: {personality: linux}}
";

    fn configured(known: &[(&str, [u8; 4])]) -> Result<Vec<NetworkConfig>, String> {
        let lab = Lab::parse(&Source::new("lab", LAB.to_owned())).unwrap();
        let known = known.iter().map(|(name, ip)| ((*name).to_owned(), (*ip).into()));
        configs(&lab, &Topology::of(&lab), &known.collect())
    }

    #[test]
    fn each_link_has_the_other_nodes_on_it_as_peers() {
        let [gateway, server, device] = configured(&[
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
    fn container_without_an_address_is_reported() {
        assert_eq!(configured(&[("gateway", [198, 18, 0, 2])]).unwrap_err(), "DUT0");
    }
}

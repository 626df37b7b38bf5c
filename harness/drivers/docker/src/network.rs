//! The network that carries a lab: what its containers reach each other by, below the links that the lab file describes; and what
//! each container is told of its network, once the engine has given all of them their addresses.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use bollard::models::{Ipam, IpamConfig, Network, NetworkCreateRequest};
use bollard::query_parameters::ListNetworksOptions;
use ipnet::Ipv4Net;

use super::engine::{Engine, Fault};
use super::leftovers::{Labels, random_number};
use model::lab::topology::{Node, Topology};
use model::lab::{Lab, Runs};
use simulated::control::{Furnishing, Peers, Role};
use testbed::TestbedError;

/// Where carriers take their addresses from: what RFC 2544 sets aside for tests, and no network is made of.
const POOL: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(198, 18, 0, 0), 15);

/// Room for 61 containers, which is most labs; whoever needs more gets more.
const LONGEST_PREFIX: u8 = 26;

/// What a network takes for itself: its own address, that of all, and the gateway's.
const TAKEN: u32 = 3;

/// Room for the headers of VXLAN (RFC 7348: 50 bytes) around packets of 1500 bytes.
const MTU: u32 = 1550;

/// The first number of a link (RFC 7348: VNI); any other would do.
const FIRST_LINK: usize = 1;

/// How often another block is tried where somebody else was faster.
const TRIES: u32 = 20;

/// The internal network of one lab, removed with the lab's containers.
#[derive(Debug)]
pub struct Carrier {
    /// What the engine knows it by.
    pub name: String,
    /// The addresses that the engine gives its containers.
    pub subnet: Ipv4Net,
}

impl Carrier {
    /// Makes one with addresses that are neither the lab's nor another network's; the engine's machine has none in it.
    ///
    /// # Errors
    /// When no block of addresses is left, or the engine refuses.
    pub async fn create(engine: &Engine, labels: &Labels, lab: &Lab) -> Result<Self, TestbedError> {
        let mut refused = None;
        for _ in 0..TRIES {
            let subnet = free_block(engine, lab).await?;
            match Self::try_create(engine, labels, subnet).await {
                Ok(carrier) => return Ok(carrier),
                Err(error) if Fault::of(&error) == Fault::PoolOverlaps => refused = Some(error),
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
        // The engine's machine is to have no way in.
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

/// A block of the pool that nobody has, each as likely as any other.
async fn free_block(engine: &Engine, lab: &Lab) -> Result<Ipv4Net, TestbedError> {
    let networks = engine.client().list_networks(None::<ListNetworksOptions>).await;
    let networks =
        networks.map_err(|error| engine.explain("looking for free addresses", &error))?;
    let taken: Vec<Ipv4Net> = networks.iter().flat_map(subnets).chain(addressed(lab)).collect();
    let free: Vec<Ipv4Net> = blocks(lab)?.filter(|block| !overlaps(*block, &taken)).collect();
    // The choice need not be even to the last bit.
    let chosen = usize::try_from(random_number()).unwrap_or_default() % free.len().max(1);
    free.get(chosen).copied().ok_or_else(none_left)
}

fn none_left() -> TestbedError {
    let reason = format!(
        "making the lab's network: other networks of the engine, or the lab's own subnets, have all blocks of `{POOL}`, of which \
         each lab takes one: `docker network ls` names them, `docker network rm NAME` removes one, `sceplab clean` those that \
         crashed runs left"
    );
    TestbedError::Engine { reason }
}

/// The pool in blocks that are large enough for the lab.
fn blocks(lab: &Lab) -> Result<impl Iterator<Item = Ipv4Net>, TestbedError> {
    let containers = u32::try_from(lab.hosts.len() + lab.devices.len()).unwrap_or(u32::MAX);
    let needed = containers.saturating_add(TAKEN).checked_next_power_of_two();
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

/// Whatever the lab's packets are addressed to, but for the way to everywhere.
fn addressed(lab: &Lab) -> impl Iterator<Item = Ipv4Net> {
    let links = lab.devices.values().flat_map(|device| device.interfaces.values().copied());
    let addresses = lab.hosts.values().flat_map(|host| host.addresses.iter().copied());
    let routes = lab.hosts.values().flat_map(|host| host.routes.iter().map(|it| it.destination));
    links.chain(addresses).chain(routes).filter(|net| net.prefix_len() > 0).map(|net| net.trunc())
}

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
    use std::collections::HashMap;

    use super::*;
    use diagnostics::Source;

    fn lab(text: &str) -> Lab {
        Lab::parse(&Source::new("lab", text.to_owned())).unwrap()
    }

    #[test]
    fn a_block_has_room_for_the_lab() {
        assert_eq!(blocks(&Lab::default()).unwrap().next().unwrap().to_string(), "198.18.0.0/26");
        let hosts = (1..=62).map(|n| format!("h{n}: {{addresses: [10.0.0.{n}/24]}}"));
        let hosts = hosts.collect::<Vec<_>>().join(", ");
        let large = lab(&format!("hosts: {{{hosts}}}"));
        assert_eq!(blocks(&large).unwrap().next().unwrap().to_string(), "198.18.0.0/25");
    }

    #[test]
    fn what_the_lab_addresses_is_not_taken_for_its_carrier() {
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
    fn networks_tell_their_subnets() {
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
    fn the_request_withholds_the_address_of_the_engines_machine() {
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

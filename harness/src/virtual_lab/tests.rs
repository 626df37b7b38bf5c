//! The network as a whole, seen from a device in it.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use dut_sim::network::{
    Addressing, ApplyError, ConnectError, EchoOutcome, EchoRequest, InterfaceAddress, Network,
    StaticRoute,
};
use ipnet::Ipv4Net;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::lab::{DEFAULT_TTL, Device, Host, Lab, Route};

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
    };
    Lab {
        devices: BTreeMap::from([("DUT0".to_owned(), device)]),
        hosts: hosts.into_iter().map(|(name, host)| (name.to_owned(), host)).collect(),
        pkis: BTreeMap::new(),
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

async fn ping(network: &Arc<dyn Network>, destination: &str) -> EchoOutcome {
    let request = EchoRequest {
        destination: address(destination),
        identifier: 4711,
        sequence: 1,
        payload: (0..56).collect(),
        timeout: Duration::from_secs(1),
    };
    network.echo(&request).await
}

/// The outcome in a line, without its time.
async fn pinged(network: &Arc<dyn Network>, destination: &str) -> String {
    match ping(network, destination).await {
        EchoOutcome::Reply { from, ttl, payload, .. } => {
            assert_eq!(payload, (0..56).collect::<Vec<u8>>());
            format!("{from} ttl={ttl}")
        }
        EchoOutcome::Unreachable { from, code } => format!("{from} {code}"),
        other => format!("{other:?}"),
    }
}

#[tokio::test]
async fn the_gateway_answers_with_its_whole_ttl() {
    let (_lab, network) = configured(&documented_lab()).await;
    assert_eq!(pinged(&network, "10.215.168.1").await, "10.215.168.1 ttl=64");
}

#[tokio::test]
async fn two_routers_take_two_off_the_ttl() {
    let (_lab, network) = configured(&documented_lab()).await;
    assert_eq!(pinged(&network, WINDOWS).await, "192.168.213.25 ttl=126");
}

#[tokio::test]
async fn a_router_answers_at_its_far_address_as_well() {
    let mut lab = documented_lab();
    lab.hosts.get_mut("core").unwrap().ttl = 255;
    let (_lab, network) = configured(&lab).await;
    assert_eq!(pinged(&network, "192.168.212.1").await, "192.168.212.1 ttl=254");
}

#[tokio::test]
async fn a_device_answers_itself() {
    let (_lab, network) = configured(&documented_lab()).await;
    assert_eq!(pinged(&network, "10.215.168.64").await, "10.215.168.64 ttl=64");
    assert_eq!(pinged(&network, "127.0.0.1").await, "127.0.0.1 ttl=64");
    assert_eq!(pinged(&network, "0.0.0.0").await, "127.0.0.1 ttl=64");
}

#[tokio::test]
async fn before_its_configuration_a_device_reaches_nothing() {
    let lab = VirtualLab::new(&documented_lab());
    let network = lab.network("DUT0").unwrap();
    assert_eq!(ping(&network, "10.215.168.1").await, EchoOutcome::NoRoute);
}

#[tokio::test]
async fn what_is_applied_takes_the_place_of_what_was() {
    let (_lab, network) = configured(&documented_lab()).await;
    network.apply(&addressing("10.215.168.65/24", &[])).await.unwrap();
    assert_eq!(ping(&network, WINDOWS).await, EchoOutcome::NoRoute);
    assert_eq!(
        pinged(&network, "10.215.168.64").await,
        "10.215.168.65 Destination Host Unreachable"
    );
}

#[tokio::test]
async fn an_unknown_interface_is_refused_and_changes_nothing() {
    let (_lab, network) = configured(&documented_lab()).await;
    let mut other = addressing("10.215.168.99/24", &[]);
    other.interfaces[0].interface = "eth7".to_owned();

    let refused = network.apply(&other).await;

    assert!(
        matches!(refused, Err(ApplyError::NoSuchInterface { interface }) if interface == "eth7")
    );
    assert_eq!(pinged(&network, "10.215.168.1").await, "10.215.168.1 ttl=64");
}

#[tokio::test]
async fn an_absent_neighbour_is_told_by_the_device_itself() {
    let (_lab, network) = configured(&documented_lab()).await;
    assert_eq!(
        pinged(&network, "10.215.168.99").await,
        "10.215.168.64 Destination Host Unreachable"
    );
}

#[tokio::test]
async fn an_absent_host_is_told_by_the_last_router() {
    let (_lab, network) = configured(&documented_lab()).await;
    assert_eq!(pinged(&network, "192.168.213.99").await, "10.0.12.2 Destination Host Unreachable");
}

#[tokio::test]
async fn a_router_without_a_route_says_so() {
    let everywhere = addressing("10.215.168.64/24", &[("0.0.0.0/0", "10.215.168.1")]);
    let (_lab, network) = configured_as(&documented_lab(), &everywhere).await;
    assert_eq!(pinged(&network, "192.0.2.1").await, "10.215.168.1 Destination Net Unreachable");
}

#[tokio::test(start_paused = true)]
async fn a_missing_return_route_loses_the_answer() {
    let mut lab = documented_lab();
    lab.hosts.get_mut("windows").unwrap().routes.clear();
    let (_lab, network) = configured(&lab).await;
    let before = tokio::time::Instant::now();

    assert_eq!(ping(&network, WINDOWS).await, EchoOutcome::TimedOut);

    assert_eq!(before.elapsed(), Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_router_that_cannot_return_the_answer_tells_only_the_one_who_answered() {
    let mut lab = documented_lab();
    lab.hosts.get_mut("core").unwrap().routes.clear();
    let (_lab, network) = configured(&lab).await;
    assert_eq!(ping(&network, WINDOWS).await, EchoOutcome::TimedOut);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_does_not_forward_is_no_router() {
    let mut lab = documented_lab();
    lab.hosts.get_mut("gateway").unwrap().forwards = false;
    let (_lab, network) = configured(&lab).await;
    assert_eq!(ping(&network, WINDOWS).await, EchoOutcome::TimedOut);
}

#[tokio::test]
async fn a_routing_loop_ends_when_the_ttl_does() {
    let mut lab = documented_lab();
    let back = Route { destination: net("198.51.100.0/24"), next_hop: address("10.0.12.1") };
    let forth = Route { next_hop: address("10.0.12.2"), ..back };
    lab.hosts.get_mut("core").unwrap().routes.push(back);
    lab.hosts.get_mut("gateway").unwrap().routes.push(forth);
    let through = addressing("10.215.168.64/24", &[("198.51.100.0/24", "10.215.168.1")]);
    let (_lab, network) = configured_as(&lab, &through).await;

    let outcome = ping(&network, "198.51.100.1").await;

    // 63 routers pass the packet on; the 64th, the core at its even turn, does not.
    assert_eq!(outcome, EchoOutcome::TtlExceeded { from: address("10.0.12.2") });
}

#[tokio::test(start_paused = true)]
async fn broadcast_and_multicast_are_not_answered() {
    let (_lab, network) = configured(&documented_lab()).await;
    for destination in ["10.215.168.255", "255.255.255.255", "224.0.0.1"] {
        assert!(
            matches!(
                ping(&network, destination).await,
                EchoOutcome::TimedOut | EchoOutcome::NoRoute
            ),
            "{destination}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_address_of_another_subnet_reaches_nobody_on_the_link() {
    let wrong = addressing("10.99.0.64/24", &[("192.168.212.0/22", "10.215.168.1")]);
    let (_lab, network) = configured_as(&documented_lab(), &wrong).await;
    assert_eq!(ping(&network, "10.215.168.1").await, EchoOutcome::NoRoute);
    assert_eq!(ping(&network, WINDOWS).await, EchoOutcome::NoRoute);
    assert_eq!(pinged(&network, "10.99.0.1").await, "10.99.0.64 Destination Host Unreachable");
}

#[tokio::test]
async fn two_devices_on_one_link_reach_each_other() {
    let mut lab = documented_lab();
    lab.devices.insert("DUT1".to_owned(), lab.devices["DUT0"].clone());
    let (lab, network) = configured(&lab).await;
    let other = lab.network("DUT1").unwrap();
    other.apply(&addressing("10.215.168.65/24", &[])).await.unwrap();

    assert_eq!(pinged(&network, "10.215.168.65").await, "10.215.168.65 ttl=64");
    assert_eq!(pinged(&other, "10.215.168.64").await, "10.215.168.64 ttl=64");
}

#[tokio::test]
async fn hosts_are_known_by_their_names_in_any_case() {
    let (_lab, network) = configured(&documented_lab()).await;
    assert_eq!(network.resolve("windows").await.unwrap(), address(WINDOWS));
    assert_eq!(network.resolve("GateWay").await.unwrap(), address("10.215.168.1"));
    assert_eq!(network.resolve("core").await.unwrap(), address("10.0.12.2"));
    assert_eq!(network.resolve("192.0.2.7").await.unwrap(), address("192.0.2.7"));
    assert_eq!(
        network.resolve("nowhere").await.unwrap_err().to_string(),
        "the name `nowhere` is not known"
    );
}

/// Says who called, then echoes.
struct Parrot;

#[async_trait]
impl Service for Parrot {
    async fn serve(&self, mut stream: DuplexStream, peer: SocketAddrV4) {
        let _ = stream.write_all(format!("{peer}\n").as_bytes()).await;
        let (mut from, mut to) = tokio::io::split(stream);
        let _ = tokio::io::copy(&mut from, &mut to).await;
    }
}

async fn connected(network: &Arc<dyn Network>, destination: &str, port: u16) -> String {
    match network.connect(address(destination), port).await {
        Ok(mut stream) => {
            stream.write_all(b"hello").await.unwrap();
            stream.shutdown().await.unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).await.unwrap();
            text
        }
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn a_connection_reaches_the_service_and_tells_it_who_calls() {
    let (lab, network) = configured(&documented_lab()).await;
    assert!(lab.listen("windows", 80, Arc::new(Parrot)));
    assert_eq!(connected(&network, WINDOWS, 80).await, "10.215.168.64:32768\nhello");
    assert_eq!(connected(&network, WINDOWS, 80).await, "10.215.168.64:32769\nhello");
}

#[tokio::test]
async fn a_port_where_nothing_listens_refuses() {
    let (lab, network) = configured(&documented_lab()).await;
    assert!(lab.listen("windows", 80, Arc::new(Parrot)));
    for (destination, port) in [(WINDOWS, 8080), ("10.215.168.1", 80), ("10.215.168.64", 80)] {
        assert_eq!(connected(&network, destination, port).await, "connection refused");
    }
}

#[tokio::test]
async fn nobody_listens_at_an_unknown_host() {
    assert!(!VirtualLab::new(&documented_lab()).listen("nowhere", 80, Arc::new(Parrot)));
}

#[tokio::test]
async fn a_connection_fails_as_the_way_there_does() {
    let everywhere = addressing("10.215.168.64/24", &[("192.0.0.0/8", "10.215.168.1")]);
    let (_lab, network) = configured_as(&documented_lab(), &everywhere).await;
    assert_eq!(connected(&network, "192.0.2.1", 80).await, "network unreachable");
    assert_eq!(connected(&network, "192.168.213.99", 80).await, "host unreachable");
    assert_eq!(connected(&network, "10.215.168.99", 80).await, "host unreachable");
    assert_eq!(connected(&network, "172.16.0.1", 80).await, "no route");
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_a_way_back_is_given_up_after_127_seconds() {
    let mut lab = documented_lab();
    lab.hosts.get_mut("windows").unwrap().routes.clear();
    let (lab, network) = configured(&lab).await;
    assert!(lab.listen("windows", 80, Arc::new(Parrot)));
    let before = tokio::time::Instant::now();

    let error = network.connect(address(WINDOWS), 80).await.err();

    assert!(matches!(error, Some(ConnectError::TimedOut)));
    assert_eq!(before.elapsed(), Duration::from_secs(127));
}

#[tokio::test]
async fn dropping_the_lab_ends_its_connections() {
    let (lab, network) = configured(&documented_lab()).await;
    assert!(lab.listen("gateway", 80, Arc::new(Parrot)));
    let gateway = address("10.215.168.1");
    let mut open = network.connect(gateway, 80).await.unwrap();
    let mut greeting = [0; 20];
    open.read_exact(&mut greeting).await.unwrap();

    drop(lab);

    assert_eq!(open.read(&mut [0; 1]).await.unwrap(), 0);
    assert!(matches!(network.connect(gateway, 80).await, Err(ConnectError::Refused)));
}

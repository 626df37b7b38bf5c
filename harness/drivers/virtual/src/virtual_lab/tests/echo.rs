//! Tests pings.

use std::time::Duration;

use dut_sim::network::{ApplyError, EchoOutcome, EchoRequest};

use super::*;

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
async fn gateway_answers_with_its_full_ttl() {
    let (_lab, network) = configured(&documented_lab()).await;
    assert_eq!(pinged(&network, "10.215.168.1").await, "10.215.168.1 ttl=64");
}

#[tokio::test]
async fn two_routers_decrement_the_ttl_twice() {
    let (_lab, network) = configured(&documented_lab()).await;
    assert_eq!(pinged(&network, WINDOWS).await, "192.168.213.25 ttl=126");
}

#[tokio::test]
async fn router_answers_at_its_far_address() {
    let mut lab = documented_lab();
    lab.hosts.get_mut("core").unwrap().ttl = 255;
    let (_lab, network) = configured(&lab).await;
    assert_eq!(pinged(&network, "192.168.212.1").await, "192.168.212.1 ttl=254");
}

#[tokio::test]
async fn device_answers_itself() {
    let (_lab, network) = configured(&documented_lab()).await;
    assert_eq!(pinged(&network, "10.215.168.64").await, "10.215.168.64 ttl=64");
    assert_eq!(pinged(&network, "127.0.0.1").await, "127.0.0.1 ttl=64");
    assert_eq!(pinged(&network, "0.0.0.0").await, "127.0.0.1 ttl=64");
}

#[tokio::test]
async fn device_without_configuration_reaches_nothing() {
    let lab = VirtualLab::new(&documented_lab());
    let network = lab.network("DUT0").unwrap();
    assert_eq!(ping(&network, "10.215.168.1").await, EchoOutcome::NoRoute);
}

#[tokio::test]
async fn applied_addressing_replaces_the_previous_one() {
    let (_lab, network) = configured(&documented_lab()).await;
    network.apply(&addressing("10.215.168.65/24", &[])).await.unwrap();
    assert_eq!(ping(&network, WINDOWS).await, EchoOutcome::NoRoute);
    assert_eq!(
        pinged(&network, "10.215.168.64").await,
        "10.215.168.65 Destination Host Unreachable"
    );
}

#[tokio::test]
async fn unknown_interface_is_refused_and_changes_nothing() {
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
async fn absent_neighbour_is_reported_by_the_device_itself() {
    let (_lab, network) = configured(&documented_lab()).await;
    assert_eq!(
        pinged(&network, "10.215.168.99").await,
        "10.215.168.64 Destination Host Unreachable"
    );
}

#[tokio::test]
async fn absent_host_is_reported_by_the_last_router() {
    let (_lab, network) = configured(&documented_lab()).await;
    assert_eq!(pinged(&network, "192.168.213.99").await, "10.0.12.2 Destination Host Unreachable");
}

#[tokio::test]
async fn router_without_a_route_reports_it() {
    let everywhere = addressing("10.215.168.64/24", &[("0.0.0.0/0", "10.215.168.1")]);
    let (_lab, network) = configured_as(&documented_lab(), &everywhere).await;
    assert_eq!(pinged(&network, "192.0.2.1").await, "10.215.168.1 Destination Net Unreachable");
}

#[tokio::test(start_paused = true)]
async fn missing_return_route_loses_the_answer() {
    let mut lab = documented_lab();
    lab.hosts.get_mut("windows").unwrap().routes.clear();
    let (_lab, network) = configured(&lab).await;
    let before = tokio::time::Instant::now();

    assert_eq!(ping(&network, WINDOWS).await, EchoOutcome::TimedOut);

    assert_eq!(before.elapsed(), Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn router_that_cannot_return_the_answer_reports_it_to_the_answering_host() {
    let mut lab = documented_lab();
    lab.hosts.get_mut("core").unwrap().routes.clear();
    let (_lab, network) = configured(&lab).await;
    assert_eq!(ping(&network, WINDOWS).await, EchoOutcome::TimedOut);
}

#[tokio::test(start_paused = true)]
async fn host_without_forwarding_drops_packets() {
    let mut lab = documented_lab();
    lab.hosts.get_mut("gateway").unwrap().forwards = false;
    let (_lab, network) = configured(&lab).await;
    assert_eq!(ping(&network, WINDOWS).await, EchoOutcome::TimedOut);
}

#[tokio::test]
async fn routing_loop_ends_with_the_ttl() {
    let mut lab = documented_lab();
    let back = Route { destination: net("198.51.100.0/24"), next_hop: address("10.0.12.1") };
    let forth = Route { next_hop: address("10.0.12.2"), ..back };
    lab.hosts.get_mut("core").unwrap().routes.push(back);
    lab.hosts.get_mut("gateway").unwrap().routes.push(forth);
    let through = addressing("10.215.168.64/24", &[("198.51.100.0/24", "10.215.168.1")]);
    let (_lab, network) = configured_as(&lab, &through).await;

    let outcome = ping(&network, "198.51.100.1").await;

    // 63 routers forward the packet; the 64th, which is the core, drops it.
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
async fn address_of_another_subnet_reaches_no_node_on_the_link() {
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

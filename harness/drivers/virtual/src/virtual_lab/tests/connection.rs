//! Tests names and TCP connections.

use std::time::Duration;

use dut_sim::network::ConnectError;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

#[tokio::test]
async fn host_names_are_resolved_in_any_case() {
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

/// Sends the peer's address, then echoes.
struct EchoService;

#[async_trait]
impl Service for EchoService {
    async fn serve(&self, mut stream: Box<dyn Stream>, peer: SocketAddrV4) {
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
async fn connection_reaches_the_service_with_the_clients_address() {
    let (lab, network) = configured(&documented_lab()).await;
    assert!(lab.listen("windows", 80, Arc::new(EchoService)));
    assert_eq!(connected(&network, WINDOWS, 80).await, "10.215.168.64:32768\nhello");
    assert_eq!(connected(&network, WINDOWS, 80).await, "10.215.168.64:32769\nhello");
}

#[test]
fn connections_with_the_same_ports_have_different_sequence_numbers() {
    let of_ports = (0..64).map(|round| syn(7 + round * 32_768, 80));
    let numbers: BTreeSet<(u16, u32)> =
        of_ports.map(|syn| (syn.ports.source, syn.sequence)).collect();
    assert_eq!(numbers.len(), 64);
    assert!(numbers.iter().all(|(port, _)| *port == 32_775));
}

#[tokio::test]
async fn port_without_a_listener_refuses_connections() {
    let (lab, network) = configured(&documented_lab()).await;
    assert!(lab.listen("windows", 80, Arc::new(EchoService)));
    for (destination, port) in [(WINDOWS, 8080), ("10.215.168.1", 80), ("10.215.168.64", 80)] {
        assert_eq!(connected(&network, destination, port).await, "connection refused");
    }
}

#[tokio::test]
async fn listening_at_an_unknown_host_fails() {
    assert!(!VirtualLab::new(&documented_lab()).listen("nowhere", 80, Arc::new(EchoService)));
}

#[tokio::test]
async fn unreachable_destination_fails_with_its_icmp_error() {
    let everywhere = addressing("10.215.168.64/24", &[("192.0.0.0/8", "10.215.168.1")]);
    let (_lab, network) = configured_as(&documented_lab(), &everywhere).await;
    assert_eq!(connected(&network, "192.0.2.1", 80).await, "network unreachable");
    assert_eq!(connected(&network, "192.168.213.99", 80).await, "host unreachable");
    assert_eq!(connected(&network, "10.215.168.99", 80).await, "host unreachable");
    assert_eq!(connected(&network, "172.16.0.1", 80).await, "no route");
}

#[tokio::test(start_paused = true)]
async fn connection_without_a_return_route_times_out_after_127_seconds() {
    let mut lab = documented_lab();
    lab.hosts.get_mut("windows").unwrap().routes.clear();
    let (lab, network) = configured(&lab).await;
    assert!(lab.listen("windows", 80, Arc::new(EchoService)));
    let before = tokio::time::Instant::now();

    let error = network.connect(address(WINDOWS), 80).await.err();

    assert!(matches!(error, Some(ConnectError::TimedOut)));
    assert_eq!(before.elapsed(), Duration::from_secs(127));
}

#[tokio::test]
async fn dropping_the_lab_ends_its_connections() {
    let (lab, network) = configured(&documented_lab()).await;
    assert!(lab.listen("gateway", 80, Arc::new(EchoService)));
    let gateway = address("10.215.168.1");
    let mut open = network.connect(gateway, 80).await.unwrap();
    let mut greeting = [0; 20];
    open.read_exact(&mut greeting).await.unwrap();

    drop(lab);

    assert_eq!(open.read(&mut [0; 1]).await.unwrap(), 0);
    assert!(matches!(network.connect(gateway, 80).await, Err(ConnectError::Refused)));
}

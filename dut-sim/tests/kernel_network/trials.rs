//! Trials of the kernel's network as the device uses it.

use std::time::Duration;

use dut_sim::network::{
    Addressing, ApplyError, ConnectError, EchoOutcome, InterfaceAddress, Network, UnreachableCode,
};

use crate::pair::{NEIGHBOUR, Pair, addressing, allow_namespaces};
use crate::support::trials::{Need, Planned, Test, trials};

/// The trials, ignored if this system does not allow namespaces.
pub(crate) fn all() -> Vec<Planned> {
    let need = Need::new("netns", allow_namespaces().err());
    trials![
        &[&need];
        nothing_is_sent_before_addresses_are_applied,
        reply_has_the_ttl_of_its_sender,
        icmp_errors_report_their_sender,
        connections_are_refused_with_their_reasons,
        refused_addressing_changes_nothing,
        first_address_is_the_source,
        connections_survive_other_changes,
        routes_are_added_and_removed,
    ]
}

/// Runs a trial with its own pair, in a thread in the device's namespace.
impl<T, F> Test<(Pair, F)> for T
where
    T: FnOnce(Pair) -> F + Send + 'static,
    F: Future<Output = ()>,
{
    fn run(self) {
        let thread = std::thread::spawn(move || {
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            let whole = async { self(Pair::new().await).await };
            let whole = async { tokio::time::timeout(Duration::from_secs(60), whole).await };
            runtime.enable_all().build().unwrap().block_on(whole).unwrap();
        });
        if let Err(panic) = thread.join() {
            std::panic::resume_unwind(panic);
        }
    }
}

/// Allows datagram sockets for ICMP, which a new namespace does not.
fn allow_datagrams() {
    Pair::set("ping_group_range", "0 0");
}

async fn refusal(pair: &Pair, address: &str, port: u16) -> ConnectError {
    pair.device.connect(address.parse().unwrap(), port).await.err().unwrap()
}

async fn nothing_is_sent_before_addresses_are_applied(pair: Pair) {
    assert_eq!(pair.ping("10.0.0.1", 1000).await, EchoOutcome::NoRoute);
    assert!(matches!(refusal(&pair, "10.0.0.1", 80).await, ConnectError::NoRoute));
    pair.apply(&["10.0.0.2/24"], &[]).await;
    assert!(matches!(pair.ping("10.0.0.1", 10_000).await, EchoOutcome::Reply { .. }));
    assert_eq!(pair.ping("192.0.2.1", 1000).await, EchoOutcome::NoRoute);
    pair.apply(&[], &[]).await;
    assert_eq!(pair.ping("10.0.0.1", 1000).await, EchoOutcome::NoRoute);
}

async fn reply_has_the_ttl_of_its_sender(pair: Pair) {
    pair.there(|_| Pair::set("ip_default_ttl", "99"));
    pair.apply(&["10.0.0.2/24"], &[]).await;
    for raw in [true, false] {
        if !raw {
            allow_datagrams();
        }
        let outcome = pair.ping("10.0.0.1", 10_000).await;
        let EchoOutcome::Reply { from, ttl, payload, .. } = outcome else { panic!("{outcome:?}") };
        assert_eq!((from, ttl, payload.as_slice()), (NEIGHBOUR, 99, &b"payload"[..]));
    }
    assert_eq!(pair.device.resolve("nEIGHBOUR").await.unwrap(), NEIGHBOUR);
    assert_eq!(pair.device.resolve("192.0.2.7").await.unwrap().to_string(), "192.0.2.7");
    assert!(pair.device.resolve("stranger").await.is_err());
    pair.there(|_| Pair::set("icmp_echo_ignore_all", "1"));
    assert_eq!(pair.ping("10.0.0.1", 300).await, EchoOutcome::TimedOut);
}

async fn icmp_errors_report_their_sender(pair: Pair) {
    pair.there(|_| Pair::set("ip_forward", "1"));
    pair.there(|_| Pair::set("icmp_ratemask", "0"));
    pair.route_there("198.51.100.0/24", "10.0.0.2").await;
    let ways = [("192.0.2.0/24", "10.0.0.1"), ("198.51.100.0/24", "10.0.0.1")];
    pair.apply(&["10.0.0.2/24"], &ways).await;
    Pair::set("neigh/eth0/retrans_time_ms", "20");
    let unreachable =
        |from: &str, code| EchoOutcome::Unreachable { from: from.parse().unwrap(), code };
    for raw in [true, false] {
        if !raw {
            allow_datagrams();
        }
        Pair::set("ip_default_ttl", "64");
        assert_eq!(
            pair.ping("192.0.2.1", 10_000).await,
            unreachable("10.0.0.1", UnreachableCode::NETWORK)
        );
        assert_eq!(
            pair.ping("10.0.0.77", 10_000).await,
            unreachable("10.0.0.2", UnreachableCode::HOST)
        );
        Pair::set("ip_default_ttl", "1");
        let exceeded = EchoOutcome::TtlExceeded { from: NEIGHBOUR };
        assert_eq!(pair.ping("198.51.100.1", 10_000).await, exceeded);
    }
}

async fn connections_are_refused_with_their_reasons(pair: Pair) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    pair.apply(&["10.0.0.2/24"], &[("192.0.2.0/24", "10.0.0.1")]).await;
    Pair::set("neigh/eth0/retrans_time_ms", "20");
    Pair::set("tcp_syn_retries", "1");
    pair.there(|_| Pair::set("ip_forward", "0"));
    let (listener, port) = pair.listen();
    let mut stream = pair.device.connect(NEIGHBOUR, port).await.unwrap();
    stream.write_all(b"hello").await.unwrap();
    let (mut peer, _) = listener.accept().unwrap();
    let mut heard = [0; 5];
    std::io::Read::read_exact(&mut peer, &mut heard).unwrap();
    assert_eq!(&heard, b"hello");
    drop((peer, listener));
    assert_eq!(stream.read(&mut heard).await.unwrap(), 0);

    assert!(matches!(refusal(&pair, "10.0.0.1", port).await, ConnectError::Refused));
    assert!(matches!(refusal(&pair, "10.0.0.77", 80).await, ConnectError::HostUnreachable));
    assert!(matches!(refusal(&pair, "192.0.2.1", 80).await, ConnectError::TimedOut));
    pair.there(|_| Pair::set("ip_forward", "1"));
    assert!(matches!(refusal(&pair, "192.0.2.1", 80).await, ConnectError::NetworkUnreachable));
}

async fn refused_addressing_changes_nothing(pair: Pair) {
    let before = ["10.0.0.2/24", "10.7.0.1/16"];
    pair.apply(&before, &[("192.0.2.0/24", "10.0.0.1")]).await;
    pair.there(|_| Pair::set("ip_forward", "1"));
    let unknown = Addressing {
        interfaces: vec![InterfaceAddress {
            interface: "eth9".to_owned(),
            address: "10.0.0.3/24".parse().unwrap(),
        }],
        routes: Vec::new(),
    };
    let refused = pair.device.apply(&unknown).await;
    assert!(
        matches!(refused, Err(ApplyError::NoSuchInterface { interface }) if interface == "eth9")
    );
    // The second address is refused after the first one was added.
    let refused = pair.device.apply(&addressing(&["10.9.0.1/24", "10.9.0.1/24"], &[])).await;
    assert!(refused.unwrap_err().to_string().contains("10.9.0.1/24"));
    let net = UnreachableCode::NETWORK;
    let outcome = pair.ping("192.0.2.1", 10_000).await;
    assert_eq!(outcome, EchoOutcome::Unreachable { from: NEIGHBOUR, code: net });
    for own in ["10.0.0.2", "10.7.0.1"] {
        assert!(matches!(pair.ping(own, 10_000).await, EchoOutcome::Reply { .. }), "{own}");
    }
    assert_eq!(pair.ping("10.9.0.1", 1000).await, EchoOutcome::NoRoute);
}

async fn first_address_is_the_source(pair: Pair) {
    let (listener, port) = pair.listen();
    for addresses in [["10.0.0.2/24", "10.0.0.3/24"], ["10.0.0.3/24", "10.0.0.2/24"]] {
        pair.apply(&addresses, &[]).await;
        let _stream = pair.device.connect(NEIGHBOUR, port).await.unwrap();
        let (_, peer) = listener.accept().unwrap();
        assert_eq!(format!("{}/24", peer.ip()), addresses[0]);
    }
}

async fn connections_survive_other_changes(pair: Pair) {
    use tokio::io::AsyncWriteExt;
    let (listener, port) = pair.listen();
    pair.apply(&["10.0.0.2/24", "10.7.0.1/16", "10.0.0.3/24"], &[]).await;
    let mut stream = pair.device.connect(NEIGHBOUR, port).await.unwrap();
    let (mut peer, _) = listener.accept().unwrap();
    let same = ["10.0.0.2/24", "10.7.0.1/16", "10.0.0.3/24"];
    pair.apply(&same, &[("192.0.2.0/24", "10.0.0.1")]).await;
    stream.write_all(b"still here").await.unwrap();
    let mut heard = [0; 10];
    std::io::Read::read_exact(&mut peer, &mut heard).unwrap();
    assert_eq!(&heard, b"still here");
}

async fn routes_are_added_and_removed(pair: Pair) {
    pair.there(|_| Pair::set("ip_forward", "1"));
    let reached = EchoOutcome::Unreachable { from: NEIGHBOUR, code: UnreachableCode::NETWORK };
    // Routes through a host on no link, or through the device itself, do not work but are not refused.
    let ways = [("192.0.2.0/24", "172.16.0.1"), ("198.51.100.0/24", "10.0.0.2")];
    pair.apply(&["10.0.0.2/24"], &ways).await;
    assert_eq!(pair.ping("192.0.2.1", 1000).await, EchoOutcome::NoRoute);
    assert_eq!(pair.ping("198.51.100.1", 1000).await, EchoOutcome::NoRoute);
    pair.apply(&["10.0.0.2/24"], &[("0.0.0.0/0", "10.0.0.1")]).await;
    assert_eq!(pair.ping("192.0.2.1", 10_000).await, reached);
    pair.apply(&["10.0.0.2/24"], &[]).await;
    assert_eq!(pair.ping("192.0.2.1", 1000).await, EchoOutcome::NoRoute);
}

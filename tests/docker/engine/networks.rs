//! The networks that carry labs.

use driver_docker::bollard::query_parameters::InspectNetworkOptions;
use driver_docker::engine::Engine;
use driver_docker::leftovers::{Kind, Labels, Owner, remove_all};
use driver_docker::network::Carrier;
use model::lab::{DEFAULT_TTL, Host, Lab};

use super::fake::{FakeEngine, healthy, json};
use super::{engine, name, of_run, runtime};
use crate::support::trials::{Need, Planned, trials};

pub(crate) fn trials(needs: &[&Need]) -> Vec<Planned> {
    let mut all = trials![
        needs;
        concurrent_labs_get_separate_networks,
    ];
    all.extend(trials![
        &[];
        lack_of_free_addresses_is_reported_with_commands_that_free_some,
        taken_addresses_are_reported,
    ]);
    all
}

fn labels(of: &str) -> Labels {
    Labels::of(&name(of), &Owner::of_this_process(), "scep/x")
}

fn concurrent_labs_get_separate_networks() {
    let runtime = runtime();
    let engine = engine(&runtime);
    let labels = labels("carriers");
    runtime.block_on(async {
        let lab = Lab::default();
        let made = (0..8).map(|_| Carrier::create(&engine, &labels, &lab));
        let carriers = futures_util::future::try_join_all(made).await.unwrap();
        assert_eq!(of_run(&engine, labels.run()).await, [Kind::Network; 8]);
        assert_internal(&engine, &carriers[0]).await;
        remove_all(&engine, labels.run()).await.unwrap();
        assert_eq!(of_run(&engine, labels.run()).await, []);
    });
}

/// Fails if the network has a route to the outside, or the engine's machine an address in it.
async fn assert_internal(engine: &Engine, carrier: &Carrier) {
    let options = None::<InspectNetworkOptions>;
    let network = engine.client().inspect_network(&carrier.name, options).await.unwrap();
    assert_eq!(network.internal, Some(true));
    let routes = std::fs::read_to_string("/proc/net/route").unwrap();
    let network = u32::from_le_bytes(carrier.subnet.network().octets());
    assert!(!routes.contains(&format!("{network:08X}")), "{routes}");
}

fn lack_of_free_addresses_is_reported_with_commands_that_free_some() {
    let engine = FakeEngine::start(|request| Some(refuses_networks(request)));
    // Another network has the first three quarters, the lab's own subnet the last.
    let host = Host {
        addresses: vec!["198.19.128.1/17".parse().unwrap()],
        forwards: false,
        routes: Vec::new(),
        ttl: DEFAULT_TTL,
        runs: None,
    };
    let lab = Lab { hosts: [("a".to_owned(), host)].into(), ..Lab::default() };
    insta::assert_snapshot!(refusal(&engine, &lab), @"docker: making the lab's network: all address blocks of `198.18.0.0/15` are in use by other networks of the engine, or by the lab's own subnets: `docker network ls` lists the networks, `docker network rm NAME` removes one, `sceplab clean` removes those that crashed runs left");
}

fn taken_addresses_are_reported() {
    let engine = FakeEngine::start(|request| Some(refuses_networks(request)));
    insta::assert_snapshot!(refusal(&engine, &Lab::default()), @"docker: making the lab's network: Docker responded with status code 403: Pool overlaps with other one on this address space; another network of the engine has these addresses: `docker network ls` lists the networks, `docker network rm NAME` removes one, `sceplab clean` removes those that crashed runs left");
}

fn refusal(engine: &FakeEngine, lab: &Lab) -> String {
    runtime().block_on(async {
        let engine = engine.connect().await;
        Carrier::create(&engine, &labels("refused"), lab).await.unwrap_err().to_string()
    })
}

/// The answer of an engine whose networks have most of the addresses, and which makes no further network.
fn refuses_networks(request: &str) -> String {
    if request.contains("/networks/create") {
        return json(403, r#"{"message": "Pool overlaps with other one on this address space"}"#);
    }
    if request.contains("/networks") {
        let configs =
            ["198.18.0.0/16", "198.19.0.0/17"].map(|net| format!(r#"{{"Subnet": "{net}"}}"#));
        return json(200, &format!(r#"[{{"IPAM": {{"Config": [{}]}}}}]"#, configs.join(",")));
    }
    healthy(request)
}

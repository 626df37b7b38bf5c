//! A simulated device in this process, on the network of this machine.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use dut_sim::DeviceSettings;
use dut_sim::network::kernel::HostNetwork;
use dut_sim::network::{
    Addressing, ApplyError, ConnectError, EchoOutcome, EchoRequest, Network, ResolveError, Stream,
};
use recording::{End, Peers, Recorder, Tap};

use model::lab::Lab;
use model::scep_url::resolve;
use simulated::sim_device::{self, SimDevice};
use testbed::device::Device;
use testbed::{Client, TestbedError};

/// Starts the device; it can reach the hosts and the PKIs of the lab, and nothing else. What it exchanges is recorded.
pub(super) async fn start(
    name: &str,
    lab: &Lab,
    recorder: &Recorder,
) -> Result<Arc<dyn Device>, TestbedError> {
    let own = sim_device::settings(lab, name, Client::Builtin)?;
    let defaults = DeviceSettings::new(Arc::new(RecordedNetwork {
        network: network(lab).await,
        recorder: recorder.clone(),
    }));
    let device = dut_sim::Device::start(DeviceSettings { own, ..defaults });
    Ok(Arc::new(SimDevice::new(device)))
}

/// The network of a device, on which its connections are recorded.
struct RecordedNetwork {
    network: HostNetwork,
    recorder: Recorder,
}

#[async_trait]
impl Network for RecordedNetwork {
    async fn apply(&self, addressing: &Addressing) -> Result<(), ApplyError> {
        self.network.apply(addressing).await
    }

    async fn resolve(&self, host: &str) -> Result<Ipv4Addr, ResolveError> {
        self.network.resolve(host).await
    }

    async fn echo(&self, request: &EchoRequest) -> EchoOutcome {
        self.network.echo(request).await
    }

    async fn connect(&self, address: Ipv4Addr, port: u16) -> Result<Box<dyn Stream>, ConnectError> {
        self.network.connect(address, port).await
    }

    fn observed(&self, stream: Box<dyn Stream>, address: Ipv4Addr, port: u16) -> Box<dyn Stream> {
        let server = Some(format!("{address}:{port}"));
        let peers = || Peers { seen_by: End::Client, pki: None, client: None, server };
        Box::new(Tap::new(stream, Some(&self.recorder), peers))
    }
}

async fn network(lab: &Lab) -> HostNetwork {
    let mut names: Vec<(String, Ipv4Addr)> = Vec::new();
    let mut addresses = BTreeSet::new();
    for (name, host) in &lab.hosts {
        names.extend(host.addresses.first().map(|first| (name.clone(), first.addr())));
        addresses.extend(host.addresses.iter().map(ipnet::Ipv4Net::addr));
    }
    for pki in lab.by_url.values() {
        // The name may not be resolvable here; the device supports IPv4 only.
        let found = resolve(pki.url.host(), pki.url.port()).await.unwrap_or_default();
        let found: Vec<Ipv4Addr> = found.into_iter().filter_map(of_version_4).collect();
        names.extend(found.first().map(|first| (pki.url.host().to_owned(), *first)));
        addresses.extend(found);
    }
    HostNetwork::of(names, addresses)
}

fn of_version_4(socket: SocketAddr) -> Option<Ipv4Addr> {
    match socket {
        SocketAddr::V4(socket) => Some(*socket.ip()),
        SocketAddr::V6(_) => None,
    }
}

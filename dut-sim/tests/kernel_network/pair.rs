//! A device and its neighbour, each in a network namespace, with a cable between them.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::AsRawFd;

use dut_sim::network::kernel::{Interfaces, KernelNetwork};
use dut_sim::network::{
    Addressing, EchoOutcome, EchoRequest, InterfaceAddress, Network, StaticRoute,
};
use nix::sched::{CloneFlags, setns, unshare};
use nix::unistd::{getgid, getuid};
use rtnetlink::{Handle, LinkUnspec, LinkVeth, RouteMessageBuilder};

/// Address of the neighbour.
pub(crate) const NEIGHBOUR: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

/// Gives this process the right to create network namespaces; it must have only one thread.
pub(crate) fn allow_namespaces() -> Result<(), String> {
    let (user, group) = (getuid(), getgid());
    match unshare(CloneFlags::CLONE_NEWUSER) {
        Ok(()) => {
            let maps = [
                ("setgroups", "deny".to_owned()),
                ("uid_map", format!("0 {user} 1")),
                ("gid_map", format!("0 {group} 1")),
            ];
            for (file, map) in maps {
                fs::write(format!("/proc/self/{file}"), map)
                    .map_err(|error| format!("{file}: {error}"))?;
            }
        }
        Err(error) if !user.is_root() => return Err(format!("user namespaces: {error}")),
        Err(_) => {}
    }
    // The first thread does not continue in this namespace.
    unshare(CloneFlags::CLONE_NEWNET).map_err(|error| format!("network namespaces: {error}"))
}

/// The device and its neighbour; the thread is in the device's namespace.
pub(crate) struct Pair {
    pub(crate) device: KernelNetwork,
    here: File,
    there: File,
    neighbour: Handle,
}

impl Pair {
    /// Creates two namespaces; the device has an interface `eth0` and no address.
    pub(crate) async fn new() -> Self {
        let (there, neighbour) = namespace();
        let (here, own) = namespace();
        let far = LinkUnspec::new_with_name("eth0").setns_by_fd(there.as_raw_fd());
        let mut near = LinkVeth::new("eth0", "");
        near = near.set_info_data(rtnetlink::packet_route::link::InfoData::Veth(
            rtnetlink::packet_route::link::InfoVeth::Peer(far.build()),
        ));
        own.link().add(near.build()).execute().await.unwrap();
        for handle in [&own, &neighbour] {
            for index in [1, index_of_eth0(handle).await] {
                let up = LinkUnspec::new_with_index(index).up().build();
                handle.link().set(up).execute().await.unwrap();
            }
        }
        let eth0 = index_of_eth0(&neighbour).await;
        neighbour.address().add(eth0, NEIGHBOUR.into(), 24).execute().await.unwrap();
        let device =
            KernelNetwork::open(Interfaces::All, [("Neighbour".to_owned(), NEIGHBOUR)]).unwrap();
        Self { device, here, there, neighbour }
    }

    /// Gives the device these addresses on `eth0`, and routes.
    pub(crate) async fn apply(&self, addresses: &[&str], routes: &[(&str, &str)]) {
        self.device.apply(&addressing(addresses, routes)).await.unwrap();
    }

    /// Sends one echo request with this timeout.
    pub(crate) async fn ping(&self, destination: &str, timeout_ms: u64) -> EchoOutcome {
        let request = EchoRequest {
            destination: destination.parse().unwrap(),
            identifier: 0x5ce9,
            sequence: 7,
            payload: b"payload".to_vec(),
            timeout: std::time::Duration::from_millis(timeout_ms),
        };
        self.device.echo(&request).await
    }

    /// Sets a value below `/proc/sys/net/ipv4` of the device.
    pub(crate) fn set(name: &str, value: &str) {
        fs::write(format!("/proc/sys/net/ipv4/{name}"), value).unwrap();
    }

    /// Runs `act` in the neighbour's namespace.
    pub(crate) fn there<T>(&self, act: impl FnOnce(&Self) -> T) -> T {
        setns(&self.there, CloneFlags::CLONE_NEWNET).unwrap();
        let outcome = act(self);
        setns(&self.here, CloneFlags::CLONE_NEWNET).unwrap();
        outcome
    }

    /// Opens a port at the neighbour.
    pub(crate) fn listen(&self) -> (TcpListener, u16) {
        let listener = self.there(|_| TcpListener::bind((NEIGHBOUR, 0)).unwrap());
        let port = listener.local_addr().unwrap().port();
        (listener, port)
    }

    /// Gives the neighbour a route.
    pub(crate) async fn route_there(&self, destination: &str, next_hop: &str) {
        let destination: ipnet::Ipv4Net = destination.parse().unwrap();
        let route = RouteMessageBuilder::<Ipv4Addr>::new()
            .destination_prefix(destination.network(), destination.prefix_len())
            .gateway(next_hop.parse().unwrap());
        self.neighbour.route().add(route.build()).execute().await.unwrap();
    }
}

/// Addressing with these addresses on `eth0`, and routes.
pub(crate) fn addressing(addresses: &[&str], routes: &[(&str, &str)]) -> Addressing {
    let address = |text: &&str| InterfaceAddress {
        interface: "eth0".to_owned(),
        address: text.parse().unwrap(),
    };
    let route = |(to, by): &(&str, &str)| StaticRoute {
        destination: to.parse().unwrap(),
        next_hop: by.parse().unwrap(),
    };
    Addressing {
        interfaces: addresses.iter().map(address).collect(),
        routes: routes.iter().map(route).collect(),
    }
}

/// Moves the thread to a new namespace.
fn namespace() -> (File, Handle) {
    unshare(CloneFlags::CLONE_NEWNET).unwrap();
    let (connection, handle, _) = rtnetlink::new_connection().unwrap();
    tokio::spawn(connection);
    (File::open("/proc/thread-self/ns/net").unwrap(), handle)
}

async fn index_of_eth0(handle: &Handle) -> u32 {
    use futures_util::TryStreamExt;
    let mut links = handle.link().get().match_name("eth0".to_owned()).execute();
    links.try_next().await.unwrap().unwrap().header.index
}

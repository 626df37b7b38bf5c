//! The network of the virtual lab: everything in this process, and no socket.
//!
//! It carries IPv4 packets as bytes. An echo request goes hop by hop through the routers, each of which looks up its
//! routing table and takes one off the TTL; the destination answers, and the answer finds its own way back, so that a
//! missing return route loses it. A TCP connection is asked for and granted by such packets too; then its bytes flow
//! through memory. Links lose nothing and take no time: who is not there is known to be absent at once, where a kernel
//! would ask for three seconds.

mod attachment;
mod fabric;
mod packet;

use std::collections::HashMap;
use std::net::SocketAddrV4;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use async_trait::async_trait;
use dut_sim::network::{Network, Stream};
use tokio::io::DuplexStream;
use tokio::task::JoinSet;

use self::attachment::Attachment;
use self::fabric::{Fabric, NodeId};
use model::lab::Lab;

/// What a host does with a TCP connection; the connection ends with the call.
#[async_trait]
pub trait Service: Send + Sync {
    /// Serves one connection that `peer` opened.
    async fn serve(&self, stream: DuplexStream, peer: SocketAddrV4);
}

/// The network of one lab; dropping it ends every connection.
pub struct VirtualLab {
    shared: Arc<Shared>,
}

impl VirtualLab {
    /// Builds the links, hosts and devices of `lab`; nothing listens anywhere yet.
    pub fn new(lab: &Lab) -> Self {
        let shared = Shared {
            fabric: RwLock::new(Fabric::of(lab)),
            services: RwLock::default(),
            connections: Mutex::new(Some(JoinSet::new())),
            connections_asked_for: AtomicU16::new(0),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Lets `service` listen on a TCP port at all addresses of the host; false where the lab has no such host.
    #[must_use]
    pub fn listen(&self, host: &str, port: u16, service: Arc<dyn Service>) -> bool {
        let node = self.shared.change(|fabric| {
            let node = fabric.find(host)?;
            fabric.listen(node, port);
            Some(node)
        });
        let Some(node) = node else {
            return false;
        };
        write(&self.shared.services).insert(node, service);
        true
    }

    /// The network as the device of that name sees it; `None` where the lab has no such device.
    pub fn network(&self, device: &str) -> Option<Arc<dyn Network>> {
        let node = self.shared.look(|fabric| fabric.find(device))?;
        Some(Arc::new(Attachment { shared: Arc::clone(&self.shared), node }))
    }
}

impl Drop for VirtualLab {
    fn drop(&mut self) {
        // Devices may still hold the network; nothing is served to them any more.
        *self.shared.connections.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// The first of the ports that Linux gives to those who connect.
const FIRST_EPHEMERAL_PORT: u16 = 32_768;

/// What the lab and the devices in it have in common.
struct Shared {
    fabric: RwLock<Fabric>,
    services: RwLock<HashMap<NodeId, Arc<dyn Service>>>,
    /// `None` once the lab is gone.
    connections: Mutex<Option<JoinSet<()>>>,
    connections_asked_for: AtomicU16,
}

impl Shared {
    fn look<T>(&self, look: impl FnOnce(&Fabric) -> T) -> T {
        look(&self.fabric.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn change<T>(&self, change: impl FnOnce(&mut Fabric) -> T) -> T {
        change(&mut write(&self.fabric))
    }

    fn ephemeral_port(&self) -> u16 {
        self.connections_asked_for.fetch_add(1, Ordering::Relaxed) | FIRST_EPHEMERAL_PORT
    }

    /// Opens a connection to what listens at the node; `None` where nothing does.
    fn accept(&self, node: NodeId, peer: SocketAddrV4, window: usize) -> Option<Box<dyn Stream>> {
        let services = self.services.read().unwrap_or_else(PoisonError::into_inner);
        let service = Arc::clone(services.get(&node)?);
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        let connections = connections.as_mut()?;
        // Those that are over would otherwise pile up.
        while connections.try_join_next().is_some() {}
        let (near, far) = tokio::io::duplex(window);
        connections.spawn(async move { service.serve(far, peer).await });
        Some(Box::new(near))
    }
}

fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;

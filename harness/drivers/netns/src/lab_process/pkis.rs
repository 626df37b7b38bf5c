//! Starts the PKIs of a lab: mock CAs, which listen at each host that runs them, and server programs.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use dut_sim::network::Stream;
use mock_ca::control::Control;
use recording::Recorder;
use tokio::net::{TcpSocket, UnixListener};

use super::{EventSender, Namespaces, bind, namespace_of};
use crate::program;
use simulated::connector::Connector;
use simulated::control::{LabEvent, LabSpec};
use simulated::kernel::namespace::Namespace;
use simulated::lab_ca::{LabCa, address_of, port_of};
use simulated::server::Server;
use testbed::injection::panic_if_asked;
use testbed::{NoAnswer, TestbedError};

/// The server programs of a lab, by the names of their hosts.
pub(super) type Programs = BTreeMap<String, Arc<Server>>;

/// Starts the mock CAs of the lab; returns the sockets of their control APIs.
pub(super) fn start_cas(
    spec: &LabSpec,
    namespaces: &Namespaces,
    recorder: &Recorder,
) -> Result<BTreeMap<String, PathBuf>, TestbedError> {
    let mut sockets = BTreeMap::new();
    for (number, (name, plan)) in spec.lab.pkis.iter().enumerate() {
        panic_if_asked("lab-process");
        let address = address_of(&spec.lab, name);
        let ca =
            LabCa::open(name, plan, address, &spec.lab.clock())?.recorded(Some(recorder.clone()));
        let broken = |reason| TestbedError::Pki { name: name.clone(), reason };
        let port = port_of(plan);
        for host in spec.lab.hosts_that_run(name) {
            listen(&ca, port, namespace_of(namespaces, host)?).map_err(|error| {
                broken(format!("it cannot listen on port {port} of host `{host}`: {error}"))
            })?;
        }
        let control = match (spec.lab.hosts_that_run(name).next(), address) {
            (Some(host), Some(address)) => {
                let namespace = namespace_of(namespaces, host)?.try_clone().map_err(|error| {
                    broken(format!("the namespace of host `{host}` cannot be kept: {error}"))
                })?;
                ca.control_over(Home { namespace, address })
            }
            _ => ca.control(),
        };
        let socket = spec.folder.join(format!("ca{number}"));
        serve(control, &socket).map_err(|error| broken(error.to_string()))?;
        sockets.insert(name.clone(), socket);
    }
    Ok(sockets)
}

fn listen(ca: &LabCa, port: u16, host: &Namespace) -> io::Result<()> {
    ca.listen(host.run(|| TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)))?)
}

/// Serves a control API until the process ends.
fn serve(control: Arc<Control>, socket: &Path) -> io::Result<()> {
    let listener = bind("control socket", socket)?;
    listener.set_nonblocking(true)?;
    let listener = UnixListener::from_std(listener)?;
    tokio::spawn(async move {
        panic_if_asked("lab-task");
        control.serve(listener).await;
    });
    Ok(())
}

/// The namespace and address of a mock CA.
struct Home {
    namespace: Namespace,
    address: SocketAddr,
}

#[async_trait]
impl Connector for Home {
    async fn connect(&self) -> Result<Box<dyn Stream>, NoAnswer> {
        let refused = |error: io::Error| NoAnswer::NotConnected(error.to_string());
        // A socket stays in the namespace in which it was opened.
        let socket = self.namespace.run(TcpSocket::new_v4).map_err(refused)?;
        Ok(Box::new(socket.connect(self.address).await.map_err(refused)?))
    }
}

/// Starts the server programs of the lab; the runner is informed if one ends.
pub(super) async fn start_programs(
    spec: &LabSpec,
    namespaces: &Namespaces,
    events: &EventSender,
) -> Result<Programs, TestbedError> {
    let mut programs = Programs::new();
    for (number, (host, program)) in spec.lab.programs().enumerate() {
        let namespace = namespace_of(namespaces, host)?;
        let folder = spec.folder.join(format!("program{number}"));
        let started = program::start(&spec.lab, (host, program), namespace, folder).await?;
        programs.insert(host.to_owned(), Arc::new(started));
    }
    for (host, program) in &programs {
        tokio::spawn(watch(host.clone(), Arc::clone(program), events.clone()));
    }
    Ok(programs)
}

/// Reports the end of a program to the runner.
async fn watch(host: String, program: Arc<Server>, events: EventSender) {
    let reason = program.end().await;
    let _ = events.send(LabEvent::Broke { part: host, reason });
}

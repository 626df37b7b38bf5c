//! Process 1 of a container in a lab: it configures the container's network, and then acts as the node.
//!
//! The runner communicates with it over standard input and output. It ends when its standard input does.

mod network;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;

use diagnostics::bugs;
use dut_sim::remote::Devices;
use mock_ca::control::Control;
use process::messages::{Messages, ReadError, encode, write};
use scep::clock::Clock;
use tokio::io::{AsyncBufRead, AsyncWrite, BufReader, join, stdin, stdout};
use tokio::net::TcpStream;

use model::lab;
use model::lab::topology::Node;
use simulated::control::{LabEvent, NetworkConfig, Operation, Reply, Request, Role};
use simulated::kernel::start_device;
use simulated::lab_ca::{LabCa, port_of};
use simulated::server::is_answered;
use testbed::TestbedError;

/// Serves the runner until standard input ends, or a bug of this program is noticed.
///
/// # Errors
/// If it receives a message that a runner of this version does not send.
pub fn serve() -> io::Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    let served = runtime.block_on(async {
        tokio::select! {
            served = serve_until_closed() => served,
            // The exit code says so to the runner.
            _ = bugs::first() => Ok(()),
        }
    });
    // A separate thread may still be reading standard input.
    runtime.shutdown_background();
    served
}

/// The service of a configured container.
enum Service {
    Host,
    Ca(Arc<Control>),
    Device,
}

async fn serve_until_closed() -> io::Result<()> {
    let (mut messages, mut writer) = (Messages::new(BufReader::new(stdin())), stdout());
    let Some(Request { id, operation }) = next(&mut messages).await? else { return Ok(()) };
    let Operation::Configure(config) = operation else {
        return Err(io::Error::other(
            "the first request to a container must be its network configuration",
        ));
    };
    let (configured, service) = match prepare(&config).await {
        Ok(service) => (Ok(()), service),
        Err(error) => (Err(error), Service::Host),
    };
    reply(&mut writer, id, Reply::Configured(configured)).await?;
    match service {
        Service::Host => answer(messages, writer).await?,
        Service::Ca(control) => {
            control.serve_connection(join(messages.into_inner(), writer)).await;
        }
        Service::Device => {
            let start = |settings| start_device(settings, Some(network::CARRIER));
            Devices::new(start).serve(join(messages.into_inner(), writer)).await;
        }
    }
    Ok(())
}

async fn prepare(config: &NetworkConfig) -> Result<Service, TestbedError> {
    network::configure(config).await?;
    Ok(match &config.role {
        Role::Host => Service::Host,
        Role::Pki { name, plan } => Service::Ca(start_ca(&config.node, name, plan)?),
        Role::Device => Service::Device,
    })
}

/// Opens the mock CA and makes it listen on all addresses; its control API connects to the first address of its host.
fn start_ca(node: &Node, name: &str, plan: &lab::Pki) -> Result<Arc<Control>, TestbedError> {
    let mut addresses = node.interfaces.iter().flat_map(|interface| &interface.addresses);
    let port = port_of(plan);
    let address = addresses.next().map(|first| SocketAddr::from((first.addr(), port)));
    let ca = LabCa::open(name, plan, address, &Clock::system())?;
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port));
    listener.and_then(|listener| ca.listen(listener)).map_err(|error| {
        let reason = format!("it cannot listen on port {port} of host `{}`: {error}", node.name);
        TestbedError::Pki { name: name.to_owned(), reason }
    })?;
    Ok(address.map_or_else(|| ca.control(), |address| ca.control_over(address)))
}

/// Answers the requests to a host.
async fn answer(
    mut messages: Messages<impl AsyncBufRead + Unpin>,
    mut writer: impl AsyncWrite + Unpin,
) -> io::Result<()> {
    while let Some(Request { id, operation }) = next(&mut messages).await? {
        let Operation::Listens(address) = operation else {
            return Err(io::Error::other("a host supports no request except `Listens`"));
        };
        reply(&mut writer, id, Reply::Listens(is_answered(TcpStream::connect(address)).await))
            .await?;
    }
    Ok(())
}

async fn next(messages: &mut Messages<impl AsyncBufRead + Unpin>) -> io::Result<Option<Request>> {
    match messages.next().await {
        Ok(request) => Ok(Some(request)),
        Err(ReadError::Ended) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn reply(writer: &mut (impl AsyncWrite + Unpin), id: u64, reply: Reply) -> io::Result<()> {
    write(writer, &encode(&LabEvent::Reply { id, reply }).unwrap_or_default()).await
}

//! Process 1 of a container in a lab: it gives the container its network, and is then what stands there.
//!
//! The runner speaks to it by standard input and output. It ends when its standard input does.

mod network;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use dut_sim::remote::Devices;
use mock_ca::control::Control;
use process::messages::{Messages, ReadError, encode, write};
use tokio::io::{AsyncBufRead, AsyncWrite, BufReader, join, stdin, stdout};
use tokio::net::{TcpListener, TcpStream};

use model::lab;
use model::lab::topology::Node;
use simulated::control::{Ask, Furnishing, LabEvent, Reply, Request, Role};
use simulated::kernel::start_device;
use simulated::lab_ca::{LabCa, port_of};
use simulated::server::is_answered;
use testbed::TestbedError;

/// Serves the runner until it is gone.
///
/// # Errors
/// When what comes is not what a runner of this version says.
pub fn serve() -> io::Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    let served = runtime.block_on(serve_until_gone());
    // Standard input may still be read by a thread of its own.
    runtime.shutdown_background();
    served
}

/// What stands in a container that has its network.
enum Standing {
    Host,
    Ca(Arc<Control>),
    Device,
}

async fn serve_until_gone() -> io::Result<()> {
    let (mut messages, mut writer) = (Messages::new(BufReader::new(stdin())), stdout());
    let Some(Request { id, ask }) = next(&mut messages).await? else { return Ok(()) };
    let Ask::Furnish(furnishing) = ask else {
        return Err(io::Error::other("the first thing a container is told is its network"));
    };
    let (furnished, standing) = match make(&furnishing).await {
        Ok(standing) => (Ok(()), standing),
        Err(error) => (Err(error), Standing::Host),
    };
    reply(&mut writer, id, Reply::Furnished(furnished)).await?;
    match standing {
        Standing::Host => answer(messages, writer).await?,
        Standing::Ca(control) => {
            control.serve_connection(join(messages.into_inner(), writer)).await;
        }
        Standing::Device => {
            let start = |settings| start_device(settings, Some(network::CARRIER));
            Devices::new(start).serve(join(messages.into_inner(), writer)).await;
        }
    }
    Ok(())
}

async fn make(furnishing: &Furnishing) -> Result<Standing, TestbedError> {
    network::furnish(furnishing).await?;
    Ok(match &furnishing.role {
        Role::Host => Standing::Host,
        Role::Pki { name, plan } => Standing::Ca(start_ca(&furnishing.node, name, plan).await?),
        Role::Device => Standing::Device,
    })
}

/// Opens the mock CA and lets it listen on all addresses; it is spoken to at the first address of its host.
async fn start_ca(node: &Node, name: &str, plan: &lab::Pki) -> Result<Arc<Control>, TestbedError> {
    let mut addresses = node.interfaces.iter().flat_map(|interface| &interface.addresses);
    let port = port_of(plan);
    let address = addresses.next().map(|first| SocketAddr::from((first.addr(), port)));
    let ca = LabCa::open(name, plan, address)?;
    ca.listen(TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await.map_err(|error| {
        let reason = format!("it cannot listen on port {port} of host `{}`: {error}", node.name);
        TestbedError::Pki { name: name.to_owned(), reason }
    })?);
    Ok(address.map_or_else(|| ca.control(), |address| ca.control_over(address)))
}

/// Answers what is asked of a host.
async fn answer(
    mut messages: Messages<impl AsyncBufRead + Unpin>,
    mut writer: impl AsyncWrite + Unpin,
) -> io::Result<()> {
    while let Some(Request { id, ask }) = next(&mut messages).await? {
        let Ask::Listens(address) = ask else {
            return Err(io::Error::other("a host is asked who listens, and nothing else"));
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

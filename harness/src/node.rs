//! Process 1 of a container in a lab: it gives the container its network, and is then what stands there.
//!
//! The runner speaks to it by standard input and output. It ends when its standard input does.

mod listening;
mod network;
mod pki;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use dut_sim::remote::Devices;
use tokio::io::{AsyncBufRead, AsyncWrite, AsyncWriteExt, BufReader, join, stdin, stdout};

use crate::control::{self, Ask, Furnishing, Reply, Request, Role, Told};
use crate::kernel_device;
use crate::pki::Pki;
use crate::run::BenchError;

/// What stands in the container, by the names of the lab.
type Pkis = BTreeMap<String, Arc<dyn Pki>>;

/// Serves the runner until it is gone.
///
/// # Errors
/// When what comes is not what a runner of this version says.
pub(crate) fn serve() -> io::Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    let served = runtime.block_on(serve_until_gone());
    // Standard input may still be read by a thread of its own.
    runtime.shutdown_background();
    served
}

async fn serve_until_gone() -> io::Result<()> {
    let (mut reader, mut writer) = (BufReader::new(stdin()), stdout());
    let Some(Request { id, ask }) = control::read(&mut reader).await? else { return Ok(()) };
    let Ask::Furnish(furnishing) = ask else {
        return Err(io::Error::other("the first thing a container is told is its network"));
    };
    let made = make(&furnishing).await;
    let (furnished, pkis) = match made {
        Ok(pkis) => (Ok(()), pkis),
        Err(error) => (Err(error), Pkis::new()),
    };
    say(&mut writer, id, Reply::Furnished(furnished)).await?;
    if let Role::Device = furnishing.role {
        let start = |settings| kernel_device::start(settings, Some(network::CARRIER));
        Devices::new(start).serve(join(reader, writer)).await;
        return Ok(());
    }
    answer(&pkis, reader, writer).await
}

async fn make(furnishing: &Furnishing) -> Result<Pkis, BenchError> {
    network::furnish(furnishing).await?;
    match &furnishing.role {
        Role::Pki { name, plan } => pki::start(name, plan).await,
        Role::Host | Role::Device => Ok(Pkis::new()),
    }
}

async fn answer(
    pkis: &Pkis,
    mut reader: impl AsyncBufRead + Unpin,
    mut writer: impl AsyncWrite + Unpin,
) -> io::Result<()> {
    while let Some(Request { id, ask }) = control::read(&mut reader).await? {
        let reply = match ask {
            Ask::Listens(port) => Reply::Listens(listening::at(port).await),
            Ask::Furnish(_) | Ask::Build(_) => {
                return Err(io::Error::other("a container is made once"));
            }
            about_a_pki => pki::answer(pkis, about_a_pki).await,
        };
        say(&mut writer, id, reply).await?;
    }
    Ok(())
}

async fn say(writer: &mut (impl AsyncWrite + Unpin), id: u64, reply: Reply) -> io::Result<()> {
    writer.write_all(&control::line(&Told::Reply { id, reply })?).await?;
    writer.flush().await
}

//! Process 1 of a container in a lab: it gives the container its network, and is then what stands there.
//!
//! The runner speaks to it by standard input and output. It ends when its standard input does.

mod listening;
mod network;
mod pki;

use std::io;

use dut_sim::remote::Devices;
use tokio::io::{AsyncBufRead, AsyncWriteExt, BufReader, join, stdin, stdout};
use tokio::sync::mpsc;

use simulated::control::{self, Ask, Furnishing, Reply, Request, Role, Speaker, Told};
use simulated::kernel::device;
use simulated::remote_pki::{Desk, Pkis};
use testbed::BenchError;

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

async fn serve_until_gone() -> io::Result<()> {
    let (mut reader, mut writer) = (BufReader::new(stdin()), stdout());
    let Some(Request { id, ask }) = control::read(&mut reader).await? else { return Ok(()) };
    let Ask::Furnish(furnishing) = ask else {
        return Err(io::Error::other("the first thing a container is told is its network"));
    };
    let (furnished, pkis) = match make(&furnishing).await {
        Ok(pkis) => (Ok(()), pkis),
        Err(error) => (Err(error), Pkis::new()),
    };
    let reply = Told::Reply { id, reply: Reply::Furnished(furnished) };
    writer.write_all(&control::line(&reply)?).await?;
    writer.flush().await?;
    if let Role::Device = furnishing.role {
        let start = |settings| device::start(settings, Some(network::CARRIER));
        Devices::new(start).serve(join(reader, writer)).await;
        return Ok(());
    }
    let (speaker, said) = mpsc::unbounded_channel();
    tokio::spawn(control::speak(said, writer));
    let mut desk = Desk::new(speaker.clone());
    desk.open(pkis);
    answer(&desk, reader, speaker).await
}

async fn make(furnishing: &Furnishing) -> Result<Pkis, BenchError> {
    network::furnish(furnishing).await?;
    match &furnishing.role {
        Role::Pki { name, plan } => pki::start(&furnishing.node, name, plan).await,
        Role::Host | Role::Device => Ok(Pkis::new()),
    }
}

async fn answer(
    desk: &Desk,
    mut reader: impl AsyncBufRead + Unpin,
    speaker: Speaker,
) -> io::Result<()> {
    while let Some(Request { id, ask }) = control::read(&mut reader).await? {
        match ask {
            Ask::Pki { pki, question } => desk.take(id, &pki, question).await,
            Ask::Listens(address) => {
                let reply = Reply::Listens(listening::at(address).await);
                let _ = speaker.send(Told::Reply { id, reply });
            }
            Ask::Furnish(_) | Ask::Build(_) => {
                return Err(io::Error::other("a container is made once"));
            }
        }
    }
    Ok(())
}

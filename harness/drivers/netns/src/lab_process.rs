//! Process 1 of a lab: makes what is in it, does what the runner asks for, and takes everything with it when it ends.

mod build;
mod devices;
mod end;
mod events;
mod namespaces;
mod pkis;
mod socket;

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::getpid;
use process::messages::Messages;
use tokio::io::BufReader;
use tokio::net::unix::OwnedReadHalf;
use tokio::sync::mpsc;

use self::build::build;
use self::end::Remains;
use self::events::EventSender;
use self::pkis::Programs;
use super::isolation::control_channel;
use simulated::control::{Ask, LabEvent, Reply, Request};
use testbed::BenchError;

/// Requests that the runner may have made and that are not begun.
const WAITING: usize = 16;

/// Serves the runner until it is gone, then ends everything that is in the lab.
///
/// # Errors
/// When the process is not the first of its namespaces, or has no control channel.
pub fn serve() -> io::Result<()> {
    // Whoever ends a lab ends every process that it can see.
    if getpid().as_raw() != 1 {
        return Err(io::Error::other("this process is not the first of a lab"));
    }
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    let control = control_channel()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let remains = Arc::new(Remains::default());
    runtime.block_on(serve_until_gone(control, &remains))?;
    remains.clear_away()
}

async fn serve_until_gone(control: UnixStream, remains: &Arc<Remains>) -> io::Result<()> {
    control.set_nonblocking(true)?;
    let (reader, writer) = tokio::net::UnixStream::from_std(control)?.into_split();
    let (ask, asked) = mpsc::channel(WAITING);
    let (events, to_write) = mpsc::unbounded_channel();
    let writing = tokio::spawn(events::write_all(to_write, writer));
    let gone = tokio::spawn(listen(reader, ask));
    tokio::select! {
        () = answer(asked, events, remains) => {}
        _ = gone => {}
        _ = writing => {}
    }
    Ok(())
}

/// Ends when the runner is gone, or talks nonsense.
async fn listen(reader: OwnedReadHalf, ask: mpsc::Sender<Request>) {
    let mut messages = Messages::new(BufReader::new(reader));
    while let Ok(request) = messages.next().await {
        if ask.send(request).await.is_err() {
            return;
        }
    }
}

async fn answer(mut asked: mpsc::Receiver<Request>, events: EventSender, remains: &Arc<Remains>) {
    let mut programs = Programs::new();
    while let Some(Request { id, ask }) = asked.recv().await {
        let reply = match ask {
            Ask::Build(order) => {
                let built = build(&order, &events, remains).await;
                Reply::Built(built.map(|(built, started)| {
                    programs = started;
                    built
                }))
            }
            Ask::ReadOutput(host) => Reply::Output(
                programs.get(&host).map(|program| program.output.lines()).unwrap_or_default(),
            ),
            Ask::Furnish(_) | Ask::Listens(_) => {
                let reason = "a lab process is no container".to_owned();
                Reply::Furnished(Err(BenchError::Network { reason }))
            }
        };
        let _ = events.send(LabEvent::Reply { id, reply });
    }
}

//! Process 1 of a lab: makes what is in it, does what the runner asks for, and takes everything with it when it ends.

mod build;
mod devices;
mod end;
mod pkis;

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::getpid;
use tokio::io::BufReader;
use tokio::net::unix::OwnedReadHalf;
use tokio::sync::mpsc;

use self::build::build;
use self::end::Remains;
use super::isolation::control_channel;
use simulated::control::{self, Ask, Reply, Request, Speaker, Told};
use simulated::remote_pki::Desk;
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
    let (speaker, said) = mpsc::unbounded_channel();
    let speaking = tokio::spawn(control::speak(said, writer));
    let gone = tokio::spawn(listen(reader, ask));
    tokio::select! {
        () = answer(asked, speaker, remains) => {}
        _ = gone => {}
        _ = speaking => {}
    }
    Ok(())
}

/// Ends when the runner is gone, or talks nonsense.
async fn listen(reader: OwnedReadHalf, ask: mpsc::Sender<Request>) {
    let mut reader = BufReader::new(reader);
    while let Ok(Some(request)) = control::read(&mut reader).await {
        if ask.send(request).await.is_err() {
            return;
        }
    }
}

async fn answer(mut asked: mpsc::Receiver<Request>, speaker: Speaker, remains: &Arc<Remains>) {
    let mut desk = Desk::new(speaker.clone());
    while let Some(Request { id, ask }) = asked.recv().await {
        match ask {
            Ask::Build(order) => {
                let built = build(&order, &speaker, remains).await.map(|(built, running)| {
                    desk.open(running);
                    built
                });
                let _ = speaker.send(Told::Reply { id, reply: Reply::Built(built) });
            }
            Ask::Pki { pki, question } => desk.take(id, &pki, question).await,
            Ask::Furnish(_) | Ask::Listens(_) => {
                let reason = "a lab process is no container".to_owned();
                let refused = Reply::Furnished(Err(BenchError::Network { reason }));
                let _ = speaker.send(Told::Reply { id, reply: refused });
            }
        }
    }
}

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
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Semaphore, mpsc};

use self::build::build;
use self::end::Remains;
use self::pkis::Pkis;
use super::control::{self, Ask, Reply, Request, Told};
use super::isolation::control_channel;
use crate::pki::{Pki, PkiError};
use crate::remote_pki;

/// Requests that the runner may have made and that are not begun.
const WAITING: usize = 16;

/// Questions about PKIs that are answered at a time.
const UNDER_WAY: usize = 64;

/// What is said to the runner, in turn.
type Speaker = mpsc::UnboundedSender<Told>;

/// Serves the runner until it is gone, then ends everything that is in the lab.
///
/// # Errors
/// When the process is not the first of its namespaces, or has no control channel.
pub(crate) fn serve() -> io::Result<()> {
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
    let speaking = tokio::spawn(speak(said, writer));
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

async fn speak(mut said: mpsc::UnboundedReceiver<Told>, mut writer: OwnedWriteHalf) {
    while let Some(told) = said.recv().await {
        let Ok(line) = control::line(&told) else { return };
        if writer.write_all(&line).await.is_err() {
            return;
        }
    }
}

async fn answer(mut asked: mpsc::Receiver<Request>, speaker: Speaker, remains: &Arc<Remains>) {
    let mut pkis = Pkis::new();
    let room = Arc::new(Semaphore::new(UNDER_WAY));
    while let Some(Request { id, ask }) = asked.recv().await {
        match ask {
            Ask::Build(order) => {
                let built = build(&order, &speaker, remains).await.map(|(built, running)| {
                    pkis = running;
                    built
                });
                let _ = speaker.send(Told::Reply { id, reply: Reply::Built(built) });
            }
            Ask::Pki { pki, question } => {
                // Never closed.
                let Ok(room) = Arc::clone(&room).acquire_owned().await else { return };
                let (pki, speaker) = (find(&pkis, &pki), speaker.clone());
                // Nobody else is to wait for what a PKI takes its time for.
                tokio::spawn(async move {
                    let answer = match pki {
                        Ok(pki) => remote_pki::answer(pki.as_ref(), question).await,
                        Err(error) => Err(error),
                    };
                    drop(room);
                    let _ = speaker.send(Told::Reply { id, reply: Reply::Pki(answer) });
                });
            }
        }
    }
}

fn find(pkis: &Pkis, name: &str) -> Result<Arc<dyn Pki>, PkiError> {
    let reason = || format!("the lab process knows no PKI `{name}`");
    pkis.get(name).cloned().ok_or_else(|| PkiError::Broken { reason: reason() })
}

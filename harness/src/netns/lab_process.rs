//! Process 1 of a lab: makes what is in it, does what the runner asks for, and takes everything with it when it ends.

mod build;
mod devices;
mod end;
mod pkis;

use std::collections::BTreeMap;
use std::io;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::getpid;
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;

use self::build::build;
use self::end::Remains;
use super::isolation::control_channel;
use crate::control::{self, Ask, Reply, Request, Told};
use crate::pki::{Pki, PkiError};
use crate::run::BenchError;

/// Requests that the runner may have made and that are not begun.
const WAITING: usize = 16;

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
    let mut pkis = BTreeMap::new();
    while let Some(Request { id, ask }) = asked.recv().await {
        let reply = match ask {
            Ask::Build(order) => {
                Reply::Built(build(&order, &speaker, remains).await.map(|(built, running)| {
                    pkis = running;
                    built
                }))
            }
            Ask::Furnish(_) | Ask::Listens(_) => {
                let reason = "a lab process is no container".to_owned();
                Reply::Furnished(Err(BenchError::Network { reason }))
            }
            Ask::Approve(pki) => match find(&pkis, &pki) {
                Ok(pki) => Reply::Decided(pki.approve().await),
                Err(error) => Reply::Decided(Err(error)),
            },
            Ask::Deny(pki) => match find(&pkis, &pki) {
                Ok(pki) => Reply::Decided(pki.deny().await),
                Err(error) => Reply::Decided(Err(error)),
            },
            Ask::Issued(pki) => match find(&pkis, &pki) {
                Ok(pki) => Reply::Issued(pki.issued().await),
                Err(error) => Reply::Issued(Err(error)),
            },
            Ask::Log(pki) => Reply::Log(match find(&pkis, &pki) {
                Ok(pki) => pki.log().await,
                Err(_) => Vec::new(),
            }),
        };
        if speaker.send(Told::Reply { id, reply }).is_err() {
            return;
        }
    }
}

fn find<'a>(pkis: &'a pkis::Pkis, name: &str) -> Result<&'a Arc<dyn Pki>, PkiError> {
    let reason = || format!("the lab process knows no PKI `{name}`");
    pkis.get(name).ok_or_else(|| PkiError::Broken { reason: reason() })
}

//! The standard streams of a container's process 1, over the connection that the engine makes of them.

use std::pin::Pin;

use bollard::container::{AttachContainerResults, LogOutput};
use bollard::errors::Error;
use bollard::query_parameters::AttachContainerOptionsBuilder;
use futures_util::{Stream, StreamExt};
use process::Output;
use tokio::io::{AsyncWrite, AsyncWriteExt, DuplexStream, Join, duplex, join};

use super::engine::Engine;

/// How much waits for a reader that is slow.
const UNREAD: usize = 64 * 1024;

/// What the runner and a container's process 1 speak over.
pub(super) type Line = Join<DuplexStream, Pin<Box<dyn AsyncWrite + Send>>>;

/// What an engine says that a container has written.
pub(super) type Written = Pin<Box<dyn Stream<Item = Result<LogOutput, Error>> + Send>>;

/// Attaches to a running container: the line to its process 1, and what is to be carried over it by [`carry`].
///
/// # Errors
/// Those of the engine, as where the container has ended already.
pub(super) async fn attach(engine: &Engine, container: &str) -> Result<(Line, Carrying), Error> {
    let options = AttachContainerOptionsBuilder::new();
    let options = options.stream(true).stdin(true).stdout(true).stderr(true).build();
    let attached = engine.client().attach_container(container, Some(options)).await?;
    let AttachContainerResults { output, input } = attached;
    let (read, written) = duplex(UNREAD);
    Ok((join(read, input), Carrying { output, written }))
}

/// Standard output on its way to the runner.
pub(super) struct Carrying {
    output: Written,
    written: DuplexStream,
}

/// Carries until nothing more comes; yields the end of standard error, and how the connection broke, where it did.
pub(super) async fn carry(carrying: Carrying) -> (Output, Option<Error>) {
    let Carrying { mut output, mut written } = carrying;
    let (errors, mut to_tail) = duplex(UNREAD);
    let tail = Output::of(errors);
    while let Some(read) = output.next().await {
        match read {
            Ok(LogOutput::StdErr { message }) => drop(to_tail.write_all(&message).await),
            // Where nobody reads any more, the rest is still taken off the engine's hands.
            Ok(output) => drop(written.write_all(&output.into_bytes()).await),
            Err(error) => return (tail, Some(error)),
        }
    }
    (tail, None)
}

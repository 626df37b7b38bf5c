//! Containers, as testcontainers starts them, and the standard streams of their process 1, over the connection that the engine
//! makes of them.

use std::collections::HashMap;
use std::pin::Pin;

use bollard::container::{AttachContainerResults, LogOutput};
use bollard::errors::Error;
use bollard::query_parameters::AttachContainerOptionsBuilder;
use futures_util::{Stream, StreamExt};
use process::Output;
use testcontainers::core::ImageExt;
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerRequest, GenericImage};
use tokio::io::{AsyncWrite, AsyncWriteExt, DuplexStream, Join, duplex, join};

use super::engine::Engine;
use testbed::TestbedError;

/// How much waits for a reader that is slow.
const UNREAD: usize = 64 * 1024;

/// Starts a container, yields the engine's name for it.
///
/// # Errors
/// What the engine says, while `doing` this.
pub(super) async fn start(
    engine: &Engine,
    doing: &str,
    request: ContainerRequest<GenericImage>,
    labels: HashMap<String, String>,
) -> Result<String, TestbedError> {
    let started = request.with_labels(labels).start().await;
    let container = started.map_err(|error| engine.explain(doing, &error))?;
    let id = container.id().to_owned();
    // Left to itself it would be removed where it is dropped, and that thread would wait for it, perhaps for minutes. The lab
    // removes all that it started at once and within a time; what this keeps is some KiB.
    std::mem::forget(container);
    Ok(id)
}

/// The name and the tag of an image, which testcontainers wants one by one: what is joined by a colon is the name again.
pub(super) fn name_and_tag(image: &str) -> (String, String) {
    match image.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name.to_owned(), tag.to_owned()),
        _ => (image.to_owned(), "latest".to_owned()),
    }
}

/// What the runner and a container's process 1 speak over.
pub(super) type Line = Join<DuplexStream, Pin<Box<dyn AsyncWrite + Send>>>;

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
    output: Pin<Box<dyn Stream<Item = Result<LogOutput, Error>> + Send>>,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_an_image_is_taken_apart_where_its_tag_begins() {
        for (image, name, tag) in [
            ("scep", "scep", "latest"),
            ("micromdm/scep:2.3", "micromdm/scep", "2.3"),
            ("registry:5000/scep", "registry:5000/scep", "latest"),
            ("registry:5000/scep:1", "registry:5000/scep", "1"),
            ("scep@sha256:0123", "scep@sha256", "0123"),
        ] {
            assert_eq!(name_and_tag(image), (name.to_owned(), tag.to_owned()), "{image}");
        }
    }
}

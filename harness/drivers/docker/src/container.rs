//! Starts containers by testcontainers, and connects to the standard streams of their process 1.

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

/// The size of the buffers between the engine and slow readers, in bytes.
const BUFFER: usize = 64 * 1024;

/// Starts a container; returns its ID.
///
/// # Errors
/// The error of the engine; `doing` names the operation.
pub(super) async fn start(
    engine: &Engine,
    doing: &str,
    request: ContainerRequest<GenericImage>,
    labels: HashMap<String, String>,
) -> Result<String, TestbedError> {
    let started = request.with_labels(labels).start().await;
    let container = started.map_err(|error| engine.explain(doing, &error))?;
    let id = container.id().to_owned();
    // When dropped, testcontainers would remove the container in a thread of its own, and the drop would wait for it, perhaps for
    // minutes. The lab removes all its containers at once and with a timeout instead; the leaked memory is a few KiB.
    std::mem::forget(container);
    Ok(id)
}

/// The name and the tag of an image, which testcontainers takes separately and joins again by a colon.
pub(super) fn name_and_tag(image: &str) -> (String, String) {
    match image.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name.to_owned(), tag.to_owned()),
        _ => (image.to_owned(), "latest".to_owned()),
    }
}

/// The stream between the runner and process 1 of a container.
pub(super) type ControlStream = Join<DuplexStream, Pin<Box<dyn AsyncWrite + Send>>>;

/// Attaches to a running container; returns the stream to its process 1, and the output that [`forward`] must forward to it.
///
/// # Errors
/// An error of the engine, for example if the container has already ended.
pub(super) async fn attach(
    engine: &Engine,
    container: &str,
) -> Result<(ControlStream, ContainerOutput), Error> {
    let options = AttachContainerOptionsBuilder::new();
    let options = options.stream(true).stdin(true).stdout(true).stderr(true).build();
    let attached = engine.client().attach_container(container, Some(options)).await?;
    let AttachContainerResults { output, input } = attached;
    let (read, written) = duplex(BUFFER);
    Ok((join(read, input), ContainerOutput { output, written }))
}

/// The output of a container, to be forwarded to the runner.
pub(super) struct ContainerOutput {
    output: Pin<Box<dyn Stream<Item = Result<LogOutput, Error>> + Send>>,
    written: DuplexStream,
}

/// Forwards standard output until it ends; returns the end of standard error, and the error that broke the connection, if any.
pub(super) async fn forward(output: ContainerOutput) -> (Output, Option<Error>) {
    let ContainerOutput { mut output, mut written } = output;
    let (errors, mut to_tail) = duplex(BUFFER);
    let tail = Output::of(errors);
    while let Some(read) = output.next().await {
        match read {
            Ok(LogOutput::StdErr { message }) => drop(to_tail.write_all(&message).await),
            // Without a reader, the output is still consumed, so that the engine is not blocked.
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
    fn image_name_is_split_at_its_tag() {
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

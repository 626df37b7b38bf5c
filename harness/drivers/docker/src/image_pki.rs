//! A PKI that is a container of an image that the user names: pulls the image, and runs it in the network of its host's node.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bollard::container::LogOutput;
use bollard::errors::Error;
use bollard::models::HostConfigLogConfig;
use bollard::query_parameters::{CreateImageOptionsBuilder, LogsOptionsBuilder};
use futures_util::StreamExt;
use process::Output;
use redact::Masker;
use testcontainers::core::ImageExt;
use testcontainers::{ContainerRequest, GenericImage};
use tokio::io::{AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::watch;
use tokio::time::timeout;

use super::container::{self, name_and_tag};
use super::engine::{Engine, EngineError};
use super::exits::exit_reason;
use model::lab::{Image, Lab};
use simulated::channel::Channel;
use simulated::control::{Operation, Reply};
use simulated::server::{NotListening, Server};
use testbed::TestbedError;

/// The size of the buffer for the output, in bytes.
const BUFFER: usize = 64 * 1024;

/// The timeout of one attempt to connect, including the request to the container.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The timeout for pulling an image.
const PULL_LIMIT: Duration = Duration::from_secs(600);

/// The maximum time without progress of a registry.
const SILENCE_LIMIT: Duration = Duration::from_secs(30);

/// Pulls the image that a host runs if the engine does not have it.
///
/// # Errors
/// If the engine does not have it and cannot pull it, with the reason and advice.
pub(super) async fn obtain_image(
    engine: &Engine,
    host: &str,
    image: &str,
) -> Result<(), TestbedError> {
    match engine.client().inspect_image(image).await {
        Ok(_) => Ok(()),
        Err(error) if EngineError::of(&error).is_absence() => {
            pull(engine, image).await.map_err(|why| missing(host, image, &why))
        }
        Err(error) => Err(engine.explain(&format!("looking for the image `{image}`"), &error)),
    }
}

async fn pull(engine: &Engine, image: &str) -> Result<(), String> {
    let options = CreateImageOptionsBuilder::new().from_image(image);
    // Without a tag an engine would pull all tags.
    let last = image.rsplit('/').next().unwrap_or_default();
    let options = if last.contains([':', '@']) { options } else { options.tag("latest") };
    match timeout(PULL_LIMIT, engine.create_image(options.build(), None, SILENCE_LIMIT)).await {
        Ok(Ok(created)) => created.map_err(|error| error.to_string()),
        Ok(Err(_)) => {
            Err(format!("the registry has sent nothing for {} s", SILENCE_LIMIT.as_secs()))
        }
        Err(_) => Err(format!("it took more than {} s", PULL_LIMIT.as_secs())),
    }
}

fn missing(host: &str, image: &str, why: &str) -> TestbedError {
    let reason = format!(
        "image `{image}` is not on this engine and cannot be pulled: {why}; `docker pull {image}` tries again, \
         `docker load` loads it from a file, `docker images` lists the images of this engine"
    );
    TestbedError::Pki { name: host.to_owned(), reason }
}

/// The lab, host and node that a container belongs to.
pub(super) struct Placement<'a> {
    pub(super) engine: &'a Engine,
    pub(super) lab: &'a Lab,
    /// The host whose PKI it is, and the container whose network it shares.
    pub(super) host: &'a str,
    pub(super) node: &'a str,
    /// The channel to process 1 of that container.
    pub(super) channel: &'a Channel,
    pub(super) labels: HashMap<String, String>,
}

/// Starts the container; returns when it is ready.
///
/// # Errors
/// If it cannot be started, or ends or is not ready in time.
pub(super) async fn start(
    placement: &Placement<'_>,
    image: &Image,
) -> Result<Server, TestbedError> {
    let doing = format!("starting `{}` for host `{}`", image.name, placement.host);
    let (request, labels) = (request(image, placement.node), placement.labels.clone());
    let id = container::start(placement.engine, &doing, request, labels).await?;
    let (reader, writer) = duplex(BUFFER);
    let masker = Arc::new(Masker::new(placement.lab.secrets()));
    let output = Output::read(reader, &masker, image.ready.output.as_deref());
    let (end, ended) = watch::channel(None);
    let container = (placement.engine.clone(), id, image.name.clone());
    tokio::spawn(watch(container, output.clone(), writer, end));
    let of = (placement.lab, placement.host, image.name.as_str());
    let connect = |address| listens(placement.channel, address);
    let ready = Server { output, ended }.when_ready(of, &image.ready, connect).await;
    ready.map_err(|reason| TestbedError::Pki { name: placement.host.to_owned(), reason })
}

fn request(image: &Image, node: &str) -> ContainerRequest<GenericImage> {
    let (name, tag) = name_and_tag(&image.name);
    let mut started = GenericImage::new(name, tag);
    if let Some(entrypoint) = &image.entrypoint {
        started = started.with_entrypoint(entrypoint);
    }
    let network = format!("container:{node}");
    let mut request = started
        .with_host_config_modifier(move |config| {
            config.network_mode = Some(network.clone());
            config.publish_all_ports = Some(false);
            config.port_bindings = None;
            config.extra_hosts = None;
            // Not every log driver allows reading the logs.
            let bounds = [("max-size", "4m"), ("max-file", "2")];
            let bounds = bounds.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
            let typ = Some("json-file".to_owned());
            config.log_config = Some(HostConfigLogConfig { typ, config: Some(bounds) });
        })
        .with_cmd(image.command.clone());
    for (name, value) in &image.environment {
        request = request.with_env_var(name, value);
    }
    for (name, secret) in &image.secrets {
        request = request.with_env_var(name, secret.expose());
    }
    request
}

/// Reads a container's output until it ends, and reports how, unless the receiver is dropped.
async fn watch(
    (engine, id, name): (Engine, String, String),
    output: Output,
    mut to_output: DuplexStream,
    end: watch::Sender<Option<String>>,
) {
    let error = tokio::select! {
        error = follow(&engine, &id, &mut to_output) => error,
        () = end.closed() => return,
    };
    drop(to_output);
    output.finish().await;
    let how = exit_reason(&engine, &id, error.as_ref()).await.how;
    end.send_replace(Some(output.under(&format!("`{name}`: {how}"))));
}

async fn follow(engine: &Engine, id: &str, to_output: &mut DuplexStream) -> Option<Error> {
    let options = LogsOptionsBuilder::new().follow(true).stdout(true).stderr(true).build();
    let mut written = engine.client().logs(id, Some(options));
    while let Some(read) = written.next().await {
        match read.map(LogOutput::into_bytes) {
            Ok(bytes) => drop(to_output.write_all(&bytes).await),
            Err(error) => return Some(error),
        }
    }
    None
}

/// Checks that a process listens at an address of the host.
async fn listens(channel: &Channel, address: SocketAddr) -> Result<(), NotListening> {
    match channel.request(Operation::Listens(address), CONNECT_TIMEOUT).await {
        Ok(Reply::Listens(listens)) => listens,
        Ok(_) => {
            let reason = "the node sent a reply that does not fit the request";
            Err(NotListening::Other(reason.to_owned()))
        }
        Err(error) => Err(NotListening::Other(error.to_string())),
    }
}

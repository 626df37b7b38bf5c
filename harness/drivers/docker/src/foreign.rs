//! Somebody else's image, there or fetched, and a container of it as a PKI, in the network of its host's node.

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
use super::engine::{Engine, Fault};
use super::exits::exit_reason;
use model::lab::{Image, Lab};
use simulated::channel::Channel;
use simulated::control::{Ask, Reply};
use simulated::server::Server;
use testbed::TestbedError;

/// How much waits for whoever looks through the output.
const UNREAD: usize = 64 * 1024;

/// How long one try may take, the way to the container and back included.
const TRY: Duration = Duration::from_secs(5);

/// How long fetching an image may take.
const PULL_LIMIT: Duration = Duration::from_secs(600);

/// How long a registry may say nothing.
const SILENCE: Duration = Duration::from_secs(30);

/// Sees to it that the engine has the image that a host runs.
///
/// # Errors
/// When it has not and cannot be given it, with the reason and what to do about it.
pub(super) async fn obtain_image(
    engine: &Engine,
    host: &str,
    image: &str,
) -> Result<(), TestbedError> {
    match engine.client().inspect_image(image).await {
        Ok(_) => Ok(()),
        Err(error) if Fault::of(&error).is_absence() => {
            pull(engine, image).await.map_err(|why| missing(host, image, &why))
        }
        Err(error) => Err(engine.explain(&format!("looking for the image `{image}`"), &error)),
    }
}

async fn pull(engine: &Engine, image: &str) -> Result<(), String> {
    let options = CreateImageOptionsBuilder::new().from_image(image);
    // Without a tag an engine would fetch all there are.
    let last = image.rsplit('/').next().unwrap_or_default();
    let options = if last.contains([':', '@']) { options } else { options.tag("latest") };
    match timeout(PULL_LIMIT, engine.create_image(options.build(), None, SILENCE)).await {
        Ok(Ok(created)) => created.map_err(|error| error.to_string()),
        Ok(Err(_)) => Err(format!("nothing was heard of the registry for {} s", SILENCE.as_secs())),
        Err(_) => Err(format!("it takes more than {} s", PULL_LIMIT.as_secs())),
    }
}

fn missing(host: &str, image: &str, why: &str) -> TestbedError {
    let reason = format!(
        "image `{image}` is not on this engine and cannot be pulled: {why}; `docker pull {image}` tries it again, \
         `docker load` takes it from a file, `docker images` names what is there"
    );
    TestbedError::Pki { name: host.to_owned(), reason }
}

/// Where a container stands.
pub(super) struct Place<'a> {
    pub(super) engine: &'a Engine,
    pub(super) lab: &'a Lab,
    /// The host that it is the PKI of, and the container whose network it shares.
    pub(super) host: &'a str,
    pub(super) node: &'a str,
    /// The line to that container's process 1.
    pub(super) channel: &'a Channel,
    pub(super) labels: HashMap<String, String>,
}

/// Starts the container; returns when it serves.
///
/// # Errors
/// When it cannot be started, or ends or is not ready in time.
pub(super) async fn start(place: &Place<'_>, image: &Image) -> Result<Server, TestbedError> {
    let doing = format!("starting `{}` for host `{}`", image.name, place.host);
    let (request, labels) = (request(image, place.node), place.labels.clone());
    let id = container::start(place.engine, &doing, request, labels).await?;
    let (reader, writer) = duplex(UNREAD);
    let masker = Arc::new(Masker::new(place.lab.secrets()));
    let output = Output::read(reader, &masker, image.ready.output.as_deref());
    let (end, ended) = watch::channel(None);
    let container = (place.engine.clone(), id, image.name.clone());
    tokio::spawn(attend(container, output.clone(), writer, end));
    let of = (place.lab, place.host, image.name.as_str());
    let connect = |address| listens(place.channel, address);
    let ready = Server { output, ended }.when_ready(of, &image.ready, connect).await;
    ready.map_err(|reason| TestbedError::Pki { name: place.host.to_owned(), reason })
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
            // Not every driver of logs lets them be read.
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

/// Reads what a container writes until it ends, and tells how, unless nobody is left who could be told.
async fn attend(
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
    let how = exit_reason(&engine, &id, error.as_ref()).await;
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

/// Why there is no connection to an address of the host, if there is none.
async fn listens(channel: &Channel, address: SocketAddr) -> Result<(), String> {
    match channel.ask(Ask::Listens(address), TRY).await {
        Ok(Reply::Listens(listens)) => listens,
        Ok(_) => Err("the node gave an answer that fits no question".to_owned()),
        Err(gone) => Err(gone.to_string()),
    }
}

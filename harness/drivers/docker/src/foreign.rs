//! A container of somebody else's image as a PKI, in the network of its host's node.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bollard::container::LogOutput;
use bollard::models::{HostConfig, HostConfigLogConfig};
use bollard::query_parameters::LogsOptionsBuilder;
use futures_util::StreamExt;
use process::Output;
use redact::Masker;
use testcontainers::core::ImageExt;
use testcontainers::{ContainerRequest, GenericImage};
use tokio::io::{AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::watch;

use super::container::{self, name_and_tag};
use super::engine::Engine;
use super::exit_reason;
use model::lab::{Image, Lab};
use simulated::channel::Channel;
use simulated::control::{Ask, Reply};
use simulated::server::Server;
use testbed::BenchError;

/// How much waits for whoever looks through the output.
const UNREAD: usize = 64 * 1024;

/// How long one try may take, the way to the container and back included.
const TRY: Duration = Duration::from_secs(5);

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
pub(super) async fn start(place: &Place<'_>, image: &Image) -> Result<Server, BenchError> {
    let doing = format!("starting `{}` for host `{}`", image.name, place.host);
    let (request, labels) = (request(image, place.node), place.labels.clone());
    let id = container::start(place.engine, &doing, request, labels).await?;
    let (reader, writer) = duplex(UNREAD);
    let masker = Arc::new(Masker::new(place.lab.secrets()));
    let output = Output::read(reader, &masker, image.ready.output.as_deref());
    let (end, ended) = watch::channel(None);
    let attended = Attended { engine: place.engine.clone(), id, output: output.clone() };
    tokio::spawn(attended.attend(image.name.clone(), writer, end));
    let of = (place.lab, place.host, image.name.as_str());
    let connect = |address| listens(place.channel, address);
    let ready = Server { output, ended }.when_ready(of, &image.ready, connect).await;
    ready.map_err(|reason| BenchError::Pki { name: place.host.to_owned(), reason })
}

fn request(image: &Image, node: &str) -> ContainerRequest<GenericImage> {
    let (name, tag) = name_and_tag(&image.name);
    let mut started = GenericImage::new(name, tag);
    if let Some(entrypoint) = &image.entrypoint {
        started = started.with_entrypoint(entrypoint);
    }
    let network = format!("container:{node}");
    let mut request = started
        .with_host_config_modifier(move |config| set_up(config, &network))
        .with_cmd(image.command.clone());
    for (name, value) in &image.environment {
        request = request.with_env_var(name, value);
    }
    for (name, secret) in &image.secrets {
        request = request.with_env_var(name, secret.expose());
    }
    request
}

fn set_up(config: &mut HostConfig, network: &str) {
    config.network_mode = Some(network.to_owned());
    config.publish_all_ports = Some(false);
    config.port_bindings = None;
    config.extra_hosts = None;
    // Not every driver of logs lets them be read.
    let bounds = [("max-size", "4m"), ("max-file", "2")];
    let bounds = bounds.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let readable = HostConfigLogConfig { typ: Some("json-file".into()), config: Some(bounds) };
    config.log_config = Some(readable);
}

/// A container that is looked after.
struct Attended {
    engine: Engine,
    id: String,
    output: Output,
}

impl Attended {
    /// Reads what it writes until it ends, and tells how, unless nobody is left who could be told.
    async fn attend(
        self,
        name: String,
        mut to_output: DuplexStream,
        end: watch::Sender<Option<String>>,
    ) {
        let error = tokio::select! {
            error = self.follow(&mut to_output) => error,
            () = end.closed() => return,
        };
        drop(to_output);
        self.output.finish().await;
        let how = exit_reason::of(&self.engine, &self.id, error.as_ref()).await;
        end.send_replace(Some(self.output.under(&format!("`{name}`: {how}"))));
    }

    async fn follow(&self, to_output: &mut DuplexStream) -> Option<bollard::errors::Error> {
        let options = LogsOptionsBuilder::new().follow(true).stdout(true).stderr(true).build();
        let mut written = self.engine.client().logs(&self.id, Some(options));
        while let Some(read) = written.next().await {
            match read.map(LogOutput::into_bytes) {
                Ok(bytes) => drop(to_output.write_all(&bytes).await),
                Err(error) => return Some(error),
            }
        }
        None
    }
}

/// Why there is no connection to an address of the host, if there is none.
async fn listens(channel: &Channel, address: SocketAddr) -> Result<(), String> {
    match channel.ask(Ask::Listens(address), TRY).await {
        Ok(Reply::Listens(listens)) => listens,
        Ok(_) => Err("the node gave an answer that fits no question".to_owned()),
        Err(gone) => Err(gone.to_string()),
    }
}

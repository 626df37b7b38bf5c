//! A container of somebody else's image as a PKI, in the network of its host's node.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bollard::container::LogOutput;
use bollard::models::{HostConfig, HostConfigLogConfig};
use bollard::query_parameters::LogsOptionsBuilder;
use futures_util::StreamExt;
use ipnet::Ipv4Net;
use process::Output;
use redact::Masker;
use testcontainers::core::ImageExt;
use testcontainers::{ContainerRequest, GenericImage};
use tokio::io::{AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};

use super::container::{self, name_and_tag};
use super::engine::Engine;
use super::exit_reason;
use model::lab::{Image, Lab};
use simulated::channel::Channel;
use simulated::control::{Ask, Reply};
use testbed::BenchError;
use testbed::pki::Pki;

/// How much waits for whoever looks through the output.
const UNREAD: usize = 64 * 1024;

/// How long after one try to connect the next one is made.
const PAUSE: Duration = Duration::from_millis(20);

/// How long one try may take, the way to the container and back included.
const TRY: Duration = Duration::from_secs(5);

/// A container that serves, until it ends by itself or its lab is removed.
pub(super) struct ForeignPki {
    output: Output,
    /// How it ended, once it has.
    ended: watch::Receiver<Option<String>>,
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

impl ForeignPki {
    /// Starts the container; returns when it serves.
    ///
    /// # Errors
    /// When it cannot be started, or ends or is not ready in time.
    pub(super) async fn start(place: &Place<'_>, image: &Image) -> Result<Self, BenchError> {
        let doing = format!("starting `{}` for host `{}`", image.name, place.host);
        let (request, labels) = (request(image, place.node), place.labels.clone());
        let id = container::start(place.engine, &doing, request, labels).await?;
        let (reader, writer) = duplex(UNREAD);
        let masker = Arc::new(Masker::new(place.lab.secrets()));
        let output = Output::read(reader, &masker, image.ready.output.as_deref());
        let (end, mut ended) = watch::channel(None);
        let attended = Attended { engine: place.engine.clone(), id, output: output.clone() };
        tokio::spawn(attended.attend(image.name.clone(), writer, end));
        let broken = |reason| BenchError::Pki { name: place.host.to_owned(), reason };
        tokio::select! {
            // Whoever has ended is not ready, even if both are true at the first look.
            biased;
            reason = end_of(&mut ended) => Err(format!("{reason}\nit was not ready yet")),
            ready = wait(place, image, &output) => ready,
        }
        .map_err(broken)?;
        Ok(Self { output, ended })
    }
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

/// Waits until all that the lab file names holds.
async fn wait(place: &Place<'_>, image: &Image, output: &Output) -> Result<(), String> {
    let ready = &image.ready;
    let deadline = Instant::now() + ready.within;
    let late = |lacking: &str| {
        let message =
            format!("`{}` was not ready within {:?}: {lacking}", image.name, ready.within);
        output.under(&message)
    };
    if let Some(pattern) = &ready.output
        && timeout_at(deadline, output.matched()).await.is_err()
    {
        return Err(late(&format!("no line of its output matches `{pattern}`")));
    }
    let Some(port) = ready.port else { return Ok(()) };
    let host = place.lab.hosts.get(place.host).and_then(|host| host.addresses.first());
    let address = SocketAddr::from((host.map_or(Ipv4Addr::LOCALHOST, Ipv4Net::addr), port));
    let mut last = String::new();
    if timeout_at(deadline, listens(place.channel, address, &mut last)).await.is_err() {
        return Err(late(&format!("nobody listens at {address}{last}")));
    }
    Ok(())
}

/// Ends when somebody listens; notes why the last try failed.
async fn listens(channel: &Channel, address: SocketAddr, last: &mut String) {
    loop {
        match channel.ask(Ask::Listens(address), TRY).await {
            Ok(Reply::Listens(Ok(()))) => return,
            Ok(Reply::Listens(Err(reason))) => *last = format!(" ({reason})"),
            Ok(_) => " (the node gave an answer that fits no question)".clone_into(last),
            Err(gone) => *last = format!(" ({gone})"),
        }
        sleep(PAUSE).await;
    }
}

async fn end_of(ended: &mut watch::Receiver<Option<String>>) -> String {
    match ended.wait_for(Option::is_some).await {
        Ok(reason) => reason.clone().unwrap_or_default(),
        Err(_) => "it is attended to no more".to_owned(),
    }
}

#[async_trait]
impl Pki for ForeignPki {
    async fn log(&self) -> Vec<String> {
        self.output.lines()
    }

    async fn broken(&self) -> String {
        end_of(&mut self.ended.clone()).await
    }
}

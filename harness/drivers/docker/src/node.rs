//! A host or a device of a lab: a container of the node's image, and the communication with its process 1.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bollard::models::HostConfigLogConfig;
use diagnostics::bugs;
use process::messages::{Messages, ReadError, encode, write};
use testcontainers::core::ImageExt;
use testcontainers::{ContainerRequest, GenericImage};
use tokio::io::BufReader;
use tokio::time::timeout;

use super::container::{self, ContainerOutput, ControlStream, attach, forward, name_and_tag};
use super::engine::Engine;
use super::exits::{exit_reason, exit_reason_if_ended};
use model::lab::topology::{Kind, Node};
use model::lab::{DEFAULT_TTL, Lab};
use simulated::control::{LabEvent, NetworkConfig, Operation, Reply, Request};
use simulated::exit::Exits;
use testbed::TestbedError;

/// The timeout for a container to configure its network.
const CONFIGURE_LIMIT: Duration = Duration::from_secs(60);

/// The time to wait, after the end of a stream, for the reason of the exit.
const EXIT_LIMIT: Duration = Duration::from_secs(6);

/// The exit code of a process 1 that ended by a bug of this program.
const BUG: i64 = 1;

/// The settings that all nodes of a lab share.
pub(super) struct Nodes<'a> {
    pub(super) engine: Engine,
    pub(super) lab: &'a Lab,
    /// The image of the containers.
    pub(super) image: String,
    /// The same image if the user named it, so that it may not be one of Sceplab.
    pub(super) named_image: Option<String>,
    pub(super) labels: HashMap<String, String>,
    /// The network that carries the lab.
    pub(super) carrier: String,
    pub(super) exits: Arc<Exits>,
}

/// A running container, with the stream to it.
pub(super) struct Started {
    pub(super) id: String,
    pub(super) stream: ControlStream,
    pub(super) output: ContainerOutput,
}

impl Nodes<'_> {
    /// Starts the container of a node; its process 1 has received no request yet.
    pub(super) async fn start(&self, node: &Node) -> Result<Started, TestbedError> {
        let doing = format!("starting the container of `{}`", node.name);
        let request = self.request(node);
        let id = container::start(&self.engine, &doing, request, self.labels.clone()).await?;
        let attached = attach(&self.engine, &id).await;
        // The streams of a container that ended early do not end, and its exit reason explains more than an error of the engine.
        if let Some(how) = exit_reason_if_ended(&self.engine, &id).await {
            let reason = format!("`{}`: {}", node.name, self.with_hint(&how));
            return Err(TestbedError::Network { reason });
        }
        let (stream, output) = attached.map_err(|error| self.engine.explain(&doing, &error))?;
        Ok(Started { id, stream, output })
    }

    /// Forwards a container's output until it ends, then records the reason of its exit.
    pub(super) fn watch(
        &self,
        name: &str,
        container: &str,
        output: ContainerOutput,
    ) -> impl Future<Output = ()> + Send + use<> {
        let (engine, exits) = (self.engine.clone(), Arc::clone(&self.exits));
        let (name, container) = (name.to_owned(), container.to_owned());
        let is_ours = self.named_image.is_none();
        async move {
            let (tail, error) = forward(output).await;
            let end = exit_reason(&engine, &container, error.as_ref()).await;
            if is_ours && end.code == Some(BUG) {
                bugs::record(tail.beside(&format!("in the container of `{name}`")).await);
            }
            exits.record(name, tail.beside(&end.how).await);
        }
    }

    /// Sends process 1 of a container its network configuration, and waits until it is applied.
    pub(super) async fn configure(
        &self,
        config: NetworkConfig,
        stream: ControlStream,
    ) -> Result<ControlStream, TestbedError> {
        let name = config.node.name.clone();
        let broken =
            |reason: String| TestbedError::Network { reason: format!("`{name}`: {reason}") };
        match timeout(CONFIGURE_LIMIT, request_configuration(stream, config)).await {
            Ok(Ok((stream, configured))) => configured.map(|()| stream),
            Ok(Err(_)) => {
                let exit = timeout(EXIT_LIMIT, self.exits.broken(&name)).await;
                let exit =
                    exit.unwrap_or_else(|_| "its process 1 sent an invalid message".to_owned());
                Err(broken(self.with_hint(&exit)))
            }
            Err(_) => Err(broken(format!(
                "its container was not ready within {} s",
                CONFIGURE_LIMIT.as_secs()
            ))),
        }
    }

    /// The error for a node without an address from the engine; most likely its container has ended.
    pub(super) async fn without_address(&self, name: &str) -> TestbedError {
        let exit = timeout(EXIT_LIMIT, self.exits.broken(name)).await;
        let reason = exit.map_or_else(
            |_| "the engine has given its container no address".to_owned(),
            |exit| self.with_hint(&exit),
        );
        TestbedError::Network { reason: format!("`{name}`: {reason}") }
    }

    fn with_hint(&self, reason: &str) -> String {
        let Some(image) = &self.named_image else { return reason.to_owned() };
        format!(
            "{reason}; is `{image}` an image of this version of Sceplab? \
             `docker run --rm {image} --version` shows it"
        )
    }

    fn request(&self, node: &Node) -> ContainerRequest<GenericImage> {
        let (name, tag) = name_and_tag(&self.image);
        let (carrier, names) = (self.carrier.clone(), names(self.lab));
        let settings = settings(node.kind);
        GenericImage::new(name, tag)
            .with_cmd(["lab-process", "in-container"])
            .with_open_stdin(true)
            .with_user("0:0")
            .with_readonly_rootfs(true)
            .with_security_opt("no-new-privileges")
            .with_cap_drop("ALL")
            .with_cap_add("NET_ADMIN")
            .with_cap_add("NET_BIND_SERVICE")
            .with_host_config_modifier(move |config| {
                config.network_mode = Some(carrier.clone());
                config.extra_hosts = Some(names.clone());
                // The lab has no DNS server; with this address a DNS query fails at once.
                config.dns = Some(vec!["127.0.0.1".to_owned()]);
                config.sysctls = Some(settings.clone());
                // The engine's machine must not reach ports in the lab.
                config.publish_all_ports = Some(false);
                config.port_bindings = None;
                config.tmpfs = Some(HashMap::from([("/tmp".to_owned(), "mode=1777".to_owned())]));
                // The messages between the runner and process 1 must not fill the engine's logs.
                let nowhere = HostConfigLogConfig { typ: Some("none".to_owned()), config: None };
                config.log_config = Some(nowhere);
            })
    }
}

/// The kernel settings of a container, which can be set when it is created, but not from within.
fn settings(kind: Kind) -> HashMap<String, String> {
    let (forwards, ttl) = match kind {
        Kind::Host { forwards, ttl } => (forwards, ttl),
        Kind::Device => (false, DEFAULT_TTL),
    };
    let settings = [
        ("net.ipv4.ip_default_ttl", ttl.to_string()),
        ("net.ipv4.ip_forward", u8::from(forwards).to_string()),
        // As in the virtual lab, every lost packet is reported: by default the kernel limits the rate.
        ("net.ipv4.icmp_ratemask", "0".to_owned()),
        ("net.ipv4.ping_group_range", "0 0".to_owned()),
    ];
    settings.map(|(setting, value)| (setting.to_owned(), value)).into()
}

/// The host names of the lab, for programs in it.
fn names(lab: &Lab) -> Vec<String> {
    let named = lab.hosts.iter().flat_map(|(name, host)| {
        host.addresses.iter().map(move |address| format!("{name}:{}", address.addr()))
    });
    named.collect()
}

/// Sends the network configuration; returns the stream, and whether the container has applied it.
async fn request_configuration(
    mut stream: ControlStream,
    config: NetworkConfig,
) -> Result<(ControlStream, Result<(), TestbedError>), ReadError> {
    let request = Request { id: 0, operation: Operation::Configure(Box::new(config)) };
    write(&mut stream, &encode(&request).unwrap_or_default()).await?;
    let mut messages = Messages::new(BufReader::new(stream));
    match messages.next().await? {
        LabEvent::Reply { reply: Reply::Configured(configured), .. } => {
            Ok((messages.into_inner().into_inner(), configured))
        }
        _ => Err(io::Error::other("a reply that does not fit the request").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use diagnostics::Source;

    #[test]
    fn kernel_settings_have_ttl_and_forwarding() {
        let settings = settings(Kind::Host { forwards: true, ttl: 128 });
        assert_eq!(settings["net.ipv4.ip_default_ttl"], "128");
        assert_eq!(settings["net.ipv4.ip_forward"], "1");
        assert_eq!(super::settings(Kind::Device)["net.ipv4.ip_forward"], "0");
    }

    #[test]
    fn host_names_have_every_address_of_a_host() {
        let lab =
            "hosts: {a: {addresses: [10.0.0.1/24, 10.0.1.1/24]}, b: {addresses: [10.0.0.2/24]}}";
        let lab = Lab::parse(&Source::new("lab", lab.to_owned())).unwrap();
        assert_eq!(names(&lab), ["a:10.0.0.1", "a:10.0.1.1", "b:10.0.0.2"]);
    }
}

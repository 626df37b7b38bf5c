//! A host or a device of a lab: a container of the node's image, and what is said to its process 1.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bollard::models::HostConfigLogConfig;
use process::messages::{Messages, ReadError, encode, write};
use testcontainers::core::ImageExt;
use testcontainers::{ContainerRequest, GenericImage};
use tokio::io::BufReader;
use tokio::time::timeout;

use super::container::{self, Carrying, Line, attach, carry, name_and_tag};
use super::engine::Engine;
use super::exits::{exit_reason, exit_reason_if_ended};
use model::lab::topology::{Kind, Node};
use model::lab::{DEFAULT_TTL, Lab};
use simulated::control::{Ask, Furnishing, LabEvent, Reply, Request};
use simulated::exit::Exits;
use testbed::TestbedError;

/// How long a container may take to make its network.
const FURNISHING_LIMIT: Duration = Duration::from_secs(60);

/// How long after the end of a line the reason for it is waited for.
const EXIT_LIMIT: Duration = Duration::from_secs(6);

/// What all nodes of a lab have in common.
pub(super) struct Nodes<'a> {
    pub(super) engine: Engine,
    pub(super) lab: &'a Lab,
    /// The image, and the labels of the containers.
    pub(super) image: String,
    /// The image once more, where it was named and may be any.
    pub(super) foreign: Option<String>,
    pub(super) labels: HashMap<String, String>,
    /// The network that carries the lab.
    pub(super) carrier: String,
    pub(super) exits: Arc<Exits>,
}

/// A container that runs, and the line to it.
pub(super) struct Started {
    pub(super) id: String,
    pub(super) line: Line,
    pub(super) carrying: Carrying,
}

impl Nodes<'_> {
    /// Starts the container of a node, whose process 1 is told nothing yet.
    pub(super) async fn start(&self, node: &Node) -> Result<Started, TestbedError> {
        let doing = format!("starting the container of `{}`", node.name);
        let request = self.request(node);
        let id = container::start(&self.engine, &doing, request, self.labels.clone()).await?;
        let attached = attach(&self.engine, &id).await;
        // The streams of one that has ended already do not end, and how it ended tells more than an error of the engine.
        if let Some(how) = exit_reason_if_ended(&self.engine, &id).await {
            let reason = format!("`{}`: {}", node.name, self.with_a_hint(&how));
            return Err(TestbedError::Network { reason });
        }
        let (line, carrying) = attached.map_err(|error| self.engine.explain(&doing, &error))?;
        Ok(Started { id, line, carrying })
    }

    /// Reads on what a container writes, until it ends; then the reason of its exit is known.
    pub(super) fn watch(
        &self,
        name: &str,
        container: &str,
        carrying: Carrying,
    ) -> impl Future<Output = ()> + Send + use<> {
        let (engine, exits) = (self.engine.clone(), Arc::clone(&self.exits));
        let (name, container) = (name.to_owned(), container.to_owned());
        async move {
            let (tail, error) = carry(carrying).await;
            let how = exit_reason(&engine, &container, error.as_ref()).await;
            exits.note(name, tail.beside(&how).await);
        }
    }

    /// Tells process 1 of a container what its network is, and waits until it has made it.
    pub(super) async fn furnish(
        &self,
        furnishing: Furnishing,
        line: Line,
    ) -> Result<Line, TestbedError> {
        let name = furnishing.node.name.clone();
        let broken =
            |reason: String| TestbedError::Network { reason: format!("`{name}`: {reason}") };
        match timeout(FURNISHING_LIMIT, ask(line, furnishing)).await {
            Ok(Ok((line, furnished))) => furnished.map(|()| line),
            Ok(Err(_)) => {
                let exit = timeout(EXIT_LIMIT, self.exits.broken(&name)).await;
                let exit = exit.unwrap_or_else(|_| "its process 1 talks nonsense".to_owned());
                Err(broken(self.with_a_hint(&exit)))
            }
            Err(_) => Err(broken(format!(
                "its container was not ready within {} s",
                FURNISHING_LIMIT.as_secs()
            ))),
        }
    }

    /// Why the engine has given the container of a node no address: most likely it has ended.
    pub(super) async fn without_address(&self, name: &str) -> TestbedError {
        let exit = timeout(EXIT_LIMIT, self.exits.broken(name)).await;
        let reason = exit.map_or_else(
            |_| "the engine has given its container no address".to_owned(),
            |exit| self.with_a_hint(&exit),
        );
        TestbedError::Network { reason: format!("`{name}`: {reason}") }
    }

    fn with_a_hint(&self, reason: &str) -> String {
        let Some(image) = &self.foreign else { return reason.to_owned() };
        format!(
            "{reason}; is `{image}` an image of this version of Sceplab? \
             `docker run --rm {image} --version` tells"
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
                // The lab has no server of names; whoever asks for one gets an answer at once.
                config.dns = Some(vec!["127.0.0.1".to_owned()]);
                config.sysctls = Some(settings.clone());
                // Nothing in a lab is reached from the engine's machine.
                config.publish_all_ports = Some(false);
                config.port_bindings = None;
                config.tmpfs = Some(HashMap::from([("/tmp".to_owned(), "mode=1777".to_owned())]));
                // What is said between the runner and process 1 is not for the engine's logs.
                let nowhere = HostConfigLogConfig { typ: Some("none".to_owned()), config: None };
                config.log_config = Some(nowhere);
            })
    }
}

/// What is under /proc/sys in a container may be set when it is made, and not from within.
fn settings(kind: Kind) -> HashMap<String, String> {
    let (forwards, ttl) = match kind {
        Kind::Host { forwards, ttl } => (forwards, ttl),
        Kind::Device => (false, DEFAULT_TTL),
    };
    let settings = [
        ("net.ipv4.ip_default_ttl", ttl.to_string()),
        ("net.ipv4.ip_forward", u8::from(forwards).to_string()),
        // As in the virtual lab, each lost packet is told of: the kernel would fall silent after a few.
        ("net.ipv4.icmp_ratemask", "0".to_owned()),
        ("net.ipv4.ping_group_range", "0 0".to_owned()),
    ];
    settings.map(|(setting, value)| (setting.to_owned(), value)).into()
}

/// Lets programs in the lab know its hosts by their names.
fn names(lab: &Lab) -> Vec<String> {
    let named = lab.hosts.iter().flat_map(|(name, host)| {
        host.addresses.iter().map(move |address| format!("{name}:{}", address.addr()))
    });
    named.collect()
}

/// The line once more, and whether the container has its network.
async fn ask(
    mut line: Line,
    furnishing: Furnishing,
) -> Result<(Line, Result<(), TestbedError>), ReadError> {
    let request = Request { id: 0, ask: Ask::Furnish(Box::new(furnishing)) };
    write(&mut line, &encode(&request).unwrap_or_default()).await?;
    let mut messages = Messages::new(BufReader::new(line));
    match messages.next().await? {
        LabEvent::Reply { reply: Reply::Furnished(furnished), .. } => {
            Ok((messages.into_inner().into_inner(), furnished))
        }
        _ => Err(io::Error::other("an answer that fits no question").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use diagnostics::Source;

    #[test]
    fn a_host_keeps_its_ttl_and_a_router_forwards() {
        let settings = settings(Kind::Host { forwards: true, ttl: 128 });
        assert_eq!(settings["net.ipv4.ip_default_ttl"], "128");
        assert_eq!(settings["net.ipv4.ip_forward"], "1");
        assert_eq!(super::settings(Kind::Device)["net.ipv4.ip_forward"], "0");
    }

    #[test]
    fn every_address_of_a_host_has_its_name() {
        let lab =
            "hosts: {a: {addresses: [10.0.0.1/24, 10.0.1.1/24]}, b: {addresses: [10.0.0.2/24]}}";
        let lab = Lab::parse(&Source::new("lab", lab.to_owned())).unwrap();
        assert_eq!(names(&lab), ["a:10.0.0.1", "a:10.0.1.1", "b:10.0.0.2"]);
    }
}

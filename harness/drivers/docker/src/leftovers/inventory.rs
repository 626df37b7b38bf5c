//! Lists the objects with Sceplab's labels on an engine.

use std::collections::HashMap;
use std::fmt;
use std::time::{Duration, UNIX_EPOCH};

use async_trait::async_trait;
use bollard::models::{ContainerSummary, ImageSummary, Network};
use bollard::query_parameters::{
    ListContainersOptionsBuilder, ListImagesOptionsBuilder, ListNetworksOptionsBuilder,
    RemoveContainerOptionsBuilder, RemoveImageOptions,
};

use scep::clock::Clock;

use super::owner::Owner;
use super::{LAB, NODE, PROCESS, RUN};
use crate::engine::{Engine, EngineError};
use testbed::TestbedError;
use testbed::leftovers::{self, Found, Leftover, Removal, RemovalError, State};

/// The time for which a requested image is not removed, because its requester may be about to create containers of it.
const RECENT_USE: Duration = Duration::from_secs(120);

/// The kind of an object. Containers are removed before the networks that they are in, and the images that they are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A container, running or not.
    Container,
    /// A network.
    Network,
    /// An image for nodes, which serves many runs.
    Image,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Container => "container",
            Self::Network => "network",
            Self::Image => "image",
        })
    }
}

/// An object on an engine that Sceplab created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thing {
    /// The kind of the object.
    pub kind: Kind,
    /// The engine's ID of the object.
    pub id: String,
    /// The name of the object, for human readers.
    pub name: String,
    /// The run that created it; empty for an image.
    pub run: String,
    /// The scenario of its lab; empty for an image.
    pub lab: String,
    /// The process that created it, if a label names one.
    pub owner: Option<Owner>,
    /// The time at which an image was last requested, in seconds since 1970; 0 for other kinds.
    pub used: i64,
}

/// All objects with Sceplab's labels, in the order in which they can be removed.
///
/// # Errors
/// If the engine cannot list the objects.
pub async fn everything(engine: &Engine) -> Result<Vec<Thing>, TestbedError> {
    let mut things = labelled(engine, RUN).await?;
    things.extend(images(engine).await?);
    Ok(things)
}

/// The containers and networks with a label, which may include its value, in the order in which they can be removed.
///
/// # Errors
/// If the engine cannot list the objects.
pub(super) async fn labelled(engine: &Engine, label: &str) -> Result<Vec<Thing>, TestbedError> {
    let client = engine.client();
    let filter = &with_label(label);
    let containers = ListContainersOptionsBuilder::new().all(true).filters(filter).build();
    let networks = ListNetworksOptionsBuilder::new().filters(filter).build();
    let failed = |error| engine.explain("looking for what runs left", &error);
    let containers = client.list_containers(Some(containers)).await.map_err(failed)?;
    let networks = client.list_networks(Some(networks)).await.map_err(failed)?;
    let containers = containers.into_iter().filter_map(of_container);
    Ok(containers.chain(networks.into_iter().filter_map(of_network)).collect())
}

/// The images for nodes.
///
/// # Errors
/// If the engine cannot list the objects.
pub(crate) async fn images(engine: &Engine) -> Result<Vec<Thing>, TestbedError> {
    let options = ListImagesOptionsBuilder::new().all(true).filters(&with_label(NODE)).build();
    let images = engine.client().list_images(Some(options)).await;
    let images = images.map_err(|error| engine.explain("looking for images of nodes", &error))?;
    let mut things = Vec::new();
    for image in images {
        let mut thing = of_image(image);
        thing.used = last_used(engine, &thing.id).await.unwrap_or(thing.used);
        things.push(thing);
    }
    Ok(things)
}

/// The time at which an image was last requested: each request tags it again. `None` if the engine does not report the time.
async fn last_used(engine: &Engine, id: &str) -> Option<i64> {
    let image = engine.client().inspect_image(id).await.ok()?;
    Some(image.metadata?.last_tag_time?.unix_timestamp()).filter(|time| *time > 0)
}

fn with_label(label: &str) -> HashMap<String, Vec<String>> {
    HashMap::from([("label".to_owned(), vec![label.to_owned()])])
}

/// True if an image was requested so recently that its requester may not have created a container of it yet.
fn is_recent(used: i64) -> bool {
    let now = Clock::system().now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
    // An image with a time in the future is recent: the engine's clock may be ahead.
    i64::try_from(now).is_ok_and(|now| now - used < RECENT_USE.as_secs().cast_signed())
}

impl Thing {
    /// Living if the object's creator lives, or if the object is an image that was requested recently.
    pub fn state(&self) -> State {
        if self.kind == Kind::Image && is_recent(self.used) {
            return State::Living;
        }
        self.owner.as_ref().map_or(State::Elsewhere, Owner::state)
    }

    /// Removes the object even if it is in use, except an image with containers. Succeeds if the object no longer exists.
    ///
    /// # Errors
    /// If the engine refuses, for example because a network has containers.
    pub async fn remove(&self, engine: &Engine) -> Result<Removal, TestbedError> {
        // The image may have been requested since the list was made.
        let is_wanted = self.kind == Kind::Image
            && self.state() != State::Living
            && last_used(engine, &self.id).await.is_some_and(is_recent);
        if is_wanted {
            return Ok(Removal::InUse);
        }
        let Err(error) = self.try_remove(engine).await else { return Ok(Removal::Removed) };
        match EngineError::of(&error) {
            class if class.is_absence() => Ok(Removal::Removed),
            EngineError::Conflict if self.kind == Kind::Image => Ok(Removal::InUse),
            // A forced removal of a container conflicts with nothing but another removal.
            EngineError::Conflict if self.kind == Kind::Container => Ok(Removal::Removed),
            _ => {
                Err(engine.explain(&format!("removing the {} `{}`", self.kind, self.name), &error))
            }
        }
    }

    async fn try_remove(&self, engine: &Engine) -> Result<(), bollard::errors::Error> {
        let client = engine.client();
        match self.kind {
            Kind::Container => {
                let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
                client.remove_container(&self.id, Some(options)).await
            }
            Kind::Network => client.remove_network(&self.id).await,
            Kind::Image => {
                let options = None::<RemoveImageOptions>;
                client.remove_image(self.handle(), options, None).await.map(drop)
            }
        }
    }

    /// The name by which an image is removed: by its ID it cannot be if it has several names, but by one of them it can.
    fn handle(&self) -> &str {
        if self.name.contains(':') { &self.name } else { &self.id }
    }

    fn new(kind: Kind, id: String, name: String, labels: &HashMap<String, String>) -> Self {
        let label = |key: &str| labels.get(key).cloned().unwrap_or_default();
        let owner = labels.get(PROCESS).and_then(|owner| Owner::parse(owner));
        Self { kind, id, name, run: label(RUN), lab: label(LAB), owner, used: 0 }
    }
}

fn of_container(container: ContainerSummary) -> Option<Thing> {
    let id = container.id?;
    let name = container.names.and_then(|names| names.into_iter().next());
    let name = name.map_or_else(|| id.clone(), |name| name.trim_start_matches('/').to_owned());
    Some(Thing::new(Kind::Container, id, name, &container.labels.unwrap_or_default()))
}

fn of_network(network: Network) -> Option<Thing> {
    let id = network.id?;
    let name = network.name.unwrap_or_else(|| id.clone());
    Some(Thing::new(Kind::Network, id, name, &network.labels.unwrap_or_default()))
}

fn of_image(image: ImageSummary) -> Thing {
    let named = image.repo_tags.into_iter().find(|tag| !tag.starts_with("<none>"));
    let name = named.unwrap_or_else(|| image.id.clone());
    let mut thing = Thing::new(Kind::Image, image.id, name, &image.labels);
    // A run's labels on an image are those of the container that it was manually created from.
    thing.run.clear();
    thing.lab.clear();
    thing.used = image.created;
    thing
}

/// Finds the objects of labs on the engine of this machine.
pub async fn find() -> Found {
    if Engine::is_absent() {
        let why = "there is no Docker engine here, and so no container";
        return Found { nothing_there: Some(why.to_owned()), ..Found::default() };
    }
    let unseen =
        |error: TestbedError| Found { unseen: Some(error.to_string()), ..Found::default() };
    let engine = match Engine::connect().await {
        Ok(engine) => engine,
        Err(error) => return unseen(error),
    };
    match everything(&engine).await {
        Ok(things) => {
            let leftovers = things.into_iter().map(|thing| leftover(&engine, thing)).collect();
            Found { leftovers, ..Found::default() }
        }
        Err(error) => unseen(error),
    }
}

/// An object and its engine.
struct OnEngine {
    engine: Engine,
    thing: Thing,
}

fn leftover(engine: &Engine, thing: Thing) -> Leftover {
    let Thing { kind, name, lab, owner, .. } = &thing;
    let lab = if lab.is_empty() { String::new() } else { format!(" of {lab}") };
    let made = owner.as_ref().map_or_else(String::new, |owner| {
        format!(", made by process {} on {}", owner.process, owner.host)
    });
    let (what, state) = (format!("{kind} `{name}`{lab}{made}"), thing.state());
    Leftover { what, state, thing: Box::new(OnEngine { engine: engine.clone(), thing }) }
}

#[async_trait]
impl leftovers::Removable for OnEngine {
    async fn remove(&self) -> Result<Removal, RemovalError> {
        Ok(self.thing.remove(&self.engine).await?)
    }
}

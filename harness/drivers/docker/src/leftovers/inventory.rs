//! What is on an engine that bears our labels.

use std::collections::HashMap;
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use bollard::models::{ContainerSummary, ImageSummary, Network};
use bollard::query_parameters::{
    ListContainersOptionsBuilder, ListImagesOptionsBuilder, ListNetworksOptionsBuilder,
    RemoveContainerOptionsBuilder, RemoveImageOptions,
};

use super::owner::Owner;
use super::{LAB, NODE, PROCESS, RUN};
use crate::engine::{Engine, Fault};
use testbed::TestbedError;
use testbed::leftovers::{self, Found, Leftover, Removal, State};

/// For how long an image that was asked for is left alone: whoever did so makes containers of it meanwhile.
const SPARED: Duration = Duration::from_secs(120);

/// What kind of thing it is; containers go before the networks that they are in, and the images that they are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A container, living or not.
    Container,
    /// A network.
    Network,
    /// An image that nodes are made of, which serves many runs.
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

/// Something on an engine that one of us made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thing {
    /// What it is.
    pub kind: Kind,
    /// How the engine knows it.
    pub id: String,
    /// How people do.
    pub name: String,
    /// The run that made it; nothing for an image.
    pub run: String,
    /// The scenario of its lab; nothing for an image.
    pub lab: String,
    /// The process that made it, where its label names one.
    pub owner: Option<Owner>,
    /// When an image was last asked for, in seconds since 1970; 0 for anything else.
    pub used: i64,
}

/// All that bears our labels, in the order in which it can be removed.
///
/// # Errors
/// When the engine cannot be asked.
pub async fn everything(engine: &Engine) -> Result<Vec<Thing>, TestbedError> {
    let mut things = labelled(engine, RUN).await?;
    things.extend(images(engine).await?);
    Ok(things)
}

/// The containers and networks that bear a label, be it with its value or without, in the order in which they can be removed.
///
/// # Errors
/// When the engine cannot be asked.
pub(super) async fn labelled(engine: &Engine, label: &str) -> Result<Vec<Thing>, TestbedError> {
    let client = engine.client();
    let filter = &with_label(label);
    let containers = ListContainersOptionsBuilder::new().all(true).filters(filter).build();
    let networks = ListNetworksOptionsBuilder::new().filters(filter).build();
    let wrong = |error| engine.explain("looking for what runs left", &error);
    let containers = client.list_containers(Some(containers)).await.map_err(wrong)?;
    let networks = client.list_networks(Some(networks)).await.map_err(wrong)?;
    let containers = containers.into_iter().filter_map(of_container);
    Ok(containers.chain(networks.into_iter().filter_map(of_network)).collect())
}

/// The images that nodes are made of.
///
/// # Errors
/// When the engine cannot be asked.
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

/// When an image was last given its name, which is done whenever it is asked for; nothing where the engine does not tell.
async fn last_used(engine: &Engine, id: &str) -> Option<i64> {
    let image = engine.client().inspect_image(id).await.ok()?;
    Some(image.metadata?.last_tag_time?.unix_timestamp()).filter(|time| *time > 0)
}

fn with_label(label: &str) -> HashMap<String, Vec<String>> {
    HashMap::from([("label".to_owned(), vec![label.to_owned()])])
}

/// Whether that was so short a time ago that whoever asked for an image may not have made a container of it yet.
fn is_recent(used: i64) -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
    // An engine whose clock is ahead is no reason to take away what was just asked for.
    i64::try_from(now).is_ok_and(|now| now - used < SPARED.as_secs().cast_signed())
}

impl Thing {
    /// Whether the process that made it still lives, or somebody is about to use it.
    pub fn state(&self) -> State {
        if self.kind == Kind::Image && is_recent(self.used) {
            return State::Living;
        }
        self.owner.as_ref().map_or(State::Elsewhere, Owner::state)
    }

    /// Removes it, whatever it does at the moment; but an image that a container is of stays. What is not there any more is removed.
    ///
    /// # Errors
    /// When the engine refuses, as it does for a network with containers in it.
    pub async fn remove(&self, engine: &Engine) -> Result<Removal, TestbedError> {
        // Whoever takes it for one that nobody needs may have looked a while ago.
        let is_wanted = self.kind == Kind::Image
            && self.state() != State::Living
            && last_used(engine, &self.id).await.is_some_and(is_recent);
        if is_wanted {
            return Ok(Removal::InUse);
        }
        let Err(error) = self.ask_to_remove(engine).await else { return Ok(Removal::Removed) };
        match Fault::of(&error) {
            fault if fault.is_absence() => Ok(Removal::Removed),
            Fault::Conflict if self.kind == Kind::Image => Ok(Removal::InUse),
            // Somebody else removes it already: nothing else keeps an engine from removing a container by force.
            Fault::Conflict if self.kind == Kind::Container => Ok(Removal::Removed),
            _ => {
                Err(engine.explain(&format!("removing the {} `{}`", self.kind, self.name), &error))
            }
        }
    }

    async fn ask_to_remove(&self, engine: &Engine) -> Result<(), bollard::errors::Error> {
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

    /// An image by its id is not removed while it has several names; by its one name it is, with what is below it.
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
    // A run's labels on an image are those of the container it was made of by hand.
    thing.run.clear();
    thing.lab.clear();
    thing.used = image.created;
    thing
}

/// What the engine of this machine has of labs.
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

/// Something, and the engine that has it.
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
    async fn remove(&self) -> Result<Removal, String> {
        self.thing.remove(&self.engine).await.map_err(|error| error.to_string())
    }
}

//! Containers, as testcontainers starts them.

use std::collections::HashMap;

use testcontainers::core::ImageExt;
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerRequest, GenericImage};

use super::engine::Engine;
use super::leftovers::Labels;
use testbed::BenchError;

/// Names the network that carries the lab that a container is in, so that all of one lab is found.
pub(super) const CARRIER: &str = "sceplab.carrier";

/// The labels of a container.
pub(super) fn labels(labels: &Labels, carrier: &str) -> HashMap<String, String> {
    let mut labels = labels.map();
    labels.insert(CARRIER.to_owned(), carrier.to_owned());
    labels
}

/// Starts a container, yields the engine's name for it.
///
/// # Errors
/// What the engine says, while `doing` this.
pub(super) async fn start(
    engine: &Engine,
    doing: &str,
    request: ContainerRequest<GenericImage>,
    labels: HashMap<String, String>,
) -> Result<String, BenchError> {
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

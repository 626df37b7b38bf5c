//! Removing the containers of one lab.

use std::collections::HashMap;

use bollard::errors::Error;
use bollard::query_parameters::{ListContainersOptionsBuilder, RemoveContainerOptionsBuilder};
use futures_util::future::join_all;

use super::container::CARRIER;
use super::engine::{Engine, Fault};
use testbed::BenchError;

/// Removes every container of the lab that this network carries, those included whose start was never told of.
///
/// # Errors
/// When one cannot be removed; the others are.
pub(super) async fn remove_containers(engine: &Engine, carrier: &str) -> Result<(), BenchError> {
    let wrong = |error: Error| engine.explain("removing the containers of a lab", &error);
    let filter = HashMap::from([("label".to_owned(), vec![format!("{CARRIER}={carrier}")])]);
    let of_the_lab = ListContainersOptionsBuilder::new().all(true).filters(&filter).build();
    let containers = engine.client().list_containers(Some(of_the_lab)).await.map_err(wrong)?;
    let ids = containers.into_iter().filter_map(|container| container.id);
    let removed = join_all(ids.map(|id| async move { remove(engine, &id).await })).await;
    removed.into_iter().collect::<Result<(), Error>>().map_err(wrong)
}

async fn remove(engine: &Engine, container: &str) -> Result<(), Error> {
    let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
    match engine.client().remove_container(container, Some(options)).await {
        // Somebody else was faster.
        Err(error) if Fault::of(&error) == Fault::NotFound => Ok(()),
        removed => removed,
    }
}

//! Gives a node its addresses and routes, in the namespace that it has already.

use std::io;

use super::links::Links;
use model::lab::topology::{Interface, Kind, Node};
use testbed::BenchError;

/// Gives a node its addresses and routes.
///
/// # Errors
/// When the kernel refuses one.
pub async fn furnish(node: &Node, links: &Links) -> Result<(), BenchError> {
    let raised = links.raise_loopback().await;
    raised.map_err(|error| refused(node, &format!("its loopback interface: {error}")))?;
    for (position, interface) in node.interfaces.iter().enumerate() {
        let addressed = links.address(interface, position).await;
        addressed.map_err(|error| interface_refused(node, interface, &error))?;
    }
    for route in &node.routes {
        let added = links.route(route).await;
        added.map_err(|error| {
            let (to, by) = (route.destination, route.next_hop);
            refused(node, &format!("the kernel refuses the route to {to} by way of {by}: {error}"))
        })?;
    }
    Ok(())
}

/// What is wrong with an interface of a node.
pub fn interface_refused(node: &Node, interface: &Interface, error: &io::Error) -> BenchError {
    let name = &interface.name;
    refused(node, &format!("the kernel refuses the interface `{name}`: {error}"))
}

/// What is wrong with a node.
pub fn refused(node: &Node, reason: &str) -> BenchError {
    let name = node.name.clone();
    match node.kind {
        Kind::Device => BenchError::Device { name, reason: reason.to_owned() },
        Kind::Host { .. } => BenchError::Network { reason: format!("host `{name}`: {reason}") },
    }
}

//! A simulated device in the virtual lab that is used from other processes.

use std::sync::Arc;

use dut_sim::{Device, KeySource};
use model::lab::Lab;
use simulated::{client_is_a_program, plan_of};
use testbed::{Bench, BenchError, Client, DriverName, Resource};

use super::{network_with_pkis, settings_of};

/// Builds `lab` in this process, for its device of that name, which is of use as long as the bench is kept.
///
/// The device restarts once in the middle of the commit of that number, where there is one.
///
/// # Errors
/// When the lab has no such device or cannot be built, or the client is a program, which the virtual lab has not.
pub fn in_the_virtual_lab(
    lab: &Lab,
    device: &str,
    client: Client,
    restarts_in_commit: Option<u64>,
) -> Result<(Arc<Device>, Bench), BenchError> {
    if client != Client::Builtin {
        return Err(client_is_a_program(client, DriverName::Virtual));
    }
    let (network, pkis) = network_with_pkis(lab)?;
    let mut settings = settings_of(device, plan_of(lab, device)?, &network, &KeySource::Generate)?;
    settings.restarts_in_commit = restarts_in_commit;
    let resources: Vec<Box<dyn Resource>> = vec![Box::new(network)];
    Ok((Device::start(settings), Bench { pkis, resources, ..Bench::default() }))
}

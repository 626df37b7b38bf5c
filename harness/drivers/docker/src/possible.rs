//! What a lab of containers cannot be, said before anything is made.

use std::collections::BTreeSet;

use model::lab::Lab;
use testbed::{BenchError, Client, DriverName, LabOptions};

/// Whether the lab can be built of containers.
///
/// # Errors
/// [`BenchError::NotSupported`] with what cannot.
pub(super) fn check(lab: &Lab, options: &LabOptions) -> Result<(), BenchError> {
    let lacking = client(options.client)
        .or_else(|| program(lab))
        .or_else(|| pki_at_several_hosts(lab))
        .or_else(|| two_interfaces_in_one_link(lab));
    match lacking {
        Some(what) => Err(BenchError::NotSupported { driver: DriverName::Docker, what }),
        None => Ok(()),
    }
}

fn client(client: Client) -> Option<String> {
    let what = format!("the client `{client}`, a program that is not in the image of a device");
    (client != Client::Builtin).then_some(what)
}

fn program(lab: &Lab) -> Option<String> {
    let (host, program) = lab.programs().next()?;
    let command = program.command.first().map_or("a program", String::as_str);
    Some(format!("programs of this machine: host `{host}` runs `{command}`"))
}

/// Each container is a machine of its own, and so would the PKIs be.
fn pki_at_several_hosts(lab: &Lab) -> Option<String> {
    let several = lab.pkis.keys().find(|pki| lab.hosts_that_run(pki).count() > 1)?;
    Some(format!("one PKI at several hosts, as `{several}` is"))
}

/// A VXLAN is there once in each container.
fn two_interfaces_in_one_link(lab: &Lab) -> Option<String> {
    lab.devices.iter().find_map(|(name, device)| {
        let subnets: BTreeSet<_> = device.interfaces.values().collect();
        let twice = subnets.len() < device.interfaces.len();
        twice.then(|| format!("two interfaces of one device in one subnet, as `{name}` has"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use diagnostics::Source;

    fn lacking(lab: &str) -> String {
        let lab = Lab::parse(&Source::new("lab", lab.to_owned())).unwrap();
        check(&lab, &LabOptions::default()).unwrap_err().to_string()
    }

    #[test]
    fn what_containers_cannot_be_is_said_with_its_name() {
        let program =
            "hosts: {a: {addresses: [10.0.0.1/24], runs: {program: serve it, ready: {port: 1}}}}";
        let told =
            "driver `docker` does not support programs of this machine: host `a` runs `serve`";
        assert_eq!(lacking(program), told);
        let several = "hosts: {a: {addresses: [10.0.0.1/24], runs: ca}, b: {addresses: [10.0.0.2/24], runs: ca}}\n\
                       pki: {ca: {personality: linux}}";
        assert!(lacking(several).ends_with("one PKI at several hosts, as `ca` is"));
        let twice = "devices: {D: {interfaces: {eth0: 10.0.0.0/24, eth1: 10.0.0.0/24}}}";
        assert!(lacking(twice).ends_with("in one subnet, as `D` has"));
        let options = LabOptions { client: Client::Sscep, ..LabOptions::default() };
        check(&Lab::default(), &options).unwrap_err();
        check(&Lab::default(), &LabOptions::default()).unwrap();
    }
}

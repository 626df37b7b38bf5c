//! Typed settings of a configuration: the rest of the device looks up nothing by name.

mod csr;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

pub(crate) use self::csr::{CsrSettings, Recognition, RenewalSettings, RenewalTime, Upkeep};
use crate::config::message::CommitFault;
use crate::config::tree::Configuration;
use crate::config::value::Value;
use crate::network::{Addressing, InterfaceAddress, StaticRoute};

/// All settings of a device.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct System {
    pub(crate) host_name: Option<String>,
    pub(crate) addressing: Addressing,
    pub(crate) csrs: BTreeMap<String, CsrSettings>,
}

impl System {
    /// Reads `configuration` for a device with these interfaces; the error lists everything that is wrong with it.
    pub(crate) fn read(
        configuration: &Configuration,
        interfaces: &[String],
    ) -> Result<Self, Vec<CommitFault>> {
        let mut reader = Reader { configuration, faults: Vec::new() };
        let system = Self {
            host_name: reader.text(&path(&["system", "host-name"])),
            addressing: reader.addressing(interfaces),
            csrs: reader.csrs(),
        };
        if reader.faults.is_empty() { Ok(system) } else { Err(reader.faults) }
    }
}

/// The addresses that a configuration gives to interfaces, whichever the device has.
pub(crate) fn interface_addresses(configuration: &Configuration) -> Vec<InterfaceAddress> {
    Reader { configuration, faults: Vec::new() }.interfaces(&[])
}

struct Reader<'a> {
    configuration: &'a Configuration,
    faults: Vec<CommitFault>,
}

impl Reader<'_> {
    fn addressing(&mut self, known: &[String]) -> Addressing {
        let interfaces = self.interfaces(known);
        let routes = self.routes(&interfaces);
        Addressing { interfaces, routes }
    }

    fn interfaces(&mut self, known: &[String]) -> Vec<InterfaceAddress> {
        let tag = path(&["interfaces", "ethernet"]);
        let mut addresses: Vec<InterfaceAddress> = Vec::new();
        for interface in self.configuration.instances(&tag) {
            let instance = below(&tag, interface);
            if !known.contains(interface) {
                let has = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                self.fault(&instance, format!("the device has no such interface; it has {has}"));
            }
            for value in self.configuration.values(&below(&instance, "address")) {
                let &Value::InterfaceAddress(address) = value else { continue };
                if let Some(other) =
                    addresses.iter().find(|each| each.address.addr() == address.addr())
                {
                    let reason = format!(
                        "`{}` has the address `{}` already",
                        other.interface,
                        address.addr()
                    );
                    self.fault(&instance, reason);
                }
                addresses.push(InterfaceAddress { interface: interface.clone(), address });
            }
        }
        addresses
    }

    fn routes(&mut self, interfaces: &[InterfaceAddress]) -> Vec<StaticRoute> {
        let tag = path(&["protocols", "static", "route"]);
        let mut routes = Vec::new();
        for name in self.configuration.instances(&tag) {
            let instance = below(&tag, name);
            let next_hop = self.configuration.value_or_default(&below(&instance, "next-hop"));
            match (name.parse(), next_hop) {
                (Ok(destination), Some(Value::Address(next_hop))) => {
                    self.check_next_hop(&instance, next_hop, interfaces);
                    routes.push(StaticRoute { destination, next_hop });
                }
                _ => self.fault(&instance, "a route needs a `next-hop`"),
            }
        }
        routes
    }

    fn check_next_hop(
        &mut self,
        route: &[String],
        next_hop: Ipv4Addr,
        interfaces: &[InterfaceAddress],
    ) {
        if interfaces.iter().any(|each| each.address.addr() == next_hop) {
            self.fault(route, format!("the next hop `{next_hop}` is the device itself"));
        } else if !interfaces.iter().any(|each| each.address.contains(&next_hop)) {
            self.fault(route, format!("the next hop `{next_hop}` is in no interface's subnet"));
        }
    }

    fn text(&self, path: &[String]) -> Option<String> {
        Some(self.configuration.values(path).first()?.as_text()?.to_owned())
    }

    fn fault(&mut self, path: &[String], reason: impl Into<String>) {
        self.faults.push(CommitFault { path: path.to_vec(), reason: reason.into() });
    }
}

fn path(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn below(path: &[String], name: &str) -> Vec<String> {
    [path, &[name.to_owned()]].concat()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::config::parse::words;
    use crate::config::session::Candidate;
    use crate::secret::SecretStore;
    use scep::secret::Secret;

    /// The settings in these lines for a device with two interfaces, or its faults with their places.
    pub(crate) fn read(lines: &str) -> Result<System, Vec<String>> {
        let secrets = SecretStore::new(Some(Secret::new("key")), BTreeMap::new());
        let mut candidate = Candidate::default();
        for line in lines.lines() {
            candidate.set(&words(line.trim()).unwrap(), &secrets).unwrap();
        }
        let interfaces = ["eth0".to_owned(), "eth1".to_owned()];
        let reasons = |faults: Vec<CommitFault>| {
            faults
                .into_iter()
                .map(|fault| format!("{}: {}", fault.path.join(" "), fault.reason))
                .collect()
        };
        System::read(candidate.configuration(), &interfaces).map_err(reasons)
    }

    #[test]
    fn addresses_and_routes_are_read() {
        let system = read(
            "interfaces ethernet eth0 address 10.215.168.64/24
            protocols static route 192.168.212.0/22 next-hop 10.215.168.1",
        )
        .unwrap();
        let address = "10.215.168.64/24".parse().unwrap();
        assert_eq!(
            system.addressing.interfaces,
            [InterfaceAddress { interface: "eth0".into(), address }]
        );
        let route = StaticRoute {
            destination: "192.168.212.0/22".parse().unwrap(),
            next_hop: "10.215.168.1".parse().unwrap(),
        };
        assert_eq!(system.addressing.routes, [route]);
    }

    #[test]
    fn all_errors_are_reported_with_their_places() {
        let faults = read(
            "interfaces ethernet eth7 address 10.0.0.1/24
            protocols static route 10.1.0.0/16
            protocols static route 10.2.0.0/16 next-hop 10.9.9.9
            system certificate scep csr CSR port 8080",
        )
        .unwrap_err();
        assert_eq!(
            faults,
            [
                "interfaces ethernet eth7: the device has no such interface; it has eth0, eth1",
                "protocols static route 10.1.0.0/16: a route needs a `next-hop`",
                "protocols static route 10.2.0.0/16: the next hop `10.9.9.9` is in no interface's subnet",
                "system certificate scep csr CSR: a certificate request needs `url` and `distinguished-names`",
            ]
        );
    }
}

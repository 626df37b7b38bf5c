//! Drivers and clients, as arguments name them.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use testbed::{Client, DriverName};

/// Reads the name of a driver.
pub(super) fn driver() -> impl TypedValueParser<Value = DriverName> {
    one_of(&DriverName::ALL, DriverName::name, |driver| match driver {
        DriverName::Virtual => "Everything in this process; no socket, no privilege",
        DriverName::Netns => {
            "Hosts and links are the kernel's, in network namespaces; the device is a process of its own"
        }
        DriverName::Docker => {
            "Hosts and devices are containers of a Docker engine, which needs the cargo feature `docker`"
        }
        DriverName::Live => {
            "Nothing is built: devices by SSH and PKIs by URL, on the network of this machine"
        }
    })
}

/// Reads the name of a client inside the simulated devices.
pub(super) fn client() -> impl TypedValueParser<Value = Client> {
    one_of(&Client::ALL, Client::as_str, Client::description)
}

fn one_of<T: Copy + Send + Sync + 'static>(
    all: &'static [T],
    name: fn(T) -> &'static str,
    help: fn(T) -> &'static str,
) -> impl TypedValueParser<Value = T> {
    let values = all.iter().map(|value| PossibleValue::new(name(*value)).help(help(*value)));
    PossibleValuesParser::new(values).try_map(move |given| {
        all.iter().copied().find(|value| name(*value) == given).ok_or("it is none of these")
    })
}

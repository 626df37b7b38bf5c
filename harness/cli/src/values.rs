//! Parsers for the values of options.

use std::num::NonZeroUsize;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use testbed::{Client, DriverName};

/// Reads the name of a driver.
pub(super) fn driver() -> impl TypedValueParser<Value = DriverName> {
    let help = |driver| match driver {
        DriverName::Virtual => "Everything runs in this process, without sockets or privileges",
        DriverName::Netns => {
            "Hosts and devices are processes in network namespaces, with links of the Linux kernel"
        }
        DriverName::Docker => {
            "Hosts and devices are containers; needs a Docker engine and the cargo feature `docker`"
        }
        DriverName::Live => {
            "Nothing is built: real devices by SSH and real PKIs by URL, on this machine's network"
        }
    };
    one_of(DriverName::ALL.map(|it| (PossibleValue::new(it.as_str()).help(help(it)), it)))
}

/// Reads the name of a client inside the simulated devices.
pub(super) fn client() -> impl TypedValueParser<Value = Client> {
    one_of(Client::ALL.map(|it| (PossibleValue::new(it.as_str()).help(it.description()), it)))
}

/// Reads one of these values by its name.
pub(super) fn one_of<T: Copy + Send + Sync + 'static, const N: usize>(
    known: [(impl Into<PossibleValue>, T); N],
) -> impl TypedValueParser<Value = T> {
    let known = known.map(|(name, value)| (name.into(), value));
    let names = known.each_ref().map(|(name, _)| name.clone());
    PossibleValuesParser::new(names).try_map(move |given| {
        let found = known.iter().find(|(name, _)| name.get_name() == given);
        found.map(|(_, value)| *value).ok_or("not one of the known values")
    })
}

/// Reads the number of things that run at once.
pub(super) fn jobs(text: &str) -> Result<NonZeroUsize, String> {
    text.parse().map_err(|_| "it takes a whole number, 1 or more".to_owned())
}
